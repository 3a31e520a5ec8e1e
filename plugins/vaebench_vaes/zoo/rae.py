"""RAE-L2: Ghosh et al., "From Variational to Deterministic Autoencoders", ICLR 2020, arXiv 1903.12436.

    minimise  d(x, g(z)) + beta/2 |z|^2 + decay |theta_g|^2,    z = f(x),    theta_g: the decoder's weights

Two penalties replace the noise of a VAE: they keep the codes near zero and the decoder smooth. Samples are drawn from a
Gaussian mixture that is fitted to the codes afterwards.
"""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor

from vaebench.interfaces import Log, Loss, Shape
from vaebench_vaes.backbone import trained
from vaebench_vaes.limits import at_least
from vaebench_vaes.zoo.two_stage import TwoStage


class RAE(TwoStage):
    name = "rae"
    version = 1
    tunable: ClassVar = {**TwoStage.tunable, "beta": Log(1e-4, 1), "decay": Log(1e-8, 1e-4)}

    def __init__(self, shape: Shape, loss: Loss | None, beta: float = 0.01, decay: float = 1e-7, **common: Any) -> None:
        at_least(0, beta=beta, decay=decay)
        super().__init__(shape, loss, **common)
        self.beta, self.decay = beta, decay

    def terms(self, x: Tensor) -> dict[str, Tensor]:
        z = self.encode(x)
        weights = sum(p.square().sum() for p in trained(self.from_latent, self.decoder))
        return {
            "reconstruction": self.criterion(self.raw(z), x),
            "code": 0.5 * self.beta * z.square().sum(1),
            "decay": (self.decay * weights).expand(len(x)),
        }
