"""The methods that need nothing but features: what each makes of one picture's views and a label set.

Everything is computed in double precision from unit features: `image` [views, projection], of which row 0 is the centre
view, `text` [labels, projection], and the logit scale. Each function returns a dict of results; `probabilities`
[labels] is always among them. README.md has the formulas.
"""
import numpy as np
import torch

from training import marginal_entropy


def log_softmax(logits, axis=-1):
    """The logarithms of the softmax."""
    shifted = logits - logits.max(axis=axis, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))


def softmax(logits, axis=-1):
    """The softmax."""
    return np.exp(log_softmax(logits, axis))


def entropies(logits):
    """The entropy of each row's softmax, in nats."""
    log_p = log_softmax(logits)
    return -(np.exp(log_p) * log_p).sum(-1)


def unit(vector):
    """The vector, or each row of a matrix, divided by its length."""
    return vector / np.linalg.norm(vector, axis=-1, keepdims=True)


def confident(logits, share):
    """All views by rising entropy, and how many of them the share is: at least one."""
    return np.argsort(entropies(logits), kind="stable"), max(1, int(len(logits) * share))


def marginal(image, text, scale, selection=0.1, weighting="equal"):
    """The mean of the confident views' predictions."""
    logits = scale * image @ text.T
    order, count = confident(logits, selection)
    chosen = logits[order[:count]]
    weights = np.exp(-entropies(chosen)) if weighting == "entropy" else np.ones(count)
    return dict(probabilities=(weights[:, None] * softmax(chosen)).sum(0) / weights.sum())


def zero(image, text, scale, selection=0.3):
    """ZERO: the confident views vote with their likeliest labels; the next most confident view decides a tie."""
    logits = scale * image @ text.T
    order, count = confident(logits, selection)
    likeliest = logits.argmax(-1)
    votes = np.zeros(len(text))
    for view in order[:count]:
        votes[likeliest[view]] += 1
    tied = np.flatnonzero(votes == votes.max())
    if len(tied) > 1:
        deciding = [likeliest[view] for view in order[count:] if likeliest[view] in tied]
        if deciding:
            winner = deciding[0]
        else:
            most_confident = order[count] if count < len(order) else order[0]
            winner = max(tied, key=lambda label: logits[most_confident, label])
        votes[winner] += 1
    return dict(probabilities=votes / votes.sum(), tied=np.array(len(tied), dtype=np.float64))


def kernel(image, mode, bandwidths):
    """How near the views' features are to the mode, each by its own squared bandwidth."""
    squared = ((image - mode) ** 2).sum(-1)
    wide = bandwidths > 0
    return np.where(wide, np.exp(-squared / (2 * np.where(wide, bandwidths, 1.0))), (squared == 0).astype(float))


def mta(image, text, scale, bandwidth_fraction=0.3, lambda_y=0.2, lambda_q=4.0, iterations=5, tolerance=1e-6):
    """MTA: the mode of the views' features, found together with each view's inlierness."""
    views = len(image)
    predictions = softmax(scale * image @ text.T)
    affinity = predictions @ predictions.T
    squared = ((image[:, None] - image[None]) ** 2).sum(-1)
    mode, inlierness = image[0], np.full(views, 1 / views)
    if views > 1:
        count = max(1, int(bandwidth_fraction * (views - 1)))
        others = [np.sort(np.delete(squared[view], view))[:count] for view in range(views)]
        bandwidths = 0.5 * np.mean(others, axis=-1)
        for _ in range(iterations):
            density = kernel(image, mode, bandwidths)
            for _ in range(iterations):
                before = inlierness
                inlierness = softmax((density + lambda_q * affinity @ inlierness) / lambda_y)
                if np.linalg.norm(before - inlierness) < tolerance:
                    break
            for _ in range(iterations):
                weights = inlierness * kernel(image, mode, bandwidths)
                before = mode
                mode = unit((weights[:, None] * image).sum(0) / weights.sum())
                if np.linalg.norm(before - mode) < tolerance:
                    break
    logits = scale * text @ mode
    return dict(probabilities=softmax(logits), logits=logits, mode=mode, inlierness=inlierness)


def tensor_rows(*matrices):
    """The matrices as double-precision tensors."""
    return [torch.tensor(matrix, dtype=torch.float64) for matrix in matrices]


def adamw(parameter, learning_rate):
    """The optimiser that the papers' code uses, with its library's defaults."""
    return torch.optim.AdamW([parameter], lr=learning_rate, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01)


def chosen_views(logits, selection):
    """Indices of the confident views, as a tensor."""
    order, count = confident(logits.detach().numpy(), selection)
    return torch.tensor(order[:count].copy())


def tps(image, text, scale, steps=1, learning_rate=5e-3, selection=0.1):
    """TPS: one shift for each label's prototype, by the gradient of the marginal entropy of the confident views."""
    image, text = tensor_rows(image, text)
    shift = torch.zeros_like(text, requires_grad=True)
    optimizer, results, losses = adamw(shift, learning_rate), {}, []

    def logits_of(rows):
        return scale * rows @ torch.nn.functional.normalize(text + shift, dim=-1).T

    for step in range(steps):
        logits = logits_of(image)
        loss = marginal_entropy(logits[chosen_views(logits, selection)])
        optimizer.zero_grad()
        loss.backward()
        results[f"step{step}.gradient"] = shift.grad.numpy().copy()
        optimizer.step()
        losses.append(float(loss.detach()))
    logits = logits_of(image[:1])[0].detach().numpy()
    return dict(results, losses=np.array(losses), logits=logits, probabilities=softmax(logits))


def spectral_rank(singular_values, shape):
    """How many singular values are above Gavish and Donoho's threshold for unknown noise: at least one."""
    ratio = min(shape) / max(shape)
    omega = 0.56 * ratio ** 3 - 0.95 * ratio ** 2 + 1.82 * ratio + 1.43
    return max(1, int((singular_values > omega * np.median(singular_values)).sum()))


def sts(image, text, scale, steps=1, learning_rate=5e-3, selection=0.1, rank=0, regularisation=0.0,
        predict="marginal"):
    """STS: one shift for all labels' prototypes, within the span of their first singular vectors."""
    _, singular_values, right = np.linalg.svd(text, full_matrices=False)
    if rank == 0:
        rank = spectral_rank(singular_values, text.shape)
    rank = min(rank, int((singular_values > 1e-6 * singular_values[0]).sum()))
    image, text, basis = tensor_rows(image, text, right[:rank])
    coefficients = torch.zeros(rank, dtype=torch.float64, requires_grad=True)
    optimizer, losses = adamw(coefficients, learning_rate), []

    def logits_of(rows):
        return scale * rows @ torch.nn.functional.normalize(text + coefficients @ basis, dim=-1).T

    # Chosen once, with the prototypes as they were.
    selected = chosen_views(logits_of(image), selection)
    for step in range(steps):
        loss = marginal_entropy(logits_of(image[selected]))
        if bool((coefficients != 0).any()):
            loss = loss + regularisation * (coefficients @ basis).norm()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    rows = image[selected] if predict == "marginal" else image[:1]
    probabilities = logits_of(rows).softmax(-1).mean(0).detach().numpy()
    return dict(losses=np.array(losses), probabilities=probabilities, rank=np.array(float(rank)))


def oftta(image, text, scale, supports=25, prototype_weight=2.0, sharpness=5.0):
    """OFTTA's prototypes: the other views vouch for the labels that they take, by their likeness to the centre view."""
    logits = scale * image @ text.T
    adjusted = logits[0].copy()
    others = 1 + np.argsort(entropies(logits[1:]), kind="stable") if len(image) > 1 else []
    kept, used = [], np.zeros(len(text), dtype=int)
    for rank, view in enumerate(others, 1):
        label = logits[view].argmax()
        if used[label] < supports:
            used[label] += 1
            kept.append((view, label, 1 / rank))
    total = sum(weight for _, _, weight in kept)
    for view, label, weight in kept:
        likeness = np.exp(-sharpness * (1 - image[0] @ image[view]))
        adjusted[label] += prototype_weight * weight / total * likeness
    return dict(probabilities=softmax(adjusted), logits=adjusted)


def dect(image, text, scale, content_free, calibration_weight=1.0, prototype_weight=1.0):
    """DecT: logits without what pictures of nothing get, and the distance to each label's centre of the views."""
    logits = scale * image @ text.T
    bias = (scale * content_free @ text.T).mean(0)
    shares = softmax(log_softmax(logits), axis=0)
    centres = shares.T @ image
    distances = np.linalg.norm(image[:, None] - centres[None], axis=-1)
    radii = (shares * distances).sum(0)
    adjusted = (logits[0] - calibration_weight * (bias - bias.mean())
                + prototype_weight * scale * (radii - distances[0]))
    return dict(probabilities=softmax(adjusted), logits=adjusted)
