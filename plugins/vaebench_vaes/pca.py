"""pca: Tipping & Bishop, "Probabilistic Principal Component Analysis", J. R. Statist. Soc. B 61 (1999).

    x = W z + mean + noise,    z ~ N(0, I),    noise ~ N(0, s² I)
    W = U (L - s² I)^(1/2),    s² = mean of the eigenvalues left out
    p(z|x) = N(L^-1 (L - s² I)^(1/2) U^T (x - mean), s² L^-1)

U and L are the leading eigenvectors and eigenvalues of the training covariance. As for every other model, a
reconstruction or a sample is the mean of p(x|z), without the pixel noise, clipped to [0, 1].
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from vaebench.interfaces import Images, Loss, Model, Shape
from vaebench_vaes.limits import at_least
from vaebench_vaes.mean_image import QUANTISATION
from vaebench_vaes.posterior import Posterior


class PCA(Model):
    name = "pca"
    version = 1
    default_loss = None
    stages = ()
    optimises = tuple(
        f"{metric}-pca64" for metric in ("rfd", "fd", "kid", "precision", "recall", "density", "coverage")
    )

    def __init__(self, shape: Shape, loss: Loss | None = None, latent: int = 32) -> None:
        self.pixels = math.prod(shape)
        at_least(1, latent=latent)
        if latent >= self.pixels:
            raise ValueError(
                f"latent is {latent}, but must be less than {self.pixels}, which is the number of values in an image"
            )
        super().__init__(shape, loss)
        self.latent = latent
        self.register_buffer("mean", torch.zeros(self.pixels))
        self.register_buffer("directions", torch.zeros(self.pixels, latent))
        self.register_buffer("variances", torch.ones(latent))
        self.register_buffer("noise", torch.ones(()))

    def fit(self, images: Images) -> None:
        count, rows = len(images), max(1, 2**23 // self.pixels)
        mean = sum(x.flatten(1).sum(0, dtype=torch.float64) for x in images.batches(rows)) / count
        centred = Centred(images, mean, rows)
        total = sum(x.square().sum() for x in centred) / count
        found = min(self.latent, count, self.pixels)
        matrix = centred.covariance() if self.pixels <= count else centred.gram()
        values, vectors = torch.linalg.eigh(matrix)
        values, vectors = values.flip(0)[:found].clamp_min(0), vectors.flip(1)[:, :found]
        if self.pixels > count:
            vectors = centred.combine(vectors) / (count * values).sqrt().clamp_min(1e-12)
        noise = ((total - values.sum()) / (self.pixels - self.latent)).clamp_min(QUANTISATION)
        vectors = vectors * (values > noise)  # with few images, directions that the images do not span are noise
        largest = vectors.gather(0, vectors.abs().argmax(0, keepdim=True))
        self.mean.copy_(mean)
        self.noise.copy_(noise)
        self.variances.copy_(noise)
        self.variances[:found] = torch.maximum(values, noise).to(self.variances)
        self.directions.zero_()
        self.directions[:, :found] = (vectors * torch.where(largest < 0, -1, 1)).to(self.directions)

    def stretch(self) -> Tensor:
        """Return (L - s² I)^(1/2), the lengths of W's columns."""
        return (self.variances - self.noise).clamp_min(0).sqrt()

    def project(self, x: Tensor) -> Tensor:
        """Return U^T (x - mean)."""
        return (x.flatten(1) - self.mean) @ self.directions

    def encode(self, x: Tensor) -> Tensor:
        return self.project(x) * self.stretch() / self.variances

    def decode(self, code: Tensor) -> Tensor:
        x = (code * self.stretch()) @ self.directions.T + self.mean
        return x.clamp(0, 1).unflatten(1, self.shape)

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        return self.decode(torch.randn(n, self.latent, generator=generator, device=generator.device))

    def vary(self, x: Tensor, generator: torch.Generator) -> Tensor:
        return self.decode(self.posterior(x).draw(generator))

    def posterior(self, x: Tensor) -> Posterior:
        """Return p(z|x), which is exact."""
        code = self.encode(x)
        return Posterior(code, (self.noise / self.variances).log().expand(code.shape))

    def scores(self, x: Tensor) -> dict[str, Tensor]:
        """Return `nll`: -ln N(x; mean, W W^T + s² I)."""
        inside = self.project(x)
        outside = x.flatten(1) - self.mean - inside @ self.directions.T
        distance = (inside.square() / self.variances).sum(1) + outside.square().sum(1) / self.noise
        volume = self.variances.log().sum() + (self.pixels - self.latent) * self.noise.log()
        return {"nll": 0.5 * (self.pixels * math.log(2 * math.pi) + volume + distance)}

    def bound(self, x: Tensor, generator: torch.Generator, draws: int) -> Tensor:
        """Return ln p(x) itself, which is known exactly."""
        return -self.scores(x)["nll"]


class Centred:
    """The images minus their mean, in float64, a few rows at a time."""

    def __init__(self, images: Images, mean: Tensor, rows: int) -> None:
        self.images, self.mean, self.rows = images, mean, rows

    def __iter__(self) -> Iterator[Tensor]:
        for x in self.images.batches(self.rows):
            yield x.flatten(1) - self.mean

    def covariance(self) -> Tensor:
        """Return X^T X / n, which is used if there are fewer pixels than images."""
        return sum(x.T @ x for x in self) / len(self.images)

    def gram(self) -> Tensor:
        """Return X X^T / n, which has the same eigenvalues and is used if there are fewer images than pixels."""
        return torch.cat([torch.cat([a @ b.T for b in self], 1) for a in self]) / len(self.images)

    def combine(self, weights: Tensor) -> Tensor:
        """Return X^T weights."""
        return sum(x.T @ w for x, w in zip(self, weights.split(self.rows), strict=True))
