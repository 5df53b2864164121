"""WordNet's noun files (the format is described in its manual page wndb(5WN))."""
import dataclasses


@dataclasses.dataclass
class Synset:
    """One meaning: its words, the ids of its hypernyms, its lexicographer file, its explanation."""
    lemmas: list
    hypernyms: list
    file_number: int
    gloss: str


def read_synsets(folder):
    """Every noun synset of `data.noun` by its id, `n` and eight digits, as ImageNet writes it."""
    synsets = {}
    with open(folder / "data.noun", encoding="latin-1") as file:
        for line in file:
            if line.startswith("  "):
                continue
            head, gloss = line.split("|", 1)
            fields = head.split()
            word_count = int(fields[3], 16)
            lemmas = [fields[4 + 2 * word].replace("_", " ") for word in range(word_count)]
            pointers = 4 + 2 * word_count
            hypernyms = []
            for pointer in range(int(fields[pointers])):
                start = pointers + 1 + 4 * pointer
                symbol, offset, part_of_speech, _ = fields[start:start + 4]
                if symbol in ("@", "@i") and part_of_speech == "n":
                    hypernyms.append("n" + offset)
            synsets["n" + fields[0]] = Synset(lemmas, hypernyms, int(fields[1]), gloss.strip())
    return synsets


def ancestors(synsets, synset_id):
    """The synset and everything above it."""
    seen, remaining = set(), [synset_id]
    while remaining:
        current = remaining.pop()
        if current not in seen:
            seen.add(current)
            remaining += synsets[current].hypernyms
    return seen


def tagged_sense_counts(folder):
    """(lemma, number of its senses that occur in the sense-tagged corpus) for every noun of `index.noun`."""
    with open(folder / "index.noun", encoding="utf-8") as file:
        for line in file:
            if not line.startswith("  "):
                fields = line.split()
                pointer_kinds = int(fields[3])
                yield fields[0].replace("_", " "), int(fields[3 + pointer_kinds + 2])
