"""The base of all variants: an encoder, a code of `latent` numbers between two linear layers, and a decoder.

To add a parameter to all variants, add it here.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from vaebench.interfaces import At, Images, Log, Loss, Model, Network, Range, Recipe, Shape
from vaebench_vaes.backbone import GRID, to_features, to_vector
from vaebench_vaes.bypass import BesideDecoder, BesideEncoder, FromLatent, start_as
from vaebench_vaes.limits import at_least
from vaebench_vaes.networks import Trunk
from vaebench_vaes.pca import PCA
from vaebench_vaes.posterior import Posterior, require_density


class Autoencoder(Model):
    """An encoder that returns `per_latent` numbers for each latent, followed by a decoder."""

    per_latent: ClassVar[int] = 1
    grid: ClassVar[int] = GRID
    """The largest side that the network's smallest grid of features should have."""
    recipe = Recipe(average=0.99)
    tunable: ClassVar[Mapping[str, Range]] = {"latent": Log(8, 1024, rate=True)}

    def __init__(
        self,
        shape: Shape,
        loss: Loss | None,
        latent: int = 32,
        width: int = 32,
        net: type[Network] = Trunk,
        bypass: bool = False,
    ) -> None:
        """`bypass` adds PCA in parallel to the networks, which then learn what PCA misses."""
        at_least(1, latent=latent)
        super().__init__(shape, loss)
        self.latent, self.width, self.bypass = latent, width, bypass
        self.encoder, self.decoder = (part(shape, width, self.grid) for part in (net.encoder, net.decoder))
        self.from_latent: nn.Module = to_features(latent, self.decoder.entry)
        if bypass:
            pca = PCA(shape, latent=latent)
            self.encoder, self.decoder = BesideEncoder(self.encoder, pca), BesideDecoder(self.decoder, pca)
            self.from_latent = FromLatent(latent, self.decoder.entry)
        self.to_latent = to_vector(self.encoder.out, self.per_latent * latent)

    def fit(self, images: Images) -> None:
        if self.bypass:
            self.encoder.pca.fit(images)
            start_as(self.encoder.pca, self.to_latent[-1])

    def constants(self, at: At) -> Hashable:
        """Return None, because by default no Python number in the objectives changes between steps."""
        return None

    def raw(self, z: Tensor) -> Tensor:
        """Return the decoder's output in the form that the reconstruction loss expects."""
        return self.decoder(self.from_latent(z))

    def image(self, raw: Tensor) -> Tensor:
        return self.criterion.image(raw)

    def encode(self, x: Tensor) -> Tensor:
        return self.to_latent(self.encoder(x))

    def decode(self, code: Tensor) -> Tensor:
        return self.image(self.raw(code))


class GaussianAutoencoder(Autoencoder):
    """An autoencoder with a Gaussian code q(z|x) and a prior N(0, I): it can generate samples and bound ln p(x)."""

    per_latent = 2

    def final_weights(self) -> tuple[float, float]:
        """Return the weights of the KL and of the reconstruction loss at the end of training."""
        return 1.0, 1.0

    def facts(self) -> dict[str, float]:
        """Add `effective_beta`, the weight of the KL divided by the weight of the error, which is summed over
        pixels."""
        facts = super().facts()
        kl, reconstruction = self.final_weights()
        weight = reconstruction * facts.get("error_weight", 1.0)
        return {**facts, "effective_beta": kl / weight} if weight else facts

    def posterior(self, x: Tensor) -> Posterior:
        return Posterior.of(self.to_latent(self.encoder(x)))

    def encode(self, x: Tensor) -> Tensor:
        return self.posterior(x).mean

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        return self.decode(torch.randn(n, self.latent, generator=generator, device=generator.device))

    def vary(self, x: Tensor, generator: torch.Generator) -> Tensor:
        return self.decode(self.posterior(x).draw(generator))

    def scores(self, x: Tensor) -> dict[str, Tensor]:
        return {"kl": self.posterior(x).kl()}

    def bound(self, x: Tensor, generator: torch.Generator, draws: int) -> Tensor:
        loss = require_density(getattr(self, "criterion", None))
        return self.posterior(x).bound(lambda z: -loss(self.raw(z), x), generator, draws)
