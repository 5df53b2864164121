"""The (mu/mu_w, lambda)-CMA-ES with positive weights, as in Hansen's tutorial (arXiv 1604.00772), and its separable variant
(Ros and Hansen, PPSN 2008), for given normal samples."""
import math

import numpy as np


class CovarianceMatrixAdaptation:
    """A search distribution: `mean`, `sigma` and `covariance` [dimension, dimension]."""

    def __init__(self, dimension, sigma, separable=False):
        n = dimension
        self.separable, self.dimension = separable, n
        self.population = 4 + int(3 * math.log(n))
        self.parents = self.population // 2
        raw = math.log((self.population + 1) / 2) - np.log(np.arange(1, self.parents + 1))
        self.weights = raw / raw.sum()
        effective = 1 / (self.weights ** 2).sum()
        self.effective = effective
        self.rate_sigma = (effective + 2) / (n + effective + 5)
        self.damping = 1 + 2 * max(0, math.sqrt((effective - 1) / (n + 1)) - 1) + self.rate_sigma
        self.rate_path = (4 + effective / n) / (n + 4 + 2 * effective / n)
        self.rate_one = 2 / ((n + 1.3) ** 2 + effective)
        self.rate_many = min(1 - self.rate_one, 2 * (effective - 2 + 1 / effective) / ((n + 2) ** 2 + effective))
        if separable:
            self.rate_one = min(1, self.rate_one * (n + 2) / 3)
            self.rate_many = min(1 - self.rate_one, self.rate_many * (n + 2) / 3)
        self.expected_length = math.sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n ** 2))
        self.mean, self.sigma, self.covariance = np.zeros(n), sigma, np.eye(n)
        self.sigma_path, self.covariance_path, self.generation = np.zeros(n), np.zeros(n), 0

    def root(self, power):
        """The symmetric power of the covariance: 0.5 or -0.5."""
        values, vectors = np.linalg.eigh(self.covariance)
        return vectors @ np.diag(values ** power) @ vectors.T

    def points(self, samples):
        """Candidates from standard normal samples [population, dimension].

        The symmetric root is used: it doesn't depend on the order or the signs of the eigenvectors.
        """
        return self.mean + self.sigma * samples @ self.root(0.5)

    def tell(self, points, fitness):
        """Moves the distribution by the candidates' fitness, of which less is better."""
        order = np.argsort(fitness, kind="stable")[:self.parents]
        steps = (points[order] - self.mean) / self.sigma
        step = self.weights @ steps
        self.mean = self.mean + self.sigma * step
        rate = self.rate_sigma
        self.sigma_path = (1 - rate) * self.sigma_path + math.sqrt(rate * (2 - rate) * self.effective) * (
            self.root(-0.5) @ step)
        self.generation += 1
        length = np.linalg.norm(self.sigma_path)
        steady = length / math.sqrt(1 - (1 - rate) ** (2 * self.generation)) < (
            (1.4 + 2 / (self.dimension + 1)) * self.expected_length)
        path = self.rate_path
        self.covariance_path = (1 - path) * self.covariance_path + steady * math.sqrt(
            path * (2 - path) * self.effective) * step
        kept = 1 - self.rate_one - self.rate_many + (not steady) * self.rate_one * path * (2 - path)
        update = (self.rate_one * np.outer(self.covariance_path, self.covariance_path)
                  + self.rate_many * (steps.T * self.weights) @ steps)
        self.covariance = kept * self.covariance + (np.diag(np.diag(update)) if self.separable else update)
        self.sigma *= math.exp(rate / self.damping * (length / self.expected_length - 1))
