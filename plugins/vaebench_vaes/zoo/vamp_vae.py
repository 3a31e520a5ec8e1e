"""VampPrior VAE: Tomczak & Welling, "VAE with a VampPrior", AISTATS 2018, arXiv 1705.07120.

    p(z) = 1/K sum_k q(z|u_k),    u_k: pseudo-inputs, which are learned images
    minimise  E_q(z|x) [-ln p(x|z) + beta (ln q(z|x) - ln p(z))]

The prior is a mixture of the posteriors of `pseudo` learned images, so it adapts to the codes. The pseudo-inputs are
initialised with evenly spaced training images (an option in the authors' code), and are clipped to [0, 1] when used.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from vaebench.interfaces import At, Choice, Images, Log, Loss, Objective, Shape
from vaebench_vaes.autoencoder import Autoencoder
from vaebench_vaes.limits import at_least, between
from vaebench_vaes.posterior import Posterior, require_density


class VampVAE(Autoencoder):
    name = "vamp-vae"
    version = 1
    per_latent = 2
    default_loss = "gaussian"
    tunable: ClassVar = {**Autoencoder.tunable, "beta": Log(0.01, 10), "pseudo": Choice(20, 50, 100)}

    def __init__(
        self,
        shape: Shape,
        loss: Loss | None,
        pseudo: int = 50,
        beta: float = 1.0,
        warmup: float = 0.1,
        **common: Any,
    ) -> None:
        """`warmup` is the share of the steps over which the prior's weight rises from 0 to `beta`."""
        at_least(1, pseudo=pseudo)
        at_least(0, beta=beta)
        between(0, 1, warmup=warmup)
        super().__init__(shape, loss, **common)
        self.beta, self.warmup = beta, warmup
        self.pseudo = nn.Parameter(torch.rand(pseudo, *shape))

    def fit(self, images: Images) -> None:
        super().fit(images)
        with torch.no_grad():
            for row, index in enumerate(torch.linspace(0, len(images) - 1, len(self.pseudo)).long().tolist()):
                self.pseudo[row] = images[index : index + 1][0]

    def weight(self, at: At) -> float:
        return self.beta * min(1.0, at.progress / self.warmup) if self.warmup else self.beta

    def constants(self, at: At) -> Hashable:
        return self.weight(at)

    def code_of(self, x: Tensor) -> Posterior:
        """Return q(z|x)."""
        return Posterior.of(self.to_latent(self.encoder(x)))

    def encode(self, x: Tensor) -> Tensor:
        return self.code_of(x).mean

    def surprise(self, z: Tensor) -> Tensor:
        """Return -ln p(z)."""
        each = self.code_of(self.pseudo.clamp(0, 1)).densities(z).sum(2)
        return math.log(len(self.pseudo)) - each.logsumexp(1)

    def objectives(self, x: Tensor, at: At) -> Iterator[Mapping[str, Objective]]:
        q = self.code_of(x)
        noise = q.noise()
        z = q.at(noise)
        divergence = q.density_at(noise) + self.surprise(z)
        yield {"all": {"reconstruction": self.criterion(self.raw(z), x), "divergence": self.weight(at) * divergence}}

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        q, chosen = (
            self.code_of(self.pseudo.clamp(0, 1)),
            torch.randint(len(self.pseudo), (n,), generator=generator, device=generator.device),
        )
        return self.decode(Posterior(q.mean[chosen], q.logvar[chosen]).draw(generator))

    def vary(self, x: Tensor, generator: torch.Generator) -> Tensor:
        return self.decode(self.code_of(x).draw(generator))

    def scores(self, x: Tensor) -> dict[str, Tensor]:
        """Return the surprise (-ln p) of the posterior's mean under the prior."""
        return {"nll": self.surprise(self.encode(x))}

    def bound(self, x: Tensor, generator: torch.Generator, draws: int) -> Tensor:
        require_density(self.criterion)
        q, weights = self.code_of(x), []
        for _ in range(draws):
            noise = q.noise(generator)
            z = q.at(noise)
            weights.append(-self.criterion(self.raw(z), x) - self.surprise(z) - q.density_at(noise))
        return torch.stack(weights).logsumexp(0) - math.log(draws)
