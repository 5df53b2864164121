"""Small random CLIPs in the exact Hugging Face layout, and other ways of writing the same checkpoint.

Whatever loads these folders (config.json, model.safetensors) also loads the published checkpoints.
"""
import json
import math
import os
import shutil

import torch

from towers import load_model

STORED_TYPES = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}
LEGACY_END_TOKEN = 2


def build_model(seed, activation, end_token, vision, text, projection, vocabulary):
    """A random CLIPModel.

    `vision`: width, layers, heads, image, patch. `text`: width, layers, heads. `end_token`: "legacy" (the pooled token
    is the one with the highest id, as in configs with `eos_token_id` 2) or "modern" (the first end token).
    """
    from transformers import CLIPConfig, CLIPModel

    torch.manual_seed(seed)
    config = CLIPConfig(
        text_config=dict(
            hidden_size=text["width"], intermediate_size=text["width"] * 4, num_hidden_layers=text["layers"],
            num_attention_heads=text["heads"], vocab_size=vocabulary, max_position_embeddings=77,
            hidden_act=activation, bos_token_id=vocabulary - 2,
            eos_token_id=LEGACY_END_TOKEN if end_token == "legacy" else vocabulary - 1,
            pad_token_id=1, projection_dim=projection),
        vision_config=dict(
            hidden_size=vision["width"], intermediate_size=vision["width"] * 4,
            num_hidden_layers=vision["layers"], num_attention_heads=vision["heads"], image_size=vision["image"],
            patch_size=vision["patch"], hidden_act=activation, projection_dim=projection),
        projection_dim=projection, logit_scale_init_value=math.log(100.0) / 2)
    model = CLIPModel(config).eval()
    widen_parameters(model, seed + 1)
    return model


def widen_parameters(model, seed):
    """Draws every parameter anew, wider than the library does.

    The library's own initial values are so small that every picture looks alike; these make logits differ between
    views and keep gradients far from zero. The token embeddings and the logit scale stay as they are.
    """
    generator = torch.Generator().manual_seed(seed)

    def draw(parameter):
        return torch.randn(parameter.shape, generator=generator)

    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() >= 2 and "token_embedding" not in name:
                parameter.copy_(draw(parameter) * (1.2 / math.sqrt(parameter[0].numel())))
            elif parameter.dim() == 1 and ("norm" in name or "layrnorm" in name):
                base = 1.0 if name.endswith("weight") else 0.0
                parameter.copy_(base + 0.1 * draw(parameter))
            elif parameter.dim() == 1:
                parameter.copy_(0.1 * draw(parameter))


def command_model(options):
    """Writes a random CLIP to a folder."""
    model = build_model(
        options.seed, options.act, options.eos,
        dict(width=options.vision_width, layers=options.vision_layers, heads=options.vision_heads,
             image=options.image, patch=options.patch),
        dict(width=options.text_width, layers=options.text_layers, heads=options.text_heads),
        options.proj, options.vocab)
    model.save_pretrained(options.out, safe_serialization=True)
    print(options.out, sum(parameter.numel() for parameter in model.parameters()), "parameters")


def default_valued_keys(config_class, values):
    """The keys of `values` that say what the library would assume without them."""
    defaults = config_class().to_dict()
    return [key for key, value in values.items() if key in defaults and defaults[key] == value]


def sparse_config(config):
    """The config without any key whose value is the library's default."""
    from transformers import CLIPConfig, CLIPTextConfig, CLIPVisionConfig

    parts = {"text_config": CLIPTextConfig, "vision_config": CLIPVisionConfig}
    sparse = dict(config)
    for part, config_class in parts.items():
        dropped = default_valued_keys(config_class, config[part])
        sparse[part] = {key: value for key, value in config[part].items() if key not in dropped}
    for key in default_valued_keys(CLIPConfig, config):
        if key not in parts and key != "model_type":
            del sparse[key]
    return sparse


def legacy_config(config):
    """The config as early versions of the library wrote it: the towers under `*_config_dict`.

    Both spellings are present, and they disagree: the library takes `*_config_dict`, with its own defaults for keys
    that are missing there, and lets that win over `*_config`.
    """
    from transformers import CLIPTextConfig, CLIPVisionConfig

    legacy = dict(config)
    for part, config_class in (("text_config", CLIPTextConfig), ("vision_config", CLIPVisionConfig)):
        dropped = default_valued_keys(config_class, config[part])
        legacy[part + "_dict"] = {key: value for key, value in config[part].items() if key not in dropped}
        legacy[part] = dict(config[part], num_hidden_layers=config[part]["num_hidden_layers"] + 1)
    return legacy


def command_restate(options):
    """Writes the same checkpoint again, in another number format or with another spelling of its config."""
    from safetensors.torch import load_file, save_file

    os.makedirs(options.out, exist_ok=True)
    tensors = load_file(os.path.join(options.model, "model.safetensors"))
    stored = STORED_TYPES[options.dtype]
    tensors = {name: tensor.to(stored) for name, tensor in tensors.items()}
    if options.position_ids:
        for tower in ("text_model", "vision_model"):
            positions = len(tensors[f"{tower}.embeddings.position_embedding.weight"])
            tensors[f"{tower}.embeddings.position_ids"] = torch.arange(positions)[None]
    save_file(tensors, os.path.join(options.out, "model.safetensors"), metadata={"format": "pt"})
    with open(os.path.join(options.model, "config.json"), encoding="utf-8") as file:
        config = json.load(file)
    rewrite = {"full": dict, "sparse": sparse_config, "legacy": legacy_config}[options.config]
    with open(os.path.join(options.out, "config.json"), "w", encoding="utf-8") as file:
        json.dump(rewrite(config), file, indent=2)
    preprocessor = os.path.join(options.model, "preprocessor_config.json")
    if os.path.exists(preprocessor):
        shutil.copy(preprocessor, options.out)
    check_same_model(options.model, options.out, stored)


def check_same_model(original_folder, restated_folder, stored):
    """Fails unless the library reads the same parameters (rounded to the stored type) from both folders."""
    original, restated = load_model(original_folder), load_model(restated_folder)
    theirs = dict(restated.named_parameters())
    for name, parameter in original.named_parameters():
        if not torch.equal(parameter.to(stored).float(), theirs[name]):
            raise SystemExit(f"{name} differs after restating {original_folder}")
    print(restated_folder, "holds the same model")
