"""thumbnail: the image reduced to a few pixels per side, and enlarged again.

    code = means over a grid of 8 x 8 tiles;    reconstruction = bilinear interpolation of the code

The thumbnail is not fitted to any data. A code of learned features should be more useful to a classifier than such a
thumbnail, and a reconstruction should preserve more detail.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, interpolate

from vaebench.interfaces import Loss, Model, Shape
from vaebench_vaes.limits import at_least


class Thumbnail(Model):
    name = "thumbnail"
    version = 1
    default_loss = None
    stages = ()

    def __init__(self, shape: Shape, loss: Loss | None = None, side: int = 8) -> None:
        """`side` is the side of the thumbnail in pixels."""
        at_least(1, side=side)
        super().__init__(shape, loss)
        self.side = side

    def encode(self, x: Tensor) -> Tensor:
        return adaptive_avg_pool2d(x, self.side).flatten(1)

    def decode(self, code: Tensor) -> Tensor:
        small = code.unflatten(1, (self.shape[0], self.side, self.side))
        return interpolate(small, self.shape[1:], mode="bilinear", align_corners=False).clamp(0, 1)
