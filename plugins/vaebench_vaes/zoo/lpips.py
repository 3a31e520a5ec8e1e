"""LPIPS: Zhang et al., "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric", CVPR 2018,
arXiv 1801.03924.

    F_l: layer l of VGG16, normalised to unit length at each place;    w_l: a learned weight of each channel
    LPIPS(x, y) = sum_l mean over places of  w_l . (F_l(x) - F_l(y))^2

The user provides the file of weights: those of VGG16 under torchvision's names (`features.0.weight`) or under the names
of the package lpips (`net.slice1.0.weight`), and lpips' linear layers (`lin0.model.1.weight`). As with PyTorch's files,
the name ends in the first digits of the file's SHA-256, so the name in a record identifies the weights.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

BLOCKS = ((0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28))
"""VGG16's convolutions by torchvision's numbers. Sides are halved between blocks; each block's last output is used."""
SMALLEST = 16
SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
"""ImageNet's means and deviations for images in [-1, 1], as rounded by lpips."""
KEY = re.compile(r"(?:features|net\.slice\d)\.(?P<conv>\d+)\.(?P<part>weight|bias)|lin(?P<layer>\d)\.model\.1\.weight")
NAMED = re.compile(r"(?P<stem>[^/\\]+?)(-(?P<digest>[0-9a-f]{8,64}))?\.pth")


class LPIPS(nn.Module):
    """The distance between images in [0, 1], one number per pair. Its weights are fixed and not part of checkpoints."""

    def __init__(self, weights: Mapping[str, Tensor]) -> None:
        super().__init__()
        for name, value in ordered(weights).items():
            self.register_buffer(name, value.float(), persistent=False)
        self.register_buffer("shift", torch.tensor(SHIFT)[:, None, None], persistent=False)
        self.register_buffer("scale", torch.tensor(SCALE)[:, None, None], persistent=False)

    def forward(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return the distance of each pair, without a gradient for `real`."""
        with torch.no_grad():
            expected = list(self.layers(real))
        pairs = enumerate(zip(expected, self.layers(fake), strict=True))
        apart = (F.conv2d((a - b).square(), getattr(self, f"linear{layer}")) for layer, (a, b) in pairs)
        return sum(one.flatten(1).mean(1) for one in apart)

    def layers(self, x: Tensor) -> Iterator[Tensor]:
        """Yield the normalised features F_l."""
        h = (2 * x - 1 - self.shift) / self.scale
        for number, block in enumerate(BLOCKS):
            h = F.max_pool2d(h, 2) if number else h
            for conv in block:
                h = F.conv2d(h, getattr(self, f"weight{conv}"), getattr(self, f"bias{conv}"), padding=1).relu()
            yield h.float() / (torch.linalg.vector_norm(h.float(), dim=1, keepdim=True) + 1e-10)


def ordered(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights, keyed by buffer name; raise ValueError if some are missing or their shapes do not match."""
    found: dict[str, Tensor] = {}
    for key, value in weights.items():
        if match := KEY.fullmatch(key):
            found[f"{match['part']}{match['conv']}" if match["conv"] else f"linear{match['layer']}"] = value
    convs = [f"{part}{conv}" for conv in chain(*BLOCKS) for part in ("weight", "bias")]
    wanted = [*convs, *(f"linear{layer}" for layer in range(len(BLOCKS)))]
    if missing := [name for name in wanted if name not in found]:
        raise ValueError(f"its weights are not those of LPIPS on VGG16: {len(missing)} of {len(wanted)} are missing")
    channels = 3
    for layer, block in enumerate(BLOCKS):
        for conv in block:
            out = len(found[f"bias{conv}"])
            _expect(found[f"weight{conv}"], (out, channels, 3, 3))
            channels = out
        _expect(found[f"linear{layer}"], (1, channels, 1, 1))
    return {name: found[name] for name in wanted}


def _expect(weight: Tensor, shape: tuple[int, ...]) -> None:
    if weight.shape != shape:
        raise ValueError(f"its weights are not those of VGG16: one has the shape {tuple(weight.shape)}, not {shape}")


def opened(name: str) -> LPIPS:
    """Return LPIPS with weights from a file in PyTorch's folder for downloads; raise ValueError if this fails."""
    match, folder = NAMED.fullmatch(name), Path(torch.hub.get_dir()) / "checkpoints"
    if not match:
        raise ValueError(f"lpips={name} is not the name of a .pth file. Omit the folder: the file must be in {folder}")
    if not (file := folder / name).is_file():
        raise ValueError(f"lpips={name}: there is no such file in {folder} (TORCH_HOME sets that folder)")
    content = file.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if not match["digest"] or not digest.startswith(match["digest"]):
        named = f"{match['stem']}-{digest[:8]}.pth"
        raise ValueError(f"lpips={name} does not end in the first digits of its SHA-256: rename the file to {named}")
    try:
        return LPIPS(torch.load(io.BytesIO(content), map_location="cpu", weights_only=True))
    except Exception as error:  # torch may raise anything
        raise ValueError(f"lpips={name} cannot be used: {error}") from error
