"""CLIP's towers run block by block, so that something can be added to a block or read between two."""
import torch

from models import LEGACY_END_TOKEN


class VisionTower:
    """The vision tower of a `CLIPModel`."""

    def __init__(self, model):
        self.model, self.tower = model, model.vision_model
        self.layers = list(self.tower.encoder.layers)

    def embed(self, pixels):
        """The tokens [views, tokens, width] that enter block 0."""
        return self.tower.pre_layrnorm(self.tower.embeddings(pixels))

    def block(self, index, tokens, beside_attention=None):
        """One block. `beside_attention`, given what attention reads, makes what is added to what attention gives."""
        layer = self.layers[index]
        read = layer.layer_norm1(tokens)
        attended = layer.self_attn(read)
        attended = attended[0] if isinstance(attended, tuple) else attended
        tokens = tokens + attended
        if beside_attention is not None:
            tokens = tokens + beside_attention(read)
        return tokens + layer.mlp(layer.layer_norm2(tokens))

    def norm_after(self, index, class_tokens):
        """Class tokens after block `index` as what follows reads them: by the next block's first norm, or the last."""
        if index + 1 < len(self.layers):
            return self.layers[index + 1].layer_norm1(class_tokens)
        return self.tower.post_layernorm(class_tokens)

    def project(self, normed_class_tokens):
        """The image features [views, projection], not normalised, of class tokens after the last norm."""
        return self.model.visual_projection(normed_class_tokens)

    def features(self, tokens):
        """The image features of the tokens after the last block."""
        return self.project(self.tower.post_layernorm(tokens[:, 0]))


class TextTower:
    """The text tower of a `CLIPModel`, over prompts of 77 ids."""

    def __init__(self, model):
        self.model, self.tower = model, model.text_model

    def features(self, ids, context=None):
        """The text features [texts, projection], not normalised; `context` replaces the embeddings after the start."""
        embedded = self.tower.embeddings.token_embedding(ids)
        if context is not None:
            repeated = context[None].expand(len(ids), -1, -1)
            embedded = torch.cat([embedded[:, :1], repeated, embedded[:, 1 + len(context):]], 1)
        tokens = embedded + self.tower.embeddings.position_embedding.weight[None, :ids.shape[1]]
        mask = torch.full((ids.shape[1],) * 2, float("-inf")).triu(1)[None, None]
        for layer in self.tower.encoder.layers:
            tokens = layer(tokens, attention_mask=mask)
            tokens = tokens[0] if isinstance(tokens, tuple) else tokens
        ended = self.tower.final_layer_norm(tokens)[torch.arange(len(ids)), self.end_positions(ids)]
        return self.model.text_projection(ended)

    def end_positions(self, ids):
        """Where each text's feature stands."""
        end_token = self.model.config.text_config.eos_token_id
        return ids.argmax(-1) if end_token == LEGACY_END_TOKEN else (ids == end_token).int().argmax(-1)
