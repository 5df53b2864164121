"""Step 7: zero-shot accuracy of the exported folder, through transformers. Writes out/zero_shot.json."""
import json

import numpy as np
import torch
from PIL import Image

from exported_model import ExportedModel, leaked_samples, sample_pictures
from labels import CIFAR, COARSE, imagenet_classes, photo_prompts
from wordnet import ancestors, read_synsets
from workspace import workspace_of, workspace_parser


def accuracy(pictures, texts, classes, k=5):
    """(top 1, top k)."""
    best = (pictures @ texts.T).topk(min(k, len(texts)), dim=-1).indices
    first = round((best[:, 0] == classes).float().mean().item(), 4)
    return first, round((best == classes[:, None]).any(-1).float().mean().item(), 4)


class Evaluation:
    """The tests, each of which adds its rows to `results`."""

    def __init__(self, workspace, model):
        self.workspace, self.model, self.results = workspace, model, {}
        self.wordnet_ids, self.names = imagenet_classes()
        self.class_texts = model.text_features(photo_prompts(self.names))
        tiny = [self.wordnet_ids.index(wordnet_id) for wordnet_id in workspace.tiny_wordnet_ids()]
        self.tiny_classes = torch.tensor(tiny)
        self.tiny_sorted = self.tiny_classes.sort().values

    def load(self, name, stride=1):
        return np.load(self.workspace.cache / f"{name}.npy", mmap_mode="r")[::stride]

    def classes(self, name, stride):
        return torch.from_numpy(self.load(name, stride).astype(np.int64))

    def tiny_imagenet(self, stride):
        features = self.model.image_features(self.load("tinval_x", stride))
        classes = self.classes("tinval_y", stride)
        self.results["tiny-imagenet val, 200-way top1/top5"] = accuracy(
            features, self.class_texts[self.tiny_classes], classes)
        self.results["tiny-imagenet val, 1000-way top1/top5"] = accuracy(
            features, self.class_texts, self.tiny_classes[classes])

    def cifar(self, stride):
        pictures = np.stack([np.asarray(Image.fromarray(picture).resize((64, 64), Image.BICUBIC))
                             for picture in self.load("cifar_test_x", stride)])
        texts = self.model.text_features(photo_prompts([name for name, _ in CIFAR]))
        self.results["cifar-10 test, 10-way top1"] = accuracy(
            self.model.image_features(pictures), texts, self.classes("cifar_test_y", stride))[0]

    def samples(self):
        features, texts, tiny = self.sample_features(), self.class_texts, self.tiny_sorted
        every = torch.arange(len(features))
        leaked = leaked_samples(self.workspace)
        rows = self.results
        rows["sample images, 1000-way top1/top5"] = accuracy(features, texts, every)
        rows["sample images of the 200 Tiny classes, 200-way top1/top5"] = accuracy(
            features[tiny], texts[tiny], torch.arange(len(tiny)))
        rows["same 200 images, 1000-way top1/top5"] = accuracy(features[tiny], texts, tiny)
        clean_tiny = torch.tensor([row for row, index in enumerate(tiny.tolist()) if index not in leaked])
        rows[f"of the 200 images, the {len(clean_tiny)} that are not also Tiny ImageNet training images, "
             "200-way top1/top5"] = accuracy(features[tiny][clean_tiny], texts[tiny], clean_tiny)
        clean = torch.tensor([index for index in every.tolist() if index not in leaked])
        rows[f"of the 1000 images, the {len(clean)} that are not also Tiny ImageNet training images, "
             "1000-way top1/top5"] = accuracy(features[clean], texts, clean)
        others = self.other_classes()
        rows["800 sample images of classes without labelled training images, 1000-way top1/top5"] = accuracy(
            features[others], texts, others)
        rows["same 800 images, 800-way top1/top5"] = accuracy(
            features[others], texts[others], torch.arange(len(others)))

    def sample_features(self):
        return self.model.image_features(sample_pictures(self.workspace))

    def other_classes(self):
        return torch.tensor([index for index in range(len(self.names)) if index not in set(self.tiny_sorted.tolist())])

    def coarse(self):
        """Ten free-text labels, on the pictures they are true of. But for dog, cat and bird they were never prompts
        themselves; words with them inside, such as "motor vehicle", were."""
        synsets, features = read_synsets(self.workspace.wordnet), self.sample_features()
        labels = []
        for wordnet_id in self.wordnet_ids:
            above = ancestors(synsets, wordnet_id)
            matching = [index for index, (_, wanted) in enumerate(COARSE) if set(wanted) & above]
            labels.append(matching[0] if matching else -1)
        labels = torch.tensor(labels)
        labelled = labels >= 0
        unseen = torch.isin(torch.arange(len(labels)), self.other_classes())[labelled]
        names = [name for name, _ in COARSE]
        wordings = (("'a photo of ...'", [f"a photo of {name}." for name in names]), ("bare label", names))
        for wording, texts in wordings:
            right = (features[labelled] @ self.model.text_features(texts).T).argmax(-1) == labels[labelled]
            self.results[f"coarse free-text test, {int(labelled.sum())} sample images, 10-way, {wording}"] = round(
                right.float().mean().item(), 4)
            self.results[f"  per label, {wording}"] = {
                name: [round(right[labels[labelled] == index].float().mean().item(), 3),
                       int((labels == index).sum())]
                for index, name in enumerate(names)}
            self.results[f"  of which images of the 800 classes without labelled training images, {wording}"] = round(
                right[unseen].float().mean().item(), 4)


def main():
    parser = workspace_parser(__doc__, "wordnet", "tokenizer")
    parser.add_argument("--model", help="default: out/pocket-clip in the work folder")
    parser.add_argument("--quick", action="store_true", help="every tenth picture, and nothing is written")
    options = parser.parse_args()
    workspace = workspace_of(options)
    torch.set_num_threads(1)
    model = ExportedModel(options.model or workspace.out / "pocket-clip", workspace.tokenizer)
    evaluation = Evaluation(workspace, model)
    stride = 10 if options.quick else 1
    evaluation.tiny_imagenet(stride)
    evaluation.cifar(stride)
    evaluation.samples()
    evaluation.coarse()
    for name, value in evaluation.results.items():
        print(name, value)
    if not options.quick:
        with open(workspace.out / "zero_shot.json", "w", encoding="utf-8") as file:
            json.dump(evaluation.results, file, indent=1)


if __name__ == "__main__":
    main()
