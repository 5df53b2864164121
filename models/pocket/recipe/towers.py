"""The two towers: shapes, the text tower (from transformers), the vision tower as it is trained, and its export."""
import math

import torch
import torch.nn.functional as F
from torch import nn

from tokens import END, START, VOCABULARY

IMAGE, PATCH = 64, 8
WIDTH, HEADS, HIDDEN, LAYERS = 192, 3, 768, 12
PROJECTION = 256
PATCH_VALUES = 3 * PATCH * PATCH
GRID = IMAGE // PATCH
MAX_LOGIT_SCALE = math.log(100.0)

TEXT_SHAPE = dict(
    hidden_size=128, intermediate_size=512, projection_dim=PROJECTION, num_hidden_layers=3, num_attention_heads=4,
    max_position_embeddings=77, hidden_act="quick_gelu")
TEXT_TOKENS = dict(vocab_size=VOCABULARY, bos_token_id=START, eos_token_id=END, pad_token_id=END)
VISION_SHAPE = dict(
    hidden_size=WIDTH, intermediate_size=HIDDEN, projection_dim=PROJECTION, num_hidden_layers=LAYERS,
    num_attention_heads=HEADS, image_size=IMAGE, patch_size=PATCH, hidden_act="quick_gelu")


def load_text_tower(path):
    """The trained text tower with its projection, in evaluation mode."""
    from transformers import CLIPTextConfig, CLIPTextModelWithProjection

    tower = CLIPTextModelWithProjection(CLIPTextConfig(**TEXT_SHAPE, **TEXT_TOKENS)).eval()
    tower.load_state_dict(torch.load(path))
    return tower


def quick_gelu(x):
    return x * torch.sigmoid(1.702 * x)


class Block(nn.Module):
    """A pre-norm transformer block with q, k and v in one matrix.

    Attention is written as bmm, softmax, bmm: on CPUs the backward pass of PyTorch's fused attention is slow in bf16.
    """

    def __init__(self):
        super().__init__()
        self.n1 = nn.LayerNorm(WIDTH)
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        self.o = nn.Linear(WIDTH, WIDTH)
        self.n2 = nn.LayerNorm(WIDTH)
        self.f1 = nn.Linear(WIDTH, HIDDEN)
        self.f2 = nn.Linear(HIDDEN, WIDTH)

    def mlp(self, x):
        return x + self.f2(quick_gelu(self.f1(self.n2(x))))

    def forward(self, x, last=False):
        """[batch, tokens, width]; the last block returns the class token alone, since the head reads nothing else."""
        return self.mlp(self.class_token_attention(x) if last else self.attention(x))

    def attention(self, x):
        batch, tokens, _ = x.shape
        size = WIDTH // HEADS
        heads = self.qkv(self.n1(x)).view(batch, tokens, 3, HEADS, size).permute(2, 0, 3, 1, 4)
        q, k, v = heads.reshape(3, batch * HEADS, tokens, size).unbind(0)
        weights = torch.bmm(q * size ** -0.5, k.transpose(1, 2)).softmax(-1)
        mixed = torch.bmm(weights, v).view(batch, HEADS, tokens, size).transpose(1, 2)
        return x + self.o(mixed.reshape(batch, tokens, WIDTH))

    def class_token_attention(self, x):
        batch, tokens, _ = x.shape
        size = WIDTH // HEADS
        y = self.n1(x)
        keys_values = F.linear(y, self.qkv.weight[WIDTH:], self.qkv.bias[WIDTH:])
        heads = keys_values.view(batch, tokens, 2, HEADS, size).permute(2, 0, 3, 1, 4)
        k, v = heads.reshape(2, batch * HEADS, tokens, size).unbind(0)
        query = F.linear(y[:, :1], self.qkv.weight[:WIDTH], self.qkv.bias[:WIDTH])
        q = query.reshape(batch * HEADS, 1, size)
        weights = torch.bmm(q * size ** -0.5, k.transpose(1, 2)).softmax(-1)
        return x[:, :1] + self.o(torch.bmm(weights, v).view(batch, 1, WIDTH))


class VisionTower(nn.Module):
    """The vision tower. It takes patches, not pictures, and any square number of them up to 64."""

    def __init__(self, first_scale=30.0):
        super().__init__()
        self.patch = nn.Linear(PATCH_VALUES, WIDTH, bias=False)
        self.cls = nn.Parameter(torch.randn(WIDTH) * 0.02)
        self.pos = nn.Parameter(torch.randn(GRID * GRID + 1, WIDTH) * 0.02)
        self.pre = nn.LayerNorm(WIDTH)
        self.blocks = nn.ModuleList([Block() for _ in range(LAYERS)])
        self.post = nn.LayerNorm(WIDTH)
        self.proj = nn.Linear(WIDTH, PROJECTION, bias=False)
        self.scale = nn.Parameter(torch.tensor(math.log(first_scale)))
        for block in self.blocks:
            for layer, std in ((block.qkv, 0.04), (block.f1, 0.04), (block.o, 0.004), (block.f2, 0.004)):
                nn.init.normal_(layer.weight, 0, std)
                nn.init.zeros_(layer.bias)
        nn.init.normal_(self.patch.weight, 0, 0.03)
        nn.init.normal_(self.proj.weight, 0, 0.06)

    def positions(self, patches):
        """The position embeddings, interpolated where the picture has fewer than 64 patches."""
        if patches == GRID * GRID:
            return self.pos
        side = int(patches ** 0.5)
        grid = self.pos[1:].float().T.reshape(1, WIDTH, GRID, GRID)
        small = F.interpolate(grid, size=(side, side), mode="bilinear", antialias=False)
        return torch.cat([self.pos[:1], small.reshape(WIDTH, patches).T.to(self.pos.dtype)])

    def forward(self, x):
        """[batch, patches, 192] normalised pixels, channel-major -> [batch, 256] f32, not normalised."""
        batch, patches, _ = x.shape
        x = torch.cat([self.cls.expand(batch, 1, -1), self.patch(x)], 1) + self.positions(patches)
        x = self.pre(x)
        for index, block in enumerate(self.blocks):
            x = block(x, last=index == LAYERS - 1)
        return self.proj(self.post(x[:, 0])).float()


PATCH_NAME = "vision_model.embeddings.patch_embedding.weight"


def hugging_face_names():
    """Each parameter's name here, and those of a Hugging Face CLIPModel: three where q, k and v are one matrix here."""
    yield "cls", ["vision_model.embeddings.class_embedding"]
    yield "pos", ["vision_model.embeddings.position_embedding.weight"]
    yield "patch.weight", [PATCH_NAME]
    yield "proj.weight", ["visual_projection.weight"]
    yield "scale", ["logit_scale"]
    for kind in ("weight", "bias"):
        yield f"pre.{kind}", [f"vision_model.pre_layrnorm.{kind}"]
        yield f"post.{kind}", [f"vision_model.post_layernorm.{kind}"]
        for index in range(LAYERS):
            ours, theirs = f"blocks.{index}.", f"vision_model.encoder.layers.{index}."
            yield f"{ours}qkv.{kind}", [f"{theirs}self_attn.{projection}_proj.{kind}" for projection in "qkv"]
            for name, its_name in (("o", "self_attn.out_proj"), ("f1", "mlp.fc1"), ("f2", "mlp.fc2"),
                                   ("n1", "layer_norm1"), ("n2", "layer_norm2")):
                yield f"{ours}{name}.{kind}", [f"{theirs}{its_name}.{kind}"]


def to_hugging_face(state):
    """The vision tower's parameters under the names of a Hugging Face CLIPModel, with the logit scale."""
    out = {}
    for ours, theirs in hugging_face_names():
        parts = state[ours].chunk(len(theirs)) if len(theirs) > 1 else [state[ours]]
        out.update(zip(theirs, parts))
    out[PATCH_NAME] = out[PATCH_NAME].reshape(WIDTH, 3, PATCH, PATCH)
    out["logit_scale"] = out["logit_scale"].clamp(max=MAX_LOGIT_SCALE)
    return {name: tensor.contiguous().clone() for name, tensor in out.items()}


def from_hugging_face(state):
    """The reverse of `to_hugging_face`: what a CLIPModel's parameters are for `VisionTower`, in f32."""
    out = {}
    for ours, theirs in hugging_face_names():
        parts = [state[name].float() for name in theirs]
        out[ours] = torch.cat(parts) if len(parts) > 1 else parts[0]
    out["patch.weight"] = out["patch.weight"].reshape(WIDTH, PATCH_VALUES)
    return {name: tensor.contiguous().clone() for name, tensor in out.items()}
