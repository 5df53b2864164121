"""An episode of TTL as clip-ttl runs it by default, with PyTorch and transformers on the CPU: how long it takes.

Text features and the blocks without adapters are computed once, attention is PyTorch's fused one, and all cores are used.
Views are random numbers: how long it takes doesn't depend on them. Prints one JSON document:
{"torch", "transformers", "threads", "views", "runs": [{"trunk_ms", "update_ms", "look_ms", "total_ms", "forward_ms"}]}
where `look` is the last look at all views with the updated adapters, and `forward` the plain forward pass of the same views.
"""
import argparse
import json
import math
import os
import sys
import time

import torch
import transformers
from torch import nn
from transformers import CLIPModel

RANK, ALPHA, ADAPTED_BLOCKS, TARGETS = 16, 32, 3, ("q_proj", "v_proj")
STEP_SIZE, MARGIN = 5e-3, 0.4


class Adapted(nn.Module):
    """A frozen linear layer with a low-rank adapter beside it, as peft has it."""

    def __init__(self, frozen):
        super().__init__()
        self.frozen = frozen
        spread = math.sqrt(2 / (RANK + frozen.in_features))
        self.a = nn.Parameter(torch.randn(RANK, frozen.in_features) * spread)
        self.b = nn.Parameter(torch.zeros(frozen.out_features, RANK))

    def forward(self, inputs):
        return self.frozen(inputs) + (inputs @ self.a.T @ self.b.T) * (ALPHA / RANK)


class Episode:
    """The model with new adapters in its last blocks."""

    def __init__(self, model, text):
        self.tower, self.projection = model.vision_model, model.visual_projection
        self.text, self.scale = text, model.logit_scale.exp()
        self.blocks = list(self.tower.encoder.layers)
        self.adapters = []
        for block in self.blocks[-ADAPTED_BLOCKS:]:
            for name in TARGETS:
                adapted = Adapted(getattr(block.self_attn, name))
                setattr(block.self_attn, name, adapted)
                self.adapters += [adapted.a, adapted.b]

    def remove(self):
        for block in self.blocks[-ADAPTED_BLOCKS:]:
            for name in TARGETS:
                setattr(block.self_attn, name, getattr(block.self_attn, name).frozen)

    def trunk(self, views):
        tokens = self.tower.pre_layrnorm(self.tower.embeddings(views))
        for block in self.blocks[:-ADAPTED_BLOCKS]:
            tokens = block(tokens, attention_mask=None)
        return tokens

    def logits(self, tokens):
        for block in self.blocks[-ADAPTED_BLOCKS:]:
            tokens = block(tokens, attention_mask=None)
        features = self.projection(self.tower.post_layernorm(tokens[:, 0]))
        return self.scale * nn.functional.normalize(features, dim=-1) @ self.text.T


def weighted_entropy(logits):
    """Each view's entropy weighs exp(margin - entropy); the weight has no gradient (arXiv 2407.15913, section 3)."""
    entropy = -(logits.softmax(-1) * logits.log_softmax(-1)).sum(-1)
    return (entropy * (MARGIN - entropy.detach()).exp()).mean()


def run(model, text, views):
    """One episode, timed."""
    episode = Episode(model, text)
    optimizer = torch.optim.AdamW(episode.adapters, lr=STEP_SIZE, weight_decay=0.01)
    times = [time.perf_counter()]
    with torch.no_grad():
        tokens = episode.trunk(views)
    times.append(time.perf_counter())
    weighted_entropy(episode.logits(tokens)).backward()
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


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="folder of a CLIPModel in f32")
    parser.add_argument("--views", type=int, default=64)
    parser.add_argument("--labels", type=int, default=10)
    parser.add_argument("--repeat", type=int, default=3, help="after one run that warms up")
    options = parser.parse_args()
    threads = os.cpu_count() or 1
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    model = CLIPModel.from_pretrained(options.model, attn_implementation="sdpa").eval().float().requires_grad_(False)
    side = model.config.vision_config.image_size
    views = torch.randn(options.views, 3, side, side)
    text = nn.functional.normalize(torch.randn(options.labels, model.config.projection_dim), dim=-1)
    runs = [run(model, text, views) for _ in range(options.repeat + 1)][1:]
    json.dump({"torch": torch.__version__, "transformers": transformers.__version__, "threads": threads,
               "views": options.views, "runs": runs}, sys.stdout)


if __name__ == "__main__":
    main()
