"""Step 9: puts the shards of evaluate_ttl.py together. Writes out/ttl.json and out/ttl_flips.json (which sample
pictures' answers changed)."""
import json

import torch

from labels import imagenet_classes
from workspace import workspace_of, workspace_parser


def merged(workspace, title):
    """Classes, answers before, and answers after each setting, of all shards."""
    shards = [torch.load(path) for path in sorted(workspace.cache.glob(f"ttl_*_{title}.pt"))]
    after = {setting: torch.cat([shard["after"][setting] for shard in shards]) for setting in shards[0]["after"]}
    return torch.cat([shard["y"] for shard in shards]), torch.cat([shard["before"] for shard in shards]), after


def confidence(logits):
    """Mean probability of the predicted class."""
    return round(logits.float().softmax(-1).max(-1).values.mean().item(), 3)


def mean(flags):
    return round(flags.float().mean().item(), 4)


def summary(classes, before, after):
    """Accuracy and confidence before and after, and how many answers became right, became wrong, or changed."""
    answers = before.argmax(-1)
    settings = {}
    for setting, logits in after.items():
        changed = logits.argmax(-1)
        settings[setting] = dict(
            after=mean(changed == classes), fixed=int(((answers != classes) & (changed == classes)).sum()),
            broken=int(((answers == classes) & (changed != classes)).sum()), changed=int((changed != answers).sum()),
            confidence=confidence(logits))
    return dict(n=len(classes), before=mean(answers == classes), confidence_before=confidence(before),
                settings=settings)


def flips(classes, before, after, files, names):
    """The pictures whose answer became right, and those whose answer became wrong."""
    answers, changed = before.argmax(-1), after.argmax(-1)

    def rows(mask):
        return [dict(file=files[classes[row]], before=names[answers[row]], after=names[changed[row]])
                for row in torch.where(mask)[0]]

    return dict(fixed_by_ttl=rows((answers != classes) & (changed == classes)),
                broken_by_ttl=rows((answers == classes) & (changed != classes)))


def main():
    workspace = workspace_of(workspace_parser(__doc__).parse_args())
    wordnet_ids, names = imagenet_classes()
    files = sorted(path.name for path in workspace.samples.glob("n*.JPEG"))
    tiny = sorted(wordnet_ids.index(wordnet_id) for wordnet_id in workspace.tiny_wordnet_ids())
    titles = sorted({path.stem.split("_", 2)[2] for path in workspace.cache.glob("ttl_*_*.pt")})
    summaries, changes = {}, {}
    for title in titles:
        classes, before, after = merged(workspace, title)
        summaries[title] = summary(classes, before, after)
        if title.startswith(("D", "E")):
            rows = tiny if title.startswith("D") else range(len(names))
            for setting, logits in after.items():
                changes[f"{title}, {setting}"] = flips(
                    classes, before, logits, [files[row] for row in rows], [names[row] for row in rows])
    for name, value in (("ttl", summaries), ("ttl_flips", changes)):
        with open(workspace.out / f"{name}.json", "w", encoding="utf-8") as file:
            json.dump(value, file, indent=1)
    for title, values in summaries.items():
        print(f"{title}: {values['n']} pictures, {100 * values['before']:.1f} % before")
        for setting, result in values["settings"].items():
            print(f"    {setting}: {100 * result['after']:.1f} % after, {result['fixed']} made right, "
                  f"{result['broken']} made wrong, confidence {values['confidence_before']} -> {result['confidence']}")


if __name__ == "__main__":
    main()
