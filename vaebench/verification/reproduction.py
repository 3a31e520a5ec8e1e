"""Whether a trial that was trained again gives what its record says: the same bits, or the same within the interval."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from vaebench.records.record import Record
from vaebench.verification.remeasure import compare

INTERVAL = 1.96
"""Standard errors on each side of a number within which another device or library must find it again."""
LIBRARIES = ("torch", "numpy", "python")


class Verdict(NamedTuple):
    """What comes of a comparison."""

    good: bool
    told: str
    impossible: bool = False
    """whether the record contradicts what was found"""


def verdict_of(record: Record, again: Record, names: Collection[str]) -> Verdict:
    """Judge a record by the one that was trained again; `names` are the headline metrics."""
    if record.weights and again.weights == record.weights:
        told = compare(record, again).told
        return Verdict(not told, "; ".join(told) or "the same weights, to the last bit", bool(told))
    if _alike(record, again):
        return Verdict(False, "trained again on the same device and libraries, it gets other weights", True)
    outside = [text for name in sorted(names) if (text := _outside(record, again, name))]
    answered = any(record.metrics[name].value is not None for name in names if name in record.metrics)
    if outside or not answered:
        return Verdict(False, "; ".join(outside) or "none of its headline metrics has a number")
    return Verdict(True, f"on {again.device.kind}, its headline metrics are within their intervals")


def _outside(record: Record, again: Record, name: str) -> str:
    """How one number differs by more than its interval; empty where it does not, or neither record has it."""
    old, new = record.metrics.get(name), again.metrics.get(name)
    if old is None or new is None or (old.value is None and new.value is None):
        return "" if old else f"metric {name!r} is missing"
    if old.value is None or new.value is None or new.error is None:
        return f"metric {name!r} cannot be compared"
    if abs(old.value - new.value) <= INTERVAL * new.error:
        return ""
    return f"metric {name!r} is {old.value:.4g}, and trained again {new.value:.4g} ± {INTERVAL * new.error:.2g}"


def _alike(record: Record, again: Record) -> bool:
    """Whether both were trained where numbers repeat to the bit."""
    libraries = all(record.software.get(name) == again.software.get(name) for name in LIBRARIES)
    return libraries and record.device == again.device
