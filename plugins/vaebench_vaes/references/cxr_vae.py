"""cxr-vae: the chest X-ray project with 512 px images, codes of 400 features and BCE + KL.

Its layers were never published, so the shared trunk stands in for them; the code, the loss and the equal weights of
both sums are its own. Its classifier got "encoded" images: here the posterior mean.
"""

from __future__ import annotations

from typing import Any

from vaebench.interfaces import Loss, Recipe, Shape
from vaebench_vaes.vae import VAE


class CxrVAE(VAE):
    name = "cxr-vae"
    version = 1
    recipe = Recipe()  # as its original: the last weights, not their average
    default_loss = "bce"

    def __init__(self, shape: Shape, loss: Loss | None, latent: int = 400, warmup: float = 0.0, **common: Any) -> None:
        super().__init__(shape, loss, latent=latent, warmup=warmup, **common)
