#!/usr/bin/env python3
"""Adapters as files: what peft writes for clip-ttl to read, and whether peft reads what clip-ttl writes.

    python3 check_adapter.py record --model DIR --out FOLDER --logits FILE
    python3 check_adapter.py exported --model DIR --adapter FOLDER --logits FILE
    python3 check_adapter.py answers --model DIR --adapter FOLDER --report FILE --image FILE --tokenizer DIR

`record` writes a random adapter with peft, and the logits that it makes of random views and texts. `exported` loads the
files that clip-ttl wrote of the same matrices, and fails unless the logits are those. `answers` loads what
`clip-ttl adapt --save-adapter` wrote, and fails unless the picture's probabilities are those that `clip-ttl adapt --json`
printed after the last step; the model must be the very one it used (`clip-ttl convert --quant f32` makes a folder of it).
"""
import argparse
import json
import os

import torch

from inputs import centre_crop, label_token_rows, normalise, open_picture, random_token_rows, random_views
from recording import save_episode
from towers import features, load_model, normalised
from training import xavier_normal

TOLERANCE = 1e-4


def logits_of(model, views, ids):
    """Logits [views, labels] of the library's own towers, with whatever adapters they have."""
    with torch.no_grad():
        image = normalised(features(model.get_image_features(pixel_values=views)))
        text = normalised(features(model.get_text_features(input_ids=ids)))
        return model.logit_scale.exp() * image @ text.T


def with_adapter(model_folder, adapter_folder):
    """The model with an adapter that peft reads from a folder. Fails where a matrix of the files isn't used."""
    from peft import PeftModel
    from safetensors.torch import load_file

    model = PeftModel.from_pretrained(load_model(model_folder), adapter_folder).eval()
    stored = load_file(os.path.join(adapter_folder, "adapter_model.safetensors"))
    placed = {name.replace(".default", ""): value for name, value in model.named_parameters() if "lora_" in name}
    if placed.keys() != stored.keys():
        raise SystemExit(f"not the same matrices: {sorted(placed.keys() ^ stored.keys())}")
    for name, value in stored.items():
        if not torch.equal(value, placed[name].detach()):
            raise SystemExit(f"{name} isn't what the file holds")
    return model.base_model.model


def command_record(options):
    """Writes a random adapter with peft, and what the model makes of random inputs with it."""
    from peft import LoraConfig, get_peft_model

    model = load_model(options.model)
    generator = torch.Generator().manual_seed(options.seed)
    ids, _ = random_token_rows(model.config.text_config, 5, generator)
    views = random_views(3, model.config.vision_config.image_size, generator)
    out = {"views": views, "input_ids": ids.to(torch.int32), "logits_before": logits_of(model, views, ids)}
    adapted = get_peft_model(model, LoraConfig(
        r=3, lora_alpha=5, target_modules=["q_proj", "v_proj"], lora_dropout=0.05, bias="none")).eval()
    for name, parameter in sorted(adapted.named_parameters()):
        if "lora_" in name:
            parameter.data.copy_(xavier_normal(parameter.shape, generator))
    out["logits"] = logits_of(adapted.base_model.model, views, ids)
    adapted.save_pretrained(options.out)
    # It leaves a page about the model behind.
    os.remove(os.path.join(options.out, "README.md"))
    forget_where(options.out)
    save_episode(out, options.logits, dict(method="adapter", rank=3, alpha=5))


def forget_where(folder):
    """Takes the path of the model's folder out of the configuration: it is another one everywhere."""
    path = os.path.join(folder, "adapter_config.json")
    with open(path, encoding="utf-8") as file:
        config = json.load(file)
    config["base_model_name_or_path"] = os.path.basename(os.path.normpath(config["base_model_name_or_path"]))
    with open(path, "w", encoding="utf-8") as file:
        json.dump(config, file, indent=2)


def compare(what, ours, theirs):
    """Prints the largest difference; fails where it is too large."""
    difference = float((ours - theirs).abs().max())
    print(f"{what}: {ours.numel()} values, largest difference {difference:.1e}")
    if not difference <= TOLERANCE:
        raise SystemExit(f"{what} differ by more than {TOLERANCE}")


def command_exported(options):
    """Loads an adapter that clip-ttl wrote, and compares logits with the recorded ones."""
    from safetensors.torch import load_file

    recorded = load_file(options.logits)
    model = with_adapter(options.model, options.adapter)
    compare("logits", logits_of(model, recorded["views"], recorded["input_ids"].long()), recorded["logits"])


def command_answers(options):
    """Loads an adapter that a run of clip-ttl trained, and compares the picture's probabilities with the run's."""
    with open(options.report, encoding="utf-8") as file:
        report = json.load(file)
    model = with_adapter(options.model, options.adapter)
    labels = report["labels"]
    view = normalise(centre_crop(open_picture(options.image), model.config.vision_config.image_size))[None]
    ids = label_token_rows(options.tokenizer, labels, report["template"])
    found = logits_of(model, view, ids)[0].softmax(-1)
    for moment, values in (("before", logits_of(load_model(options.model), view, ids)[0].softmax(-1)), ("after", found)):
        probabilities = {entry["label"]: entry["probability"] for entry in report[moment]}
        compare(f"probabilities {moment}", values, torch.tensor([probabilities[label] for label in labels]))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    for name, run, needed in (("record", command_record, ["model", "out", "logits"]),
                              ("exported", command_exported, ["model", "adapter", "logits"]),
                              ("answers", command_answers, ["model", "adapter", "report", "image", "tokenizer"])):
        command = commands.add_parser(name, help=run.__doc__, description=run.__doc__)
        command.set_defaults(run=run)
        for option in needed:
            command.add_argument(f"--{option}", required=True)
    commands.choices["record"].add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()
