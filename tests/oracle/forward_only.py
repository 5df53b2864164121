"""Recorded values of FOA (arXiv 2404.01650), of OFTTA's mixed normalisation (arXiv 2310.18562) on class tokens, and of the
CMA-ES updates that FOA searches with."""
import torch

from adapted_blocks import Inputs
from alignment import random_source_statistics, visit
from cma_es import CovarianceMatrixAdaptation
from feature_methods import oftta, unit
from recording import save_episode
from towers import entropy, normalised
from training import confident_views, copy_of


def discrepancy(outputs, vision, first, source, selected):
    """The squared distance of the class tokens' means and deviations from the source's, over the blocks' outputs."""
    total = 0.0
    for index, tokens in enumerate(outputs, first):
        normed = vision.norm_after(index, tokens[selected, 0])
        total += ((normed.mean(0) - source[f"blocks.{index}.class_mean"].double()) ** 2).sum()
        if len(selected) > 1:
            total += ((normed.std(0) - source[f"blocks.{index}.class_std"].double()) ** 2).sum()
    return total


def command_foa(options):
    """The fitness of given prompts, and the prediction with each of them and with the activations shifted."""
    with torch.no_grad():
        inputs = Inputs(options)
        vision, out = inputs.vision, inputs.out
        layers, width = len(vision.layers), inputs.config.vision_config.hidden_size
        first = layers - options.layers
        source = random_source_statistics(vision, inputs.config.vision_config.image_size, inputs.generator)
        out |= {f"statistics.{name}": values for name, values in source.items()}
        candidates = torch.randn(options.candidates, options.prompt_tokens, width, generator=inputs.generator)
        # The first is as the mean of the search distribution before the first generation.
        candidates[0] = 0
        out["candidates"] = candidates
        text, selected = inputs.text_features(), confident_views(inputs.before, options.keep)
        trunk = inputs.vision.embed(inputs.views)
        for index in range(first):
            trunk = vision.block(index, trunk)
        fitness, parts = [], []
        for number, prompt in enumerate(candidates.double()):
            prompts = prompt[None].expand(options.views, -1, -1)
            outputs = visit(vision, torch.cat([trunk[:, :1], prompts, trunk[:, 1:]], 1), first)
            logits = inputs.logits(outputs[-1], text)
            entropies = entropy(logits[selected]).sum()
            distance = discrepancy(outputs, vision, first, source, selected)
            fitness.append(float(entropies + options.alignment_weight * distance * len(selected) / 64))
            parts.append([float(entropies), float(distance)])
            normed = vision.tower.post_layernorm(outputs[-1][:, 0])
            moved = source[f"blocks.{layers - 1}.class_mean"].double() - normed[selected].mean(0)
            shifted = vision.project(normed[:1] + options.shift * moved)
            out[f"candidate{number}.logits"] = copy_of(logits)
            out[f"candidate{number}.prediction_logits"] = copy_of(inputs.scale * normalised(shifted) @ text.T)
        out["fitness"] = torch.tensor(fitness)
        save_episode(out, options.out, dict(
            method="foa", layers=options.layers, prompt_tokens=options.prompt_tokens, keep=options.keep,
            selected=selected.tolist(), alignment_weight=options.alignment_weight, shift=options.shift,
            fitness=fitness, parts=parts))


def mixed(class_tokens, source, place, share):
    """Class tokens normalised by a mix of the source's and the views' statistics, and put back in the source's scale.

    `share` is the source's; `place` the block whose output they are.
    """
    source_mean = source[f"blocks.{place}.token_mean"][0].double()
    source_deviation = source[f"blocks.{place}.token_variance"][0].double().sqrt()
    mean = share * source_mean + (1 - share) * class_tokens.mean(0)
    deviation = share * source_deviation + (1 - share) * class_tokens.std(0, unbiased=False)
    return (class_tokens - mean) / deviation * source_deviation + source_mean


def command_oftta(options):
    """OFTTA with its mixed normalisation carried over to the class tokens that enter the last blocks."""
    with torch.no_grad():
        inputs = Inputs(options)
        vision, out, layers = inputs.vision, inputs.out, len(inputs.vision.layers)
        first = max(1, layers - options.layers)
        source = random_source_statistics(vision, inputs.config.vision_config.image_size, inputs.generator)
        out |= {f"statistics.{name}": values for name, values in source.items()}
        tokens = vision.embed(inputs.views)
        for index in range(layers):
            if index >= first:
                share = 0.1 * 9.9 ** (index / (layers - 1))
                class_tokens = mixed(tokens[:, 0], source, index - 1, share)
                tokens = torch.cat([class_tokens[:, None], tokens[:, 1:]], 1)
            tokens = vision.block(index, tokens)
        image, text = vision.features(tokens), inputs.text_features()
        results = oftta(unit(image.numpy()), text.numpy(), float(inputs.scale))
        out["image_features"] = copy_of(image)
        out["probabilities"] = torch.from_numpy(results["probabilities"]).float()
        save_episode(out, options.out, dict(method="oftta", layers=options.layers))


def command_cma_es(options):
    """The state of CMA-ES after each generation, for given normal samples, on the sum of ill-scaled squares."""
    out, settings = {}, dict(method="cma-es", runs=[])
    generator = torch.Generator().manual_seed(options.seed)
    for name, dimension, separable in (("full", 6, False), ("separable", 10, True)):
        search = CovarianceMatrixAdaptation(dimension, sigma=0.7, separable=separable)
        scales = torch.logspace(0, 2, dimension, dtype=torch.float64).numpy()
        for generation in range(options.generations):
            samples = torch.randn(search.population, dimension, generator=generator)
            points = search.points(samples.double().numpy())
            fitness = (scales * (points - 1) ** 2).sum(-1)
            search.tell(points, fitness)
            out[f"{name}.generation{generation}.samples"] = samples
            for quantity, values in (("points", points), ("fitness", fitness), ("mean", search.mean),
                                     ("covariance", search.covariance), ("sigma_path", search.sigma_path),
                                     ("covariance_path", search.covariance_path)):
                out[f"{name}.generation{generation}.{quantity}"] = torch.from_numpy(values.copy()).float()
            out[f"{name}.generation{generation}.sigma"] = torch.tensor([search.sigma]).float()
        settings["runs"].append(dict(name=name, dimension=dimension, separable=separable, sigma=0.7,
                                     population=search.population, generations=options.generations))
    save_episode(out, options.out, settings)
