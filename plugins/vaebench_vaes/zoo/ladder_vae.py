"""Ladder VAE: Sonderby et al., arXiv 1602.02282, in the form of Child, "Very Deep VAEs Generalize Autoregressive
Models", ICLR 2021, arXiv 2011.10650, with two to four levels.

    p(z) = p(z_1) p(z_2|z_1) ... p(z_L|z_<L),    q(z|x) = q(z_1|x) q(z_2|z_1, x) ... q(z_L|z_<L, x)
    minimise  E_q(z|x) [-ln p(x|z)] + beta sum_l KL(q(z_l|z_<l, x) || p(z_l|z_<l))

The levels are processed from the top down. At each level, the prior is computed from the decoder's features, and the
posterior from these and the encoder's features of that level; z_l is added to the decoder's features, which are then
enlarged to the next level. z_1 lies on the coarsest grid, so it determines the content of the image, and later levels
determine its details. The code consists of the means of all levels, each given the means of the levels above.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterator, Mapping
from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor, nn

from vaebench.interfaces import At, Choice, Gaussian, Log, Loss, Model, Objective, Recipe, Shape
from vaebench_vaes.backbone import Block, Encoder, norm, plan
from vaebench_vaes.limits import at_least, between
from vaebench_vaes.posterior import Posterior, require_density

Step = tuple[Gaussian, Gaussian | None, Tensor]
"""The prior of a level, its posterior if there is an image, and the chosen z."""


class LadderVAE(Model):
    name = "ladder-vae"
    version = 1
    default_loss = "gaussian"
    recipe = Recipe(average=0.99)
    tunable: ClassVar = {
        "beta": Log(0.01, 10),
        "levels": Choice(2, 3, 4, rate=True),
        "maps": Choice(1, 2, 4, rate=True),
    }

    def __init__(
        self,
        shape: Shape,
        loss: Loss | None,
        levels: int = 3,
        maps: int = 2,
        beta: float = 1.0,
        warmup: float = 0.1,
        width: int = 32,
    ) -> None:
        """`maps` is the number of latents at each place of each level. If the trunk has fewer grids than `levels`,
        there is one level per grid."""
        between(2, 4, levels=levels)
        at_least(1, maps=maps)
        at_least(0, beta=beta)
        between(0, 1, warmup=warmup)
        super().__init__(shape, loss)
        self.beta, self.warmup, self.maps = beta, warmup, maps
        self.encoder = Encoder(shape, width)
        grids = plan(shape, width)[::-1]
        self.grids = grids[:levels]
        self.top = nn.Parameter(0.1 * torch.randn(self.grids[0]))
        self.levels = nn.ModuleList(Level(grid[0], maps) for grid in self.grids)
        self.enlarge = nn.ModuleList(Block(a[0], b[0], size=b[1:]) for a, b in pairwise(self.grids))
        rest = [Block(a[0], b[0], size=b[1:]) for a, b in pairwise(grids[len(self.grids) - 1 :])]
        last = grids[-1][0]
        self.last = nn.Sequential(
            *rest, norm(last), nn.SiLU(), nn.Upsample(shape[1:]), nn.Conv2d(last, shape[0], 3, padding=1)
        )

    def weight(self, at: At) -> float:
        return self.beta * min(1.0, at.progress / self.warmup) if self.warmup else self.beta

    def constants(self, at: At) -> Hashable:
        return self.weight(at)

    def features(self, x: Tensor) -> list[Tensor]:
        """Return the encoder's features, one per level from the top down."""
        found = [self.encoder.stem(2 * x - 1)]
        for block in self.encoder.blocks:
            found.append(block(found[-1]))
        return [self.encoder.finish(found[-1]), *found[-2::-1]][: len(self.grids)]

    def descend(self, n: int, x: Tensor | None, choose: Callable[[int, Step], Tensor]) -> tuple[Tensor, list[Step]]:
        """Return the raw output and the step of each level; `choose` is called for each level and returns its z."""
        features = self.features(x) if x is not None else [None] * len(self.grids)
        h, steps = self.top.expand(n, *self.top.shape), []
        for number, (level, seen) in enumerate(zip(self.levels, features, strict=True)):
            prior = level.prior(h)
            posterior = None if seen is None else level.posterior(h, seen)
            z = choose(number, (prior, posterior, h))
            steps.append((prior, posterior, z))
            h = level.add(h, z)
            if number < len(self.enlarge):
                h = self.enlarge[number](h)
        return self.last(h), steps

    def objectives(self, x: Tensor, at: At) -> Iterator[Mapping[str, Objective]]:
        raw, steps = self.descend(len(x), x, lambda _, step: step[1].draw())
        terms = {f"kl_{number}": self.weight(at) * divergence(q, p) for number, (p, q, _) in enumerate(steps, 1)}
        yield {"all": {"reconstruction": self.criterion(raw, x), **terms}}

    def encode(self, x: Tensor) -> Tensor:
        _, steps = self.descend(len(x), x, lambda _, step: step[1].mean)
        return torch.cat([z.flatten(1) for *_, z in steps], 1)

    def decode(self, code: Tensor) -> Tensor:
        sizes = [self.maps * math.prod(grid[1:]) for grid in self.grids]
        parts = [
            z.unflatten(1, (self.maps, *grid[1:])) for z, grid in zip(code.split(sizes, 1), self.grids, strict=True)
        ]
        return self.criterion.image(self.descend(len(code), None, lambda number, _: parts[number])[0])

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        return self.criterion.image(self.descend(n, None, lambda _, step: step[0].draw(generator))[0])

    def vary(self, x: Tensor, generator: torch.Generator) -> Tensor:
        return self.criterion.image(self.descend(len(x), x, lambda _, step: step[1].draw(generator))[0])

    def scores(self, x: Tensor) -> dict[str, Tensor]:
        """Return the KL divergence of all levels, and that of the top level, with z at each level's posterior mean."""
        _, steps = self.descend(len(x), x, lambda _, step: step[1].mean)
        each = [divergence(q, p) for p, q, _ in steps]
        return {"kl": sum(each), "kl-top": each[0]}

    def bound(self, x: Tensor, generator: torch.Generator, draws: int) -> Tensor:
        require_density(self.criterion)
        weights = []
        for _ in range(draws):
            raw, steps = self.descend(len(x), x, lambda _, step: step[1].draw(generator))
            ratio = sum((density(p, z) - density(q, z)) for p, q, z in steps)
            weights.append(ratio - self.criterion(raw, x))
        return torch.stack(weights).logsumexp(0) - math.log(draws)


class Level(nn.Module):
    """The prior and the posterior of one level, and the layer that adds z to the features."""

    def __init__(self, channels: int, maps: int) -> None:
        super().__init__()
        self.to_prior = nn.Sequential(norm(channels), nn.SiLU(), nn.Conv2d(channels, 2 * maps, 3, padding=1))
        self.to_posterior = nn.Sequential(Block(2 * channels, channels), nn.Conv2d(channels, 2 * maps, 1))
        self.from_z = nn.Conv2d(maps, channels, 3, padding=1)
        self.mix = Block(channels, channels)

    def prior(self, h: Tensor) -> Posterior:
        return Posterior.of(self.to_prior(h))

    def posterior(self, h: Tensor, seen: Tensor) -> Posterior:
        return Posterior.of(self.to_posterior(torch.cat([h, seen], 1)))

    def add(self, h: Tensor, z: Tensor) -> Tensor:
        return self.mix(h + self.from_z(z))


def divergence(q: Gaussian, p: Gaussian) -> Tensor:
    """Return KL(q || p) of diagonal Gaussians, per image."""
    squares = (q.mean - p.mean).square() / p.logvar.exp()
    return 0.5 * (p.logvar - q.logvar + (q.logvar - p.logvar).exp() + squares - 1).flatten(1).sum(1)


def density(p: Gaussian, z: Tensor) -> Tensor:
    """Return ln p(z), per image."""
    squares = (z - p.mean).square() / p.logvar.exp()
    return -0.5 * (squares + p.logvar + math.log(2 * math.pi)).flatten(1).sum(1)
