"""Checks whether retraining confirms a record: with bit-identical weights, or with numbers within their intervals."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from vaebench.records.record import Record
from vaebench.verification.remeasure import compare

INTERVAL = 1.96
"""A number from another device or library must lie within this many standard errors."""
LIBRARIES = ("torch", "numpy", "python")


class Verdict(NamedTuple):
    """The result of a comparison."""

    good: bool
    told: str
    impossible: bool = False
    """whether the record contradicts the result of retraining"""


def verdict_of(record: Record, again: Record, names: Collection[str]) -> Verdict:
    """Compare a record with that of the retrained trial; `names` are the headline metrics."""
    if record.weights and again.weights == record.weights:
        told = compare(record, again).told
        return Verdict(not told, "; ".join(told) or "the weights are bit-identical", bool(told))
    if _alike(record, again):
        return Verdict(False, "retraining on the same device with the same libraries gives different weights", True)
    outside = [text for name in sorted(names) if (text := _outside(record, again, name))]
    answered = any(record.metrics[name].value is not None for name in names if name in record.metrics)
    if outside or not answered:
        return Verdict(False, "; ".join(outside) or "none of its headline metrics has a number")
    return Verdict(True, f"on {again.device.kind}, its headline metrics are within their intervals")


def _outside(record: Record, again: Record, name: str) -> str:
    """Describe how a number differs by more than its interval; empty if it agrees or both records lack it."""
    old, new = record.metrics.get(name), again.metrics.get(name)
    if old is None or new is None or (old.value is None and new.value is None):
        return "" if old else f"metric {name!r} is missing"
    if old.value is None or new.value is None or new.error is None:
        return f"metric {name!r} cannot be compared"
    if abs(old.value - new.value) <= INTERVAL * new.error:
        return ""
    return f"metric {name!r} is {old.value:.4g}, but after retraining {new.value:.4g} ± {INTERVAL * new.error:.2g}"


def _alike(record: Record, again: Record) -> bool:
    """Return whether both were trained on the same device and libraries, so that results must be bit-identical."""
    libraries = all(record.software.get(name) == again.software.get(name) for name in LIBRARIES)
    return libraries and record.device == again.device
