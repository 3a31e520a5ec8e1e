"""FSQ: Mentzer et al., "Finite Scalar Quantization: VQ-VAE Made Simple", ICLR 2024, arXiv 2309.15505.

    b(z) = (L - 1)/2 (1 + e) tanh(z + shift) - offset,    offset = 1/2 for even L, else 0; b(0) = 0
    q(z) = round(b(z)) / floor(L/2),    the decoder sees b + sg(round(b) - b), sg = without gradient
    minimise  d(x, g(q(f(x))))

Each number of a vector is rounded to one of L levels, so the number of codes is the product of the levels. There is no
codebook, no commitment loss, and no codebook vector that could fall out of use. The choices of `levels` are the paper's
for 2^8, 2^10 and 2^12 codes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import accumulate
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from vaebench.interfaces import At, Choice, Loss, Objective, Shape
from vaebench_vaes.limits import one_of
from vaebench_vaes.quantised import Quantised, show_use

SLACK = 1e-3
"""The e in the equation for b(z): it makes the outermost levels reachable, which tanh would only approach."""


class FSQVAE(Quantised):
    name = "fsq-vae"
    version = 1
    tunable: ClassVar = {**Quantised.tunable, "levels": Choice("8x6x5", "8x5x5x5", "7x5x5x5x5", rate=True)}

    def __init__(
        self,
        shape: Shape,
        loss: Loss | None,
        levels: Literal["8x6x5", "8x5x5x5", "7x5x5x5x5"] = "8x6x5",
        **common: Any,
    ) -> None:
        one_of("8x6x5", "8x5x5x5", "7x5x5x5x5", levels=levels)
        super().__init__(shape, loss, **common)
        sizes = [int(one) for one in levels.split("x")]
        self.quantise(math.prod(sizes), len(sizes))
        self.register_buffer("levels", torch.tensor(sizes), persistent=False)
        self.register_buffer("steps", torch.tensor([1, *accumulate(sizes, int.__mul__)][:-1]), persistent=False)

    def bounded(self, z: Tensor) -> Tensor:
        """Return b(z), whose rounded values are L integers around zero."""
        half = (self.levels - 1) * (1 + SLACK) / 2
        offset = 0.5 * (self.levels % 2 == 0)
        return half * (z + (offset / half).atanh()).tanh() - offset

    def choose(self, z_e: Tensor) -> Tensor:
        digits = self.bounded(z_e).round().long() + self.levels // 2
        return (digits * self.steps).sum(-1)

    def vectors(self, chosen: Tensor) -> Tensor:
        digits = chosen[..., None] // self.steps % self.levels
        return (digits - self.levels // 2) / (self.levels // 2)

    def objectives(self, x: Tensor, at: At) -> Iterator[Mapping[str, Objective]]:
        if at.stage == "prior":
            yield self.second_stage(x)
            return

        z_e = self.continuous(x)
        b = self.bounded(z_e)
        chosen = self.choose(z_e.detach()).flatten()
        counts = torch.zeros(self.codes, device=x.device)
        show_use(at, counts.index_add_(0, chosen, torch.ones(chosen.shape, device=x.device)))
        raw = self.raw((b + (b.round() - b).detach()) / (self.levels // 2))
        yield {"main": {"reconstruction": self.criterion(raw, x)}}
