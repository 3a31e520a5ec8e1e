"""Spatial VAE: Wang, Yuan & Ji, "Spatial Variational Auto-Encoding via Matrix-Variate Normal Distributions", SDM 2019,
arXiv 1705.06821.

    q(Z_k|x) = MN(mu_k nu_k^T, diag(omega_k), diag(psi_k)),    Z_ij = mu_i nu_j + sqrt(omega_i psi_j) noise_ij
    KL = 1/2 sum_ij [(mu_i nu_j)^2 + omega_i psi_j - ln omega_i - ln psi_j - 1]

Latents are maps Z_k over the decoder's first grid, and enter the decoder as maps. The low-rank form needs only 2
(height + width) numbers per map, because the entries of a row share parameters, as do those of a column; this couples
all entries of a map. Independent entries (`naive`) need 2 height width numbers.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from vaebench.interfaces import Loss, Shape
from vaebench_vaes.backbone import to_vector
from vaebench_vaes.posterior import HIGHEST, LOWEST, Posterior
from vaebench_vaes.vae import VAE


class SpatialVAE(VAE):
    name = "spatial-vae"
    version = 2

    def __init__(self, shape: Shape, loss: Loss | None, naive: bool = False, **common: Any) -> None:
        """Use the number of maps, at least one, that comes closest to `latent` numbers in total: for 32 numbers, two
        maps of 4 x 4 or, for images of 28 px, one map of 7 x 7."""
        if common.get("bypass"):
            raise ValueError("bypass must be false for spatial-vae, whose code consists of maps, unlike PCA's code")
        super().__init__(shape, loss, **common)
        channels, *grid = self.decoder.entry
        self.rows, self.columns = grid
        self.maps = max(1, round(self.latent / (self.rows * self.columns)))
        self.latent = self.maps * self.rows * self.columns
        self.naive = naive
        self.to_latent = to_vector(self.encoder.out, 2 * (self.latent if naive else self.maps * sum(grid)))
        self.from_latent = nn.Sequential(
            nn.Unflatten(1, (self.maps, *grid)), nn.Conv2d(self.maps, channels, 3, padding=1)
        )

    def posterior(self, x: Tensor) -> Posterior:
        statistics = self.to_latent(self.encoder(x))
        return Posterior.of(statistics) if self.naive else self.low_rank(statistics)

    def low_rank(self, statistics: Tensor) -> Posterior:
        """Return the matrix-variate posterior. The log-variances of rows and of columns are both clamped, because their
        sum does not fix the scale of either."""
        mean, log = statistics.float().unflatten(1, (2, self.maps, -1)).unbind(1)
        mu, nu = mean.split((self.rows, self.columns), -1)
        omega, psi = log.clamp(LOWEST / 2, HIGHEST / 2).split((self.rows, self.columns), -1)
        means, logvars = mu[..., :, None] * nu[..., None, :], omega[..., :, None] + psi[..., None, :]
        return Posterior(means.flatten(1), logvars.flatten(1))
