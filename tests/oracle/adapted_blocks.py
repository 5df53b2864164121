"""Recorded episodes of the methods that train something in the last blocks of the towers: TTL with its further options,
PromptAlign's term added to TTL (arXiv 2311.01459), and APT's bypass (arXiv 2306.15706)."""
import torch

from alignment import alignment_of, random_source_statistics, visit
from feature_methods import marginal, softmax, zero
from inputs import random_token_rows, random_views
from recording import save_episode
from towers import entropy, load_model, normalised
from towers_by_hand import TextTower, VisionTower
from training import confident_views, copy_of, optimizer_settings, train, weighted_entropy, xavier_normal


class Inputs:
    """A random picture's views, random texts, and the two towers, in double precision."""

    def __init__(self, options, templates=1):
        self.model = load_model(options.model).double().requires_grad_(False)
        self.config = self.model.config
        self.generator = torch.Generator().manual_seed(options.seed)
        self.templates = [random_token_rows(self.config.text_config, options.classes, self.generator)[0]
                          for _ in range(templates)]
        views = random_views(options.views, self.config.vision_config.image_size, self.generator, options.noise)
        self.views = views.double()
        self.scale = self.model.logit_scale.exp()
        self.out = {"views": views, "input_ids": torch.cat(self.templates).to(torch.int32)}
        self.use(self.model)
        with torch.no_grad():
            tokens = visit(self.vision, self.vision.embed(self.views), 0)[-1]
            self.before = self.logits(tokens, self.text_features())
        self.out["logits_before"] = copy_of(self.before)

    def use(self, model):
        """Runs this model's towers from now on."""
        self.vision, self.text = VisionTower(model), TextTower(model)

    def text_features(self):
        """The labels' prototypes [labels, projection]: the normalised mean of their templates' normalised features."""
        each = [normalised(self.text.features(ids)) for ids in self.templates]
        return normalised(torch.stack(each).mean(0))

    def logits(self, tokens, text):
        """Logits [views, labels] of the tokens after the last block."""
        return self.scale * normalised(self.vision.features(tokens)) @ text.T


def add_adapters(inputs, options, towers):
    """LoRA by peft in the last blocks of the towers. Returns the trained matrices by our names, drawn anew."""
    from peft import LoraConfig, get_peft_model

    targets = options.targets.split(",")
    adapted = get_peft_model(inputs.model, LoraConfig(
        r=options.rank, lora_alpha=options.alpha, target_modules=targets, lora_dropout=0.0, bias="none")).eval().double()
    parameters = {}
    for name, parameter in adapted.named_parameters():
        parameter.requires_grad_(False)
        if "lora_" not in name:
            continue
        tower = "text" if "text_model" in name else "vision"
        layers = len((inputs.text if tower == "text" else inputs.vision).tower.encoder.layers)
        layer = int(name.split(".layers.")[1].split(".")[0])
        if tower in towers and layer >= layers - options.layers:
            projection = name.split("self_attn.")[1].split(".")[0]
            matrix = "lora_A" if "lora_A" in name else "lora_B"
            prefix = "text." if tower == "text" else ""
            parameters[f"{prefix}layers.{layer}.{projection}.{matrix}"] = parameter
    for name in sorted(parameters):
        if name.endswith("lora_A"):
            parameters[name].data.copy_(xavier_normal(parameters[name].shape, inputs.generator))
    inputs.use(adapted.base_model.model)
    return dict(sorted(parameters.items()))


def final_predictions(logits, out):
    """What the views' logits after the last update say together: by vote, and by the mean of the confident ones."""
    # The functions take features; unit vectors along the axes as texts, and a scale of 1, make them take logits.
    axes = torch.eye(logits.shape[1]).double().numpy()
    rows = logits.detach().numpy()
    for name, results in (("vote", zero(rows, axes, 1.0)), ("marginal", marginal(rows, axes, 1.0))):
        out[f"final.{name}"] = torch.from_numpy(results["probabilities"]).float()
    out["final.centre"] = torch.from_numpy(softmax(rows[0])).float()
    out["final.logits"] = copy_of(logits)


def command_ttl_options(options):
    """TTL with adapters in either tower or both, a share of the views, several templates; and its predictions."""
    inputs = Inputs(options, options.templates)
    towers = ["vision", "text"] if options.encoder == "both" else [options.encoder]
    parameters = add_adapters(inputs, options, towers)
    selected = confident_views(inputs.before, options.keep)

    def logits_of(views):
        tokens = visit(inputs.vision, inputs.vision.embed(views), 0)[-1]
        return inputs.logits(tokens, inputs.text_features())

    def loss_of():
        logits = logits_of(inputs.views)
        return weighted_entropy(logits[selected], options.margin), logits

    log = train(parameters, loss_of, lambda: logits_of(inputs.views[:1]), options, inputs.out)
    with torch.no_grad():
        final_predictions(logits_of(inputs.views), inputs.out)
    save_episode(inputs.out, options.out, dict(
        method="ttl-options", encoder=options.encoder, keep=options.keep, selected=selected.tolist(),
        templates=options.templates, rank=options.rank, alpha=options.alpha, targets=options.targets.split(","),
        layers=options.layers, margin=options.margin, log=log, **optimizer_settings(options)))


def command_prompt_align(options):
    """TTL with PromptAlign's term added, over made-up source statistics."""
    inputs = Inputs(options)
    source = random_source_statistics(inputs.vision, inputs.config.vision_config.image_size, inputs.generator)
    inputs.out |= {f"statistics.{name}": values for name, values in source.items()}
    parameters = add_adapters(inputs, options, ["vision"])
    aligned = confident_views(inputs.before, options.keep)
    layers = len(inputs.vision.layers)
    places = list(range(layers - options.layers, layers))
    terms = []

    def outputs_of(views):
        return visit(inputs.vision, inputs.vision.embed(views), 0)

    def loss_of():
        outputs = outputs_of(inputs.views)
        logits = inputs.logits(outputs[-1], inputs.text_features())
        term = alignment_of(outputs, source, places, aligned)
        terms.append(float(term.detach()))
        return weighted_entropy(logits, options.margin) + options.alignment_weight * term, logits

    def predict():
        return inputs.logits(outputs_of(inputs.views[:1])[-1], inputs.text_features())

    log = train(parameters, loss_of, predict, options, inputs.out)
    log = [dict(entry, alignment=term) for entry, term in zip(log, terms)]
    save_episode(inputs.out, options.out, dict(
        method="prompt-align", base="ttl", keep=options.keep, selected=aligned.tolist(), places=places,
        alignment_weight=options.alignment_weight, rank=options.rank, alpha=options.alpha,
        targets=options.targets.split(","), layers=options.layers, margin=options.margin, log=log,
        **optimizer_settings(options)))


def command_apt(options):
    """APT's bypass beside attention: x + attention(h) + scale * softmax(h U) V, where attention reads h."""
    inputs = Inputs(options)
    layers = len(inputs.vision.layers)
    width = inputs.config.vision_config.hidden_size
    parameters = {}
    for layer in range(layers - options.layers, layers):
        parameters[f"layers.{layer}.apt.U"] = xavier_normal((width, options.rank), inputs.generator).double()
        parameters[f"layers.{layer}.apt.V"] = torch.zeros(options.rank, width).double()

    def bypass(index):
        if f"layers.{index}.apt.U" not in parameters:
            return None
        down, up = parameters[f"layers.{index}.apt.U"], parameters[f"layers.{index}.apt.V"]
        return lambda read: options.scale * (read @ down).softmax(-1) @ up

    text = inputs.text_features()
    selected = confident_views(inputs.before, options.keep)

    def logits_of(views):
        return inputs.logits(visit(inputs.vision, inputs.vision.embed(views), 0, bypass)[-1], text)

    def loss_of():
        logits = logits_of(inputs.views)
        return weighted_entropy(logits[selected], options.margin), logits

    log = train(parameters, loss_of, lambda: logits_of(inputs.views[:1]), options, inputs.out)
    save_episode(inputs.out, options.out, dict(
        method="apt", rank=options.rank, scale=options.scale, layers=options.layers, margin=options.margin,
        keep=options.keep, selected=selected.tolist(), log=log,
        entropy=float(entropy(logits_of(inputs.views[:1]).detach())[0]), **optimizer_settings(options)))
