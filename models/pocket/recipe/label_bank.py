"""What the image tower is trained against: text features of every class in several wordings, and coarser classes.

An item is an ImageNet class (0 to 999), a CIFAR-10 name (1000 to 1009) or a hypernym of ImageNet classes. A cut
partitions the 1,000 classes into hypernyms and single classes, so that pictures are also compared with words such as
"hound" or "wheeled vehicle".
"""
import os

import numpy as np
import torch
import torch.nn.functional as F

from labels import CIFAR, HELD_OUT_SYNSETS, HELD_OUT_WORDS, TEMPLATES, imagenet_classes
from tokens import encode, load_tokenizer
from towers import PROJECTION, load_text_tower
from wordnet import ancestors, read_synsets
from workspace import write_atomically

WORDINGS = 12
CUTS = 96
CUT_SIZES = (12, 40, 140, 420)
CLASSES = 1000
FIRST_CIFAR = CLASSES
FIRST_HYPERNYM = CLASSES + len(CIFAR)
PROMPT_LENGTH = 24
SEED = 7
TOO_ABSTRACT = {
    "whole", "instrumentality", "artifact", "object", "entity", "physical entity", "matter", "organism", "living thing",
    "abstraction", "causal agent", "process"}


class LabelBank:
    """`features` [items, 12, 256], normalised; `cuts` [(cut class of each class, item of each cut class)];
    `cifar_items`: the items that a CIFAR picture is compared with; `wordnet_ids` of the 1,000 classes."""

    def __init__(self, workspace):
        synsets = read_synsets(workspace.wordnet)
        self.wordnet_ids, names = imagenet_classes()
        generator = np.random.default_rng(SEED)
        classes_below = {}
        for index, wordnet_id in enumerate(self.wordnet_ids):
            for ancestor in ancestors(synsets, wordnet_id):
                classes_below.setdefault(ancestor, set()).add(index)
        hypernyms = usable_hypernyms(synsets, classes_below)
        items = [[name] + synsets[wordnet_id].lemmas for name, wordnet_id in zip(names, self.wordnet_ids)]
        items += [[name] + synsets[wordnet_id].lemmas for name, wordnet_id in CIFAR]
        items += [synsets[hypernym].lemmas for hypernym in hypernyms]
        pairs = [pair for item in items for pair in wordings(item, generator)]
        features = text_features(workspace, pairs)
        self.features = F.normalize(features.float(), dim=-1).view(len(items), WORDINGS, PROJECTION)
        self.cuts = [random_cut(hypernyms, classes_below, CUT_SIZES[cut % len(CUT_SIZES)], generator)
                     for cut in range(CUTS)]
        inside_cifar = set().union(*[classes_below.get(wordnet_id, set()) for _, wordnet_id in CIFAR])
        outside = [index for index in range(CLASSES) if index not in inside_cifar]
        self.cifar_items = torch.tensor([*range(FIRST_CIFAR, FIRST_HYPERNYM), *outside])
        print("label bank:", len(items), "items,", len(hypernyms), "hypernyms, cuts of",
              sorted(len(rows) for _, rows in self.cuts)[::12], "classes;", len(self.cifar_items), "items for CIFAR",
              flush=True)


def usable_hypernyms(synsets, classes_below):
    """Hypernyms of 2 to 420 classes that are neither too abstract, nor CIFAR's, nor held out for the coarse test.

    Held out are words equal to those of the test. Longer ones ("motor vehicle", "stringed instrument") are used.
    """
    banned = {lemma.lower() for held_out in HELD_OUT_SYNSETS for lemma in synsets[held_out].lemmas} | HELD_OUT_WORDS
    cifar = {wordnet_id for _, wordnet_id in CIFAR}
    chosen = [synset_id for synset_id, classes in sorted(classes_below.items())
              if 2 <= len(classes) <= 420 and synset_id not in set(HELD_OUT_SYNSETS) | cifar
              and not set(synsets[synset_id].lemmas) & TOO_ABSTRACT]
    return [synset_id for synset_id in chosen
            if not any(lemma.lower() in banned for lemma in synsets[synset_id].lemmas)]


def wordings(item, generator):
    """Twelve (template, word) pairs: the plain prompt three times, five other templates, and four synonyms."""
    pairs = [(0, item[0])] * 3
    pairs += [(int(generator.integers(1, len(TEMPLATES))), item[0]) for _ in range(5)]
    while len(pairs) < WORDINGS:
        pairs.append((int(generator.choice([0, 0, 1, 2, 4])), item[int(generator.integers(0, len(item)))]))
    return pairs


def text_features(workspace, pairs):
    """The text tower's features of the prompts; cached until text.pt is newer."""
    weights, cached = workspace.cache / "text.pt", workspace.cache / "bank.pt"
    if not weights.exists():
        raise SystemExit("train the text tower first (train_text.py)")
    if cached.exists() and os.path.getmtime(cached) > os.path.getmtime(weights):
        return torch.load(cached)
    tower = load_text_tower(weights)
    prompts = [TEMPLATES[template].format(word) for template, word in pairs]
    ids = torch.from_numpy(encode(load_tokenizer(workspace.tokenizer), prompts, PROMPT_LENGTH))
    with torch.no_grad():
        features = torch.cat([tower(input_ids=ids[start:start + 500]).text_embeds for start in range(0, len(ids), 500)])
    write_atomically(cached, lambda path: torch.save(features, path))
    return features


def random_cut(hypernyms, classes_below, largest, generator):
    """Merges classes into hypernyms of at most `largest` classes in a random order; the others stay as they are."""
    free = np.ones(CLASSES, bool)
    cut_class = np.full(CLASSES, -1)
    rows = []
    for index in generator.permutation(len(hypernyms)):
        members = np.array(sorted(classes_below[hypernyms[index]]))
        if largest // 12 <= len(members) <= largest and free[members].all():
            free[members] = False
            cut_class[members] = len(rows)
            rows.append(FIRST_HYPERNYM + index)
    for index in np.where(free)[0]:
        cut_class[index] = len(rows)
        rows.append(index)
    return torch.tensor(cut_class), torch.tensor(rows)
