"""Step 8: what TTL changes. Run it once for each shard; report_ttl.py puts the shards together.

Tables: A clean Tiny ImageNet validation pictures, B the same with crops of at least 0.3, C five corruptions, D the
sample pictures of the 200 classes, E those of all 1,000 classes, G a sweep of settings on pictures other than A's. D and E
leave out sample pictures that are training pictures too.
"""
import time

import numpy as np
import torch

from corruptions import KINDS, corrupt
from exported_model import ExportedModel, leaked_samples, sample_pictures
from labels import imagenet_classes, photo_prompts
from ttl_batch import AdaptedTower, measure
from workspace import workspace_of, workspace_parser

VIEWS = 31
PAPER_CROPS, LARGE_CROPS = (0.08, 1.0), (0.3, 1.0)
PAPER = {"lr 5e-3": {}}
TWO_STEP_SIZES = {"lr 5e-3": {}, "lr 1e-2": dict(lr=1e-2)}
SWEEP = {"lr 5e-3": {}, "lr 1e-3": dict(lr=1e-3), "2 steps": dict(steps=2), "15 views": dict(views=16),
         "plain mean entropy": dict(loss="mean"), "marginal entropy of the top 10%": dict(loss="marginal")}
ORDER_SEED = 3


class Tables:
    """The tables of one shard."""

    def __init__(self, workspace, options):
        self.workspace, self.options = workspace, options
        model = ExportedModel(options.model or workspace.out / "pocket-clip", workspace.tokenizer)
        self.tower = AdaptedTower(model.model)
        self.wordnet_ids, names = imagenet_classes()
        self.texts = model.text_features(photo_prompts(names))
        self.tiny = torch.tensor([self.wordnet_ids.index(name) for name in workspace.tiny_wordnet_ids()])
        self.pictures = np.load(workspace.cache / "tinval_x.npy", mmap_mode="r")
        self.classes = np.load(workspace.cache / "tinval_y.npy").astype(np.int64)
        self.order = np.random.default_rng(ORDER_SEED).permutation(len(self.pictures))

    def chosen(self, first, count):
        """This shard's part of `count` validation pictures from `first` on in a random order."""
        rows = self.order[first:first + int(count * self.options.part)]
        return np.sort(rows)[self.options.shard::self.options.shards]

    def chosen_samples(self, classes):
        """This shard's part of the sample pictures of these classes that are not training pictures."""
        leaked = leaked_samples(self.workspace)
        rows = np.array([row for row in classes if row not in leaked])
        spread = np.arange(0, len(rows), 1 / self.options.part).astype(int)
        return rows[spread][self.options.shard::self.options.shards]

    def record(self, title, pictures, classes, texts, crops, settings):
        started = time.time()
        before, after = measure(self.tower, pictures, texts, VIEWS, crops, list(settings.values()),
                                seed=self.options.shard + 1)
        classes = torch.as_tensor(classes)
        torch.save(dict(y=classes, before=before.half(),
                        after={name: logits.half() for name, logits in zip(settings, after)}),
                   self.workspace.cache / f"ttl_{self.options.shard}_{title}.pt")

        def accuracy(logits):
            return (logits.argmax(-1) == classes).float().mean().item()

        print(title, len(classes), f"before {accuracy(before):.3f}",
              {name: round(accuracy(logits) - accuracy(before), 3) for name, logits in zip(settings, after)},
              f"{time.time() - started:.0f} s", flush=True)

    def validation(self, title, first, count, crops, settings):
        rows = self.chosen(first, count)
        self.record(title, self.pictures[rows], self.classes[rows], self.texts[self.tiny], crops, settings)

    def table_a(self):
        self.validation("A clean, 31 views", 0, 500, PAPER_CROPS, TWO_STEP_SIZES)

    def table_b(self):
        self.validation("B clean, crops 0.3-1, 31 views", 500, 160, LARGE_CROPS, TWO_STEP_SIZES)

    def table_g(self):
        self.validation("G clean, sweep, 31 views", 500, 160, PAPER_CROPS, SWEEP)

    def table_c(self):
        rows = self.chosen(0, 100)
        for kind in KINDS:
            pictures = np.stack([corrupt(self.pictures[row], kind, np.random.default_rng(int(row))) for row in rows])
            self.record(f"C {kind}, 31 views", pictures, self.classes[rows], self.texts[self.tiny], PAPER_CROPS, PAPER)

    def table_d(self):
        in_order = self.tiny.sort().values.tolist()
        rows = self.chosen_samples(in_order)
        self.record("D sample images, 200-way, 31 views", sample_pictures(self.workspace)[rows],
                    np.array([in_order.index(row) for row in rows]), self.texts[in_order], PAPER_CROPS, TWO_STEP_SIZES)

    def table_e(self):
        rows = self.chosen_samples(range(len(self.wordnet_ids)))
        self.record("E sample images, 1000-way, 31 views", sample_pictures(self.workspace)[rows], rows, self.texts,
                    PAPER_CROPS, PAPER)


def main():
    parser = workspace_parser(__doc__, "tokenizer")
    parser.add_argument("--model", help="default: out/pocket-clip in the work folder")
    parser.add_argument("--shard", type=int, default=0)
    parser.add_argument("--shards", type=int, default=2)
    parser.add_argument("--tables", default="A,D,C,B,G")
    parser.add_argument("--part", type=float, default=1.0, help="of the pictures of each table")
    options = parser.parse_args()
    torch.set_num_threads(1)
    tables = Tables(workspace_of(options), options)
    for table in options.tables.split(","):
        getattr(tables, f"table_{table.lower()}")()


if __name__ == "__main__":
    main()
