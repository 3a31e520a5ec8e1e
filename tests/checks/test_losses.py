"""The kit finds each fault that is put into a reconstruction loss, by the check that is meant for it."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from vaebench.interfaces import Loss


class Square(Loss):
    """An honest loss."""

    name = "square"
    version = 1

    def forward(self, raw: Tensor, target: Tensor) -> Tensor:
        return (self.image(raw.float()) - target).square().flatten(1).sum(1)


def test_an_honest_loss_passes_everything(verdicts):
    assert verdicts(Square) == {}
    assert list(verdicts(Square, "skipped")) == ["likelihood"]


FAULTS: list[tuple[type[Loss], set[str]]] = []


def fault(*checks: str):
    def note(loss: type[Loss]) -> type[Loss]:
        FAULTS.append((loss, set(checks)))
        return loss

    return note


@fault("likelihood")
class LacksItsConstant(Square):
    likelihood = True


@fault("summed-over-pixels")
class MeanOverPixels(Square):
    def forward(self, raw, target):
        return super().forward(raw, target) / raw.shape[1:].numel()


@fault("one-number-per-image", "alone", "not-a-number")
class OneNumberForAll(Square):
    def forward(self, raw, target):
        return super().forward(raw, target).sum()


@fault("alone")
class DividedByBatch(Square):
    def forward(self, raw, target):
        return super().forward(raw, target) / len(raw)


@fault("alone", "not-a-number", "descent")
class Centred(Square):
    """Looks at the batch's mean image."""

    def forward(self, raw, target):
        return super().forward(raw - raw.mean(0), target)


@fault("descent")
class WrongSign(Square):
    def forward(self, raw, target):
        return -super().forward(raw, target)


@fault("not-a-number")
class HidesNan(Square):
    def forward(self, raw, target):
        return super().forward(raw.nan_to_num(), target)


@fault("one-number-per-image")
class HalfPrecision(Square):
    def forward(self, raw, target):
        return (self.image(raw) - target.to(raw.dtype)).square().flatten(1).sum(1)


@fault("gradient", "one-number-per-image")
class LogOfZero(Square):
    """Cross-entropy from probabilities, which reach 0 and 1."""

    def forward(self, raw, target):
        y = self.image(raw.float())
        return -(target * y.log() + (1 - target) * (1 - y).log()).flatten(1).sum(1)


@fault("gradient")
class RootAtZero(Square):
    def forward(self, raw, target):
        return super().forward(raw, target) + 1e-6 * raw.float().abs().sqrt().flatten(1).sum(1)


@fault("picture")
class PictureBeyondOne(Square):
    def image(self, raw):
        return raw

    def forward(self, raw, target):
        return (raw.float() - target).square().flatten(1).sum(1)


@fault("repeats", "alone")
class Noisy(Square):
    def forward(self, raw, target):
        return super().forward(raw, target) * (1 + 0.01 * torch.rand(len(raw)))


@fault("parameters")
class TakesAnyWindow(Square):
    def __init__(self, window: int = 11) -> None:
        super().__init__()


@pytest.mark.parametrize(("loss", "checks"), FAULTS, ids=[loss.__name__ for loss, _ in FAULTS])
def test_a_fault_is_found_by_its_check_and_no_other(verdicts, loss, checks):
    assert set(verdicts(loss)) == checks
