"""Two-stage autoencoder: Ghosh et al., "From Variational to Deterministic Autoencoders", arXiv 1903.12436, section 4.

    first stage:  minimise  d(x, g(f(x)))
    second stage: maximise  ln p(f(x)),  f held fixed

A plain autoencoder is trained first. Then a density of its codes is learned: a Gaussian mixture, or rectified flow. To
generate a sample, a code is drawn from this density and decoded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import torch
from torch import Tensor

from vaebench.interfaces import At, Group, Loss, Objective, Shape
from vaebench_vaes.autoencoder import Autoencoder
from vaebench_vaes.backbone import trained
from vaebench_vaes.limits import one_of
from vaebench_vaes.zoo.priors import Flow, Mixture


class TwoStage(Autoencoder):
    name = "ae-two-stage"
    version = 1
    default_loss = "mse"
    stages = ("main", "prior")

    def __init__(
        self, shape: Shape, loss: Loss | None, prior: Literal["mixture", "flow"] = "mixture", **common: Any
    ) -> None:
        one_of("mixture", "flow", prior=prior)
        super().__init__(shape, loss, **common)
        self.prior = Mixture(self.latent) if prior == "mixture" else Flow(self.latent)

    def groups(self) -> dict[str, Group]:
        main = trained(*(part for name, part in self.named_children() if name != "prior"))
        return {"main": Group(main), "prior": self.prior.group()}

    def objectives(self, x: Tensor, at: At) -> Iterator[Mapping[str, Objective]]:
        if at.stage == "prior":
            with torch.no_grad():
                code = self.encode(x)
            self.prior.observe(code)
            yield {"prior": {"prior": self.prior.objective(code)}}
        else:
            yield {"main": self.terms(x)}

    def terms(self, x: Tensor) -> dict[str, Tensor]:
        """Return the terms that the first stage minimises."""
        return {"reconstruction": self.criterion(self.raw(self.encode(x)), x)}

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        return self.decode(self.prior.sample(n, generator))

    def scores(self, x: Tensor) -> dict[str, Tensor]:
        """Return the surprise (-ln p) of the code under the prior, if the prior's density has a closed form."""
        return {"nll": self.prior.surprise(self.encode(x))} if isinstance(self.prior, Mixture) else {}
