"""One metric asked of the evidence: a cell of the record, with a finite value or the reason why there is none."""

from __future__ import annotations

from typing import Any

import numpy as np

from vaebench.evidence import Evidence
from vaebench.interfaces import Metric, NotApplicable, Score
from vaebench.records.provenance import message_of

SCORE_FIELDS = ("title", "verdict", "better", "unit", "primary", "regime", "version")


def measure(metric: Metric, evidence: Evidence, regime: str) -> dict[str, Any]:
    """A metric's cell of the record: a finite value, or none with the reason. A failing metric takes nothing else."""
    cell: dict[str, Any] = {name: getattr(metric, name) for name in SCORE_FIELDS}
    try:
        if metric.regime == "healthy" and regime != "healthy":
            raise NotApplicable("asked only of models trained on healthy images")
        answer = metric.compute(evidence)
        score = answer if isinstance(answer, Score) else Score(float(answer))
        if not np.isfinite(score.value):
            raise NotApplicable(f"the metric came out as {score.value}")
    except NotApplicable as reason:
        return {**cell, "value": None, "reason": message_of(reason)}
    except Exception as error:
        return {**cell, "value": None, "reason": f"failed: {message_of(error)}"}
    cell |= {**_plain_numbers(score), "variant": score.variant}
    if parts := {name: _plain_numbers(part) for name, part in score.parts.items() if np.isfinite(part.value)}:
        cell["parts"] = parts
    if metric.primary and len(score.replicates):
        cell["replicates"] = [float(f"{r:.6g}") if np.isfinite(r) else None for r in score.replicates]
    return cell


def _plain_numbers(score: Score) -> dict[str, Any]:
    """NumPy's numbers are none of JSON's."""
    error = float(score.error) if score.error is not None and np.isfinite(score.error) else None
    return {"value": float(score.value), "error": error, "n": int(score.n) if score.n is not None else None}
