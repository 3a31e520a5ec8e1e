"""A stand-in for a trained model, which has no weights and is as good or as poor as a check needs."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, max_pool2d

from vaebench.checks.drawings import draw
from vaebench.interfaces import Gaussian, Model, NotApplicable, Shape

Quality = Literal["good", "poor", "flat", "mute", "nan"]


class StandIn(Model):
    """A stand-in of a given quality.

    Good: it reconstructs the healthy body, its codes show where the spot is, and its samples are new patients.
    Poor: half of its output is noise. Flat: its outputs are constant. Mute: good, but it cannot sample."""

    noise: Tensor
    name = "stand-in"
    version = 1
    default_loss = None
    stages = ()

    def __init__(self, shape: Shape, quality: Quality) -> None:
        super().__init__(shape, None)
        self.quality = quality
        self.register_buffer("noise", torch.rand(shape, generator=torch.Generator().manual_seed(0)))

    def encode(self, x: Tensor) -> Tensor:
        if self.quality == "poor":  # the last digits of a sum: deterministic, but uninformative about the image
            return torch.stack([(x * self.noise).sum((1, 2, 3)) * 10**k % 1 for k in range(1, 5)], 1)
        body = opening(x)
        parts = [adaptive_avg_pool2d(part.mean(1, keepdim=True), 4).flatten(1) for part in (body, x - body)]
        return self.spoilt(torch.cat(parts, 1))

    def decode(self, code: Tensor) -> Tensor:
        return code[:, :1, None, None].clamp(0, 1).expand(-1, *self.shape)

    def reconstruct(self, x: Tensor) -> Tensor:
        return (x + self.noise) / 2 if self.quality == "poor" else self.spoilt(opening(x))

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        if self.quality == "mute":
            raise NotApplicable("the stand-in model has no prior")
        if self.quality == "poor":
            return torch.rand(n, *self.shape, generator=generator, device=generator.device)
        seed = 100 + int(torch.randint(2**20, (), generator=generator, device=generator.device))
        return self.spoilt(torch.from_numpy(draw(n, self.shape, seed).images).to(generator.device) / 255)

    def vary(self, x: Tensor, generator: torch.Generator) -> Tensor:
        noise = torch.rand(x.shape, generator=generator, device=x.device)
        return self.spoilt(0.9 * self.reconstruct(x) + 0.1 * noise)

    def scores(self, x: Tensor) -> dict[str, Tensor]:
        return {"distance": (x - self.reconstruct(x)).abs().mean((1, 2, 3))}

    def posterior(self, x: Tensor) -> Gaussian:
        mean = self.encode(x)
        return Gaussian(mean, self.spoilt(torch.full_like(mean, -4.0)))

    def bound(self, x: Tensor, generator: torch.Generator, draws: int) -> Tensor:
        """Return ln p(x) under the uniform density: 0 for every image, whatever the number of draws."""
        return self.spoilt(x.new_zeros(len(x)))

    def spoilt(self, answer: Tensor) -> Tensor:
        if self.quality == "nan":
            return torch.full_like(answer, float("nan"))
        return torch.full_like(answer, 0.5) if self.quality == "flat" else answer


def opening(x: Tensor) -> Tensor:
    """Remove bright spots of up to a quarter of the image and keep everything larger: erosion, then dilation."""
    reach = x.shape[-1] // 8
    erode = -max_pool2d(-x, 2 * reach + 1, 1, reach)
    return max_pool2d(erode, 2 * reach + 1, 1, reach)
