"""Evidence with known answers: splits made of given arrays, and a model whose outputs the test prescribes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import ModuleType

import numpy as np
import pytest
import torch
from torch import Tensor

from vaebench.evidence import Evidence
from vaebench.interfaces import Model, Split, Splits
from vaebench_measures.features.inception import torch_fidelity

Answer = Callable[[Tensor], Tensor]


class Puppet(Model):
    """A model that encodes, reconstructs and scores with given functions."""

    name = "puppet"
    version = 1
    stages = ()

    def __init__(self, encode: Answer, reconstruct: Answer, scores: Callable, drawn: Tensor | None) -> None:
        super().__init__((1, 1, 1), None)
        self.encode = encode
        self.reconstruct = reconstruct
        self.scores = scores
        self.drawn = drawn

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        if self.drawn is None:
            return super().sample(n, generator)
        self.at = getattr(self, "at", 0) + n
        return self.drawn[self.at - n : self.at]


Build = Callable[..., Evidence]


@pytest.fixture
def evidence() -> Build:
    """Return a function that creates the evidence of a puppet. By default, the puppet is a perfect model, whose code is
    the flattened image."""

    def build(
        test: Split,
        train: Split | None = None,
        *,
        val: Split | None = None,
        encode: Answer = lambda x: x.flatten(1),
        reconstruct: Answer = lambda x: x,
        scores: Callable = lambda x: {},
        samples: np.ndarray | None = None,
        classes: Sequence[str] = (),
        kind: type[Evidence] = Evidence,
    ) -> Evidence:
        drawn = None if samples is None else torch.from_numpy(samples)
        model = Puppet(encode, reconstruct, scores, drawn)
        count = 0 if samples is None else len(samples)
        return kind(model, Splits(train or test, test, val), samples=count, dataset="known", classes=classes)

    return build


def noise(count: int, side: int = 28, channels: int = 1, seed: int = 0, classes: int = 2) -> Split:
    """Return random images, equally many of each class and two per patient; class 0 is healthy."""
    random = np.random.default_rng(seed)
    pixels = random.integers(0, 256, (count, channels, side, side), dtype=np.uint8)
    labels = np.arange(count) % classes
    return Split(pixels, labels, np.arange(count) // 2, healthy=labels == 0)


@pytest.fixture
def split() -> Callable[..., Split]:
    return noise


@pytest.fixture(scope="session")
def fidelity() -> ModuleType:
    """Return the package torch-fidelity, whose results are the reference."""
    return torch_fidelity()
