"""Feature extractors, in whose feature spaces sets of images are compared.

The extractor that comes with the package is a small CNN, trained once on five phantoms by
benchmarks/scripts/extractor. It is pinned by the SHA-256 of its weights and never trained again, so that its values are
comparable between machines. It maps images to features in these steps:

    64 px, grey -> conv, conv, conv -> mean and deviation of each of 64 channels -> 64 fixed projections

Features are taken from a middle block, because the last features of a classifier collapse to about one dimension. They
include deviations as well as means, because blur and noise change the deviation of a channel before they change its
mean.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from safetensors.torch import load
from torch import Tensor, nn
from torch.nn.functional import interpolate

from vaebench.interfaces import NotApplicable

FILE = Path(__file__).with_name("extractor.safetensors")
SHA256 = "27e9ad56494059aac5058b4e4cb48126a739354983e41935af5247d3fe953749"
SIDE = 64
LUMA = (0.299, 0.587, 0.114)
"""The weights of red, green and blue in grey (ITU-R BT.601)."""


class Extractor:
    """Maps images to features. A metric sets its `extractor` to a subclass, which is instantiated once per process and
    raises NotApplicable if something that it needs is missing."""

    name: ClassVar[str]
    digest: str
    """SHA-256 of the weights: columns show its first eight digits, and different weights get different columns."""
    batch: ClassVar[int] = 128

    def to(self, device: torch.device) -> None:
        """Compute on the trial's device from now on. By default, do nothing: small networks are as fast on the CPU."""

    def features(self, images: Tensor) -> Tensor:
        """Return the features (B, d) of uint8 images (B, C, H, W) with one channel or three."""
        raise NotImplementedError(f"{type(self).__name__} must implement features(), which maps images to features")

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Return the features, float64 (N, d), of images (N, C, H, W), uint8 or float in [0, 1]. Floats are rounded to
        the 256 levels of real images, so that no network can tell generated images from real ones by their rounding."""
        with torch.inference_mode():
            parts = [self.features(levels(x)).double().cpu() for x in torch.from_numpy(images).split(self.batch)]
        return torch.cat(parts).numpy()


def levels(images: Tensor) -> Tensor:
    return images if images.dtype == torch.uint8 else (images.clamp(0, 1) * 255).round().to(torch.uint8)


class Cnn(Extractor):
    """The extractor that comes with vaebench, a small network trained on phantoms."""

    name = "cnn"
    digest = SHA256

    def __init__(self) -> None:
        self.network = published()

    def features(self, images: Tensor) -> Tensor:
        answer: Tensor = self.network(standard(images))
        return answer


def standard(images: Tensor) -> Tensor:
    """Return uint8 images of any size, with one channel or three, as float32 (B, 1, 64, 64) in [0, 1]: converted to
    grey, then resized bilinearly, with anti-aliasing for larger images."""
    x = images.float() / 255
    if x.shape[1] == 3:
        x = (x * x.new_tensor(LUMA)[:, None, None]).sum(1, keepdim=True)
    elif x.shape[1] != 1:
        raise NotApplicable(f"the extractor needs images with one or three channels, not {x.shape[1]}")
    if x.shape[-2:] != (SIDE, SIDE):
        x = interpolate(x, (SIDE, SIDE), mode="bilinear", antialias=True, align_corners=False)
    return x


class Network(nn.Module):
    """The network that comes with the package: the first blocks of a classifier, and a projection."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.Sequential(
            *(nn.Conv2d(1, 24, 5, stride=2, padding=2), nn.LeakyReLU(0.1)),
            *(nn.Conv2d(24, 48, 3, stride=2, padding=1), nn.LeakyReLU(0.1)),
            *(nn.Conv2d(48, 64, 3, padding=1), nn.LeakyReLU(0.1)),
        )
        self.centre = nn.Parameter(torch.zeros(128))
        self.projection = nn.Parameter(torch.zeros(128, 64))

    def forward(self, x: Tensor) -> Tensor:
        return (pooled(self.blocks(x)) - self.centre) @ self.projection


def pooled(maps: Tensor) -> Tensor:
    """Return the mean and deviation of each channel: (B, C, H, W) -> (B, 2 C)."""
    return torch.cat([maps.mean((2, 3)), maps.std((2, 3), correction=0)], 1)


def published(file: Path = FILE, expected: str = SHA256) -> Network:
    """Return the network with the published weights; raise NotApplicable with the reason if that is impossible."""
    if not file.is_file():
        raise NotApplicable(f"the extractor's weights {file.name} are missing; install the package again")
    content = file.read_bytes()
    if (found := hashlib.sha256(content).hexdigest()) != expected:
        raise NotApplicable(
            f"{file.name} is not the published file (SHA-256 {found[:8]}..., not {expected[:8]}...); install the "
            "package again, because values computed with other weights are not comparable"
        )
    network = Network()
    network.load_state_dict(load(content))
    return network.requires_grad_(False).eval()
