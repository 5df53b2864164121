#!/usr/bin/env python3
"""Reference values for CLIP and test-time adaptation, computed by PyTorch, transformers and peft.

    python3 oracle.py model     --out DIR [--seed 0] [--act quick_gelu] [--eos legacy] ...
    python3 oracle.py restate   --model DIR --out DIR [--dtype f16] [--config sparse] [--position-ids]
    python3 oracle.py ttl       --model DIR --out FILE [--seed 0] [--views 8] [--steps 4] ...
    python3 oracle.py ttl       --model DIR --out FILE --image FILE --labels a,b,c --tokenizer DIR
    python3 oracle.py tpt       --model DIR --out FILE [--seed 0] [--views 20] [--steps 2]
    python3 oracle.py tokenizer --bpe bpe_simple_vocab_16e6.txt.gz --out DIR
    python3 oracle.py tokens    --tokenizer DIR --out FILE
    python3 oracle.py pixels    --image FILE --out FILE [--size 224] [--seed 0]
    python3 oracle.py zeroshot  --model DIR --tokenizer DIR --image FILE --labels a,b,c --out FILE

README.md beside this file says what each recorded file holds.
"""
import argparse

from models import STORED_TYPES, command_model, command_restate
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
