"""What benchmarks/speed times is the same work: from the same weights, every contender comes to the same loss."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest
import torch

SPEED = Path(__file__).parent.parent / "benchmarks" / "speed"
STEPS = 3


@pytest.fixture
def training(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The script, with no noise: the order in which contenders draw it is not theirs to share."""
    monkeypatch.syspath_prepend(SPEED)
    monkeypatch.setattr(torch, "randn_like", torch.zeros_like)
    before = set(sys.modules)
    import training

    yield training
    for name in set(sys.modules) - before:
        if name in ("training", "by_turns", "networks"):
            del sys.modules[name]


@pytest.mark.parametrize("who", ["harness", "fused", "channels_last", "both", "pythae"])
@pytest.mark.parametrize("network", ["MLP", "small conv", "trunk, width 8"])
def test_contenders_do_the_same_steps(training: ModuleType, network: str, who: str) -> None:
    if who == "pythae" and not find_spec("pythae"):
        pytest.skip("pythae is not installed, and need not be")
    image = torch.randint(0, 256, (1, 1, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    pixels = image.repeat(STEPS * training.BATCH, 1, 1, 1)  # alike, so that no order of batches matters

    def loss_after(start: object) -> tuple[float, float]:
        torch.manual_seed(0)
        net = training.NETWORKS[network]((1, 16, 16))
        losses = []
        for work in (lambda: None, start(net, pixels, STEPS)):
            work()
            net.train()
            with torch.no_grad():
                losses.append(float(sum(term.mean() for term in training.loss(net, pixels[:64].float() / 255))))
        return tuple(losses)

    start = {**training.BARE, "harness": training.harness, "pythae": training.pythae}[who]
    before, after = loss_after(training.bare)
    assert after < 0.99 * before
    assert loss_after(start) == pytest.approx((before, after), rel=1e-6, abs=0.02 * (before - after))
