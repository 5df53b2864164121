"""What the recorded episodes of the gradient methods share: losses over views, and the loop of updates."""
import math

import torch

from towers import entropy


def confident_views(logits, share):
    """Indices of the views of lowest entropy, most confident first: the share of all of them, at least one."""
    return torch.argsort(entropy(logits.detach()), stable=True)[:max(1, int(len(logits) * share))]


def weighted_entropy(logits, margin):
    """TTL's loss: the mean of the views' entropies, each weighted by exp(margin - entropy), taken as a constant."""
    of_views = entropy(logits)
    return (torch.exp(margin - of_views.detach()) * of_views).mean()


def marginal_entropy(logits):
    """TPT's loss: the entropy of the mean of the views' predictions."""
    log_mean = logits.log_softmax(-1).logsumexp(0) - math.log(len(logits))
    return -(log_mean.exp() * log_mean).sum()


def xavier_normal(shape, generator):
    """Values as Xavier's normal distribution has them, for a matrix of that shape; drawn in single precision."""
    return torch.randn(shape, generator=generator) * math.sqrt(2.0 / sum(shape))


def copy_of(tensor):
    """The values now, in single precision, untouched by what happens to the tensor later."""
    return tensor.detach().clone().float()


def train(parameters, loss_of, predict, options, out):
    """Moves the parameters (by name) `options.steps` times along the gradient of `loss_of()`, with AdamW.

    `loss_of()` gives the loss and the logits [views, labels] it was taken of. Everything is recorded in `out`, also
    what `predict()` gives after each update. Returns the log of the steps.
    """
    for name, parameter in parameters.items():
        parameter.requires_grad_(True)
        out[f"init.{name}"] = copy_of(parameter)
    optimizer = torch.optim.AdamW(list(parameters.values()), lr=options.lr, betas=(0.9, 0.999), eps=1e-8,
                                  weight_decay=0.01)
    log = []
    for step in range(options.steps):
        loss, logits = loss_of()
        optimizer.zero_grad()
        loss.backward()
        out[f"step{step}.logits"] = copy_of(logits)
        for name, parameter in parameters.items():
            gradient = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
            out[f"step{step}.grad.{name}"] = copy_of(gradient)
        optimizer.step()
        for name, parameter in parameters.items():
            out[f"step{step}.after.{name}"] = copy_of(parameter)
        with torch.no_grad():
            out[f"step{step}.prediction_logits"] = copy_of(predict())
        log.append(dict(loss=float(loss.detach())))
    return log


def optimizer_settings(options):
    """What the metadata says about the updates."""
    return dict(lr=options.lr, betas=[0.9, 0.999], eps=1e-8, weight_decay=0.01, steps=options.steps)
