"""CLIP's tokenizer, and rows of ids as the text tower takes them."""
import numpy as np

START, END = 49_406, 49_407
VOCABULARY = 49_408


def load_tokenizer(folder):
    """CLIP's tokenizer from `tokenizer.json`."""
    from tokenizers import Tokenizer

    return Tokenizer.from_file(str(folder / "tokenizer.json"))


def words_only(ids):
    """The ids without start and end tokens."""
    return [token for token in ids if token < START]


def encode(tokenizer, texts, length):
    """[texts, length] ids: start, at most length - 2 ids of the text, end token up to the end of the row."""
    rows = np.full((len(texts), length), END, np.int64)
    for row, encoding in enumerate(tokenizer.encode_batch(texts, add_special_tokens=False)):
        ids = words_only(encoding.ids)[:length - 2]
        rows[row, 0] = START
        rows[row, 1:1 + len(ids)] = ids
    return rows
