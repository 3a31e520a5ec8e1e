"""Multi-scale structural similarity at any size from 11 px, by banded matrix products (Wang, Simoncelli, Bovik 2003).

    MS-SSIM = (l_M cs_M)^w_M  prod_{j<M} cs_j^w_j,   l = (2 m_x m_y + C1) / (m_x^2 + m_y^2 + C1)
                                                    cs = (2 s_xy + C2) / (s_x^2 + s_y^2 + C2)

`ms_ssim` and `scales` are public: the metric `ms-ssim` in `vaebench_measures` uses them.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, pad

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
WINDOW = 11
SIGMA = 1.5
C1, C2 = 0.01**2, 0.03**2


def scales(height: int, width: int) -> int:
    """Return the number of scales into which the window fits, at most five: 28 px -> 2, 64 -> 3, 128 -> 4, 176 -> 5."""
    fitting = sum(min(height, width) >> j >= WINDOW for j in range(len(WEIGHTS)))
    if not fitting:
        raise ValueError(f"MS-SSIM needs images of at least {WINDOW} px, not {height} x {width}")
    return fitting


def ms_ssim(x: Tensor, y: Tensor) -> Tensor:
    """Return the MS-SSIM (B,) of two batches (B, C, H, W) in [0, 1]. A negative similarity at any scale makes the
    MS-SSIM zero, as in pytorch-msssim."""
    parts, weights = similarities(x, y)
    return (parts.relu() ** weights).prod(-1).mean(1)


def similarities(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Return the similarity at each scale (B, C, scales), the coarsest with luminance, and weights that sum to one.

    Similarities are always computed in float32, without autocast: variances are small differences of large numbers."""
    with torch.autocast(x.device.type, enabled=False):
        x, y = x.float(), y.float()
        count = scales(x.shape[-2], x.shape[-1])
        parts = []
        for j in range(count):
            luminance, structure = compare(x, y)
            last = j == count - 1
            parts.append((luminance * structure if last else structure).mean((-2, -1)))
            if not last:
                odd = [side % 2 for side in x.shape[-2:]]
                x, y = avg_pool2d(x, 2, padding=odd), avg_pool2d(y, 2, padding=odd)
        return torch.stack(parts, -1), exponents(count, x.device)


def compare(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Return the luminance and contrast-structure maps at all positions where the Gaussian window fits completely."""
    moments = torch.stack([x, y, x * x + y * y, x * y])
    down, across = (blur(side, x.device) for side in x.shape[-2:])
    mean_x, mean_y, squares, product = down @ moments @ across.T
    means = mean_x * mean_y
    mean_squares = mean_x * mean_x + mean_y * mean_y
    luminance = (2 * means + C1) / (mean_squares + C1)
    structure = (2 * (product - means) + C2) / (squares - mean_squares + C2)
    return luminance, structure


# The tensors stay on the device, so that a training step copies no data to it. They are created outside inference mode,
# so that training can use them even if evaluation created them.
@lru_cache(maxsize=32)
@torch.inference_mode(False)
def exponents(count: int, device: torch.device) -> Tensor:
    """Return the weights of the first scales, normalised to sum to one."""
    weights = torch.tensor(WEIGHTS[:count], dtype=torch.float64)
    return (weights / weights.sum()).float().to(device)


@lru_cache(maxsize=32)
@torch.inference_mode(False)
def blur(side: int, device: torch.device) -> Tensor:
    """Return the Gaussian window as a banded matrix (side - 10, side): a product with it filters one axis."""
    offset = torch.arange(WINDOW, dtype=torch.float64) - WINDOW // 2
    window = torch.exp(-(offset**2) / (2 * SIGMA**2))
    window /= window.sum()
    matrix = torch.stack([pad(window, (i, side - WINDOW - i)) for i in range(side - WINDOW + 1)])
    return matrix.float().to(device)
