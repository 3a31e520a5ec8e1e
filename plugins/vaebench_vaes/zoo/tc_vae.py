"""beta-TC-VAE: Chen et al., "Isolating Sources of Disentanglement in Variational Autoencoders", NeurIPS 2018,
arXiv 1802.04942.

    KL(q(z|x) || p(z)), averaged over x = MI(x, z) + TC(z) + sum_d KL(q(z_d) || p(z_d)),  TC = KL(q(z) || prod_d q(z_d))
    minimise  E_q(z|x) [-ln p(x|z)] + KL(q(z|x) || N(0, I)) + (tc - 1) TC(z)

Only the total correlation has a larger weight than in a VAE; `tc` is the paper's beta, and `tc` = 1 is the VAE. q(z)
and q(z_d) are mixtures over the batch. The paper also divides them by the number of training images, a constant that
has no gradient.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from torch import Tensor

from vaebench.interfaces import At, Log, Loss, Objective, Shape
from vaebench_vaes.limits import at_least
from vaebench_vaes.posterior import Posterior
from vaebench_vaes.vae import VAE


class TCVAE(VAE):
    name = "tc-vae"
    version = 1
    tunable: ClassVar = {**VAE.tunable, "tc": Log(1, 30)}

    def __init__(self, shape: Shape, loss: Loss | None, tc: float = 6.0, **common: Any) -> None:
        at_least(1, tc=tc)
        super().__init__(shape, loss, **common)
        self.tc = tc

    def objectives(self, x: Tensor, at: At) -> Iterator[Mapping[str, Objective]]:
        posterior, weight = self.posterior(x), self.weight(at)
        z = posterior.draw()
        yield {
            "all": {
                "reconstruction": self.criterion(self.raw(z), x),
                "kl": weight * posterior.kl(),
                "total_correlation": weight * (self.tc - 1) * total_correlation(z, posterior),
            }
        }


def total_correlation(z: Tensor, posterior: Posterior) -> Tensor:
    """Return ln q(z) - sum_d ln q(z_d) of each code, where q is the mixture of all posteriors of the batch."""
    each, many = posterior.densities(z), math.log(len(z))
    together = each.sum(2).logsumexp(1) - many
    return together - (each.logsumexp(1) - many).sum(1)
