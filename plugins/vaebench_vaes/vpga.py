"""VPGA: Zhang et al., "Perceptual Generative Autoencoders", ICML 2020, arXiv 1906.10335.

With encoder mean f, decoder g, posterior deviation s, z and noise from N(0, I), z^ = f(x) without gradient, and f' the
encoder with fixed parameters (gradients still pass through it to its input):

    L_r  = mse(x, g(f(x)))
    L_zN = mse(z, f(g(z))),    L_zH = mse(z^, f(g(z^)))
    L_vr = mse(f'(g(z^)) / a, f'(g(z^ + s noise)) / a),    a = root mean square of f(x) over the batch
    L_kl = KL(q(z|x) || N(0, I)) / latents
    encoder: L_r + normal L_zN + hidden L_zH + variation L_vr + kl L_kl,    decoder: L_r + variation L_vr

Generated images are mapped back to their codes, so f learns to encode the images that g can generate. Once g inverts f,
a pixel-wise likelihood is no longer needed to train g. Squared errors are means, on images in [-1, 1], as in the
authors' code. The authors use batch normalisation and must therefore sample in training mode; the trunk here normalises
each image separately.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.func import functional_call

from vaebench.interfaces import At, Group, Log, Loss, Objective, Shape
from vaebench_vaes.autoencoder import GaussianAutoencoder
from vaebench_vaes.backbone import trained
from vaebench_vaes.limits import at_least, one_of

SPAN = {"mse": 4.0, "l1": 2.0}
"""The factor by which a loss grows if images in [0, 1] are scaled to [-1, 1]. Other losses are not powers of a
difference and keep a factor of 1."""


class VPGA(GaussianAutoencoder):
    name = "vpga"
    version = 3
    default_loss = "mse"
    tunable: ClassVar = {
        **GaussianAutoencoder.tunable,
        "normal": Log(0.003, 0.3),
        "hidden": Log(0.001, 0.1),
        "variation": Log(0.001, 0.1),
        "kl": Log(2e-4, 2e-2),
    }

    def __init__(
        self,
        shape: Shape,
        loss: Loss | None,
        rec: float | None = None,
        normal: float = 0.03,
        hidden: float = 0.01,
        variation: float = 0.01,
        kl: float = 0.002,
        optimizer: Literal["adam", "sgd"] = "adam",
        **common: Any,
    ) -> None:
        """`rec` is the weight of the loss averaged over pixels; by default, it converts errors on [0, 1] to errors on
        [-1, 1]: 4 for `mse`, 2 for `l1`, 1 for any other loss. `sgd` is the authors' optimiser, with a momentum of
        0.9."""
        one_of("adam", "sgd", optimizer=optimizer)
        rec = SPAN.get(getattr(loss, "name", ""), 1.0) if rec is None else rec
        at_least(0, rec=rec, normal=normal, hidden=hidden, variation=variation, kl=kl)
        super().__init__(shape, loss, **common)
        self.rec, self.pixels, self.optimizer = rec, math.prod(shape), optimizer
        self.normal, self.hidden, self.variation, self.kl = normal, hidden, variation, kl
        with torch.no_grad():
            self.to_latent[-1].bias[self.latent :] = 2 * math.log(0.1)

    def groups(self) -> dict[str, Group]:
        parts = {
            "encoder": trained(self.encoder, self.to_latent),
            "decoder": trained(self.from_latent, self.decoder, self.criterion),
        }
        if self.optimizer == "adam":
            return {name: Group(part) for name, part in parts.items()}
        return {name: Group(part, torch.optim.SGD, {"lr": 0.4, "momentum": 0.9}) for name, part in parts.items()}

    def objectives(self, x: Tensor, at: At) -> Iterator[Mapping[str, Objective]]:
        posterior = self.posterior(x)
        known = posterior.mean.detach()
        scale = known.square().mean(0).sqrt().clamp_min(1e-3)
        raw = self.raw(posterior.mean)
        again = self.image(raw)
        reconstruction = self.rec / self.pixels * self.criterion(raw, x)

        z = torch.randn_like(known)
        with torch.no_grad():
            drawn = self.decode(z)
        normal = squares(z, self.encode(drawn))
        hidden = squares(known, self.encode(again.detach()))

        noise = torch.randn_like(known) * (0.5 * posterior.logvar).exp()
        moved = self.decode(known + noise)
        still, apart = self.frozen(again) / scale, self.frozen(moved) / scale

        yield {
            "encoder": {
                "reconstruction": reconstruction,
                # This term must only move the deviation in `moved`, not the code from which `again` was decoded.
                "variation": self.variation * squares(still.detach(), apart),
                "normal": self.normal * normal,
                "hidden": self.hidden * hidden,
                "kl": self.kl / self.latent * posterior.kl(),
            },
            "decoder": {"reconstruction": reconstruction, "variation": self.variation * squares(still, apart)},
        }

    def final_weights(self) -> tuple[float, float]:
        return self.kl / self.latent, self.rec / self.pixels

    def frozen(self, x: Tensor) -> Tensor:
        """Return f'(x): the encoder's mean, without gradients for its parameters."""
        features = functional_call(self.encoder, held(self.encoder), x)
        return functional_call(self.to_latent, held(self.to_latent), features).float()[:, : self.latent]


def held(module: nn.Module) -> dict[str, Tensor]:
    """Return the parameters without gradient, and copies of the buffers (running statistics), so that the originals do
    not change."""
    parameters = {name: parameter.detach() for name, parameter in module.named_parameters()}
    return parameters | {name: buffer.clone() for name, buffer in module.named_buffers()}


def squares(a: Tensor, b: Tensor) -> Tensor:
    """Return the mean squared error per image."""
    return (a - b).square().mean(1)
