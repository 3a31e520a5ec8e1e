"""VAE: Kingma & Welling, "Auto-Encoding Variational Bayes", arXiv 1312.6114.

    minimise  E_q(z|x) [-ln p(x|z)] + beta KL(q(z|x) || N(0, I)),    z = mean + std * noise

The reconstruction loss is summed over pixels, the KL over latents, both averaged over images; with a loss that is a
negative log-likelihood (bce, gaussian, laplace), beta = 1 is the evidence bound.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from vaebench.interfaces import At, Loss, Model, NotApplicable, Objective, Shape
from vaebench_vaes.backbone import to_features, to_vector
from vaebench_vaes.limits import at_least, between
from vaebench_vaes.networks import Net, networks
from vaebench_vaes.posterior import Posterior


class VAE(Model):
    name = "vae"
    version = 1
    default_loss = "gaussian"

    def __init__(
        self,
        shape: Shape,
        loss: Loss | None,
        latent: int = 32,
        beta: float = 1.0,
        warmup: float = 0.1,
        width: int = 32,
        net: Net = "trunk",
    ) -> None:
        """`warmup` is the share of the steps over which the KL's weight rises from 0 to `beta`."""
        at_least(1, latent=latent)
        at_least(0, beta=beta)
        between(0, 1, warmup=warmup)
        super().__init__(shape, loss)
        self.latent, self.beta, self.warmup = latent, beta, warmup
        self.encoder, self.decoder = networks(net, shape, width)
        self.to_latent = to_vector(self.encoder.out, 2 * latent)
        self.from_latent = to_features(latent, self.decoder.entry)

    def posterior(self, x: Tensor) -> Posterior:
        return Posterior.of(self.to_latent(self.encoder(x)))

    def raw(self, z: Tensor) -> Tensor:
        """The decoder's output as the reconstruction loss wants it."""
        return self.decoder(self.from_latent(z))

    def weight(self, at: At) -> float:
        """What the KL counts at this step."""
        return self.beta * min(1.0, at.progress / self.warmup) if self.warmup else self.beta

    def objectives(self, x: Tensor, at: At) -> Iterator[Mapping[str, Objective]]:
        posterior = self.posterior(x)
        reconstruction = self.criterion(self.raw(posterior.draw()), x)
        yield {"all": {"reconstruction": reconstruction, "kl": self.weight(at) * posterior.kl()}}

    def encode(self, x: Tensor) -> Tensor:
        return self.posterior(x).mean

    def decode(self, code: Tensor) -> Tensor:
        return self.image(self.raw(code))

    def image(self, raw: Tensor) -> Tensor:
        return self.criterion.image(raw)

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        return self.decode(torch.randn(n, self.latent, generator=generator, device=generator.device))

    def vary(self, x: Tensor, generator: torch.Generator) -> Tensor:
        return self.decode(self.posterior(x).draw(generator))

    def scores(self, x: Tensor) -> dict[str, Tensor]:
        return {"kl": self.posterior(x).kl()}

    def bound(self, x: Tensor, generator: torch.Generator, draws: int) -> Tensor:
        loss = getattr(self, "criterion", None)
        if loss is None or not loss.likelihood:
            objective = f"the loss {loss.name}" if loss else "the model's objective"
            raise NotApplicable(f"{objective} is no density of images, so there is no ln p(x) to bound")
        return self.posterior(x).bound(lambda z: -loss(self.raw(z), x), generator, draws)
