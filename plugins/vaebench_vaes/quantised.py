"""What autoencoders with discrete codes share: a grid of vectors between encoder and decoder, each replaced by one of a
finite set, and a prior over the codes that is learned in a second stage."""

from __future__ import annotations

import math
from collections.abc import Hashable
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from vaebench.interfaces import At, Choice, Group, Loss, Model, Network, Shape
from vaebench_vaes.backbone import trained
from vaebench_vaes.code_prior import Autoregressive, PerPosition
from vaebench_vaes.limits import at_least, one_of
from vaebench_vaes.networks import Trunk
from vaebench_vaes.posterior import require_density


class Quantised(Model):
    """A method says how vectors become codes (`choose`) and codes vectors (`vectors`), and what its first stage
    minimises. The network is asked for a grid of at most `grid`."""

    default_loss = "mse"
    stages = ("main", "prior")
    depth = 1
    tunable: ClassVar = {"grid": Choice(4, 8, 16, rate=True)}

    def __init__(
        self,
        shape: Shape,
        loss: Loss | None,
        grid: int = 8,
        prior: Literal["autoregressive", "per-position"] = "autoregressive",
        width: int = 32,
        net: type[Network] = Trunk,
    ) -> None:
        at_least(1, grid=grid)
        one_of("autoregressive", "per-position", prior=prior)
        super().__init__(shape, loss)
        self.width, self.kind = width, Autoregressive if prior == "autoregressive" else PerPosition
        self.encoder, self.decoder = (part(shape, width, grid) for part in (net.encoder, net.decoder))

    def quantise(self, codes: int, dim: int, depth: int = 1) -> None:
        """Heads to and from vectors of `dim` numbers, and a prior over `depth` of so many codes at each place."""
        channels, *self.grid = self.encoder.out
        self.codes, self.depth = codes, depth
        self.to_codes, self.from_codes = nn.Conv2d(channels, dim, 1), nn.Conv2d(dim, channels, 3, padding=1)
        self.prior = self.kind(codes, math.prod(self.grid) * depth, 4 * self.width)

    @property
    def bits(self) -> float:
        """Size of an image's code."""
        return math.prod(self.grid) * self.depth * math.log2(self.codes)

    def groups(self) -> dict[str, Group]:
        main = trained(self.encoder, self.to_codes, self.from_codes, self.decoder, self.criterion)
        return {"main": Group(main), "prior": self.prior.group()}

    def constants(self, at: At) -> Hashable:
        """Nothing: whatever depends on the codes is decided on the device."""
        return None

    def second_stage(self, x: Tensor) -> dict[str, dict[str, Tensor]]:
        """What the prior minimises."""
        with torch.no_grad():
            chosen = self.choose(self.continuous(x))
        return {"prior": {"prior": self.prior.surprise(chosen)}}

    def continuous(self, x: Tensor) -> Tensor:
        """z_e: one vector per place of the grid, (B, places, dim), in float32."""
        return self.to_codes(self.encoder(x)).flatten(2).transpose(1, 2).float()

    def choose(self, z_e: Tensor) -> Tensor:
        """The codes of each vector, (B, places * depth)."""
        raise NotImplementedError(f"{type(self).__name__} does not say how vectors become codes: implement choose()")

    def vectors(self, chosen: Tensor) -> Tensor:
        """What codes stand for, (B, places, dim)."""
        raise NotImplementedError(f"{type(self).__name__} does not say what codes stand for: implement vectors()")

    def raw(self, z: Tensor) -> Tensor:
        return self.decoder(self.from_codes(z.transpose(1, 2).unflatten(2, self.grid)))

    def encode(self, x: Tensor) -> Tensor:
        return self.vectors(self.choose(self.continuous(x))).flatten(1)

    def decode(self, code: Tensor) -> Tensor:
        return self.criterion.image(self.raw(code.unflatten(1, (math.prod(self.grid), -1))))

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        return self.decode(self.vectors(self.prior.sample(n, generator)).flatten(1))

    def scores(self, x: Tensor) -> dict[str, Tensor]:
        """How much the codes surprise the prior."""
        return {"nll": self.rate(x)}

    def rate(self, x: Tensor) -> Tensor:
        """-ln p(k): q is sure of its codes."""
        return self.prior.surprise(self.choose(self.continuous(x)))

    def bound(self, x: Tensor, generator: torch.Generator, draws: int) -> Tensor:
        """ln p(x|k) + ln p(k), the same for any draws."""
        require_density(self.criterion)
        codes = self.choose(self.continuous(x))
        return -self.criterion(self.raw(self.vectors(codes)), x) - self.prior.surprise(codes)


def show_use(at: At, counts: Tensor) -> None:
    """Log how evenly a batch uses the codes."""
    share = counts / counts.sum()
    at.log(perplexity=torch.special.entr(share).sum().exp(), used_codes=(counts > 0).sum())
