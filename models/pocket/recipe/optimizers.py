"""Muon for the matrices of the blocks and AdamW for all other parameters, over one flat vector in shared memory.

The matrices are divided over the two processes: one has qkv and fc1, the other out_proj and fc2 and everything else.
"""
import math

import torch

from towers import HIDDEN, MAX_LOGIT_SCALE, WIDTH
from workspace import fast_dtype

MATRIX_KINDS = ("qkv", "f1", "o", "f2")


def orthogonalised(matrices):
    """Five Newton-Schulz steps on a batch of matrices: their singular values move towards 1."""
    x = matrices.to(fast_dtype())
    tall = x.shape[-2] > x.shape[-1]
    if tall:
        x = x.mT
    norm = x.float().pow(2).sum((-2, -1), keepdim=True).sqrt() + 1e-7
    x = (x / norm.to(fast_dtype())).contiguous()
    for _ in range(5):
        square = torch.bmm(x, x.mT)
        polynomial = torch.baddbmm(square, square, square, beta=-4.7750, alpha=2.0315)
        x = torch.baddbmm(x, polynomial, x, beta=3.4445)
    return (x.mT if tall else x).float()


def kind_of(name):
    """Which matrix of a block: blocks.3.qkv.weight -> qkv."""
    return name.split(".")[2]


class SharedOptimizer:
    """One process's part of the update.

    `layout`: name -> (offset, count, shape) in the flat vectors. `gradients`: one flat vector from each process; the
    update takes their mean.
    """

    def __init__(self, options, rank, layout, flat, gradients):
        self.options, self.layout, self.flat, self.gradients = options, layout, flat, gradients
        matrices = [name for name in layout if name.startswith("blocks") and len(layout[name][2]) == 2]
        self.matrices = [name for name in matrices if (kind_of(name) in ("qkv", "f1")) == (rank == 0)]
        self.others = [name for name in layout if name not in matrices] if rank == 1 else []
        self.momentum = {name: torch.zeros(layout[name][2]) for name in self.matrices}
        self.moments = {name: (torch.zeros(layout[name][2]), torch.zeros(layout[name][2])) for name in self.others}

    def names(self):
        """The parameters that this process updates."""
        return self.matrices + self.others

    def weights(self, name):
        offset, count, shape = self.layout[name]
        return self.flat[offset:offset + count].view(shape)

    def gradient(self, name):
        offset, count, shape = self.layout[name]
        first, second = (gradient[offset:offset + count] for gradient in self.gradients)
        return (first + second).view(shape) * 0.5

    def step(self, number, factor):
        """Update `number` (from 1), with the step sizes times `factor`."""
        for kind in MATRIX_KINDS:
            of_kind = [name for name in self.matrices if kind_of(name) == kind]
            if of_kind:
                self.update_matrices(of_kind, kind, self.options.lr * factor)
        for name in self.others:
            self.update_other(name, number, self.options.adam * factor)

    def update_matrices(self, names, kind, step_size):
        updates = []
        for name in names:
            gradient = self.gradient(name)
            self.momentum[name].mul_(0.95).add_(gradient, alpha=0.05)
            updates.append(gradient.mul_(0.05).add_(self.momentum[name], alpha=0.95))
        update = torch.stack(updates)
        shape = update.shape
        if kind == "qkv":
            update = update.view(-1, WIDTH, WIDTH)
        update = orthogonalised(update).view(shape)
        longest = max(WIDTH, HIDDEN if kind in ("f1", "f2") else WIDTH)
        for name, change in zip(names, update):
            weights = self.weights(name)
            weights.mul_(1 - step_size * self.options.wd)
            weights.add_(change, alpha=-0.2 * math.sqrt(longest) * step_size)

    def update_other(self, name, number, step_size):
        gradient = self.gradient(name)
        first, second = self.moments[name]
        first.mul_(0.9).add_(gradient, alpha=0.1)
        second.mul_(0.98).addcmul_(gradient, gradient, value=0.02)
        denominator = (second / (1 - 0.98 ** number)).sqrt().add_(1e-8)
        weights = self.weights(name)
        if len(self.layout[name][2]) == 2 and name != "pos":
            weights.mul_(1 - step_size * self.options.wd)
        weights.addcdiv_(first / (1 - 0.9 ** number), denominator, value=-step_size)
        if name == "scale":
            weights.clamp_(max=MAX_LOGIT_SCALE)
