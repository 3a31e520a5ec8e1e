"""IWAE: Burda, Grosse & Salakhutdinov, "Importance Weighted Autoencoders", ICLR 2016, arXiv 1509.00519.

    minimise  -ln 1/K sum_k p(x|z_k) p(z_k) / q(z_k|x),    z_1 ... z_K ~ q(z|x)

This bound on ln p(x) is tighter than the VAE's, and equals the VAE's for K = `draws` = 1. A drawn code that explains
the image poorly has little weight, so the posterior may be wider. With a loss that is not a density of images, the
model can be trained, but its objective is not a bound.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from torch import Tensor

from vaebench.interfaces import At, Choice, Loss, Objective, Shape
from vaebench_vaes.autoencoder import GaussianAutoencoder
from vaebench_vaes.limits import at_least


class IWAE(GaussianAutoencoder):
    name = "iwae"
    version = 1
    default_loss = "gaussian"
    tunable: ClassVar = {**GaussianAutoencoder.tunable, "draws": Choice(2, 5, 10)}

    def __init__(self, shape: Shape, loss: Loss | None, draws: int = 5, **common: Any) -> None:
        at_least(1, draws=draws)
        super().__init__(shape, loss, **common)
        self.draws = draws

    def objectives(self, x: Tensor, at: At) -> Iterator[Mapping[str, Objective]]:
        bound = self.posterior(x).bound(lambda z: -self.criterion(self.raw(z), x), None, self.draws)
        yield {"all": {"bound": -bound}}
