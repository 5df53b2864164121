"""An episode of TTL as clip-ttl runs it by default, with PyTorch and transformers on the CPU: how long it takes.

Text features and the blocks without adapters are computed once, of the last block the class token alone, attention is PyTorch's
fused one, and all cores are used that the process may run on. Views are random numbers: how long it takes doesn't depend on them.
Prints one JSON document:
{"torch", "transformers", "threads", "views", "runs": [{"trunk_ms", "update_ms", "look_ms", "total_ms", "forward_ms"}]}
where `look` is the last look at all views with the updated adapters, and `forward` the library's own forward pass of the same views,
all tokens in all blocks.

With --check RECORDING it replays an episode of TTL that tests/oracle recorded with the same model instead, and prints
{"torch", "transformers", "threads", "recording", "steps", "largest_errors": {"logits", "loss", "gradients", "parameters", "prediction"}}
where the error of a gradient is a part of the largest value of its tensor, and the others are absolute. It ends with status 1 where one
of them is above 1e-3.
"""
import argparse
import json
import math
import os
import sys
import time
from dataclasses import dataclass

import torch
import transformers
from safetensors import safe_open
from torch import nn
from transformers import CLIPModel

TOLERANCE = 1e-3


@dataclass(frozen=True)
class Recipe:
    """Settings of TTL. The defaults are clip-ttl's, which are the paper's (arXiv 2407.15913)."""

    rank: int = 16
    alpha: float = 32
    # The last ones of the vision tower, which have adapters.
    blocks: int = 3
    targets: tuple = ("q_proj", "v_proj")
    step_size: float = 5e-3
    betas: tuple = (0.9, 0.999)
    epsilon: float = 1e-8
    weight_decay: float = 0.01
    margin: float = 0.4


class Adapted(nn.Module):
    """A frozen linear layer with a low-rank adapter beside it, as peft has it."""

    def __init__(self, frozen, recipe):
        super().__init__()
        self.frozen, self.scale = frozen, recipe.alpha / recipe.rank
        spread = math.sqrt(2 / (recipe.rank + frozen.in_features))
        self.a = nn.Parameter(torch.randn(recipe.rank, frozen.in_features) * spread)
        self.b = nn.Parameter(torch.zeros(frozen.out_features, recipe.rank))

    def forward(self, inputs):
        return self.frozen(inputs) + (inputs @ self.a.T @ self.b.T) * self.scale


def class_token(block, tokens):
    """What a block makes of the class token [views, width], from all tokens [views, tokens, width].

    Nothing else of the last block is read, so that nothing else of it is computed: the class token's query attends to the keys and
    values of all tokens, and the rest of the block works on each token by itself. The result is the same.
    """
    attention = block.self_attn
    views, _, width = tokens.shape
    normed = block.layer_norm1(tokens)

    def by_heads(rows):
        return rows.reshape(views, -1, attention.num_heads, attention.head_dim).transpose(1, 2)

    query = by_heads(attention.q_proj(normed[:, :1]))
    key, value = by_heads(attention.k_proj(normed)), by_heads(attention.v_proj(normed))
    mixed = nn.functional.scaled_dot_product_attention(query, key, value)
    state = tokens[:, 0] + attention.out_proj(mixed.reshape(views, width))
    return state + block.mlp(block.layer_norm2(state))


class Episode:
    """The model with new adapters in its last blocks. `parameters` has their matrices by the names of recordings."""

    def __init__(self, model, text, recipe):
        self.tower, self.projection = model.vision_model, model.visual_projection
        self.text, self.scale = text, model.logit_scale.exp()
        self.recipe = recipe
        blocks = list(self.tower.encoder.layers)
        self.frozen, self.adapted = blocks[:-recipe.blocks], blocks[-recipe.blocks:]
        self.parameters = {}
        for index, block in enumerate(self.adapted, start=len(self.frozen)):
            for name in recipe.targets:
                adapted = Adapted(getattr(block.self_attn, name), recipe)
                setattr(block.self_attn, name, adapted)
                self.parameters[f"layers.{index}.{name}.lora_A"] = adapted.a
                self.parameters[f"layers.{index}.{name}.lora_B"] = adapted.b

    def optimizer(self):
        recipe = self.recipe
        return torch.optim.AdamW(
            self.parameters.values(), lr=recipe.step_size, betas=recipe.betas, eps=recipe.epsilon, weight_decay=recipe.weight_decay)

    def remove(self):
        for block in self.adapted:
            for name in self.recipe.targets:
                setattr(block.self_attn, name, getattr(block.self_attn, name).frozen)

    def trunk(self, views):
        tokens = self.tower.pre_layrnorm(self.tower.embeddings(views))
        for block in self.frozen:
            tokens = block(tokens, attention_mask=None)
        return tokens

    def logits(self, tokens):
        for block in self.adapted[:-1]:
            tokens = block(tokens, attention_mask=None)
        features = self.projection(self.tower.post_layernorm(class_token(self.adapted[-1], tokens)))
        return self.scale * nn.functional.normalize(features, dim=-1) @ self.text.T

    def loss(self, logits):
        """Each view's entropy weighs exp(margin - entropy); the weight has no gradient (arXiv 2407.15913, section 3)."""
        entropy = -(logits.softmax(-1) * logits.log_softmax(-1)).sum(-1)
        return (entropy * (self.recipe.margin - entropy.detach()).exp()).mean()


def run(model, text, views):
    """One episode, timed."""
    episode = Episode(model, text, Recipe())
    optimizer = episode.optimizer()
    times = [time.perf_counter()]
    with torch.no_grad():
        tokens = episode.trunk(views)
    times.append(time.perf_counter())
    episode.loss(episode.logits(tokens)).backward()
    optimizer.step()
    times.append(time.perf_counter())
    with torch.no_grad():
        episode.logits(tokens)
    times.append(time.perf_counter())
    episode.remove()
    with torch.no_grad():
        model.get_image_features(pixel_values=views)
    times.append(time.perf_counter())
    trunk, update, look, forward = ((end - start) * 1e3 for start, end in zip(times, times[1:]))
    return {"trunk_ms": trunk, "update_ms": update, "look_ms": look, "total_ms": trunk + update + look, "forward_ms": forward}


def measured(model, options):
    side = model.config.vision_config.image_size
    views = torch.randn(options.views, 3, side, side)
    text = nn.functional.normalize(torch.randn(options.labels, model.config.projection_dim), dim=-1)
    runs = [run(model, text, views) for _ in range(options.repeat + 1)][1:]
    return {"views": options.views, "runs": runs}


def recorded_recipe(settings, model):
    """The settings of a recording, which must be of TTL in the model's last blocks."""
    first, last = settings.get("layers", (0, -1))
    if settings["method"] != "ttl" or last + 1 != model.config.vision_config.num_hidden_layers:
        raise SystemExit("--check: the recording is not one of TTL in the last blocks of this model")
    return Recipe(
        rank=settings["rank"], alpha=settings["alpha"], blocks=last + 1 - first, targets=tuple(settings["targets"]),
        step_size=settings["lr"], betas=tuple(settings["betas"]), epsilon=settings["eps"], weight_decay=settings["weight_decay"],
        margin=settings["margin"])


def largest_error(found, recorded, scale=1.0):
    """The largest absolute difference divided by `scale`; infinite where something is no number."""
    error = (found.detach() - recorded).abs().max().nan_to_num(nan=math.inf)
    return 0.0 if error == 0 else float(error / scale)


def checked(model, path):
    """Replays a recording (its format: tests/oracle/README.md) and compares every step."""
    with safe_open(path, framework="pt") as file:
        settings = json.loads(file.metadata()["json"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}
    text = nn.functional.normalize(tensors["text_features"], dim=-1)
    episode = Episode(model, text, recorded_recipe(settings, model))
    optimizer = episode.optimizer()
    errors = dict.fromkeys(("logits", "loss", "gradients", "parameters", "prediction"), 0.0)

    def note(quantity, *values, **scale):
        errors[quantity] = max(errors[quantity], largest_error(*values, **scale))

    def take_over(prefix):
        with torch.no_grad():
            for name, parameter in episode.parameters.items():
                parameter.copy_(tensors[f"{prefix}.{name}"])

    take_over("init")
    clear = {name: torch.ones_like(parameter, dtype=torch.bool) for name, parameter in episode.parameters.items()}
    with torch.no_grad():
        tokens = episode.trunk(tensors["views"])
    for step in range(settings["steps"]):
        logits = episode.logits(tokens)
        loss = episode.loss(logits)
        optimizer.zero_grad()
        loss.backward()
        note("logits", logits, tensors[f"step{step}.logits"])
        note("loss", loss, torch.tensor(settings["log"][step]["loss"]))
        for name, parameter in episode.parameters.items():
            gradient = tensors[f"step{step}.grad.{name}"]
            largest = gradient.abs().max()
            note("gradients", parameter.grad, gradient, scale=largest)
            # AdamW's first step is the gradient's sign, which rounding decides where the gradient is nearly 0.
            clear[name] &= (gradient == 0) | (gradient.abs() > TOLERANCE * largest)
        optimizer.step()
        for name, parameter in episode.parameters.items():
            recorded = tensors[f"step{step}.after.{name}"]
            note("parameters", torch.where(clear[name], parameter, recorded), recorded)
        # Errors don't add up from step to step.
        take_over(f"step{step}.after")
        with torch.no_grad():
            note("prediction", episode.logits(tokens[:1]), tensors[f"step{step}.prediction_logits"])
    return {"recording": os.path.basename(path), "steps": settings["steps"], "largest_errors": errors}


def usable_cores():
    """How many logical cores the process may run on, which can be fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="folder of a CLIPModel")
    parser.add_argument("--check", metavar="RECORDING", help="replay this recording instead of measuring")
    parser.add_argument("--views", type=int, default=64)
    parser.add_argument("--labels", type=int, default=10)
    parser.add_argument("--repeat", type=int, default=3, help="after one run that warms up")
    options = parser.parse_args()
    torch.set_num_threads(usable_cores())
    threads = torch.get_num_threads()
    print(f"PyTorch {torch.__version__}, {threads} threads", file=sys.stderr)
    torch.manual_seed(0)
    model = CLIPModel.from_pretrained(options.model, attn_implementation="sdpa").eval().float().requires_grad_(False)
    found = measured(model, options) if options.check is None else checked(model, options.check)
    json.dump({"torch": torch.__version__, "transformers": transformers.__version__, "threads": threads, **found}, sys.stdout)
    print()
    if any(not error <= TOLERANCE for error in found.get("largest_errors", {}).values()):
        sys.exit(1)


if __name__ == "__main__":
    main()
