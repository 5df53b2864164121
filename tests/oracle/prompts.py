"""Recorded episodes of the methods that train the prompt's context as TPT does, with a term added to its loss.

C-TPT (arXiv 2403.14119) rewards label texts that are far apart; PromptAlign's term (arXiv 2311.01459) doesn't depend on
the context, so it changes the loss and nothing else.
"""
import torch

from alignment import alignment_of, last_places, random_source_statistics, visit
from inputs import random_token_rows, random_views
from recording import save_episode
from towers import load_model, normalised
from towers_by_hand import TextTower, VisionTower
from tpt import prompts_with_context
from training import confident_views, copy_of, marginal_entropy, optimizer_settings, train


def dispersion(text):
    """The labels' mean distance from their mean (average text feature dispersion)."""
    return (text - text.mean(0)).norm(dim=-1).mean()


def command_prompts(options):
    """TPT's loss with C-TPT's dispersion term or with PromptAlign's term."""
    model = load_model(options.model).double().requires_grad_(False)
    config = model.config
    generator = torch.Generator().manual_seed(options.seed)
    ids, word_counts = random_token_rows(config.text_config, options.classes, generator)
    context_ids = torch.randint(0, config.text_config.vocab_size - 2, (options.n_ctx,), generator=generator)
    ids = prompts_with_context(ids, word_counts, context_ids, config.text_config.vocab_size)
    views = random_views(options.views, config.vision_config.image_size, generator, options.noise)
    vision, text = VisionTower(model), TextTower(model)
    scale = model.logit_scale.exp()
    context = model.text_model.embeddings.token_embedding(context_ids).detach().clone()
    out = {"views": views, "input_ids": ids.to(torch.int32)}

    places = last_places(vision)
    outputs = visit(vision, vision.embed(views.double()), 0)
    image = normalised(vision.features(outputs[-1]))
    out["logits_before"] = copy_of(scale * image @ normalised(text.features(ids)).T)
    selected = confident_views(out["logits_before"], options.keep)
    source = None
    if options.alignment_weight:
        source = random_source_statistics(vision, config.vision_config.image_size, generator)
        out.update({f"statistics.{name}": values for name, values in source.items()})

    def logits_and_text():
        features = normalised(text.features(ids, context))
        return scale * image @ features.T, features

    def loss_of():
        logits, features = logits_and_text()
        loss = marginal_entropy(logits[selected]) - options.dispersion_weight * dispersion(features)
        if source is not None:
            loss = loss + options.alignment_weight * alignment_of(outputs, source, places, selected)
        return loss, logits

    log = train({"ctx": context}, loss_of, lambda: logits_and_text()[0][:1], options, out)
    save_episode(out, options.out, dict(
        method="prompt-align" if source is not None else "c-tpt", base="tpt", n_ctx=options.n_ctx, keep=options.keep,
        selected=selected.tolist(), dispersion_weight=options.dispersion_weight,
        alignment_weight=options.alignment_weight, places=places, log=log, **optimizer_settings(options)))
