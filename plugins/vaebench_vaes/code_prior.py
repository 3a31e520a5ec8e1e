"""Priors over a grid of discrete codes, in row order, which models such as a VQ-VAE learn in their second stage.

-ln p(k) = -sum_i ln p(k_i | k_1 ... k_(i-1))     autoregressive: a causal transformer over the places of the grid
-ln p(k) = -sum_i ln p_i(k_i)                     per position: a table of probabilities for each place, independently
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vaebench.interfaces import Group

Memory = dict[nn.Module, tuple[Tensor, Tensor]]
"""The attention keys and values of the earlier places, for each block."""


class Prior(nn.Module):
    """Maps codes (B, places) to logits (B, places, codes); the logits at a place depend only on the codes before it."""

    places: int

    def group(self) -> Group:
        return Group(list(self.parameters()))

    def surprise(self, codes: Tensor) -> Tensor:
        """Return -ln p of each image's codes."""
        logits = self(codes).float()
        return F.cross_entropy(logits.flatten(0, 1), codes.flatten(), reduction="none").view(codes.shape).sum(1)

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        codes = torch.zeros(n, self.places, dtype=torch.long, device=generator.device)
        memory: Memory = {}
        for place in range(self.places):
            chances = self.next(codes, place, memory).float().softmax(-1)
            codes[:, place] = torch.multinomial(chances, 1, generator=generator).squeeze(1)
        return codes

    def next(self, codes: Tensor, place: int, memory: Memory) -> Tensor:
        """Return the logits at one place of the grid; call it for each place in order, with the same memory."""
        who = type(self).__name__
        raise NotImplementedError(f"{who} must implement next(), which returns the logits at one place of the grid")


class Autoregressive(Prior):
    def __init__(self, codes: int, places: int, width: int, layers: int = 3) -> None:
        super().__init__()
        self.places = places
        self.start = nn.Parameter(torch.zeros(1, 1, width))
        self.code = nn.Embedding(codes, width)
        self.place = nn.Parameter(0.02 * torch.randn(places, width))
        self.blocks = nn.ModuleList(Attention(width) for _ in range(layers))
        self.last = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, codes))
        self.width = width

    def group(self) -> Group:
        """Use a large learning rate, smaller for a wider network, that rises and then falls to zero: at a constant rate
        of 1e-3, the prior was still improving quickly when the stage ended."""
        return Group(list(self.parameters()), options={"lr": 0.32 / self.width}, schedule=rise_and_fall)

    def forward(self, codes: Tensor) -> Tensor:
        h = torch.cat([self.start.expand(len(codes), 1, -1), self.code(codes[:, :-1])], 1) + self.place
        for block in self.blocks:
            h = block(h)
        return self.last(h)

    def next(self, codes: Tensor, place: int, memory: Memory) -> Tensor:
        before = self.code(codes[:, place - 1 : place]) if place else self.start.expand(len(codes), 1, -1)
        h = before + self.place[place]
        for block in self.blocks:
            h = block(h, memory)
        return self.last(h)[:, 0]


def rise_and_fall(progress: float) -> float:
    return min(1.0, 0.01 + progress / 0.05) * 0.5 * (1 + math.cos(math.pi * progress))


class Attention(nn.Module):
    """A causal transformer block. With a memory, the block is called once per place, in order."""

    def __init__(self, width: int, heads: int = 4) -> None:
        super().__init__()
        self.heads = heads
        self.norm, self.mix, self.out = nn.LayerNorm(width), nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.think = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, h: Tensor, memory: Memory | None = None) -> Tensor:
        query, key, value = self.mix(self.norm(h)).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        if memory is not None:
            if self in memory:
                key, value = (torch.cat(pair, 2) for pair in zip(memory[self], (key, value), strict=True))
            memory[self] = key, value
        seen = F.scaled_dot_product_attention(query, key, value, is_causal=memory is None)
        h = h + self.out(seen.transpose(1, 2).flatten(2))
        return h + self.think(h)


class PerPosition(Prior):
    def __init__(self, codes: int, places: int, width: int) -> None:
        super().__init__()
        self.places = places
        self.logits = nn.Parameter(torch.zeros(places, codes))

    def group(self) -> Group:
        """Use a large learning rate that falls to zero, because the table starts far from its optimum."""
        return Group(list(self.parameters()), options={"lr": 0.1}, schedule=lambda progress: 1 - progress)

    def forward(self, codes: Tensor) -> Tensor:
        return self.logits.expand(len(codes), -1, -1)

    def next(self, codes: Tensor, place: int, memory: Memory) -> Tensor:
        return self.logits[place].expand(len(codes), -1)
