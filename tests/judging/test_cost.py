"""What a model cost: the numbers it learned, wherever it keeps them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import nn

from vaebench.components.registry import registry
from vaebench.judging.cost import count, reconstruction_flops
from vaebench.trial import Spec

SHAPE = (1, 8, 8)


def test_numbers_learned_by_a_fit_count_as_parameters() -> None:
    made = {name: registry().create("models", Spec(name), SHAPE, None) for name in ("mean-image", "pca")}
    assert count(made["mean-image"]) == 2 * 64, "a mean and a variance of each pixel"
    assert count(made["pca"]) == 64 + 64 * 32 + 32 + 1, "mean, directions, variances and noise"


def test_a_tensor_counts_once_and_only_if_it_is_stored() -> None:
    part = nn.Sequential(nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False))
    part[1].weight = part[0].weight
    part.register_buffer("grid", torch.zeros(100), persistent=False)
    assert count(part) == 9


class Given(nn.Module):
    """Its layer sees a parameter, not the image: two multiply-adds for each of three outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.given, self.layer = nn.Parameter(torch.ones(2)), nn.Linear(2, 3, bias=False)

    def reconstruct(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(self.given.expand(len(x), -1))


def test_a_layer_that_is_given_a_parameter_is_counted_too() -> None:
    images = SimpleNamespace(images=np.zeros((4, 1, 8, 8), np.uint8))
    evidence: Any = SimpleNamespace(model=Given(), device="cpu", split=lambda part: images)
    with torch.no_grad():
        assert reconstruction_flops(evidence) == 2 * 2 * 3
