"""Plausibility of a record's costs: they cannot be re-measured, but must agree with each other and with the curve."""

from __future__ import annotations

from collections.abc import Iterator

from vaebench.records.record import Record

CLOCK = 0.1
"""Tolerance in seconds for clocks that are read one after the other, and for rounding."""


def cost_faults(record: Record) -> Iterator[str]:
    """Yield the contradictions in the costs of a record."""
    cost = record.cost
    train, measure, whole = (cost.get(f"{name}seconds") for name in ("train_", "measure_", ""))
    for name in ("train_seconds", "measure_seconds", "seconds", "images_per_second"):
        if (cost.get(name) or 0) < 0:
            yield f"cost.{name} is negative"
            return
    least = (train or 0) + (measure or 0)
    if whole is not None and not cost.get("times_resumed") and least > whole + CLOCK:
        yield f"cost.seconds is {whole}, less than the {least:.3f} of training and measuring together"
    if train and (rate := cost.get("images_per_second")):
        seen = _steps(record) * record.settings.batch
        room = CLOCK * train + 1e-3 * rate + 1e-3 * seen
        if abs(rate * train - seen) > room:
            yield f"cost.images_per_second is {rate}, but {seen} images in {train} s are {seen / train:.1f} per second"
    parameters, parts = cost.get("parameters"), cost.get("parts") or {}
    if parameters is not None and parts and max(parts.values()) > parameters:
        yield f"cost.parameters is {parameters}, fewer than in one of the model's parts"


def _steps(record: Record) -> float:
    """Return the number of training steps in the record's curve."""
    return sum(max(lines.get("step") or [-1]) + 1 for lines in record.curve.values())
