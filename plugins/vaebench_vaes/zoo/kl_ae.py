"""KL autoencoder, the first stage of latent diffusion: Rombach et al., "High-Resolution Image Synthesis with Latent
Diffusion Models", CVPR 2022, arXiv 2112.10752, after Esser et al., arXiv 2012.09841.

    z ~ q(z|x): maps of numbers;    D: a critic that judges patches;    D_l: its layers
    autoencoder: minimise  d(x, x^) + kl KL(q(z|x) || N(0, I)) + pixels [features sum_l |D_l(x) - D_l(x^)| - game D(x^)]
    critic:      minimise  max(0, 1 - D(x)) + max(0, 1 + D(x^))

The weight of the KL is tiny: the KL only keeps codes from diverging, and the second stage learns their distribution.
The paper's feature loss is LPIPS, with a network trained on photographs. `lpips` names a file with the weights of this
network; without such a file, the features are the critic's layers, with each distance in units of the layer's mean
magnitude. No metric measures either of these two distances, so the model is not trained on what a metric measures.
The critic is trained from the first step on, but contributes to the autoencoder's loss only after a share `start` of
the steps.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Mapping
from itertools import pairwise
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from vaebench.interfaces import At, Group, Log, Loss, Objective, Shape
from vaebench_vaes.backbone import norm, trained
from vaebench_vaes.limits import at_least, between
from vaebench_vaes.posterior import Posterior
from vaebench_vaes.zoo.lpips import SMALLEST, opened
from vaebench_vaes.zoo.priors import Flow, Mixture
from vaebench_vaes.zoo.two_stage import TwoStage


class KLAE(TwoStage):
    name = "kl-ae"
    version = 1
    default_loss = "l1"
    tunable: ClassVar = {**TwoStage.tunable, "kl": Log(1e-7, 1e-3), "features": Log(0.01, 1), "game": Log(0.001, 0.1)}
    per_latent = 2
    grid = 8

    def __init__(
        self,
        shape: Shape,
        loss: Loss | None,
        latent: int = 256,
        kl: float = 1e-6,
        features: float = 0.1,
        game: float = 0.01,
        start: float = 0.3,
        lpips: str | None = None,
        prior: Literal["mixture", "flow"] = "flow",
        **common: Any,
    ) -> None:
        """Use the number of maps that comes closest to `latent` numbers in total: for 256, four maps of 8 x 8. `lpips`
        names a file in PyTorch's folder for downloaded weights; the name must end in the first digits of the file's
        SHA-256."""
        at_least(0, kl=kl, features=features, game=game)
        between(0, 1, start=start)
        if common.get("bypass"):
            raise ValueError("bypass must be false for kl-ae, whose code consists of maps, unlike PCA's code")
        if lpips and (shape[0] not in (1, 3) or min(shape[1:]) < SMALLEST):
            raise ValueError(f"lpips compares images with one or three channels and sides of at least {SMALLEST} px")
        super().__init__(shape, loss, prior, latent=latent, **common)
        self.kl, self.features, self.game, self.start = kl, features, game, start
        channels, *grid = self.decoder.entry
        maps = max(1, round(latent / math.prod(grid)))
        self.latent = maps * math.prod(grid)
        self.to_latent = nn.Sequential(nn.Conv2d(channels, 2 * maps, 1), nn.Flatten())
        self.from_latent = nn.Sequential(nn.Unflatten(1, (maps, *grid)), nn.Conv2d(maps, channels, 3, padding=1))
        self.prior = (Mixture if prior == "mixture" else Flow)(self.latent)
        self.critic = Critic(shape[0], self.width)
        self.lpips = opened(lpips) if lpips else None

    def groups(self) -> dict[str, Group]:
        main = trained(self.encoder, self.to_latent, self.from_latent, self.decoder, self.criterion)
        options = {"lr": 2e-4, "betas": (0.5, 0.9)}
        critic = Group(trained(self.critic), options=options, critic=True)
        return {"main": Group(main), "critic": critic, "prior": self.prior.group()}

    def playing(self, at: At) -> float:
        """Return 1 if the game between decoder and critic has begun, else 0."""
        return float(at.progress >= self.start)

    def constants(self, at: At) -> Hashable:
        return at.stage == "main" and self.playing(at)

    def code_of(self, x: Tensor) -> Posterior:
        """Return q(z|x)."""
        return Posterior.of(self.to_latent(self.encoder(x)))

    def encode(self, x: Tensor) -> Tensor:
        return self.code_of(x).mean

    def objectives(self, x: Tensor, at: At) -> Iterator[Mapping[str, Objective]]:
        if at.stage == "prior":
            yield from super().objectives(x, at)
            return

        q, pixels = self.code_of(x), math.prod(self.shape)
        raw = self.raw(q.draw())
        real, layers = self.critic(x)
        picture = self.image(raw)
        fake, same_layers = self.critic(picture)
        if self.lpips is None:
            apart = sum(distance(a.detach(), b) for a, b in zip(layers, same_layers, strict=True))
        else:
            apart = self.lpips(x, picture)
        yield {
            "main": {
                "reconstruction": self.criterion(raw, x),
                "kl": self.kl * q.kl(),
                "features": self.features * pixels * apart,
                "game": -self.playing(at) * self.game * pixels * fake.flatten(1).mean(1),
            },
            "critic": {
                "real": (1 - real).relu().flatten(1).mean(1),
                "fake": (1 + fake).relu().flatten(1).mean(1),
            },
        }

    def vary(self, x: Tensor, generator: torch.Generator) -> Tensor:
        return self.decode(self.code_of(x).draw(generator))


def distance(real: Tensor, fake: Tensor) -> Tensor:
    """Return the mean absolute difference of features per image, in units of the real features' mean magnitude."""
    scale = real.abs().flatten(1).mean(1) + 1e-6
    return (real - fake).abs().flatten(1).mean(1) / scale


class Critic(nn.Module):
    """A critic of patches as in PatchGAN, with three convolutions of stride 2. It returns the logits of patches, and
    the features of the earlier layers."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        sizes = (channels, 2 * width, 4 * width, 8 * width)
        self.layers = nn.ModuleList(
            nn.Sequential(nn.Conv2d(a, b, 4, stride=2, padding=1), norm(b), nn.LeakyReLU(0.2))
            for a, b in pairwise(sizes)
        )
        # no bias: within the margins, the gradients of a bias from real and fake images would cancel
        self.last = nn.Conv2d(sizes[-1], 1, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        found, h = [], 2 * x - 1
        for layer in self.layers:
            h = layer(h)
            found.append(h.float())
        return self.last(h).float(), found
