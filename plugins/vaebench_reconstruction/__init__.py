"""Reconstruction losses, which compare a network's raw output with the image that it reconstructs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaebench import hookimpl

if TYPE_CHECKING:
    from vaebench.interfaces import Loss


@hookimpl
def vaebench_losses() -> list[type[Loss]]:
    from vaebench_reconstruction.likelihoods import Gaussian, Laplace
    from vaebench_reconstruction.pixels import L1, Bce, Mse
    from vaebench_reconstruction.similarity import MsSsim, MsSsimL1

    return [Bce, Mse, L1, Gaussian, Laplace, MsSsim, MsSsimL1]
