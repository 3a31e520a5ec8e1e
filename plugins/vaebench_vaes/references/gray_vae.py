"""gray-vae: the model of a project with grey chest X-rays (R2) that adds a mean squared error to a summed KL, "with
scaling factors".

    minimise  rec / pixels sum (x - x^)^2 + kl KL(q(z|x) || N(0, I))

The factors were never published, so `rec` must be given; a default could be mistaken for the project's value. With both
factors at 1, the error's weight is thousands of times smaller than in the evidence bound, and the code collapses. rec =
pixels / 2 (2048 at 64 px) gives the evidence bound for a Gaussian of unit variance; rec = pixels corresponds to `mse`
in every other model. With Adam, only the ratio of the two factors matters.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor

from vaebench.interfaces import At, Loss, Objective, Recipe, Shape
from vaebench_vaes.autoencoder import GaussianAutoencoder
from vaebench_vaes.limits import at_least


class GrayVAE(GaussianAutoencoder):
    name = "gray-vae"
    version = 1
    recipe = Recipe()  # as in the original: the last weights, not their average
    default_loss = "mse"

    def __init__(self, shape: Shape, loss: Loss | None, rec: float, kl: float = 1.0, **common: Any) -> None:
        at_least(0, rec=rec, kl=kl)
        super().__init__(shape, loss, **common)
        self.rec, self.kl, self.pixels = rec, kl, math.prod(shape)

    def final_weights(self) -> tuple[float, float]:
        return self.kl, self.rec / self.pixels

    def objectives(self, x: Tensor, at: At) -> Iterator[Mapping[str, Objective]]:
        posterior = self.posterior(x)
        reconstruction = self.criterion(self.raw(posterior.draw()), x)
        yield {"all": {"reconstruction": self.rec / self.pixels * reconstruction, "kl": self.kl * posterior.kl()}}
