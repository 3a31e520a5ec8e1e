"""Denoising autoencoder with coarse noise: Kascenas, Pugeault & O'Neil, "Denoising Autoencoders for Unsupervised
Anomaly Detection in Brain MRI", MIDL 2022.

    minimise  d(x, f(x + n)),    n: Gaussian noise on a coarse grid, shifted at random and interpolated to the image

A U-Net removes whatever does not belong in the image. Noise as coarse as a lesion teaches the network to remove
lesions, whereas pixel-wise noise would teach it to smooth. The skip connections pass on everything else, so residuals
are large only where something was removed. At 128 px the paper draws noise on 16 x 16 points, `cell` = 8 pixels apart,
with a deviation of `noise` = 0.2. The code is the mean of the deepest features; as the decoder also uses the skip
connections, it cannot decode an image from a code alone.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from itertools import pairwise
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vaebench.interfaces import At, Choice, Log, Loss, Model, NotApplicable, Objective, Recipe, Shape
from vaebench_vaes.backbone import WIDEST, Block, norm
from vaebench_vaes.limits import at_least

HALVINGS = 3


class CoarseDAE(Model):
    name = "coarse-dae"
    version = 1
    default_loss = "mse"
    recipe = Recipe(average=0.99)
    tunable: ClassVar = {"noise": Log(0.03, 0.6), "cell": Choice(4, 8, 16)}

    def __init__(self, shape: Shape, loss: Loss | None, noise: float = 0.2, cell: int = 8, width: int = 32) -> None:
        at_least(0, noise=noise)
        at_least(1, cell=cell)
        super().__init__(shape, loss)
        self.noise, self.cell = noise, cell
        self.network = UNet(shape, width)

    def constants(self, at: At) -> Hashable:
        return None

    def objectives(self, x: Tensor, at: At) -> Iterator[Mapping[str, Objective]]:
        yield {"all": {"reconstruction": self.criterion(self.network(x + self.drawn(x)), x)}}

    def drawn(self, x: Tensor) -> Tensor:
        """Return noise n in the shape of x: a window of a coarse grid, shifted at random by up to half a cell."""
        rows, columns = (-(-side // self.cell) for side in x.shape[2:])
        coarse = self.noise * torch.randn(*x.shape[:2], rows + 2, columns + 2, device=x.device)
        shift = 2 * torch.rand(len(x), 2, device=x.device) - 1
        window = torch.zeros(len(x), 2, 3, device=x.device)
        for axis, cells in enumerate((columns, rows)):
            window[:, axis, axis] = cells / (cells + 2)
            window[:, axis, 2] = shift[:, axis] / (cells + 2)
        where = F.affine_grid(window, list(x.shape), align_corners=False)
        return F.grid_sample(coarse, where, align_corners=False)

    def encode(self, x: Tensor) -> Tensor:
        return self.network.features(x)[-1].mean((2, 3))

    def decode(self, code: Tensor) -> Tensor:
        raise NotApplicable("the decoder also needs the input image, so it cannot decode a code alone")

    def reconstruct(self, x: Tensor) -> Tensor:
        return self.criterion.image(self.network(x))


class UNet(nn.Module):
    """A U-Net of the trunk's blocks, from full resolution to an eighth and back, with skip connections."""

    def __init__(self, shape: Shape, width: int) -> None:
        at_least(1, width=width)
        super().__init__()
        levels = [(width, *shape[1:])]
        for _ in range(HALVINGS):
            above = levels[-1]
            levels.append((min(2 * above[0], WIDEST * width), -(-above[1] // 2), -(-above[2] // 2)))
        self.stem = nn.Conv2d(shape[0], width, 3, padding=1)
        self.down = nn.ModuleList(Block(a[0], b[0], stride=2) for a, b in pairwise(levels))
        self.bottom = Block(levels[-1][0], levels[-1][0])
        self.up = nn.ModuleList(Block(b[0], a[0], size=a[1:]) for a, b in pairwise(levels))
        self.merge = nn.ModuleList(nn.Conv2d(2 * a[0], a[0], 1) for a, _ in pairwise(levels))
        self.last = nn.Sequential(norm(width), nn.SiLU(), nn.Conv2d(width, shape[0], 3, padding=1))

    def features(self, x: Tensor) -> list[Tensor]:
        """Return the features of each level, from full resolution to the deepest."""
        found = [self.stem(2 * x - 1)]
        for block in self.down:
            found.append(block(found[-1]))
        return [*found[:-1], self.bottom(found[-1])]

    def forward(self, x: Tensor) -> Tensor:
        *skips, h = self.features(x)
        for up, merge, skip in zip(self.up[::-1], self.merge[::-1], skips[::-1], strict=True):
            h = merge(torch.cat([up(h), skip], 1))
        return self.last(h)
