#!/usr/bin/env python3
"""Writes fixtures/pixels-shapes.safetensors: what Pillow makes of pictures of awkward shapes.

    python3 shapes.py --out ../fixtures/pixels-shapes.safetensors

`oracle.py pixels` records a photograph through torchvision. Here are noise pictures (every rounding shows) that are tiny,
very long, very tall, of exactly the wanted size, one pixel off it, of sizes at which the crop's margin ends in a half. Only Pillow
is needed; the two sums that torchvision adds to it (the longer edge's length, the crop's margin) are written out below.
Each case has `{name}.source` u8 [height, width, 3], `{name}.centre` and, for each of its boxes, `{name}.crop{i}` u8 [size, size, 3];
the boxes and sizes stand in the metadata's JSON.
"""
import argparse
import json

import numpy as np
from PIL import Image
from safetensors.numpy import save_file

# name: width, height, size of the view, boxes (left, top, width, height, flip)
CASES = {
    "one_pixel": (1, 1, 16, [(0, 0, 1, 1, False)]),
    "tiny": (3, 5, 24, [(0, 0, 3, 5, True), (1, 1, 1, 3, False), (2, 4, 1, 1, False)]),
    "exact": (16, 16, 16, [(0, 0, 16, 16, False), (0, 0, 16, 16, True), (1, 0, 15, 16, False)]),
    "one_more": (17, 16, 16, [(1, 0, 16, 16, False), (0, 0, 17, 16, False)]),
    "one_less_one_more": (31, 33, 32, [(0, 0, 31, 33, False)]),
    "margin_half_1": (17, 16, 16, []),
    "margin_half_3": (19, 16, 16, []),
    "margin_half_5": (16, 21, 16, []),
    "margin_half_7": (16, 23, 16, []),
    "very_long": (2000, 7, 24, [(0, 0, 2000, 7, False), (1990, 2, 10, 5, True), (400, 6, 1000, 1, False)]),
    "very_tall": (7, 900, 24, [(0, 0, 7, 900, True), (3, 300, 1, 600, False)]),
    # Pillow 13 resizes vertically first where the height shrinks by more than twice as many pixels as the width.
    "portrait": (40, 90, 32, [(5, 3, 30, 80, False), (0, 0, 40, 48, True), (0, 0, 40, 49, True), (2, 20, 31, 33, False)]),
    "nearly_portrait": (60, 75, 32, [(0, 0, 33, 34, False), (0, 0, 33, 35, False), (10, 3, 48, 65, False)]),
    "landscape": (101, 67, 32, [(0, 0, 101, 67, False), (20, 10, 47, 44, True), (60, 30, 41, 37, False), (5, 30, 13, 30, True)]),
}


def centre(picture, size):
    """torchvision's `resize(size, BICUBIC, antialias=True)` and `center_crop(size)`, in Pillow."""
    width, height = picture.size
    short, long = min(width, height), max(width, height)
    resized_long = int(size * long / short)
    resized = picture.resize((size, resized_long) if width <= height else (resized_long, size), Image.Resampling.BICUBIC)
    left, top = round((resized.width - size) / 2.0), round((resized.height - size) / 2.0)
    return resized.crop((left, top, left + size, top + size))


def crop(picture, box, size):
    """torchvision's `resized_crop(..., BILINEAR, antialias=True)` and `hflip`, in Pillow."""
    left, top, width, height, flip = box
    view = picture.crop((left, top, left + width, top + height)).resize((size, size), Image.Resampling.BILINEAR)
    return view.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if flip else view


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", required=True)
    options = parser.parse_args()
    generator = np.random.default_rng(0)
    tensors, meta = {}, {}
    for name, (width, height, size, boxes) in CASES.items():
        # Black and white among the noise drive the bicubic filter beyond 0 and 255.
        source = generator.integers(-128, 384, (height, width, 3)).clip(0, 255).astype(np.uint8)
        picture = Image.fromarray(source)
        tensors[f"{name}.source"] = source
        tensors[f"{name}.centre"] = np.array(centre(picture, size))
        for index, box in enumerate(boxes):
            tensors[f"{name}.crop{index}"] = np.array(crop(picture, box, size))
        meta[name] = dict(size=size, boxes=[dict(zip(("left", "top", "width", "height", "flip"), box)) for box in boxes])
    save_file(tensors, options.out, metadata={"json": json.dumps(meta)})
    print(options.out, len(tensors), "tensors")


if __name__ == "__main__":
    main()
