"""FactorVAE: Kim & Mnih, "Disentangling by Factorising", ICML 2018, arXiv 1802.05983.

    minimise  E_q(z|x) [-ln p(x|z)] + KL(q(z|x) || N(0, I)) + gamma TC(z),    TC(z) = E_q(z) ln D(z) / (1 - D(z))
    D learns to distinguish codes from codes whose dimensions were shuffled over the batch, each independently

Shuffled codes follow the product of q's marginals, so the odds of the optimal D are q(z) / prod_d q(z_d). The codes to
shuffle are drawn anew from the posteriors of the same images, whereas the paper uses a second batch. The layers of the
paper's D have 1000 units; here they have 32 times `width`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vaebench.interfaces import At, Group, Log, Loss, Objective, Shape
from vaebench_vaes.backbone import trained
from vaebench_vaes.limits import at_least
from vaebench_vaes.vae import VAE

LAYERS = 6


class FactorVAE(VAE):
    name = "factor-vae"
    version = 1
    tunable: ClassVar = {**VAE.tunable, "gamma": Log(0.5, 50)}

    def __init__(self, shape: Shape, loss: Loss | None, gamma: float = 6.0, **common: Any) -> None:
        at_least(0, gamma=gamma)
        super().__init__(shape, loss, **common)
        self.gamma = gamma
        sizes = (self.latent, *[32 * self.width] * (LAYERS - 1))
        hidden = (layer for a, b in pairwise(sizes) for layer in (nn.Linear(a, b), nn.LeakyReLU(0.2)))
        self.discriminator = nn.Sequential(*hidden, nn.Linear(sizes[-1], 1), nn.Flatten(0))

    def groups(self) -> dict[str, Group]:
        main = trained(*(part for name, part in self.named_children() if name != "discriminator"))
        options = {"lr": 1e-4, "betas": (0.5, 0.9)}
        return {"vae": Group(main), "discriminator": Group(trained(self.discriminator), options=options, critic=True)}

    def objectives(self, x: Tensor, at: At) -> Iterator[Mapping[str, Objective]]:
        posterior, weight = self.posterior(x), self.weight(at)
        z = posterior.draw()
        odds = self.discriminator(z).float()
        odds_shuffled = self.discriminator(shuffled(posterior.draw().detach())).float()
        yield {
            "vae": {
                "reconstruction": self.criterion(self.raw(z), x),
                "kl": weight * posterior.kl(),
                "total_correlation": weight * self.gamma * odds,
            },
            "discriminator": {"codes": 0.5 * F.softplus(-odds), "shuffled": 0.5 * F.softplus(odds_shuffled)},
        }


def shuffled(z: Tensor) -> Tensor:
    """Return z with each dimension shuffled independently over the batch."""
    return z.gather(0, torch.rand_like(z).argsort(0))
