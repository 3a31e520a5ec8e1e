"""Whether the costs of a record can be: they are taken on trust, but they must agree with each other and the curve."""

from __future__ import annotations

from collections.abc import Iterator

from vaebench.records.record import Record

CLOCK = 0.1
"""Seconds by which clocks that were read one after the other may differ, and rounding."""


def cost_faults(record: Record) -> Iterator[str]:
    """What is impossible about its costs."""
    cost = record.cost
    train, measure, whole = (cost.get(f"{name}seconds") for name in ("train_", "measure_", ""))
    for name in ("train_seconds", "measure_seconds", "seconds", "images_per_second"):
        if (cost.get(name) or 0) < 0:
            yield f"cost.{name} is negative"
            return
    least = (train or 0) + (measure or 0)
    if whole is not None and not cost.get("times_resumed") and least > whole + CLOCK:
        yield f"cost.seconds is {whole}, less than the {least:.3f} of training and measuring"
    if train and (rate := cost.get("images_per_second")):
        seen = _steps(record) * record.settings.batch
        room = CLOCK * train + 1e-3 * rate + 1e-3 * seen
        if abs(rate * train - seen) > room:
            yield f"cost.images_per_second is {rate}, and its {seen} images in {train} s are {seen / train:.1f}"
    parameters, parts = cost.get("parameters"), cost.get("parts") or {}
    if parameters is not None and parts and max(parts.values()) > parameters:
        yield f"cost.parameters is {parameters}, fewer than those of one of its parts"


def _steps(record: Record) -> float:
    """How many steps its curve tells of."""
    return sum(max(lines.get("step") or [-1]) + 1 for lines in record.curve.values())
