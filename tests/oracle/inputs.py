"""What goes into the towers: token ids, random views, and real views of a picture.

The random inputs of an episode all come from one generator, in the order in which the callers draw them; a changed
order would change every recorded file.
"""
import os

import torch

CONTEXT_LENGTH = 77
CLIP_MEAN = [0.48145466, 0.4578275, 0.40821073]
CLIP_STD = [0.26862954, 0.26130258, 0.27577711]
CROP_SCALE = (0.08, 1.0)
CROP_RATIO = (3 / 4, 4 / 3)


def random_token_rows(text_config, count, generator):
    """`count` rows of 77 ids, and the number of words in each row.

    A row is: start token, 1 to 6 random words, end token up to the end of the row (as CLIP's tokenizer pads).
    """
    vocabulary = text_config.vocab_size
    ids = torch.full((count, CONTEXT_LENGTH), vocabulary - 1, dtype=torch.long)
    word_counts = []
    for row in range(count):
        words = int(torch.randint(1, 7, (1,), generator=generator))
        ids[row, 0] = vocabulary - 2
        ids[row, 1:1 + words] = torch.randint(0, vocabulary - 2, (words,), generator=generator)
        word_counts.append(words)
    return ids, word_counts


def random_views(count, size, generator, noise=0.5):
    """`count` views [count, 3, size, size] that look alike: one random picture, and noisy copies of it.

    View 0 is the picture itself.
    """
    base = torch.randn(1, 3, size, size, generator=generator)
    views = base + noise * torch.randn(count, 3, size, size, generator=generator)
    views[0] = base[0]
    return views


def load_tokenizer(folder):
    """CLIP's tokenizer from a folder with `vocab.json` and `merges.txt`, or with `tokenizer.json`."""
    from transformers import CLIPTokenizerFast

    # Without them the library makes a tokenizer of no words, and says nothing.
    if not any(os.path.exists(os.path.join(folder, name)) for name in ("vocab.json", "tokenizer.json")):
        raise SystemExit(f"{folder} has neither vocab.json nor tokenizer.json")
    return CLIPTokenizerFast.from_pretrained(folder)


def label_token_rows(tokenizer_folder, labels, template):
    """One row of 77 ids for each label, padded with the end token as CLIP's tokenizer pads."""
    tokenizer = load_tokenizer(tokenizer_folder)
    rows = []
    for label in labels:
        ids = tokenizer(template.format(label), truncation=True, max_length=CONTEXT_LENGTH)["input_ids"]
        rows.append(ids + [ids[-1]] * (CONTEXT_LENGTH - len(ids)))
    return torch.tensor(rows)


def open_picture(path):
    """The picture as an RGB Pillow image."""
    from PIL import Image

    return Image.open(path).convert("RGB")


def centre_crop(picture, size):
    """The picture with its shortest edge resized to `size` (bicubic, antialiased) and cropped in the middle."""
    from torchvision.transforms import InterpolationMode, functional

    resized = functional.resize(picture, size, interpolation=InterpolationMode.BICUBIC, antialias=True)
    return functional.center_crop(resized, size)


def random_box(picture):
    """A random crop box as torchvision's RandomResizedCrop draws it: (top, left, height, width).

    Draws from PyTorch's global generator, which is where torchvision draws from.
    """
    from torchvision.transforms import RandomResizedCrop

    return RandomResizedCrop.get_params(picture, CROP_SCALE, CROP_RATIO)


def resized_crop(picture, box, size):
    """The box of the picture resized to `size` x `size` (bilinear, antialiased)."""
    from torchvision.transforms import InterpolationMode, functional

    return functional.resized_crop(picture, *box, [size, size], InterpolationMode.BILINEAR, antialias=True)


def mirror(picture):
    """The picture with left and right exchanged."""
    from torchvision.transforms import functional

    return functional.hflip(picture)


def normalise(picture):
    """RGB8 picture -> f32 [3, height, width] with CLIP's mean and standard deviation."""
    from torchvision.transforms import functional

    return functional.normalize(functional.to_tensor(picture), CLIP_MEAN, CLIP_STD)


def describe_box(box, flip):
    """A crop box and its mirroring as they stand in the metadata."""
    top, left, height, width = box
    return dict(top=top, left=left, height=height, width=width, flip=flip)


def coin():
    """True in half of the cases (from PyTorch's global generator)."""
    return bool(torch.rand(1) < 0.5)


def picture_views(path, size, count, seed):
    """Views [count, 3, size, size] of a picture, and the boxes of views 1 to count - 1.

    View 0 is the centre crop; the others are random crops, half of them mirrored.
    """
    picture = open_picture(path)
    torch.manual_seed(seed)
    rows, boxes = [centre_crop(picture, size)], []
    for _ in range(count - 1):
        box = random_box(picture)
        view = resized_crop(picture, box, size)
        flip = coin()
        rows.append(mirror(view) if flip else view)
        boxes.append(describe_box(box, flip))
    return torch.stack([normalise(view) for view in rows]), boxes
