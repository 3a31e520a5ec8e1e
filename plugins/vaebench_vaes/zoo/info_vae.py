"""InfoVAE: Zhao, Song & Ermon, "InfoVAE: Balancing Learning and Inference in Variational Autoencoders", AAAI 2019,
arXiv 1706.02262.

    minimise  E_q(z|x) [-ln p(x|z)] + (1 - alpha) KL(q(z|x) || N(0, I)) + mmd MMD(q(z), N(0, I))
    mmd = alpha + lambda - 1

The KL pulls each image's posterior towards the prior, so that the code contains less information about the image; the
discrepancy only requires that all codes together follow the prior. alpha = 0 and mmd = 0 give the VAE, and alpha = 1
gives the paper's MMD-VAE.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from torch import Tensor

from vaebench.interfaces import At, Linear, Log, Loss, Objective, Shape
from vaebench_vaes.autoencoder import GaussianAutoencoder
from vaebench_vaes.limits import at_least, between
from vaebench_vaes.zoo.discrepancy import against_normal


class InfoVAE(GaussianAutoencoder):
    name = "info-vae"
    version = 1
    default_loss = "gaussian"
    tunable: ClassVar = {**GaussianAutoencoder.tunable, "alpha": Linear(0, 1), "mmd": Log(0.1, 1000)}

    def __init__(self, shape: Shape, loss: Loss | None, alpha: float = 0.5, mmd: float = 10.0, **common: Any) -> None:
        between(0, 1, alpha=alpha)
        at_least(0, mmd=mmd)
        super().__init__(shape, loss, **common)
        self.alpha, self.mmd = alpha, mmd

    def final_weights(self) -> tuple[float, float]:
        return 1 - self.alpha, 1.0

    def objectives(self, x: Tensor, at: At) -> Iterator[Mapping[str, Objective]]:
        posterior = self.posterior(x)
        z = posterior.draw()
        yield {
            "all": {
                "reconstruction": self.criterion(self.raw(z), x),
                "kl": (1 - self.alpha) * posterior.kl(),
                "mmd": self.mmd * against_normal(z),
            }
        }
