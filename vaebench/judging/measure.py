"""Compute one metric from the evidence: a cell of the record, with a finite value or the reason for a missing one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from msgspec import structs

from vaebench.evidence import Evidence
from vaebench.interfaces import Metric, NotApplicable, Score
from vaebench.judging.ranges import beyond
from vaebench.records.provenance import message_of
from vaebench.records.record import Cell, Part

DECLARED = ("title", "verdict", "better", "unit", "regime", "version")


def measure(metric: Metric, evidence: Evidence, regime: str, paired: bool = True) -> Cell:
    """Return the record's cell for a metric, with its replicates if boards compare pairs of models by this metric. A
    failure does not affect other metrics."""
    try:
        if metric.regime == "healthy" and regime != "healthy":
            raise NotApplicable("this metric applies only to models trained on healthy images")
        answer = metric.compute(evidence)
        score = answer if isinstance(answer, Score) else Score(float(answer))
        if not np.isfinite(score.value):
            raise NotApplicable(f"the metric's value is {score.value}")
        if fault := beyond(score, *metric.range):
            raise NotApplicable(f"failed: {fault}")
    except NotApplicable as reason:
        return _cell(metric, reason=message_of(reason))
    except Exception as error:
        return _cell(metric, reason=f"failed: {message_of(error)}")
    return _cell(
        metric,
        _plain_numbers(score),
        variant=score.variant,
        patients=int(score.patients) if score.patients is not None else None,
        classes=int(score.classes),
        widening=_six_digits(score.widening),
        freedom=_six_digits(score.freedom),
        warning=score.warning,
        follows={name: _six_digits(value) for name, value in score.follows.items() if np.isfinite(value)},
        beside={name: _six_digits(value) for name, value in score.beside.items() if np.isfinite(value)},
        parts={name: _plain_numbers(part) for name, part in score.parts.items() if np.isfinite(part.value)},
        replicates=_shortened(score.replicates) if paired else [],
    )


def _cell(metric: Metric, numbers: Part | None = None, **told: Any) -> Cell:
    declared = {name: getattr(metric, name) for name in DECLARED}
    said = structs.asdict(numbers) if numbers else {"value": None}
    return Cell(**declared, **said, **told)


def _plain_numbers(score: Score) -> Part:
    """Return the numbers as plain Python numbers, since NumPy's cannot be written as JSON."""
    error = float(score.error) if score.error is not None and np.isfinite(score.error) else None
    return Part(float(score.value), error, int(score.n) if score.n is not None else None)


def _shortened(replicates: Sequence[float]) -> list[float | None]:
    """Return the replicates rounded to six digits, which is much finer than their statistical error."""
    return [_six_digits(value) if np.isfinite(value) else None for value in replicates]


def _six_digits(value: float) -> float:
    return float(f"{value:.6g}")
