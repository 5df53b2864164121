"""Class names, prompt templates, and the labels that training must not see."""
from workspace import CLASS_LISTS, read_lines

# CIFAR-10's class names and their synsets.
CIFAR = [
    ("airplane", "n02691156"), ("automobile", "n02958343"), ("bird", "n01503061"), ("cat", "n02121808"),
    ("deer", "n02430045"), ("dog", "n02084071"), ("frog", "n01639765"), ("horse", "n02374451"),
    ("ship", "n04194289"), ("truck", "n04490091")]

TEMPLATES = [
    "a photo of a {}.", "{}", "a {}", "a photo of the {}.", "a blurry photo of a {}.", "a close-up photo of a {}.",
    "a low resolution photo of a {}.", "a picture of a {}", "an image of {}", "a good photo of a {}.",
    "a photo of {}.", "itap of a {}.", "a cropped photo of the {}.", "a bright photo of a {}.", "a photo of one {}.",
    "there is a {} in this picture", "the {}", "a photo of a small {}."]

# The coarse free-text test: labels and the synsets whose pictures count for them.
COARSE = [
    ("a dog", ["n02084071"]), ("a cat", ["n02120997"]), ("a bird", ["n01503061"]), ("a fish", ["n02512053"]),
    ("a vehicle", ["n04524313"]), ("a building", ["n02913152"]), ("food", ["n00021265", "n07555863"]),
    ("furniture", ["n03405725"]), ("an insect", ["n02159955"]), ("a musical instrument", ["n03800933"])]

# Never a prompt of the image tower by themselves, so that the coarse test is of labels it never saw. Only equal words are
# left out: "wheeled vehicle", "bony fish" and "stringed instrument" are prompts. Dog, cat and bird are CIFAR-10 class
# names and can't be left out.
HELD_OUT_SYNSETS = [
    "n04524313", "n02913152", "n00021265", "n07555863", "n03405725", "n02159955", "n03800933", "n02512053"]
HELD_OUT_WORDS = {"vehicle", "building", "food", "furniture", "insect", "musical instrument", "fish"}


def imagenet_classes():
    """The 1,000 classes in their order: WordNet ids, and one curated name for each."""
    return read_lines(CLASS_LISTS / "imagenet1k_wnids.txt"), read_lines(CLASS_LISTS / "imagenet1k.txt")


def photo_prompts(names):
    """The prompt of every test."""
    return [f"a photo of a {name}." for name in names]
