"""A codebook that is updated by moving averages of the vectors assigned to each code, instead of by a gradient.

k = argmin_j |z - e_j|
N_j <- g N_j + (1 - g) n_j,    m_j <- g m_j + (1 - g) sum of z at j,    e_j = m_j / N_j (N smoothed)
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

SMOOTHING = 1e-5
DEAD = 0.5
"""A code is dead if, on a running average, fewer vectors per batch than this number choose it."""


class MovingCodebook(nn.Module):
    """A codebook learned by moving averages; vectors have shape (B, places, dim), codes have shape (B, places)."""

    codebook: Tensor
    counts: Tensor
    sums: Tensor
    decay: float

    def keep_codes(self, codes: int, dim: int) -> None:
        """Create the buffers for `codes` codes, all of which start dead."""
        self.register_buffer("codebook", torch.zeros(codes, dim))
        self.register_buffer("counts", torch.zeros(codes))
        self.register_buffer("sums", torch.zeros(codes, dim))

    def choose(self, z_e: Tensor) -> Tensor:
        """Return the nearest code of each vector, (B, places)."""
        with torch.autocast(z_e.device.type, enabled=False):
            lengths = self.codebook.square().sum(1)
            distances = torch.addmm(lengths, z_e.flatten(0, 1), self.codebook.T, alpha=-2)
        return distances.argmin(-1).view(z_e.shape[:2])

    def count(self, chosen: Tensor) -> Tensor:
        """Return the number of vectors in the batch that chose each code."""
        counts = torch.zeros(len(self.codebook), device=chosen.device)
        return counts.index_add_(0, chosen.flatten(), torch.ones(chosen.numel(), device=chosen.device))

    @torch.no_grad()
    def revive(self, z_e: Tensor) -> None:
        """Move dead codes onto randomly drawn vectors of the batch."""
        vectors = z_e.flatten(0, 1)
        drawn = vectors[torch.randint(len(vectors), (len(self.codebook),), device=z_e.device)]
        dead = (self.counts < DEAD)[:, None]
        self.codebook.copy_(torch.where(dead, drawn, self.codebook))
        self.sums.copy_(torch.where(dead, drawn, self.sums))
        self.counts.masked_fill_(dead[:, 0], 1.0)

    @torch.no_grad()
    def follow(self, z_e: Tensor, chosen: Tensor, counts: Tensor) -> None:
        """Move each code towards the mean of the vectors that chose it."""
        sums = torch.zeros_like(self.sums).index_add_(0, chosen.flatten(), z_e.flatten(0, 1))
        self.counts.lerp_(counts, 1 - self.decay)
        self.sums.lerp_(sums, 1 - self.decay)
        total = self.counts.sum()
        smooth = (self.counts + SMOOTHING) / (total + len(counts) * SMOOTHING) * total
        self.codebook.copy_(self.sums / smooth[:, None])
