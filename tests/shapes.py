"""Three tiny models whose training is complex: rivals on one graph, two updates in one step, and two stages."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn

from vaebench.interfaces import At, Group, Images, Loss, Model, Objective, Shape


class Linear(Model):
    """An autoencoder whose encoder and decoder are a single linear layer each."""

    def __init__(self, shape: Shape, loss: Loss | None, latent: int = 4) -> None:
        if latent < 1:
            raise ValueError(f"latent must be at least 1, not {latent}")
        super().__init__(shape, loss)
        self.latent = latent
        self.encoder = nn.Linear(math.prod(shape), latent)
        self.decoder = nn.Linear(latent, math.prod(shape))

    def groups(self) -> dict[str, Group]:
        return {"encoder": Group(self.encoder.parameters()), "decoder": Group(self.decoder.parameters())}

    def raw(self, z: Tensor) -> Tensor:
        return self.decoder(z).unflatten(1, self.shape)

    def encode(self, x: Tensor) -> Tensor:
        return self.encoder(x.flatten(1))

    def decode(self, code: Tensor) -> Tensor:
        return self.criterion.image(self.raw(code))

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        return self.decode(torch.randn(n, self.latent, generator=generator))


class Rivals(Linear):
    """Three groups of parameters, each with a separate loss, on one shared graph (as in VAE-GAN and VPGA)."""

    name = "rivals"
    version = 1

    def __init__(self, shape: Shape, loss: Loss | None, latent: int = 4) -> None:
        super().__init__(shape, loss, latent)
        self.critic = nn.Linear(math.prod(shape), 1)

    def groups(self) -> dict[str, Group]:
        return super().groups() | {"critic": Group(self.critic.parameters(), torch.optim.RMSprop, {"lr": 1e-3})}

    def objectives(self, x: Tensor, at: At) -> Iterator[Mapping[str, Objective]]:
        z = self.encode(x)
        raw = self.raw(z + 0.1 * torch.randn_like(z))
        reconstruction = self.criterion(raw, x)
        real, fake = (self.critic(image.flatten(1))[:, 0] for image in (x, self.criterion.image(raw)))
        yield {
            "encoder": {"reconstruction": reconstruction, "code": z.square().sum(1)},
            "decoder": {"reconstruction": reconstruction, "fooling": -fake},
            "critic": nn.functional.softplus(fake) + nn.functional.softplus(-real),
        }


class Turns(Linear):
    """Two updates in one step; the second uses the parameters that the first has changed (as in IntroVAE)."""

    name = "turns"
    version = 1

    def objectives(self, x: Tensor, at: At) -> Iterator[Mapping[str, Objective]]:
        z = self.encode(x)
        fake = self.criterion.image(self.raw(torch.randn_like(z)))
        repelled = (1 - self.encode(fake.detach()).square().sum(1)).relu()
        yield {"encoder": {"reconstruction": self.criterion(self.raw(z), x), "repelled": repelled}}

        code = self.encode(x).detach()
        fake = self.criterion.image(self.raw(torch.randn_like(z)))
        yield {"decoder": self.criterion(self.raw(code), x) + self.encode(fake).square().sum(1)}


class Coded(Linear):
    """A mean fitted in closed form, a code of signs and, in a second stage, a prior over the signs (as in VQ-VAE)."""

    name = "coded"
    version = 1
    stages = ("main", "prior")

    def __init__(self, shape: Shape, loss: Loss | None, latent: int = 4) -> None:
        super().__init__(shape, loss, latent)
        self.register_buffer("mean", torch.zeros(shape))
        self.prior = nn.Parameter(torch.zeros(latent))

    def groups(self) -> dict[str, Group]:
        return super().groups() | {"prior": Group([self.prior], options={"lr": 0.05})}

    def fit(self, images: Images) -> None:
        self.mean.copy_(images[:].mean(0))

    def objectives(self, x: Tensor, at: At) -> Iterator[Mapping[str, Objective]]:
        z = self.encoder((x - self.mean).flatten(1))
        signs = z.sign()
        if at.stage == "prior":
            chosen = (signs.detach() + 1) / 2
            bits = nn.functional.binary_cross_entropy_with_logits(self.prior.expand_as(z), chosen, reduction="none")
            yield {"prior": bits.sum(1)}
        else:
            at.log(used=(signs > 0).any(0).sum())
            reconstruction = self.criterion(self.raw(z + (signs - z).detach()), x)
            yield {"encoder": {"reconstruction": reconstruction, "commitment": (z - signs).square().sum(1)},
                   "decoder": reconstruction}  # fmt: skip

    def encode(self, x: Tensor) -> Tensor:
        return self.encoder((x - self.mean).flatten(1)).sign()

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        return self.decode(2 * torch.bernoulli(self.prior.sigmoid().expand(n, -1), generator=generator) - 1)

    def scores(self, x: Tensor) -> dict[str, Tensor]:
        return {"surprise": nn.functional.softplus(-self.encode(x) * self.prior).sum(1)}


SHAPES = (Rivals, Turns, Coded)
