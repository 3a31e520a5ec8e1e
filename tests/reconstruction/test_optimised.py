"""What losses and models say they are trained on: it gets better as their loss falls, image for image."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from vaebench.components.registry import registry
from vaebench.training.build import optimised
from vaebench.trial import Spec, Trial
from vaebench_measures.reconstruction import similarity

METRICS = {
    "psnr": lambda x, y: 10 * np.log10(1 / ((x - y) ** 2).mean((1, 2, 3))),
    "ms-ssim": similarity,
    "l1-error": lambda x, y: -np.abs(x - y).mean((1, 2, 3)),
}
TERMS = [
    ("mse", {}, "psnr"),
    ("gaussian", {"learned": False, "variance": 0.02}, "psnr"),
    ("l1", {}, "l1-error"),
    ("laplace", {"learned": False}, "l1-error"),
    ("ms-ssim", {}, "ms-ssim"),
    ("ms-ssim+l1", {"alpha": 1.0}, "ms-ssim"),
    ("ms-ssim+l1", {"alpha": 0.0}, "l1-error"),
]


def pairs() -> tuple[Tensor, Tensor]:
    """Smooth pictures, and others that differ from them by noise, by blur and by brightness in random measure."""
    rng = torch.Generator().manual_seed(0)
    coarse = torch.rand(24, 1, 8, 8, generator=rng)
    pictures = torch.nn.functional.interpolate(coarse, 32, mode="bilinear").clamp(0.05, 0.95)
    amount = torch.rand(3, 24, 1, 1, 1, generator=rng)
    blurred = torch.nn.functional.avg_pool2d(pictures, 5, 1, 2)
    others = pictures + 0.1 * amount[0] * torch.randn(pictures.shape, generator=rng)
    others = others + amount[1] * (blurred - pictures) + 0.1 * amount[2]
    return pictures, others.clamp(0.01, 0.99)


@pytest.mark.parametrize(("name", "params", "metric"), TERMS)
def test_the_metric_gets_better_as_the_loss_falls(name: str, params: dict, metric: str) -> None:
    component = registry().get("losses", name).component
    assert metric in component.optimises
    pictures, others = pairs()
    loss = component(**params)(others.logit(), pictures).detach().double().numpy()
    score = METRICS[metric](pictures.numpy().astype(float), others.numpy().astype(float))
    assert (np.argsort(loss) == np.argsort(-score)).all()


def test_nothing_is_declared_that_is_not_shown_here() -> None:
    declared = {(n, m) for n in registry().offers("losses") for m in registry().get("losses", n).component.optimises}
    assert declared == {(name, metric) for name, _, metric in TERMS}
    models = {m for n in registry().offers("models") for m in registry().get("models", n).component.optimises}
    assert declared and {metric for _, metric in declared} | models <= set(registry().offers("metrics"))


@pytest.mark.parametrize(("loss", "expected"), [("ms-ssim", {"ms-ssim"}), ("bce", set()), (None, set())])
def test_a_trial_is_trained_on_what_its_loss_says(loss: str | None, expected: set[str]) -> None:
    trial = Trial("s@1", "quick", "phantom", Spec("kermany-cxr"), Spec("vae"), Spec(loss) if loss else None, "all", 0)
    assert optimised(trial, registry()) == expected
