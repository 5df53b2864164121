"""PromptAlign's term (arXiv 2311.01459): how far the token statistics of some views are from those of a source.

A place is the output of a vision block: all its tokens, or the class token alone after the last block, of which nothing
else is read.
"""
import torch


def visit(vision, tokens, first, beside_attention=None):
    """The outputs of the blocks `first` to the last; the blocks before gave `tokens`."""
    outputs = []
    for index in range(first, len(vision.layers)):
        tokens = vision.block(index, tokens, beside_attention and beside_attention(index))
        outputs.append(tokens)
    return outputs


def last_places(vision, count=3):
    """Indices of the last `count` blocks, or of all where there are fewer."""
    return list(range(max(0, len(vision.layers) - count), len(vision.layers)))


def place_tokens(vision_layers, index, tokens):
    """What of a block's output belongs to the place."""
    return tokens[:, :1] if index == vision_layers - 1 else tokens


def token_statistics(tokens):
    """Mean and biased variance over the views, for each token and channel."""
    return tokens.mean(0), tokens.var(0, unbiased=False)


def random_source_statistics(vision, image_size, generator, pictures=24):
    """Statistics of random pictures, as `blocks.I.token_mean` and `blocks.I.token_variance` [tokens, width].

    For the methods that look at class tokens alone: `blocks.I.class_mean` and `blocks.I.class_std` [width] of the
    class token as what follows the block reads it, the deviation unbiased.
    """
    noise = torch.randn(pictures, 3, image_size, image_size, generator=generator).double()
    statistics = {}
    for index, tokens in enumerate(visit(vision, vision.embed(noise), 0)):
        mean, variance = token_statistics(place_tokens(len(vision.layers), index, tokens))
        normed = vision.norm_after(index, tokens[:, 0])
        statistics |= {f"blocks.{index}.token_mean": mean, f"blocks.{index}.token_variance": variance,
                       f"blocks.{index}.class_mean": normed.mean(0), f"blocks.{index}.class_std": normed.std(0)}
    return {name: values.detach().float() for name, values in statistics.items()}


def alignment_of(outputs, source, places, selected):
    """The term, over the selected views. `outputs` are those of the last blocks, at least of all places."""
    layers = max(places) + 1
    first = layers - len(outputs)
    total = 0.0
    for index in places:
        tokens = place_tokens(layers, index, outputs[index - first])[selected]
        mean, variance = token_statistics(tokens)
        source_mean = source[f"blocks.{index}.token_mean"].double()
        source_variance = source[f"blocks.{index}.token_variance"].double()
        total = total + 0.5 * (mean - source_mean).abs().mean() + 0.5 * (variance - source_variance).abs().mean()
    return total / len(places)
