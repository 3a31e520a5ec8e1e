"""mammo-vae: the model of a mammography project (R3: VinDr-Mammo, 128 px, one channel) in its last published version.

    minimise  sum BCE(x, x^) + 0.1 KL(q(z|x) || N(0, I)),    1024 latents,    Adam at 1e-3

Two corrections: losses are averaged over images, whereas the original summed them; and BCE is computed from logits,
whereas the original clipped the targets to [1e-5, 1 - 1e-5]. The project's "generated" images were decoded posterior
draws of training images, which is `vary` here, not `sample`.
"""

from __future__ import annotations

from vaebench.interfaces import Loss, Recipe, Shape
from vaebench_vaes.networks import R3
from vaebench_vaes.vae import VAE


class MammoVAE(VAE):
    name = "mammo-vae"
    version = 1
    recipe = Recipe()  # as in the original: the last weights, not their average
    default_loss = "bce"
    native_size = 128

    def __init__(self, shape: Shape, loss: Loss | None, latent: int = 1024, beta: float = 0.1) -> None:
        super().__init__(shape, loss, beta, warmup=0.0, latent=latent, net=R3)
