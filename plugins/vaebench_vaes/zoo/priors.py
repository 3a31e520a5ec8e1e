"""Densities of codes, learned in a second stage after the encoder, so that an autoencoder can generate samples.

mixture: ln p(u) = ln sum_k w_k N(u; m_k, (L_k^T L_k)^-1), by gradient ascent on the likelihood
flow:    minimise |v(u_t, t) - (u_1 - u_0)|^2,  u_t = (1 - t) u_0 + t u_1,  u_0 ~ N(0, I);  sample by du/dt = v(u, t)

The second density is rectified flow: Liu, Gong & Liu, "Flow Straight and Fast", arXiv 2209.03003. u is the code,
standardised by means and deviations that are running averages over the stage.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from vaebench.interfaces import Group


class LatentPrior(nn.Module):
    """A density over codes (B, D)."""

    count: Tensor
    mean: Tensor
    variance: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        self.register_buffer("count", torch.zeros(()))
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("variance", torch.ones(size))

    @torch.no_grad()
    def observe(self, codes: Tensor) -> None:
        """Update the running averages with a batch of codes."""
        self.count.add_(1)
        self.mean.lerp_(codes.mean(0), 1 / self.count)
        self.variance.lerp_((codes - self.mean).square().mean(0), 1 / self.count)

    def deviation(self) -> Tensor:
        return (self.variance + 1e-6).sqrt()

    def standard(self, codes: Tensor) -> Tensor:
        """Return u, in float32."""
        return (codes.float() - self.mean) / self.deviation()

    def objective(self, codes: Tensor) -> Tensor:
        """Return the objective that training minimises, per code."""
        raise NotImplementedError(f"{type(self).__name__} must implement objective(), which training minimises")

    def draw(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw n values of u from the density."""
        raise NotImplementedError(f"{type(self).__name__} must implement draw(), which samples from the density")

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        return self.draw(n, generator) * self.deviation() + self.mean


class Mixture(LatentPrior):
    """A Gaussian mixture with full covariances."""

    def __init__(self, size: int, components: int = 10) -> None:
        super().__init__(size)
        self.logits = nn.Parameter(torch.zeros(components))
        self.means = nn.Parameter(0.5 * torch.randn(components, size))
        self.scales = nn.Parameter(torch.zeros(components, size))
        self.below = nn.Parameter(torch.zeros(components, size, size))

    def group(self) -> Group:
        """Use a large learning rate that falls to zero, because the mixture starts far from the codes."""
        return Group(list(self.parameters()), options={"lr": 0.02}, schedule=lambda progress: 1 - progress)

    def factors(self) -> Tensor:
        """Return L_k, lower triangular; L_k^T L_k is the precision."""
        return self.below.tril(-1) + torch.diag_embed(self.scales.exp())

    def surprise(self, codes: Tensor) -> Tensor:
        """Return -ln p of each code."""
        apart = self.standard(codes)[:, None] - self.means
        squares = torch.einsum("kde,bke->bkd", self.factors(), apart).square().sum(2)
        normal = self.scales.sum(1) - 0.5 * squares - 0.5 * self.size * math.log(2 * math.pi)
        return self.deviation().log().sum() - (self.logits.log_softmax(0) + normal).logsumexp(1)

    def objective(self, codes: Tensor) -> Tensor:
        return self.surprise(codes)

    def draw(self, n: int, generator: torch.Generator) -> Tensor:
        chosen = torch.multinomial(self.logits.softmax(0), n, replacement=True, generator=generator)
        noise = torch.randn(n, self.size, 1, generator=generator, device=generator.device)
        inside = torch.linalg.solve_triangular(self.factors()[chosen], noise, upper=False)
        return self.means[chosen] + inside.squeeze(2)


class Flow(LatentPrior):
    """Rectified flow, with `steps` steps of Heun's method from noise to a code."""

    def __init__(self, size: int, width: int = 256, steps: int = 24) -> None:
        super().__init__(size)
        self.steps = steps
        self.enter = nn.Linear(size + 3, width)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
            for _ in range(3)
        )
        self.leave = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, size))

    def group(self) -> Group:
        return Group(list(self.parameters()))

    def velocity(self, u: Tensor, t: Tensor) -> Tensor:
        """Return v(u, t); `t` is (B, 1)."""
        h = self.enter(torch.cat([u, t, (math.pi * t).sin(), (math.pi * t).cos()], 1))
        for block in self.blocks:
            h = h + block(h)
        return self.leave(h)

    def objective(self, codes: Tensor) -> Tensor:
        u = self.standard(codes)
        noise, t = torch.randn_like(u), torch.rand(len(u), 1, device=u.device)
        return (self.velocity((1 - t) * noise + t * u, t).float() - (u - noise)).square().sum(1)

    def draw(self, n: int, generator: torch.Generator) -> Tensor:
        u = torch.randn(n, self.size, generator=generator, device=generator.device)
        for step in range(self.steps):
            now, then = (torch.full((n, 1), at / self.steps, device=u.device) for at in (step, step + 1))
            first = self.velocity(u, now)
            second = self.velocity(u + first / self.steps, then)
            u = u + (first + second) / (2 * self.steps)
        return u
