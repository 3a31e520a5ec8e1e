"""Autoencoder: Hinton & Salakhutdinov, "Reducing the Dimensionality of Data with Neural Networks", Science 313 (2006).

    minimise  d(x, g(f(x)))

No noise and no prior: the honest baseline for anomaly detection and for what a code of this size can hold. It has
nothing to sample from, and says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from torch import Tensor

from vaebench.interfaces import At, Loss, Model, Objective, Shape
from vaebench_vaes.backbone import Decoder, Encoder, to_features, to_vector
from vaebench_vaes.limits import at_least


class AE(Model):
    name = "ae"
    version = 1
    default_loss = "mse"

    def __init__(self, shape: Shape, loss: Loss | None, latent: int = 32, width: int = 32) -> None:
        at_least(1, latent=latent)
        super().__init__(shape, loss)
        self.encoder, self.decoder = Encoder(shape, width), Decoder(shape, width)
        self.to_latent = to_vector(self.encoder.out, latent)
        self.from_latent = to_features(latent, self.decoder.entry)

    def raw(self, code: Tensor) -> Tensor:
        return self.decoder(self.from_latent(code))

    def objectives(self, x: Tensor, at: At) -> Iterator[Mapping[str, Objective]]:
        yield {"all": {"reconstruction": self.criterion(self.raw(self.encode(x)), x)}}

    def encode(self, x: Tensor) -> Tensor:
        return self.to_latent(self.encoder(x))

    def decode(self, code: Tensor) -> Tensor:
        return self.criterion.image(self.raw(code))
