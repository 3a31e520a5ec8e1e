"""untrained: the randomly initialised trunk, without a single training step.

    code = linear(encoder(x));    reconstruction = sigmoid(decoder(linear(code)))

Random convolutions already distinguish images. Whatever a classifier finds in these codes does not come from training,
so the codes of a trained encoder must be more useful than these. Each seed gives different weights.
"""

from __future__ import annotations

from torch import Tensor

from vaebench.interfaces import Loss, Model, Shape
from vaebench_vaes.backbone import Decoder, Encoder, to_features, to_vector
from vaebench_vaes.limits import at_least


class Untrained(Model):
    name = "untrained"
    version = 1
    default_loss = None
    stages = ()

    def __init__(self, shape: Shape, loss: Loss | None = None, latent: int = 32, width: int = 32) -> None:
        at_least(1, latent=latent)
        super().__init__(shape, loss)
        self.encoder, self.decoder = Encoder(shape, width), Decoder(shape, width)
        self.to_latent = to_vector(self.encoder.out, latent)
        self.from_latent = to_features(latent, self.decoder.entry)
        self.requires_grad_(False)

    def encode(self, x: Tensor) -> Tensor:
        return self.to_latent(self.encoder(x))

    def decode(self, code: Tensor) -> Tensor:
        return self.decoder(self.from_latent(code)).sigmoid()
