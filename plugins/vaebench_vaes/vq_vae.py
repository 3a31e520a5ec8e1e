"""VQ-VAE: van den Oord, Vinyals & Kavukcuoglu, "Neural Discrete Representation Learning", arXiv 1711.00937.

    k = argmin_j |z_e - e_j|,    z_q = e_k,    the decoder sees z_e + sg(z_q - z_e), sg = without gradient
    minimise  L(x, x^) + commitment |z_e - sg z_q|^2
    codebook: N_j <- g N_j + (1 - g) n_j,    m_j <- g m_j + (1 - g) sum of z_e at j,    e_j = m_j / N_j (N smoothed)

With g = `decay` = 0, the codebook learns from the gradient of |sg z_e - z_q|^2 instead, as in the paper.

Codes that are hardly ever chosen are moved onto vectors of the batch; at the first step, all codes are placed this way.
Images are sampled from a prior over the grid of codes, which is learned in the second stage: `autoregressive` predicts
one code after another; `per-position`, which is cheaper, is a histogram of codes at each place. The grid should have
at most `grid` places per side; networks of fixed depth ignore this parameter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vaebench.interfaces import At, Choice, Group, Log, Loss, Objective, Shape
from vaebench_vaes.codebook import MovingCodebook
from vaebench_vaes.limits import at_least, between
from vaebench_vaes.quantised import Quantised, show_use


class VQVAE(MovingCodebook, Quantised):
    name = "vq-vae"
    version = 2
    tunable: ClassVar = {
        **Quantised.tunable,
        "codes": Choice(128, 256, 512, 1024, rate=True),
        "dim": Choice(4, 8, 16, 32, rate=True),
        "commitment": Log(0.05, 2),
        "decay": Choice(0.9, 0.97, 0.99),
    }

    def __init__(
        self,
        shape: Shape,
        loss: Loss | None,
        codes: int = 512,
        dim: int = 16,
        commitment: float = 0.25,
        decay: float = 0.99,
        **common: Any,
    ) -> None:
        at_least(1, dim=dim)
        at_least(2, codes=codes)
        at_least(0, commitment=commitment)
        between(0, 1, decay=decay)
        super().__init__(shape, loss, **common)
        self.commitment, self.decay = commitment, decay
        self.quantise(codes, dim)
        if decay == 0:
            self.codebook = nn.Parameter((2 * torch.rand(codes, dim) - 1) / codes)
        else:
            self.keep_codes(codes, dim)

    def groups(self) -> dict[str, Group]:
        groups = super().groups()
        if self.decay == 0:
            groups["main"] = Group([*groups["main"].parameters, self.codebook])
        return groups

    def objectives(self, x: Tensor, at: At) -> Iterator[Mapping[str, Objective]]:
        if at.stage == "prior":
            yield self.second_stage(x)
            return

        z_e = self.continuous(x)
        if self.decay:
            self.revive(z_e.detach())
        chosen = self.choose(z_e.detach())
        z_q = self.vectors(chosen)
        raw = self.raw(z_e + (z_q - z_e).detach())
        counts = self.count(chosen)
        show_use(at, counts)
        terms = {
            "reconstruction": self.criterion(raw, x),
            "commitment": self.commitment * (z_e - z_q.detach()).square().sum((1, 2)),
        }
        if self.decay:
            self.follow(z_e.detach(), chosen, counts)
        else:
            terms["codebook"] = (z_e.detach() - z_q).square().sum((1, 2))
        yield {"main": terms}

    def vectors(self, chosen: Tensor) -> Tensor:
        return F.embedding(chosen, self.codebook)
