"""Plugin for vaebench: a VAE with linear layers only, rings with or without a gap, and the largest error of a pixel."""

import numpy as np
import torch

from vaebench import hookimpl
from vaebench.interfaces import Dataset, Metric, Model, Split, Splits


class LinearVAE(Model):
    name, version = "linear-vae", 1

    def __init__(self, shape, loss, latent: int = 8):
        if latent < 1:
            raise ValueError(f"latent must be at least 1, not {latent}")
        super().__init__(shape, loss)
        self.mean, self.logvar = (torch.nn.Linear(np.prod(shape), latent) for _ in range(2))
        self.raw = torch.nn.Sequential(torch.nn.Linear(latent, np.prod(shape)), torch.nn.Unflatten(1, shape))

    def objectives(self, x, at):
        mean, logvar = self.mean(x.flatten(1)), self.logvar(x.flatten(1))
        z = mean + (logvar / 2).exp() * torch.randn_like(mean)
        kl = (mean**2 + logvar.exp() - logvar - 1).sum(1) / 2
        yield {"all": {"reconstruction": self.criterion(self.raw(z), x), "kl": kl}}

    def encode(self, x):
        return self.mean(x.flatten(1))

    def decode(self, code):
        return self.criterion.image(self.raw(code))

    def sample(self, n, generator):
        return self.decode(torch.randn(n, self.mean.out_features, generator=generator, device=generator.device))


class Rings(Dataset):
    name, version = "rings", 1
    title, licence, classes = "Rings, whole or with a gap", "CC0", ("whole", "gap")

    def phantom(self, size, limit, seed):
        y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]

        def draw(n, first):
            chance = np.random.default_rng([seed, first])
            radius, angle = chance.uniform(0.4, 0.8, (n, 1, 1)), chance.uniform(0, 6.28, (n, 1, 1))
            label = np.arange(n) % 2
            gap = (np.cos(np.arctan2(y, x) - angle) > 0.9) & (label == 1)[:, None, None]
            ring = np.exp(-(((np.hypot(x, y) - radius) / 0.15) ** 2)) * ~gap
            images = np.uint8(255 * ring)[:, None]
            return Split(images, label, groups=first + np.arange(n), healthy=label == 0, masks=gap)

        return Splits(train=draw(limit.get("train", 1000), 0), test=draw(limit.get("test", 200), 10**6))


class WorstPixel(Metric):
    name, version = "worst-pixel", 1
    title, verdict, better = "worst pixel", "reconstruction", "lower"

    def compute(self, evidence):
        errors = np.abs(evidence.images("test") - evidence.reconstructions("test"))
        return evidence.per_image(errors.max(axis=(1, 2, 3)))


@hookimpl
def vaebench_models():
    return [LinearVAE]


@hookimpl
def vaebench_datasets():
    return [Rings]


@hookimpl
def vaebench_metrics():
    return [WorstPixel]
