"""VQ-VAE: van den Oord, Vinyals & Kavukcuoglu, "Neural Discrete Representation Learning", arXiv 1711.00937.

    k = argmin_j |z_e - e_j|,    z_q = e_k,    the decoder sees z_e + sg(z_q - z_e), sg = without gradient
    minimise  L(x, x^) + commitment |z_e - sg z_q|^2
    codebook: N_j <- g N_j + (1 - g) n_j,    m_j <- g m_j + (1 - g) sum of z_e at j,    e_j = m_j / N_j (N smoothed)

With g = `decay` = 0, the codebook learns by gradient instead, as in the paper: from |sg z_e - z_q|^2.

Codes that nearly nothing chooses are put where the batch has vectors, the whole codebook therefore at the first step.
Images are drawn from a prior over the grid of codes that is learned in the second stage: `autoregressive`, code after
code, or `per-position`, the cheap one, a histogram at each place. The network is asked for a grid of at most `grid`.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Mapping
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vaebench.interfaces import At, Group, Loss, Model, Network, NotApplicable, Objective, Shape
from vaebench_vaes.backbone import trained
from vaebench_vaes.code_prior import Autoregressive, PerPosition
from vaebench_vaes.limits import at_least, between, one_of
from vaebench_vaes.networks import Trunk

SMOOTHING = 1e-5
DEAD = 0.5
"""A code is dead when its running count of vectors per batch is below this."""


class VQVAE(Model):
    name = "vq-vae"
    version = 2
    default_loss = "mse"
    stages = ("main", "prior")

    def __init__(
        self,
        shape: Shape,
        loss: Loss | None,
        codes: int = 512,
        dim: int = 16,
        grid: int = 8,
        commitment: float = 0.25,
        decay: float = 0.99,
        prior: Literal["autoregressive", "per-position"] = "autoregressive",
        width: int = 32,
        net: type[Network] = Trunk,
    ) -> None:
        at_least(1, dim=dim, grid=grid)
        at_least(2, codes=codes)
        at_least(0, commitment=commitment)
        between(0, 1, decay=decay)
        one_of("autoregressive", "per-position", prior=prior)
        super().__init__(shape, loss)
        self.commitment, self.decay = commitment, decay
        self.encoder, self.decoder = (part(shape, width, grid) for part in (net.encoder, net.decoder))
        channels, *self.grid = self.encoder.out
        self.to_codes, self.from_codes = nn.Conv2d(channels, dim, 1), nn.Conv2d(dim, channels, 3, padding=1)
        kind = Autoregressive if prior == "autoregressive" else PerPosition
        self.prior = kind(codes, math.prod(self.grid), 4 * width)
        if decay == 0:
            self.codebook = nn.Parameter((2 * torch.rand(codes, dim) - 1) / codes)
            return
        self.register_buffer("codebook", torch.zeros(codes, dim))
        self.register_buffer("counts", torch.zeros(codes))
        self.register_buffer("sums", torch.zeros(codes, dim))

    @property
    def bits(self) -> float:
        """Size of an image's code."""
        return math.prod(self.grid) * math.log2(len(self.codebook))

    def groups(self) -> dict[str, Group]:
        main = trained(self.encoder, self.to_codes, self.from_codes, self.decoder, self.criterion)
        if self.decay == 0:
            main.append(self.codebook)
        return {"main": Group(main), "prior": self.prior.group()}

    def constants(self, at: At) -> Hashable:
        """Nothing: which codes are dead is decided on the device."""
        return None

    def objectives(self, x: Tensor, at: At) -> Iterator[Mapping[str, Objective]]:
        if at.stage == "prior":
            with torch.no_grad():
                chosen = self.choose(self.continuous(x))
            yield {"prior": {"prior": self.prior.surprise(chosen)}}
            return

        z_e = self.continuous(x)
        if self.decay:
            self.revive(z_e.detach())
        chosen = self.choose(z_e.detach())
        z_q = F.embedding(chosen, self.codebook)
        raw = self.raw(z_e + (z_q - z_e).detach())
        counts = self.count(chosen)
        share = counts / counts.sum()
        at.log(perplexity=torch.special.entr(share).sum().exp(), used_codes=(counts > 0).sum())
        terms = {
            "reconstruction": self.criterion(raw, x),
            "commitment": self.commitment * (z_e - z_q.detach()).square().sum((1, 2)),
        }
        if self.decay:
            self.follow(z_e.detach(), chosen, counts)
        else:
            terms["codebook"] = (z_e.detach() - z_q).square().sum((1, 2))
        yield {"main": terms}

    def continuous(self, x: Tensor) -> Tensor:
        """z_e: one vector per place of the grid, (B, places, dim), in float32."""
        return self.to_codes(self.encoder(x)).flatten(2).transpose(1, 2).float()

    def choose(self, z_e: Tensor) -> Tensor:
        """The nearest code of each vector, (B, places)."""
        with torch.autocast(z_e.device.type, enabled=False):
            distances = self.codebook.square().sum(1) - 2 * z_e @ self.codebook.T
        return distances.argmin(-1)

    def count(self, chosen: Tensor) -> Tensor:
        """How many vectors of the batch chose each code."""
        counts = torch.zeros(len(self.codebook), device=chosen.device)
        return counts.index_add_(0, chosen.flatten(), torch.ones(chosen.numel(), device=chosen.device))

    def raw(self, z: Tensor) -> Tensor:
        return self.decoder(self.from_codes(z.transpose(1, 2).unflatten(2, self.grid)))

    @torch.no_grad()
    def revive(self, z_e: Tensor) -> None:
        """Put dead codes on vectors of the batch, drawn at random."""
        vectors = z_e.flatten(0, 1)
        drawn = vectors[torch.randint(len(vectors), (len(self.codebook),), device=z_e.device)]
        dead = (self.counts < DEAD)[:, None]
        self.codebook.copy_(torch.where(dead, drawn, self.codebook))
        self.sums.copy_(torch.where(dead, drawn, self.sums))
        self.counts.masked_fill_(dead[:, 0], 1.0)

    @torch.no_grad()
    def follow(self, z_e: Tensor, chosen: Tensor, counts: Tensor) -> None:
        """Move the codebook after the vectors that chose it."""
        sums = torch.zeros_like(self.sums).index_add_(0, chosen.flatten(), z_e.flatten(0, 1))
        self.counts.lerp_(counts, 1 - self.decay)
        self.sums.lerp_(sums, 1 - self.decay)
        total = self.counts.sum()
        smooth = (self.counts + SMOOTHING) / (total + len(counts) * SMOOTHING) * total
        self.codebook.copy_(self.sums / smooth[:, None])

    def encode(self, x: Tensor) -> Tensor:
        return F.embedding(self.choose(self.continuous(x)), self.codebook).flatten(1)

    def decode(self, code: Tensor) -> Tensor:
        return self.criterion.image(self.raw(code.unflatten(1, (-1, self.codebook.shape[1]))))

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        return self.decode(F.embedding(self.prior.sample(n, generator), self.codebook).flatten(1))

    def scores(self, x: Tensor) -> dict[str, Tensor]:
        """How much the codes surprise the prior."""
        return {"nll": self.rate(x)}

    def rate(self, x: Tensor) -> Tensor:
        """-ln p(k): q is sure of its codes."""
        return self.prior.surprise(self.choose(self.continuous(x)))

    def bound(self, x: Tensor, generator: torch.Generator, draws: int) -> Tensor:
        """ln p(x|k) + ln p(k), the same for any draws."""
        if not self.criterion.likelihood:
            raise NotApplicable(
                f"the loss {self.criterion.name} is no density of images, so there is no ln p(x) to bound"
            )
        codes = self.choose(self.continuous(x))
        return -self.criterion(self.raw(F.embedding(codes, self.codebook)), x) - self.prior.surprise(codes)
