"""cxr-vae: the model of a chest X-ray project (R0) with 512 px images, codes of 400 features and BCE + KL.

The project's layers were never published, so the shared trunk replaces them; the size of the code, the loss and the
equal weights of BCE and KL are the project's. The project's classifier used "encoded" images, which are posterior means
here.
"""

from __future__ import annotations

from typing import Any

from vaebench.interfaces import Loss, Recipe, Shape
from vaebench_vaes.vae import VAE


class CxrVAE(VAE):
    name = "cxr-vae"
    version = 1
    recipe = Recipe()  # as in the original: the last weights, not their average
    default_loss = "bce"

    def __init__(self, shape: Shape, loss: Loss | None, latent: int = 400, warmup: float = 0.0, **common: Any) -> None:
        super().__init__(shape, loss, latent=latent, warmup=warmup, **common)
