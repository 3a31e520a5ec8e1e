"""IntroVAE: Huang et al., "IntroVAE: Introspective Variational Autoencoders for Photographic Image Synthesis",
arXiv 1807.06358.

With E(x) = KL(q(z|x) || N(0, I)), x_r = Dec(z), x_p = Dec(z_p), z_p ~ N(0, I), and sg = without gradient:

    L_E = E(x) + alpha_e sum_s [m - E(sg x_s)]_+ + beta L_AE(x, x_r)        encoder, s in {r, p}
    L_G = alpha_g sum_s E(x_s)                  + beta L_AE(x, x_r)        generator, decoded again from the same codes

The encoder is the discriminator: it gives real images a low KL, and generated images a KL of at least m; the generator
plays against the encoder by lowering the KL of generated images. This game requires an m above the KL of real images,
which depends on the code, the images and the training. Unless `margin` is given, m is `ratio` times the KL of real
images at the end of the warm-up, which trains a plain VAE for a share `warmup` of the steps. The ratio is far above 1,
because the game itself raises the KL of real images. alpha_e must be above alpha_g, or the generator keeps the KL of
its images as low as that of real ones. 2 alpha_e must be below 1, or the encoder can raise the KL of real and generated
images together at no cost. L_AE is the sum of squares without the paper's factor of 1/2, as in the authors' code. The
authors' settings for 256 px amount to beta = 1/20, alpha_e = 1/4, alpha_g = 1/2; on small grey images, whose sum of
squares is a hundred times smaller, the game would outweigh the reconstruction with these settings.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from vaebench.interfaces import At, Group, Linear, Log, Loss, Objective, Recipe, Shape
from vaebench_vaes.backbone import trained
from vaebench_vaes.limits import above, at_least
from vaebench_vaes.vae import VAE


class IntroVAE(VAE):
    name = "intro-vae"
    version = 3
    recipe = Recipe()  # the last weights of encoder and generator match each other; averaged weights may not
    default_loss = "mse"
    tunable: ClassVar = {
        **VAE.tunable,
        "beta": Log(2, 200),
        "ratio": Linear(1.5, 6),
        "alpha_e": Linear(0.1, 0.9),
        "alpha_g": Log(0.005, 0.5),
    }

    def __init__(
        self,
        shape: Shape,
        loss: Loss | None,
        margin: float | None = None,
        ratio: float = 3.0,
        beta: float = 20.0,
        alpha_e: float = 0.45,
        alpha_g: float = 0.05,
        warmup: float = 0.3,
        **common: Any,
    ) -> None:
        """`margin` is m in nats; if it is not given, m is `ratio` times the KL of real images after the warm-up."""
        above(0, ratio=ratio, beta=beta, **({} if margin is None else {"margin": margin}))
        at_least(0, alpha_e=alpha_e, alpha_g=alpha_g)
        if margin is None:
            above(0, warmup=warmup)
        super().__init__(shape, loss, beta, warmup, **common)
        self.margin, self.ratio, self.alpha_e, self.alpha_g = margin, ratio, alpha_e, alpha_g
        self.register_buffer("real_cost", torch.zeros(()))

    def groups(self) -> dict[str, Group]:
        return {
            "encoder": Group(trained(self.encoder, self.to_latent)),
            "generator": Group(trained(self.from_latent, self.decoder, self.criterion)),
        }

    def constants(self, at: At) -> Hashable:
        return at.progress < self.warmup

    def final_weights(self) -> tuple[float, float]:
        return 1.0, self.beta

    def cost(self, x: Tensor) -> Tensor:
        return self.posterior(x).kl()

    def objectives(self, x: Tensor, at: At) -> Iterator[Mapping[str, Objective]]:
        posterior = self.posterior(x)
        z = posterior.draw()
        raw = self.raw(z)
        real = {"reconstruction": self.beta * self.criterion(raw, x), "kl": posterior.kl()}
        if at.progress < self.warmup:
            follow(self.real_cost, real["kl"])
            yield {"encoder": real, "generator": real}
            return

        z_p = torch.randn_like(z)
        cost_r, cost_p = self.cost(torch.cat([self.image(raw), self.decode(z_p)]).detach()).chunk(2)
        at.log(kl_real=real["kl"].mean(), kl_reconstructed=cost_r.mean(), kl_sampled=cost_p.mean())
        margin = self.ratio * self.real_cost if self.margin is None else self.margin
        hinge = (margin - cost_r).relu() + (margin - cost_p).relu()
        yield {"encoder": {**real, "game": self.alpha_e * hinge}}

        raw = self.raw(torch.cat([z, z_p]).detach())
        cost_r, cost_p = self.cost(self.image(raw)).chunk(2)
        reconstruction = self.beta * self.criterion(raw[: len(x)], x)
        yield {"generator": {"reconstruction": reconstruction, "game": self.alpha_g * (cost_r + cost_p)}}


@torch.no_grad()
def follow(mean: Tensor, values: Tensor) -> None:
    """Move a running mean towards the batch's mean. A running mean of zero, as before the first step, is set to the
    batch's mean."""
    batch = values.mean()
    mean.copy_(torch.where(mean == 0, batch, mean.lerp(batch, 0.05)))
