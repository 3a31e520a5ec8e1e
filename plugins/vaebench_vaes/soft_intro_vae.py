"""Soft-IntroVAE: Daniel & Tamar, "Soft-IntroVAE: Analyzing and Improving the Introspective Variational Autoencoder",
CVPR 2021, arXiv 2012.13253.

With c(x, b) = beta_rec L(x, Dec(z)) + b KL(q(z|x) || N(0, I)), x_r = Dec(z), x_p = Dec(z_p), z_p ~ N(0, I), S = 1
/ pixels, K = the running mean KL of real images, and sg = without gradient:

    L_E = S c(x, beta) + 1/4 sum_s exp(-2 S c(sg x_s, neg / 2 S K))     encoder, s in {r, p}
    L_D = S [beta_rec L(x, x_r) + beta/2 sum_s KL(x_s)]                 decoder, decoded again from the same codes

The exponential replaces IntroVAE's hard margin. In the authors' code, the weight of the KL in the exponential (256) is
tied to the numbers of pixels and latents. Here, at any size, a generated image with the KL of a real image contributes
exp(-neg), so that the game neither vanishes nor dominates. (The authors' third term of L_D, with a weight of 1e-8, is
omitted.)
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from vaebench.interfaces import At, Group, Log, Loss, Objective, Recipe, Shape
from vaebench_vaes.backbone import trained
from vaebench_vaes.intro_vae import follow
from vaebench_vaes.limits import above
from vaebench_vaes.vae import VAE


class SoftIntroVAE(VAE):
    name = "soft-intro-vae"
    version = 2
    recipe = Recipe()  # the last weights of encoder and decoder match each other; averaged weights may not
    default_loss = "mse"
    tunable: ClassVar = {**VAE.tunable, "beta": Log(0.1, 10), "beta_rec": Log(1, 100), "neg": Log(0.5, 16)}

    def __init__(
        self,
        shape: Shape,
        loss: Loss | None,
        beta: float = 1.0,
        beta_rec: float = 10.0,
        neg: float = 4.0,
        warmup: float = 0.0,
        **common: Any,
    ) -> None:
        """`neg` is the weight of a generated image's KL in the exponential, in units of the KL of real images. `warmup`
        is the share of the steps that train a plain VAE."""
        above(0, beta=beta, beta_rec=beta_rec, neg=neg)
        super().__init__(shape, loss, beta, warmup, **common)
        self.beta_rec, self.neg = beta_rec, neg
        self.register_buffer("real_cost", torch.zeros(()))

    def groups(self) -> dict[str, Group]:
        return {
            "encoder": Group(trained(self.encoder, self.to_latent)),
            "decoder": Group(trained(self.from_latent, self.decoder, self.criterion)),
        }

    def constants(self, at: At) -> Hashable:
        return at.progress < self.warmup

    def final_weights(self) -> tuple[float, float]:
        return self.beta, self.beta_rec

    def objectives(self, x: Tensor, at: At) -> Iterator[Mapping[str, Objective]]:
        share = 1 / x[0].numel()
        posterior = self.posterior(x)
        z = posterior.draw()
        raw = self.raw(z)
        real = {
            "reconstruction": share * self.beta_rec * self.criterion(raw, x),
            "kl": share * self.beta * posterior.kl(),
        }
        follow(self.real_cost, posterior.kl())
        if at.progress < self.warmup:
            yield {"encoder": real, "decoder": real}
            return

        z_p = torch.randn_like(z)
        made = torch.cat([self.image(raw), self.decode(z_p)]).detach()
        repelled_r, repelled_p = torch.exp(-self.cost(made, share)).chunk(2)
        yield {"encoder": {**real, "game": 0.25 * (repelled_r + repelled_p)}}

        raw = self.raw(torch.cat([z, z_p]).detach())
        kl_r, kl_p = self.posterior(self.image(raw)).kl().chunk(2)
        at.log(kl_real=posterior.kl().mean(), kl_reconstructed=kl_r.mean(), kl_sampled=kl_p.mean())
        reconstruction = share * self.beta_rec * self.criterion(raw[: len(x)], x)
        yield {"decoder": {"reconstruction": reconstruction, "game": share * self.beta / 2 * (kl_r + kl_p)}}

    def cost(self, x: Tensor, share: float) -> Tensor:
        """Return 2 S c(x, neg / 2 S K), the negated exponent in L_E, for images that the model generated."""
        posterior = self.posterior(x)
        reconstruction = self.criterion(self.raw(posterior.draw()), x)
        return 2 * share * self.beta_rec * reconstruction + self.neg * posterior.kl() / self.real_cost
