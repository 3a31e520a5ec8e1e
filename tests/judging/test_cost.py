"""What a model cost: the numbers it learned, wherever it keeps them."""

from __future__ import annotations

import torch
from torch import nn

from vaebench.components.registry import registry
from vaebench.judging.cost import count
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
