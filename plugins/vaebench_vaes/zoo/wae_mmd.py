"""WAE-MMD: Tolstikhin et al., "Wasserstein Auto-Encoders", ICLR 2018, arXiv 1711.01558.

    minimise  d(x, g(f(x))) + mmd MMD(f(x), N(0, I))

Unlike a VAE's KL, the penalty does not pull the code of each image to the prior; it only requires that all codes
together follow the prior. The encoder is deterministic, as in the paper's experiments. `mmd` = 10 is the authors' value
for MNIST.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from vaebench.interfaces import At, Log, Loss, Objective, Shape
from vaebench_vaes.autoencoder import Autoencoder
from vaebench_vaes.limits import at_least
from vaebench_vaes.zoo.discrepancy import against_normal


class WAEMMD(Autoencoder):
    name = "wae-mmd"
    version = 1
    default_loss = "mse"
    tunable: ClassVar = {**Autoencoder.tunable, "mmd": Log(0.1, 1000)}

    def __init__(self, shape: Shape, loss: Loss | None, mmd: float = 10.0, **common: Any) -> None:
        at_least(0, mmd=mmd)
        super().__init__(shape, loss, **common)
        self.mmd = mmd

    def objectives(self, x: Tensor, at: At) -> Iterator[Mapping[str, Objective]]:
        z = self.encode(x)
        yield {"all": {"reconstruction": self.criterion(self.raw(z), x), "mmd": self.mmd * against_normal(z)}}

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        return self.decode(torch.randn(n, self.latent, generator=generator, device=generator.device))

    def scores(self, x: Tensor) -> dict[str, Tensor]:
        """Return -ln N(z; 0, I), without its constant."""
        return {"nll": 0.5 * self.encode(x).square().sum(1)}
