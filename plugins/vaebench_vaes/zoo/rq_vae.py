"""RQ-VAE: Lee et al., "Autoregressive Image Generation using Residual Quantization", CVPR 2022, arXiv 2203.01941.

    r_0 = z_e,    k_d = argmin_j |r_(d-1) - e^d_j|,    r_d = r_(d-1) - e^d_(k_d),    z^(d) = e^1_(k_1) + ... + e^d_(k_d)
    minimise  L(x, x^) + commitment sum_d |z_e - sg z^(d)|^2,    the decoder sees z_e + sg(z^(D) - z_e)

A vector is quantised, then the remainder is quantised, and so on, D = `depth` times: D codebooks of K codes represent
K^D vectors. Each depth has a separate codebook, learned as in `vq-vae`, whereas the paper's depths share one. The prior
reads all codes of one spatial position, then those of the next.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vaebench.interfaces import At, Choice, Log, Loss, Objective, Shape
from vaebench_vaes.codebook import MovingCodebook
from vaebench_vaes.limits import at_least, between
from vaebench_vaes.quantised import Quantised, show_use


class Level(MovingCodebook):
    """The codebook of one depth."""

    def __init__(self, codes: int, dim: int, decay: float) -> None:
        super().__init__()
        self.decay = decay
        self.keep_codes(codes, dim)


class RQVAE(Quantised):
    name = "rq-vae"
    version = 1
    tunable: ClassVar = {
        **Quantised.tunable,
        "codes": Choice(64, 128, 256, rate=True),
        "depth": Choice(1, 2, 3, 4, rate=True),
        "commitment": Log(0.05, 2),
        "decay": Choice(0.9, 0.97, 0.99),
    }

    def __init__(
        self,
        shape: Shape,
        loss: Loss | None,
        codes: int = 128,
        dim: int = 16,
        depth: int = 3,
        commitment: float = 0.25,
        decay: float = 0.99,
        **common: Any,
    ) -> None:
        at_least(1, dim=dim, depth=depth)
        at_least(2, codes=codes)
        at_least(0, commitment=commitment)
        between(0, 0.9999, decay=decay)
        super().__init__(shape, loss, **common)
        self.commitment = commitment
        self.quantise(codes, dim, depth)
        self.levels = nn.ModuleList(Level(codes, dim, decay) for _ in range(depth))

    def objectives(self, x: Tensor, at: At) -> Iterator[Mapping[str, Objective]]:
        if at.stage == "prior":
            yield self.second_stage(x)
            return

        z_e = self.continuous(x)
        left, z_q, commitment = z_e.detach(), torch.zeros_like(z_e), 0.0
        for level in self.levels:
            level.revive(left)
            chosen = level.choose(left)
            counts = level.count(chosen)
            vectors = F.embedding(chosen, level.codebook)
            level.follow(left, chosen, counts)
            left, z_q = left - vectors, z_q + vectors
            commitment = commitment + (z_e - z_q).square().sum((1, 2))
        show_use(at, counts)
        reconstruction = self.criterion(self.raw(z_e + (z_q - z_e).detach()), x)
        yield {"main": {"reconstruction": reconstruction, "commitment": self.commitment * commitment}}

    def choose(self, z_e: Tensor) -> Tensor:
        found = []
        for level in self.levels:
            found.append(level.choose(z_e))
            z_e = z_e - F.embedding(found[-1], level.codebook)
        return torch.stack(found, 2).flatten(1)

    def vectors(self, chosen: Tensor) -> Tensor:
        each = chosen.unflatten(1, (-1, self.depth)).unbind(2)
        return sum(F.embedding(one, level.codebook) for one, level in zip(each, self.levels, strict=True))
