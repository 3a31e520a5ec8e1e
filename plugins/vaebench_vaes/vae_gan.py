"""VAE-GAN: Larsen et al., "Autoencoding beyond pixels using a learned similarity metric", arXiv 1512.09300.

    x~ = Dec(z), z ~ q(z|x),    x_p = Dec(z_p), z_p ~ N(0, I),    D_l: features of the discriminator
    L_prior = KL(q(z|x) || N(0, I)),    L_llike = 1/2 |D_l(x) - D_l(x~)|^2
    L_gan   = -ln D(x) - 1/2 [ln(1 - D(x~)) + ln(1 - D(x_p))]
    Enc minimises beta L_prior + L_llike,    Dis minimises L_gan,
    Dec minimises gamma L_llike - 1/2 [ln D(x~) + ln D(x_p)]

All three gradients are taken at the same parameters. Each group of parameters gets the gradient of its own objective
only: the encoder gets no gradient from the game, and the discriminator gets none from the similarity. The decoder's
part in the game is the non-saturating form of the paper's -L_gan (the paper's Algorithm 1 prints the opposite sign,
with which the decoder would help the discriminator).

The players are balanced by the costs of the previous step, as in the authors' code. (Their margin is 0.35, with which
the discriminator paused in most steps.) The discriminator pauses if its smaller cost is below `equilibrium` - `margin`,
and the decoder if the discriminator's larger cost is above `equilibrium` + `margin`; if both would pause, neither does.
A paused player's objective is multiplied by zero on the device, and RMSProp does not move parameters whose gradient is
zero.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vaebench.interfaces import At, Group, Linear, Log, Loss, Objective, Shape
from vaebench_vaes.backbone import Encoder, to_vector, trained
from vaebench_vaes.limits import at_least
from vaebench_vaes.vae import VAE


class VAEGAN(VAE):
    name = "vae-gan"
    version = 3
    default_loss = None
    tunable: ClassVar = {**VAE.tunable, "beta": Log(0.01, 1), "gamma": Log(0.1, 30), "margin": Linear(0.2, 0.7)}

    def __init__(
        self,
        shape: Shape,
        loss: Loss | None = None,
        beta: float = 0.1,
        gamma: float = 1.0,
        equilibrium: float = 0.68,
        margin: float = 0.5,
        **common: Any,
    ) -> None:
        """`gamma` is the weight of the similarity, relative to the game, in the decoder's objective."""
        at_least(0, gamma=gamma, equilibrium=equilibrium, margin=margin)
        super().__init__(shape, loss, beta, **common)
        self.gamma, self.equilibrium, self.margin = gamma, equilibrium, margin
        self.discriminator = Discriminator(shape, self.width)
        self.register_buffer("costs", torch.full((2,), equilibrium))

    def groups(self) -> dict[str, Group]:
        """Use Adam for the encoder only, which never pauses: Adam would move the parameters of a paused player. The
        discriminator has the lowest learning rate, because the other players cannot learn from features that change
        quickly."""
        return {
            "encoder": Group(trained(self.encoder, self.to_latent)),
            "decoder": player(1e-3, trained(self.from_latent, self.decoder)),
            "discriminator": player(1e-4, trained(self.discriminator), critic=True),
        }

    def facts(self) -> dict[str, float]:
        """Return no facts: without an error per pixel, `effective_beta` is undefined."""
        return {}

    def objectives(self, x: Tensor, at: At) -> Iterator[Mapping[str, Objective]]:
        posterior = self.posterior(x)
        reconstructed = self.decode(posterior.draw())
        drawn = self.decode(torch.randn_like(posterior.mean))
        decoder, discriminator = self.balance()

        (real, seen), (rec, seen_again), (fake, _) = (self.discriminator(i) for i in (x, reconstructed, drawn))
        similarity = 0.5 * (seen - seen_again).square().flatten(1).sum(1)
        cost_real, cost_fake = F.softplus(-real), 0.5 * (F.softplus(rec) + F.softplus(fake))
        self.costs.copy_(torch.stack([cost_real.mean(), cost_fake.mean()]).detach())

        at.log(decoder_moves=decoder, discriminator_moves=discriminator)
        yield {
            "encoder": {"similarity": similarity, "kl": self.weight(at) * posterior.kl()},
            "decoder": {
                "similarity": decoder * self.gamma * similarity,
                "game": decoder * 0.5 * (F.softplus(-rec) + F.softplus(-fake)),
            },
            "discriminator": {"real": discriminator * cost_real, "fake": discriminator * cost_fake},
        }

    def balance(self) -> tuple[Tensor, Tensor]:
        """Return a factor for the decoder and one for the discriminator: 1 if the costs of the previous step allow an
        update, else 0."""
        decoder = self.costs.max() <= self.equilibrium + self.margin
        discriminator = self.costs.min() >= self.equilibrium - self.margin
        deadlock = ~(decoder | discriminator)
        return (decoder | deadlock).float(), (discriminator | deadlock).float()

    def image(self, raw: Tensor) -> Tensor:
        return raw.sigmoid()


def player(rate: float, parameters: list[nn.Parameter], critic: bool = False) -> Group:
    return Group(parameters, torch.optim.RMSprop, {"lr": rate, "alpha": 0.9}, critic=critic)


class Discriminator(nn.Module):
    """Returns the logit for "real", and the features by which images are compared: the output of the first block, after
    three convolutions (the paper uses four)."""

    def __init__(self, shape: Shape, width: int) -> None:
        super().__init__()
        self.trunk = Encoder(shape, width)
        self.head = to_vector(self.trunk.out, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        features = self.trunk.blocks[:1](self.trunk.stem(2 * x - 1))
        judged = self.trunk.finish(self.trunk.blocks[1:](features))
        return self.head(judged).squeeze(1).float(), features.float()
