"""Check that the numbers of a metric are within the range that it declares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

ROUNDING = 1e-6
"""The amount by which rounding may carry a number outside its range."""


class Number(Protocol):
    """A value with its error, such as a score, a cell of a record, or a part of either."""

    @property
    def value(self) -> float | None: ...
    @property
    def error(self) -> float | None: ...


class Numbers(Number, Protocol):
    """A number with its parts, and its values on resamples of the patients."""

    @property
    def parts(self) -> Mapping[str, Number]: ...
    @property
    def replicates(self) -> Sequence[float | None]: ...


def beyond(numbers: Numbers, low: float, high: float) -> str:
    """Return a message about the first value outside the range or the first standard error that is impossible for
    values in the range; the message is empty if all numbers are valid."""
    return next(_faults(numbers, low, high), "")


def _faults(numbers: Numbers, low: float, high: float) -> Iterator[str]:
    def outside(value: float | None) -> bool:
        return value is not None and (value < low - ROUNDING or value > high + ROUNDING)

    known = f"outside its range, {low:.6g} to {high:.6g}"
    for part, number in {"": numbers, **numbers.parts}.items():
        where = f"of {part} " if part else ""
        if outside(number.value):
            yield f"the value {where}is {number.value:.6g}, {known}"
        if number.error is not None and not -ROUNDING <= number.error <= high - low + ROUNDING:
            yield f"the error {where}is {number.error:.6g}, impossible in the range {low:.6g} to {high:.6g}"
    for value in numbers.replicates:
        if outside(value):
            yield f"a replicate is {value:.6g}, {known}"
