#!/usr/bin/env python3
"""Reference values for CLIP and test-time adaptation, computed by PyTorch, transformers and peft.

    python3 oracle.py model     --out DIR [--seed 0] [--act quick_gelu] [--eos legacy] ...
    python3 oracle.py restate   --model DIR --out DIR [--dtype f16] [--config sparse] [--position-ids]
    python3 oracle.py ttl       --model DIR --out FILE [--seed 0] [--views 8] [--steps 4] ...
    python3 oracle.py ttl       --model DIR --out FILE --image FILE --labels a,b,c --tokenizer DIR
    python3 oracle.py tpt       --model DIR --out FILE [--seed 0] [--views 20] [--steps 2]
    python3 oracle.py features  --out FILE [--model DIR] [--seed 0] [--views 64] [--noise 0.5] ...
    python3 oracle.py prompts   --model DIR --out FILE [--dispersion-weight 20] [--alignment-weight 100] ...
    python3 oracle.py ttl-options | prompt-align | apt | foa | oftta   --model DIR --out FILE ...
    python3 oracle.py cma-es    --out FILE [--seed 0] [--generations 4]
    python3 oracle.py tokenizer --bpe bpe_simple_vocab_16e6.txt.gz --out DIR
    python3 oracle.py tokens    --tokenizer DIR --out FILE
    python3 oracle.py pixels    --image FILE --out FILE [--size 224] [--seed 0]
    python3 oracle.py zeroshot  --model DIR --tokenizer DIR --image FILE --labels a,b,c --out FILE

README.md beside this file says what each recorded file holds.
"""
import argparse

from adapted_blocks import command_apt, command_prompt_align, command_ttl_options
from feature_episodes import command_features
from forward_only import command_cma_es, command_foa, command_oftta
from models import STORED_TYPES, command_model, command_restate
from prompts import command_prompts
from references import command_pixels, command_tokens, command_zeroshot
from tokenizer_files import command_tokenizer
from tpt import command_tpt
from ttl import command_ttl

DEFAULT_TEMPLATE = "a photo of a {}."


def add_numbers(parser, *numbers):
    """Adds one option for each (name, default); its type is the default's."""
    for name, default in numbers:
        parser.add_argument(f"--{name}", type=type(default), default=default, help=f"default {default}")


def add_required(parser, *names):
    """Adds options without which the command makes no sense."""
    for name in names:
        parser.add_argument(f"--{name}", required=True)


def build_parser():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)

    def command(name, run):
        added = commands.add_parser(name, help=run.__doc__, description=run.__doc__)
        added.set_defaults(run=run)
        return added

    model = command("model", command_model)
    add_required(model, "out")
    model.add_argument("--act", default="quick_gelu", choices=["quick_gelu", "gelu"])
    model.add_argument("--eos", default="legacy", choices=["legacy", "modern"])
    add_numbers(model, ("seed", 0), ("vision-width", 64), ("vision-layers", 4), ("vision-heads", 4), ("image", 32),
                ("patch", 8), ("text-width", 32), ("text-layers", 2), ("text-heads", 4), ("proj", 48),
                ("vocab", 49408))

    restate = command("restate", command_restate)
    add_required(restate, "model", "out")
    restate.add_argument("--dtype", default="f32", choices=list(STORED_TYPES))
    restate.add_argument("--config", default="full", choices=["full", "sparse", "legacy"])
    restate.add_argument("--position-ids", action="store_true", help="with the i64 tensors that old checkpoints have")

    ttl = command("ttl", command_ttl)
    add_required(ttl, "model", "out")
    ttl.add_argument("--targets", default="q_proj,v_proj", help="of q_proj, k_proj, v_proj, out_proj")
    ttl.add_argument("--image", help="a picture: real views of it, not random ones; needs --labels and --tokenizer")
    ttl.add_argument("--labels")
    ttl.add_argument("--tokenizer")
    ttl.add_argument("--template", default=DEFAULT_TEMPLATE)
    add_numbers(ttl, ("seed", 0), ("views", 8), ("classes", 10), ("steps", 4), ("rank", 16), ("alpha", 32),
                ("layers", 3), ("lr", 5e-3), ("margin", 0.4), ("beta1", 0.9), ("beta2", 0.999), ("eps", 1e-8),
                ("weight-decay", 0.01))

    tpt = command("tpt", command_tpt)
    add_required(tpt, "model", "out")
    add_numbers(tpt, ("seed", 0), ("views", 20), ("classes", 10), ("steps", 2), ("n-ctx", 4), ("lr", 5e-3),
                ("keep", 0.1))

    methods_on_features = command("features", command_features)
    add_required(methods_on_features, "out")
    methods_on_features.add_argument("--model", help="features of this model; without it they are drawn at random")
    add_numbers(methods_on_features, ("seed", 0), ("views", 64), ("classes", 10), ("width", 32), ("noise", 0.5))

    common = (("seed", 0), ("views", 8), ("classes", 6), ("noise", 0.5))
    updates = (("steps", 2), ("lr", 5e-3), ("rank", 4), ("layers", 2), ("margin", 0.4))

    prompts = command("prompts", command_prompts)
    add_required(prompts, "model", "out")
    add_numbers(prompts, *common, ("steps", 2), ("n-ctx", 4), ("lr", 5e-3), ("keep", 0.4),
                ("dispersion-weight", 0.0), ("alignment-weight", 0.0))

    ttl_options = command("ttl-options", command_ttl_options)
    add_required(ttl_options, "model", "out")
    ttl_options.add_argument("--encoder", default="vision", choices=["vision", "text", "both"])
    ttl_options.add_argument("--targets", default="q_proj,v_proj", help="of q_proj, k_proj, v_proj, out_proj")
    add_numbers(ttl_options, *common, *updates, ("alpha", 8), ("keep", 1.0), ("templates", 1))

    prompt_align = command("prompt-align", command_prompt_align)
    add_required(prompt_align, "model", "out")
    prompt_align.add_argument("--targets", default="q_proj,v_proj", help="of q_proj, k_proj, v_proj, out_proj")
    add_numbers(prompt_align, *common, *updates, ("alpha", 8), ("keep", 0.5), ("alignment-weight", 100.0))

    apt = command("apt", command_apt)
    add_required(apt, "model", "out")
    add_numbers(apt, *common, *updates, ("scale", 10.0), ("keep", 1.0))

    foa = command("foa", command_foa)
    add_required(foa, "model", "out")
    add_numbers(foa, *common, ("layers", 2), ("prompt-tokens", 3), ("candidates", 4), ("keep", 0.5),
                ("alignment-weight", 0.4), ("shift", 0.1))

    mixed = command("oftta", command_oftta)
    add_required(mixed, "model", "out")
    add_numbers(mixed, *common, ("layers", 3))

    cma_es = command("cma-es", command_cma_es)
    add_required(cma_es, "out")
    add_numbers(cma_es, ("seed", 0), ("generations", 4))

    tokenizer = command("tokenizer", command_tokenizer)
    add_required(tokenizer, "bpe", "out")

    tokens = command("tokens", command_tokens)
    add_required(tokens, "tokenizer", "out")

    pixels = command("pixels", command_pixels)
    add_required(pixels, "image", "out")
    add_numbers(pixels, ("size", 224), ("seed", 0))

    zeroshot = command("zeroshot", command_zeroshot)
    add_required(zeroshot, "model", "tokenizer", "image", "labels", "out")
    zeroshot.add_argument("--template", default=DEFAULT_TEMPLATE)
    return parser


def main():
    options = build_parser().parse_args()
    options.run(options)


if __name__ == "__main__":
    main()
