"""Recorded episodes of TPT: the context embeddings of the prompt are the only parameters (arXiv 2209.07511)."""
import torch

from inputs import CONTEXT_LENGTH, random_token_rows, random_views
from recording import save_episode
from towers import entropy, features, load_model, normalised
from towers_by_hand import TextTower
from training import marginal_entropy


def prompts_with_context(ids, word_counts, context_ids, vocabulary):
    """Rows of ids: start token, the context, the label's words, end token up to the end of the row."""
    rows = torch.full((len(ids), CONTEXT_LENGTH), vocabulary - 1, dtype=torch.long)
    context_length = len(context_ids)
    for row, words in enumerate(word_counts):
        rows[row, 0] = vocabulary - 2
        rows[row, 1:1 + context_length] = context_ids
        rows[row, 1 + context_length:1 + context_length + words] = ids[row, 1:1 + words]
    return rows


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
    tower = TextTower(model)
    context = model.text_model.embeddings.token_embedding(context_ids).detach().clone().requires_grad_(True)

    def text_features():
        return normalised(tower.features(prompts, context))

    with torch.no_grad():
        reference = normalised(features(model.get_text_features(input_ids=prompts)))
        assert torch.allclose(reference, text_features(), atol=1e-5), \
            "the hand-run text tower must equal the library's"
        image = normalised(features(model.get_image_features(pixel_values=views)))
    scale = model.logit_scale.exp().detach()
    out = {"views": views, "input_ids": prompts.to(torch.int32), "ctx_init": context.detach().clone(),
           "logits_before": scale * image @ reference.T}

    optimizer = torch.optim.AdamW([context], lr=options.lr)
    log, selected = [], None
    for step in range(options.steps):
        logits = scale * image @ text_features().T
        if selected is None:
            # Chosen once, at the first step, and kept, as the paper's code does.
            selected = torch.argsort(entropy(logits.detach()))[:int(options.views * options.keep)]
        loss = marginal_entropy(logits[selected])
        optimizer.zero_grad()
        loss.backward()
        out[f"step{step}.logits"] = logits.detach().clone()
        out[f"step{step}.grad.ctx"] = context.grad.detach().clone()
        optimizer.step()
        out[f"step{step}.after.ctx"] = context.detach().clone()
        with torch.no_grad():
            out[f"step{step}.prediction_logits"] = scale * image[:1] @ text_features().T
        log.append(dict(loss=float(loss.detach())))
    save_episode(out, options.out, dict(
        method="tpt", n_ctx=options.n_ctx, keep=options.keep, selected=selected.tolist(), lr=options.lr,
        betas=[0.9, 0.999], eps=1e-8, weight_decay=0.01, steps=options.steps, log=log))
