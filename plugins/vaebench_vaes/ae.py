"""Autoencoder: Hinton & Salakhutdinov, "Reducing the Dimensionality of Data with Neural Networks", Science 313 (2006).

    minimise  d(x, g(f(x)))

The model has neither noise nor a prior. It is the plain baseline for anomaly detection, and shows how much a code of
this size can store. It cannot generate samples, so metrics of samples are not applicable.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from torch import Tensor

from vaebench.interfaces import At, Objective
from vaebench_vaes.autoencoder import Autoencoder


class AE(Autoencoder):
    name = "ae"
    version = 2
    default_loss = "mse"

    def objectives(self, x: Tensor, at: At) -> Iterator[Mapping[str, Objective]]:
        yield {"all": {"reconstruction": self.criterion(self.raw(self.encode(x)), x)}}
