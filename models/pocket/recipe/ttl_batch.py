"""TTL on several pictures at once: each has its own LoRA, and the layers below run once for each picture and view.

LoRA of rank 16 and alpha 32 on q_proj and v_proj of the last 3 of 12 vision layers; AdamW on the views' entropies,
each weighted by exp(0.4 - entropy); the prediction is that of the picture itself. All in f32, whatever the processor is
fast at: figures must not depend on the machine. Against transformers and peft the logits agreed to 1e-6.
"""
import math

import torch
import torch.nn.functional as F
import torchvision.transforms as transforms

from pixels import patches
from towers import HEADS, IMAGE, LAYERS, PATCH_VALUES, WIDTH, quick_gelu

FIRST_ADAPTED, RANK, ALPHA, MARGIN = 9, 16, 32, 0.4
ADAPTED = "qv"
LINEAR_NAMES = dict(q="self_attn.q_proj", k="self_attn.k_proj", v="self_attn.v_proj", o="self_attn.out_proj",
                    f1="mlp.fc1", f2="mlp.fc2", n1="layer_norm1", n2="layer_norm2")
PICTURES_AT_ONCE = 4


def layer_norm(x, weight_bias):
    return F.layer_norm(x, (WIDTH,), *weight_bias)


class AdaptedTower:
    """The vision tower of an exported model, written out so that every picture can have adapters of its own."""

    def __init__(self, model):
        vision = model.vision_model
        self.scale = min(100.0, float(model.logit_scale.detach().exp()))

        def frozen(parameter):
            return parameter.detach().float()

        def pair(module):
            return frozen(module.weight), frozen(module.bias)

        self.layers = [{ours: pair(layer.get_submodule(theirs)) for ours, theirs in LINEAR_NAMES.items()}
                       for layer in vision.encoder.layers]
        self.patch = frozen(vision.embeddings.patch_embedding.weight.reshape(WIDTH, PATCH_VALUES))
        self.cls = frozen(vision.embeddings.class_embedding)
        self.positions = frozen(vision.embeddings.position_embedding.weight)
        self.pre, self.post = pair(vision.pre_layrnorm), pair(vision.post_layernorm)
        self.projection = frozen(model.visual_projection.weight)

    @torch.no_grad()
    def trunk(self, pictures):
        """[n, 3, 64, 64] values 0 to 255 -> what enters the first adapted layer, [n, 65, 192]."""
        tokens = F.linear(patches(pictures, torch.float32), self.patch)
        x = torch.cat([self.cls.expand(len(pictures), 1, -1), tokens], 1) + self.positions
        x = layer_norm(x, self.pre)
        for index in range(FIRST_ADAPTED):
            x = self.layer(x, index, None)
        return x

    def tail(self, x, adapters):
        """The adapted layers and the head: normalised features [n, 256]."""
        for index in range(FIRST_ADAPTED, LAYERS):
            x = self.layer(x, index, adapters)
        return F.normalize(F.linear(layer_norm(x[:, 0], self.post), self.projection), dim=-1)

    def layer(self, x, index, adapters):
        """One layer; the last one for the class token alone, since the head reads nothing else."""
        weights = self.layers[index]
        count, tokens, _ = x.shape
        size = WIDTH // HEADS
        y = layer_norm(x, weights["n1"])
        rows = y[:, :1] if index == LAYERS - 1 else y
        x = x[:, :rows.shape[1]]
        q, k, v = F.linear(rows, *weights["q"]), F.linear(y, *weights["k"]), F.linear(y, *weights["v"])
        if adapters is not None:
            q, v = q + low_rank(rows, adapters[index, "q"]), v + low_rank(y, adapters[index, "v"])

        def split(z):
            return z.view(count, -1, HEADS, size).transpose(1, 2).reshape(count * HEADS, -1, size)

        attention = torch.bmm(split(q) * size ** -0.5, split(k).mT).softmax(-1)
        mixed = torch.bmm(attention, split(v)).view(count, HEADS, -1, size).transpose(1, 2).reshape(count, -1, WIDTH)
        x = x + F.linear(mixed, *weights["o"])
        hidden = F.linear(layer_norm(x, weights["n2"]), *weights["f1"])
        return x + F.linear(quick_gelu(hidden), *weights["f2"])


def low_rank(x, matrices):
    """What the adapters add: x [pictures * views, tokens, width], A [pictures, rank, width], B the other way round."""
    down, up = (matrix.mT for matrix in matrices)
    rows = x.reshape(len(matrices[0]), -1, WIDTH)
    return (torch.bmm(torch.bmm(rows, down), up) * (ALPHA / RANK)).view(x.shape)


def entropy(logits):
    return -(logits.softmax(-1) * logits.log_softmax(-1)).sum(-1)


def weighted_entropy(logits, weight_exponent):
    """TTL's loss of each picture. The weights have no gradient."""
    h = entropy(logits)
    return (h * torch.exp(-weight_exponent * (h.detach() - MARGIN))).mean(1)


def marginal_entropy(logits):
    """TPT's and MEMO's: entropy of the mean prediction of the most certain tenth of the views."""
    h = entropy(logits).detach()
    certain = h.topk(max(1, logits.shape[1] // 10), largest=False).indices
    mean = logits.softmax(-1)[torch.arange(len(logits))[:, None], certain].mean(1)
    return -(mean * mean.clamp_min(1e-9).log()).sum(-1)


def adapt(tower, tokens, text, lr=5e-3, steps=1, beta=1.0, seed=0, loss="weighted"):
    """Logits of view 0 before and after. `tokens` [n, views, 65, 192] from `trunk`, `text` [classes, 256]."""
    count, views = tokens.shape[:2]
    generator = torch.Generator().manual_seed(seed)
    every_view = tokens.reshape(count * views, *tokens.shape[2:])
    std = math.sqrt(2 / (WIDTH + RANK))
    adapters = {}
    for index in range(FIRST_ADAPTED, LAYERS):
        for projection in ADAPTED:
            down = torch.randn(count, RANK, WIDTH, generator=generator) * std
            adapters[index, projection] = (down.requires_grad_(), torch.zeros(count, WIDTH, RANK).requires_grad_())
    parameters = [matrix for pair in adapters.values() for matrix in pair]
    optimizer = torch.optim.AdamW(parameters, lr=lr)

    def logits_of(x, some_adapters):
        return tower.scale * tower.tail(x, some_adapters) @ text.T

    losses = dict(weighted=lambda z: weighted_entropy(z, beta), marginal=marginal_entropy,
                  mean=lambda z: entropy(z).mean(1))
    with torch.no_grad():
        before = logits_of(tokens[:, 0], None)
    for _ in range(steps):
        logits = logits_of(every_view, adapters).view(count, views, -1)
        optimizer.zero_grad()
        losses[loss](logits).sum().backward()
        optimizer.step()
    with torch.no_grad():
        after = logits_of(tokens[:, 0], adapters)
    return before, after


def random_views(picture, count, scale):
    """[1 + count, 3, 64, 64]: the picture, then random crops resized (bilinear, antialiased), half of them mirrored."""
    x = torch.from_numpy(picture.copy()).permute(2, 0, 1).float()[None]
    views = [x]
    for _ in range(count):
        top, left, height, width = transforms.RandomResizedCrop.get_params(x[0], scale, (3 / 4, 4 / 3))
        crop = x[..., top:top + height, left:left + width]
        crop = F.interpolate(crop, size=(IMAGE, IMAGE), mode="bilinear", antialias=True)
        views.append(crop.flip(-1) if torch.rand(1) < 0.5 else crop)
    return torch.cat(views)


def measure(tower, pictures, text, views, scale, settings, seed):
    """Logits of every picture before, and after each of the `settings` (dicts of `adapt`'s options; `views` in one of
    them uses only so many)."""
    torch.manual_seed(seed)
    before, after = [], [[] for _ in settings]
    for start in range(0, len(pictures), PICTURES_AT_ONCE):
        batch = torch.stack([random_views(picture, views, scale)
                             for picture in pictures[start:start + PICTURES_AT_ONCE]])
        count, all_views = batch.shape[:2]
        tokens = tower.trunk(batch.view(count * all_views, 3, IMAGE, IMAGE))
        tokens = tokens.view(count, all_views, *tokens.shape[1:])
        for results, setting in zip(after, settings):
            setting = dict(setting)
            used = setting.pop("views", all_views)
            first, adapted = adapt(tower, tokens[:, :used], text, seed=seed * 9999 + start, **setting)
            results.append(adapted)
        before.append(first)
    return torch.cat(before), [torch.cat(results) for results in after]
