"""Images -> features: what distances between sets of images look through.

The extractor that comes with the package is one small CNN, trained once on the five phantoms by
benchmarks/scripts/extractor, pinned by the SHA-256 of its weights and never trained again, so that its numbers mean the
same on every machine:

    64 px, grey -> conv, conv, conv -> mean and deviation of each of 64 channels -> 64 fixed projections

A middle block, because the last features of a classifier collapse to about one dimension; the deviations beside the
means, because blur and noise change how much a channel varies before they change its mean.
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
"""ITU-R BT.601: how red, green and blue become grey."""


class Extractor:
    """Images -> features. A metric names the class as its `extractor`; it is made once per process, and raises
    NotApplicable when what it needs is not there."""

    name: ClassVar[str]
    digest: str
    """SHA-256 of the weights: columns name the first eight digits, and other digits are other columns."""
    batch: ClassVar[int] = 128

    def to(self, device: torch.device) -> None:
        """Compute on the trial's device from now on. A small network gains nothing there, and stays on the CPU."""

    def features(self, images: Tensor) -> Tensor:
        """uint8 (B, C, H, W), one channel or three -> (B, d)"""
        raise NotImplementedError(f"{type(self).__name__} does not say what the features are: implement features()")

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """(N, C, H, W), uint8 or float in [0, 1] -> float64 (N, d). Floats are rounded to the 256 levels that real
        images have, so that no network can tell the two by their rounding."""
        with torch.inference_mode():
            parts = [self.features(levels(x)).double().cpu() for x in torch.from_numpy(images).split(self.batch)]
        return torch.cat(parts).numpy()


def levels(images: Tensor) -> Tensor:
    return images if images.dtype == torch.uint8 else (images.clamp(0, 1) * 255).round().to(torch.uint8)


class Cnn(Extractor):
    """The extractor of this package."""

    name = "cnn"
    digest = SHA256

    def __init__(self) -> None:
        self.network = published()

    def features(self, images: Tensor) -> Tensor:
        answer: Tensor = self.network(standard(images))
        return answer


def standard(images: Tensor) -> Tensor:
    """uint8 images of any size, one channel or three -> float32 (B, 1, 64, 64) in [0, 1]. Grey first; bilinear,
    anti-aliased where it shrinks."""
    x = images.float() / 255
    if x.shape[1] == 3:
        x = (x * x.new_tensor(LUMA)[:, None, None]).sum(1, keepdim=True)
    elif x.shape[1] != 1:
        raise NotApplicable(f"the extractor looks at images of one channel or three, not {x.shape[1]}")
    if x.shape[-2:] != (SIDE, SIDE):
        x = interpolate(x, (SIDE, SIDE), mode="bilinear", antialias=True, align_corners=False)
    return x


class Network(nn.Module):
    """What is shipped: the first blocks, and the projection."""

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
    """Mean and deviation of each channel: (B, C, H, W) -> (B, 2 C)."""
    return torch.cat([maps.mean((2, 3)), maps.std((2, 3), correction=0)], 1)


def published(file: Path = FILE, expected: str = SHA256) -> Network:
    """The network with the published weights, or the reason why there is none."""
    if not file.is_file():
        raise NotApplicable(f"the extractor's weights {file.name} are missing: install the package again")
    content = file.read_bytes()
    if (found := hashlib.sha256(content).hexdigest()) != expected:
        raise NotApplicable(
            f"{file.name} is not the published file (SHA-256 {found[:8]}..., not {expected[:8]}...), and numbers of "
            "other weights mean something else: install the package again"
        )
    network = Network()
    network.load_state_dict(load(content))
    return network.requires_grad_(False).eval()
