"""VAE: Kingma & Welling, "Auto-Encoding Variational Bayes", arXiv 1312.6114.

    minimise  E_q(z|x) [-ln p(x|z)] + beta KL(q(z|x) || N(0, I)),    z = mean + std * noise

The reconstruction loss is summed over pixels and the KL over latents, and both are averaged over images. With a loss
that is a negative log-likelihood (bce, gaussian, laplace), beta = 1 gives the evidence bound.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from typing import Any, ClassVar

from torch import Tensor

from vaebench.interfaces import At, Log, Loss, Objective, Shape
from vaebench_vaes.autoencoder import GaussianAutoencoder
from vaebench_vaes.limits import at_least, between


class VAE(GaussianAutoencoder):
    name = "vae"
    version = 2
    default_loss = "gaussian"
    tunable: ClassVar = {**GaussianAutoencoder.tunable, "beta": Log(0.01, 10)}

    def __init__(self, shape: Shape, loss: Loss | None, beta: float = 1.0, warmup: float = 0.1, **common: Any) -> None:
        """`warmup` is the share of the steps over which the KL's weight rises from 0 to `beta`."""
        at_least(0, beta=beta)
        between(0, 1, warmup=warmup)
        super().__init__(shape, loss, **common)
        self.beta, self.warmup = beta, warmup

    def weight(self, at: At) -> float:
        """Return the weight of the KL at this step."""
        return self.beta * min(1.0, at.progress / self.warmup) if self.warmup else self.beta

    def constants(self, at: At) -> Hashable:
        return self.weight(at)

    def final_weights(self) -> tuple[float, float]:
        return self.beta, 1.0

    def objectives(self, x: Tensor, at: At) -> Iterator[Mapping[str, Objective]]:
        posterior = self.posterior(x)
        reconstruction = self.criterion(self.raw(posterior.draw()), x)
        yield {"all": {"reconstruction": reconstruction, "kl": self.weight(at) * posterior.kl()}}
