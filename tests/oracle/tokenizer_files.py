"""CLIP's tokenizer as a folder that transformers reads, made from the merge list that open_clip ships."""
import gzip
import json
import os

VOCABULARY_SIZE = 49_408
SPECIAL_TOKENS = ["<|startoftext|>", "<|endoftext|>"]


def printable_bytes():
    """One printable character for each of the 256 byte values, in the order of CLIP's vocabulary."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    characters = [chr(value) for value in printable]
    others = [value for value in range(256) if value not in printable]
    return characters + [chr(256 + index) for index in range(len(others))]


def command_tokenizer(options):
    """Writes `vocab.json` and `merges.txt` from `bpe_simple_vocab_16e6.txt.gz`."""
    with gzip.open(options.bpe, "rt", encoding="utf-8") as file:
        lines = file.read().split("\n")
    base = printable_bytes()
    # The first line is a header; the list goes on after the merges that CLIP uses.
    merge_count = VOCABULARY_SIZE - 2 * len(base) - len(SPECIAL_TOKENS)
    merges = lines[1:1 + merge_count]
    vocabulary = base + [character + "</w>" for character in base]
    vocabulary += ["".join(merge.split()) for merge in merges] + SPECIAL_TOKENS
    os.makedirs(options.out, exist_ok=True)
    with open(os.path.join(options.out, "vocab.json"), "w", encoding="utf-8") as file:
        json.dump({token: index for index, token in enumerate(vocabulary)}, file, ensure_ascii=False)
    with open(os.path.join(options.out, "merges.txt"), "w", encoding="utf-8") as file:
        file.write("#version: 0.2\n" + "\n".join(merges) + "\n")
    print(options.out, len(vocabulary), "tokens")
