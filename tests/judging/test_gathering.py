"""Gathering: the model has answered before measuring begins, whatever it cannot answer."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from vaebench.evidence import BATCH, Evidence, batch_on
from vaebench.interfaces import Model, NotApplicable, Split, Splits
from vaebench.judging.gathering import gather


class Curt(Model):
    """A linear model that counts how often it is asked, and fails at what it is told to."""

    name = "curt"
    version = 1

    def __init__(self, fails: str = "") -> None:
        super().__init__((1, 8, 8), None)
        self.scale = nn.Parameter(torch.tensor(0.5))
        self.fails = fails
        self.asked: Counter[str] = Counter()

    def note(self, what: str) -> None:
        self.asked[what] += 1
        if what == self.fails:
            raise RuntimeError("out of order")

    def encode(self, x: Tensor) -> Tensor:
        self.note("encode")
        return x.flatten(1)[:, :3] * self.scale

    def reconstruct(self, x: Tensor) -> Tensor:
        self.note("reconstruct")
        return x * self.scale

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        self.note("sample")
        return torch.rand((n, *self.shape), generator=generator)


def split(count: int, seed: int) -> Split:
    images = np.random.default_rng(seed).integers(0, 256, (count, 1, 8, 8), dtype=np.uint8)
    healthy = np.arange(count) % 2 == 0
    return Split(images, healthy.astype(int), np.arange(count), healthy, kept_out=np.arange(count) < count // 2)


SPLITS = Splits(train=split(40, 1), test=split(30, 2))


def answers(evidence: Evidence) -> list[Any]:
    sets = [evidence.codes("train"), evidence.codes("test"), evidence.samples()]
    return [*sets, *(evidence.residuals(name) for name in ("test", "calibration"))]


def test_what_was_gathered_is_not_asked_again_and_is_the_same() -> None:
    model = Curt()
    evidence = Evidence(model, SPLITS, samples=10)
    gather(evidence)
    asked = dict(model.asked)
    found = answers(evidence)
    assert asked == dict(model.asked) and set(asked) == {"encode", "reconstruct", "sample"}
    for one, other in zip(found, answers(Evidence(Curt(), SPLITS, samples=10)), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("fails", ["encode", "reconstruct", "sample"])
def test_a_failure_costs_no_other_answer_and_is_told_to_whoever_asks(fails: str) -> None:
    model = Curt(fails)
    evidence = Evidence(model, SPLITS, samples=10)
    gather(evidence)
    asks = {"encode": evidence.codes, "reconstruct": evidence.residuals, "sample": lambda name: evidence.samples()}
    for what, ask in asks.items():
        if what == fails:
            with pytest.raises(RuntimeError, match="out of order"):
                ask("test")
        else:
            assert len(ask("test"))
    with pytest.raises(NotApplicable, match="no Gaussian posterior"):
        evidence.posterior("test")


def test_batches_are_large_on_a_card_only() -> None:
    cpu, card = torch.device("cpu"), torch.device("cuda:1")
    assert {batch_on(cpu, shape) for shape in [(1, 28, 28), (3, 224, 224)]} == {BATCH}
    assert [batch_on(card, shape) for shape in [(1, 28, 28), (1, 64, 64), (3, 64, 64), (3, 224, 224)]] == [
        1024, 1024, 341, BATCH,
    ]  # fmt: skip
