"""The memo: the same answers, each network asked once about a batch, and the model as it was afterwards."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
from torch import Tensor

from vaebench.evidence import Evidence
from vaebench.interfaces import Gaussian, Model, Split, Splits
from vaebench.memo import Memo


class Counting(Model):
    """Everything but the posterior is derived from it, and some of it writes into what it was given."""

    name = "counting"
    version = 1

    def __init__(self) -> None:
        super().__init__((1, 8, 8), None)
        self.asked: Counter[str] = Counter()

    def posterior(self, x: Tensor) -> Gaussian:
        self.asked["posterior"] += len(x)
        return Gaussian(x.flatten(1)[:, :3] - 0.5, x.flatten(1)[:, 3:6] - 1)

    def encode(self, x: Tensor) -> Tensor:
        return self.posterior(x).mean

    def decode(self, code: Tensor) -> Tensor:
        return code.mul_(2).sigmoid().mean(1).view(-1, 1, 1, 1).expand(-1, 1, 8, 8)

    def scores(self, x: Tensor) -> dict[str, Tensor]:
        return {"kl": self.rate(x), "far": self.posterior(x).mean.abs_().sum(1)}


def split(count: int, seed: int) -> Split:
    images = np.random.default_rng(seed).integers(0, 256, (count, 1, 8, 8), dtype=np.uint8)
    return Split(images, np.arange(count) % 2, np.arange(count))


SPLITS = Splits(train=split(40, 1), test=split(40, 2))
ASKS = ("codes", "reconstructions", "rates", "posterior", "scores")


def answers(order: tuple[str, ...], model: Model) -> dict[str, np.ndarray]:
    evidence = Evidence(model, SPLITS, batch=16)
    found = {ask: getattr(evidence, ask)("test") for ask in order}
    return {**found, "posterior": np.stack(found["posterior"]), "scores": np.stack([*found["scores"].values()])}


def test_answers_are_those_without_it_in_whatever_order_they_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    model = Counting()
    found = [answers(ASKS, model), answers(ASKS[::-1], Counting())]
    again = 32 * (len(ASKS) - 1) + 2 * 32 * 2  # in other company: each of two scores asks twice for all of them
    assert model.asked["posterior"] == 40 + again
    monkeypatch.setattr(Memo, "answer", lambda self, ask, key, x, *given, **named: ask(*given, **named))
    plain = answers(ASKS, Counting())
    for one in found:
        for ask in ASKS:
            np.testing.assert_array_equal(one[ask], plain[ask])


def test_a_batch_is_looked_at_once_and_other_images_every_time() -> None:
    model = Counting()
    memo, x = Memo(model), torch.rand(4, 1, 8, 8)
    for batch, expected in (("one", 4), ("one", 4), ("two", 8)):
        with memo.about(batch, x):
            model.reconstruct(x)
            model.rate(x)
            model.scores(x)
        assert model.asked["posterior"] == expected
    with memo.about("one", x):
        assert not torch.equal(model.encode(x + 0.1), model.encode(x))
    assert model.asked["posterior"] == 12


def test_the_model_is_left_as_it_was_even_by_a_failure() -> None:
    model = Counting()
    model.rate = lambda x: x.sum((1, 2, 3))  # type: ignore[method-assign]
    own = dict(model.__dict__)
    with pytest.raises(RuntimeError, match="broken"), Memo(model).about("one", torch.rand(1, 1, 8, 8)):
        raise RuntimeError("broken")
    assert model.__dict__ == own
