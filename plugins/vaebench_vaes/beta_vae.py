"""beta-VAE: Higgins et al., "beta-VAE: Learning Basic Visual Concepts with a Constrained Variational Framework",
ICLR 2017.

    minimise  E_q(z|x) [-ln p(x|z)] + beta KL(q(z|x) || N(0, I)),    beta > 1

A VAE in which the KL has a larger weight than in the evidence bound, from the first step on. A factor of variation gets
a separate latent if it lowers the reconstruction loss by more than its weighted KL; other factors are dropped.
"""

from __future__ import annotations

from typing import Any, ClassVar

from vaebench.interfaces import Log, Loss, Shape
from vaebench_vaes.vae import VAE


class BetaVAE(VAE):
    name = "beta-vae"
    version = 2
    tunable: ClassVar = {**VAE.tunable, "beta": Log(1, 30)}

    def __init__(self, shape: Shape, loss: Loss | None, beta: float = 4.0, warmup: float = 0.0, **common: Any) -> None:
        super().__init__(shape, loss, beta, warmup, **common)
