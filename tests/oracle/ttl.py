"""Recorded episodes of TTL: LoRA on the last vision layers, weighted entropy of the views (arXiv 2407.15913)."""
import math
import os

import torch

from inputs import label_token_rows, picture_views, random_token_rows, random_views
from recording import save_episode
from towers import entropy, features, load_model, normalised


def episode_inputs(options, config, generator):
    """Views, token ids, and what the metadata says about them."""
    size = config.vision_config.image_size
    if not options.image:
        ids, _ = random_token_rows(config.text_config, options.classes, generator)
        return random_views(options.views, size, generator), ids, {}
    labels = options.labels.split(",")
    views, boxes = picture_views(options.image, size, options.views, options.seed)
    ids = label_token_rows(options.tokenizer, labels, options.template)
    described = dict(boxes=boxes, labels=labels, template=options.template, image=os.path.basename(options.image))
    return views, ids, described


def adapter_parameters(lora_model, first_layer, last_layer):
    """The LoRA matrices of the vision layers first..last by our name, `layers.I.PROJECTION.lora_A`.

    Everything else (also the adapters that peft adds to the other layers and to the text tower) is frozen.
    """
    parameters = {}
    for name, parameter in lora_model.named_parameters():
        trained = "vision_model" in name and "lora_" in name and any(
            f".layers.{layer}." in name for layer in range(first_layer, last_layer + 1))
        parameter.requires_grad_(trained)
        if trained:
            layer = name.split(".layers.")[1].split(".")[0]
            projection = name.split("self_attn.")[1].split(".")[0]
            matrix = "A" if "lora_A" in name else "B"
            parameters[f"layers.{layer}.{projection}.lora_{matrix}"] = parameter
    return parameters


def initialise_adapters(parameters, generator):
    """A as Xavier's normal distribution has it; B is 0 already."""
    with torch.no_grad():
        for name in sorted(parameters):
            if name.endswith("lora_A"):
                fan_out, fan_in = parameters[name].shape
                std = math.sqrt(2.0 / (fan_in + fan_out))
                parameters[name].copy_(torch.randn(parameters[name].shape, generator=generator) * std)


def copy_of(tensor):
    """The values now, untouched by what happens to the tensor later."""
    return tensor.detach().clone()


def command_ttl(options):
    """Runs one episode and records every input, intermediate value and gradient of it."""
    from peft import LoraConfig, get_peft_model

    model = load_model(options.model)
    config = model.config
    generator = torch.Generator().manual_seed(options.seed)
    views, ids, described = episode_inputs(options, config, generator)

    out = {"views": views, "input_ids": ids.to(torch.int32)}
    with torch.no_grad():
        out["text_features"] = features(model.get_text_features(input_ids=ids))
        text = normalised(out["text_features"])
        out["image_features"] = features(model.get_image_features(pixel_values=views))
        scale = model.logit_scale.exp()
        out["logits_before"] = scale * normalised(out["image_features"]) @ text.T

    layer_count = config.vision_config.num_hidden_layers
    first_layer, last_layer = layer_count - options.layers, layer_count - 1
    targets = options.targets.split(",")
    # In evaluation mode the dropout does nothing.
    lora_model = get_peft_model(model, LoraConfig(
        r=options.rank, lora_alpha=options.alpha, target_modules=targets, lora_dropout=0.05, bias="none")).eval()
    parameters = adapter_parameters(lora_model, first_layer, last_layer)
    initialise_adapters(parameters, generator)
    for name in sorted(parameters):
        out[f"init.{name}"] = copy_of(parameters[name])

    def logits_of(some_views):
        image = normalised(features(lora_model.get_image_features(pixel_values=some_views)))
        return scale.detach() * image @ text.T

    optimizer = torch.optim.AdamW(
        list(parameters.values()), lr=options.lr, betas=(options.beta1, options.beta2), eps=options.eps,
        weight_decay=options.weight_decay)
    log = []
    for step in range(options.steps):
        logits = logits_of(views)
        view_entropy = entropy(logits)
        weight = 1.0 / torch.exp(view_entropy.detach() - options.margin)
        loss = (view_entropy * weight).mean()
        optimizer.zero_grad()
        loss.backward()
        out[f"step{step}.logits"] = copy_of(logits)
        out[f"step{step}.entropy"] = copy_of(view_entropy)
        out[f"step{step}.weight"] = copy_of(weight)
        for name, parameter in parameters.items():
            out[f"step{step}.grad.{name}"] = copy_of(parameter.grad)
        optimizer.step()
        for name, parameter in parameters.items():
            out[f"step{step}.after.{name}"] = copy_of(parameter)
        with torch.no_grad():
            prediction = logits_of(views[:1])
            out[f"step{step}.prediction_logits"] = prediction.clone()
        mean_prediction = logits.detach().softmax(-1).mean(0)
        log.append(dict(
            loss=float(loss.detach()), mean_entropy=float(view_entropy.mean().detach()),
            entropy_of_mean=float(entropy(mean_prediction.log()[None])[0]),
            prediction_entropy=float(entropy(prediction)[0])))

    settings = dict(
        method="ttl", rank=options.rank, alpha=options.alpha, targets=targets, layers=[first_layer, last_layer],
        lr=options.lr, betas=[options.beta1, options.beta2], eps=options.eps, weight_decay=options.weight_decay,
        margin=options.margin, steps=options.steps, logit_scale_exp=float(scale.detach()), log=log, **described)
    save_episode(out, options.out, settings)
