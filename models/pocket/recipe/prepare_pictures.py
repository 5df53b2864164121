"""Step 1: decodes the picture folders to u8 arrays, and finds evaluation pictures that also stand in the training set.

Writes to cache/: tin_x, tin_y (Tiny ImageNet's training pictures and classes), tinval_*, tintest_x, cifar_train_*,
cifar_test_* (32 px, and enlarged to 64 px as *_x64), tin_exclude and tintest_exclude (training pictures to leave out),
tin_leaksamples and tintest_leaksamples (the sample pictures that they equal).
"""
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from workspace import workspace_of, workspace_parser

THUMBNAIL = 16
SAME_PICTURE_CORRELATION = 0.95


def decode_all(files):
    """The pictures as one array [files, height, width, 3]."""
    with ThreadPoolExecutor(2) as pool:
        return np.stack(list(pool.map(lambda file: np.asarray(Image.open(file).convert("RGB")), files)))


def save(workspace, name, array):
    np.save(workspace.cache / f"{name}.npy", array)


def prepare_tiny_imagenet(workspace):
    root, classes = workspace.tiny_imagenet, workspace.tiny_wordnet_ids()
    files, labels = [], []
    for label, wordnet_id in enumerate(classes):
        of_class = sorted((root / "train" / wordnet_id / "images").glob("*.JPEG"))
        files += of_class
        labels += [label] * len(of_class)
    save(workspace, "tin_x", decode_all(files))
    save(workspace, "tin_y", np.array(labels, np.int16))
    with open(root / "val" / "val_annotations.txt", encoding="utf-8") as file:
        annotations = [line.split("\t")[:2] for line in file]
    save(workspace, "tinval_x", decode_all([root / "val" / "images" / name for name, _ in annotations]))
    save(workspace, "tinval_y", np.array([classes.index(wordnet_id) for _, wordnet_id in annotations], np.int16))
    unlabelled = sorted((root / "test" / "images").glob("*"))
    if unlabelled:
        save(workspace, "tintest_x", decode_all(unlabelled))


def prepare_cifar(workspace):
    classes = sorted(folder.name for folder in (workspace.cifar10 / "train").iterdir())
    for part in ("train", "test"):
        files, labels = [], []
        for label, name in enumerate(classes):
            of_class = sorted((workspace.cifar10 / part / name).glob("*"))
            files += of_class
            labels += [label] * len(of_class)
        pictures = decode_all(files)
        save(workspace, f"cifar_{part}_x", pictures)
        save(workspace, f"cifar_{part}_y", np.array(labels, np.int16))
        enlarged = np.lib.format.open_memmap(
            workspace.cache / f"cifar_{part}_x64.npy", "w+", np.uint8, (len(pictures), 64, 64, 3))
        for start in range(0, len(pictures), 1000):
            batch = torch.from_numpy(pictures[start:start + 1000]).permute(0, 3, 1, 2).float()
            batch = F.interpolate(batch, size=(64, 64), mode="bicubic", align_corners=False)
            enlarged[start:start + 1000] = batch.round().clamp(0, 255).permute(0, 2, 3, 1).byte().numpy()


def standardised(thumbnails):
    """Each thumbnail as a row with mean 0 and standard deviation 1, so that a product of rows is a correlation."""
    rows = thumbnails.reshape(len(thumbnails), -1).astype(np.float32)
    return (rows - rows.mean(-1, keepdims=True)) / (rows.std(-1, keepdims=True) + 1e-6)


def sample_thumbnails(files):
    """Two thumbnails of every sample picture: of the whole, and of its central square."""
    thumbnails = []
    for file in files:
        picture = Image.open(file).convert("RGB")
        width, height = picture.size
        side = min(width, height)
        left, top = (width - side) // 2, (height - side) // 2
        square = picture.crop((left, top, left + side, top + side))
        for version in (picture, square):
            thumbnails.append(np.asarray(version.resize((THUMBNAIL, THUMBNAIL), Image.BOX)))
    return torch.from_numpy(standardised(np.stack(thumbnails)))


def find_leaks(workspace):
    """Training pictures that look like a sample picture are left out of training."""
    files = sorted(workspace.samples.glob("n*.JPEG"))
    samples = sample_thumbnails(files)
    for name in ("tintest", "tin"):
        path = workspace.cache / f"{name}_x.npy"
        if not path.exists():
            continue
        pictures = np.load(path, mmap_mode="r")
        hits = []
        for start in range(0, len(pictures), 5000):
            block = pictures[start:start + 5000].reshape(-1, THUMBNAIL, 4, THUMBNAIL, 4, 3).mean((2, 4))
            correlation = samples @ torch.from_numpy(standardised(block)).T / samples.shape[1]
            best = correlation.view(len(files), 2, -1).amax(1)
            sample, picture = torch.where(best > SAME_PICTURE_CORRELATION)
            hits += [(int(index) + start, int(which)) for which, index in zip(sample, picture)]
        save(workspace, f"{name}_exclude", np.array(sorted({picture for picture, _ in hits}), int))
        save(workspace, f"{name}_leaksamples", np.array(sorted({sample for _, sample in hits}), int))
        print(name, "also among the sample pictures:", len({sample for _, sample in hits}))


def main():
    workspace = workspace_of(workspace_parser(__doc__).parse_args())
    prepare_tiny_imagenet(workspace)
    prepare_cifar(workspace)
    find_leaks(workspace)


if __name__ == "__main__":
    main()
