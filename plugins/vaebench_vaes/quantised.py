"""The base of autoencoders with discrete codes: a grid of vectors between encoder and decoder, each replaced by one of
a finite set, and a prior over the codes that is learned in a second stage."""

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
    """The base class of models with discrete codes. A subclass defines how vectors become codes (`choose`), how codes
    become vectors (`vectors`), and the objective of the first stage. The grid should have at most `grid` places per
    side; networks of fixed depth ignore this parameter."""

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
        """Create layers from features to vectors of `dim` numbers and back, and a prior of `depth` codes per place."""
        channels, *self.grid = self.encoder.out
        self.codes, self.depth = codes, depth
        self.to_codes, self.from_codes = nn.Conv2d(channels, dim, 1), nn.Conv2d(dim, channels, 3, padding=1)
        self.prior = self.kind(codes, math.prod(self.grid) * depth, 4 * self.width)

    @property
    def bits(self) -> float:
        """Return the size of an image's code in bits."""
        return math.prod(self.grid) * self.depth * math.log2(self.codes)

    def groups(self) -> dict[str, Group]:
        main = trained(self.encoder, self.to_codes, self.from_codes, self.decoder, self.criterion)
        return {"main": Group(main), "prior": self.prior.group()}

    def constants(self, at: At) -> Hashable:
        """Return None, because no Python number in the objectives changes between steps."""
        return None

    def second_stage(self, x: Tensor) -> dict[str, dict[str, Tensor]]:
        """Return the objective of the prior."""
        with torch.no_grad():
            chosen = self.choose(self.continuous(x))
        return {"prior": {"prior": self.prior.surprise(chosen)}}

    def continuous(self, x: Tensor) -> Tensor:
        """Return z_e: one vector per place of the grid, (B, places, dim), in float32."""
        return self.to_codes(self.encoder(x)).flatten(2).transpose(1, 2).float()

    def choose(self, z_e: Tensor) -> Tensor:
        """Return the codes of each vector, (B, places * depth)."""
        raise NotImplementedError(f"{type(self).__name__} must implement choose(), which maps vectors to their codes")

    def vectors(self, chosen: Tensor) -> Tensor:
        """Return the vectors that the codes represent, (B, places, dim)."""
        raise NotImplementedError(f"{type(self).__name__} must implement vectors(), which maps codes to their vectors")

    def raw(self, z: Tensor) -> Tensor:
        return self.decoder(self.from_codes(z.transpose(1, 2).unflatten(2, self.grid)))

    def encode(self, x: Tensor) -> Tensor:
        return self.vectors(self.choose(self.continuous(x))).flatten(1)

    def decode(self, code: Tensor) -> Tensor:
        return self.criterion.image(self.raw(code.unflatten(1, (math.prod(self.grid), -1))))

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        return self.decode(self.vectors(self.prior.sample(n, generator)).flatten(1))

    def scores(self, x: Tensor) -> dict[str, Tensor]:
        """Return the surprise (-ln p) of the codes under the prior."""
        return {"nll": self.rate(x)}

    def rate(self, x: Tensor) -> Tensor:
        """Return -ln p(k): q(k|x) is deterministic, so it adds nothing to the rate."""
        return self.prior.surprise(self.choose(self.continuous(x)))

    def bound(self, x: Tensor, generator: torch.Generator, draws: int) -> Tensor:
        """Return ln p(x|k) + ln p(k), which does not depend on `draws`."""
        require_density(self.criterion)
        codes = self.choose(self.continuous(x))
        return -self.criterion(self.raw(self.vectors(codes)), x) - self.prior.surprise(codes)


def show_use(at: At, counts: Tensor) -> None:
    """Log how evenly a batch uses the codes."""
    share = counts / counts.sum()
    at.log(perplexity=torch.special.entr(share).sum().exp(), used_codes=(counts > 0).sum())
