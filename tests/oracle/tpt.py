"""Recorded episodes of TPT: the context embeddings of the prompt are the only parameters (arXiv 2209.07511)."""
import math

import torch

from inputs import CONTEXT_LENGTH, random_token_rows, random_views
from models import LEGACY_END_TOKEN
from recording import save_episode
from towers import entropy, features, load_model, normalised


def prompts_with_context(ids, word_counts, context_ids, vocabulary):
    """Rows of ids: start token, the context, the label's words, end token up to the end of the row."""
    rows = torch.full((len(ids), CONTEXT_LENGTH), vocabulary - 1, dtype=torch.long)
    context_length = len(context_ids)
    for row, words in enumerate(word_counts):
        rows[row, 0] = vocabulary - 2
        rows[row, 1:1 + context_length] = context_ids
        rows[row, 1 + context_length:1 + context_length + words] = ids[row, 1:1 + words]
    return rows


class PromptTower:
    """The text tower run by hand, so that the context embeddings can be put in and have gradients."""

    def __init__(self, model, ids, context_length):
        self.model, self.tower = model, model.text_model
        self.labels = len(ids)
        end_token = model.config.text_config.eos_token_id
        self.pooled = ids.argmax(-1) if end_token == LEGACY_END_TOKEN else (ids == end_token).int().argmax(-1)
        self.embeddings = self.tower.embeddings.token_embedding(ids)
        self.context = self.embeddings[0, 1:1 + context_length].clone().requires_grad_(True)
        self.after_context = self.embeddings[:, 1 + context_length:]

    def features(self):
        """Normalised text features [labels, projection] with the context as it is now."""
        context = self.context[None].expand(self.labels, -1, -1)
        embedded = torch.cat([self.embeddings[:, :1], context, self.after_context], 1)
        x = embedded + self.tower.embeddings.position_embedding.weight[None, :CONTEXT_LENGTH]
        tokens = x.shape[1]
        causal_mask = torch.full((tokens, tokens), float("-inf")).triu(1)[None, None]
        for layer in self.tower.encoder.layers:
            y = layer(x, attention_mask=causal_mask)
            x = y[0] if isinstance(y, tuple) else y
        x = self.tower.final_layer_norm(x)
        return normalised(self.model.text_projection(x[torch.arange(self.labels), self.pooled]))


def command_tpt(options):
    """Runs one episode and records every input, intermediate value and gradient of it."""
    model = load_model(options.model)
    config = model.config
    vocabulary = config.text_config.vocab_size
    generator = torch.Generator().manual_seed(options.seed)
    ids, word_counts = random_token_rows(config.text_config, options.classes, generator)
    context_ids = torch.randint(0, vocabulary - 2, (options.n_ctx,), generator=generator)
    prompts = prompts_with_context(ids, word_counts, context_ids, vocabulary)
    views = random_views(options.views, config.vision_config.image_size, generator)
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    tower = PromptTower(model, prompts, options.n_ctx)

    with torch.no_grad():
        reference = normalised(features(model.get_text_features(input_ids=prompts)))
        assert torch.allclose(reference, tower.features(), atol=1e-5), \
            "the hand-run text tower must equal the library's"
        image = normalised(features(model.get_image_features(pixel_values=views)))
    scale = model.logit_scale.exp().detach()
    out = {"views": views, "input_ids": prompts.to(torch.int32), "ctx_init": tower.context.detach().clone(),
           "logits_before": scale * image @ reference.T}

    optimizer = torch.optim.AdamW([tower.context], lr=options.lr)
    log, selected = [], None
    for step in range(options.steps):
        logits = scale * image @ tower.features().T
        if selected is None:
            # Chosen once, at the first step, and kept, as the paper's code does.
            selected = torch.argsort(entropy(logits.detach()))[:int(options.views * options.keep)]
        log_probabilities = logits[selected].log_softmax(-1)
        log_mean = log_probabilities.logsumexp(0) - math.log(len(selected))
        loss = -(log_mean * log_mean.exp()).sum()
        optimizer.zero_grad()
        loss.backward()
        out[f"step{step}.logits"] = logits.detach().clone()
        out[f"step{step}.grad.ctx"] = tower.context.grad.detach().clone()
        optimizer.step()
        out[f"step{step}.after.ctx"] = tower.context.detach().clone()
        with torch.no_grad():
            out[f"step{step}.prediction_logits"] = scale * image[:1] @ tower.features().T
        log.append(dict(loss=float(loss.detach())))
    save_episode(out, options.out, dict(
        method="tpt", n_ctx=options.n_ctx, keep=options.keep, selected=selected.tolist(), lr=options.lr,
        betas=[0.9, 0.999], eps=1e-8, weight_decay=0.01, steps=options.steps, log=log))
