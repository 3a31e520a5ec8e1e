"""Records as rows of one table: a row per metric and cost, and one for a trial without a result."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import structs

from vaebench.leaderboard.runs import COSTS
from vaebench.records.columns import columns
from vaebench.records.record import Cell, Record

CELL = {name: kind for name, kind in columns(Cell).items() if name not in ("title", "regime", "reason")}
KINDS = {  # the columns in their order, and what pandas calls their types
    **dict.fromkeys(("suite", "version", "preset", "source", "dataset", "regime", "model", "loss"), "str"),
    "seed": "Int64",
    "device": "str",
    "verdict": CELL.pop("verdict"),
    "metric": "str",
    "metric_regime": "str",  # what the metric asks for; `regime` is what the model was trained on
    "metric_version": CELL.pop("version"),
    **CELL,
    **dict.fromkeys(("status", "reason", "id", "path"), "str"),
}


def rows(record: Record, path: str) -> Iterator[dict[str, Any]]:
    """Yield a row for each metric and cost; if the trial failed, one row without a metric."""
    trial = record.trial
    suite, _, version = trial.suite.rpartition("@")
    shared = {
        "suite": suite, "version": version, "preset": trial.preset, "source": trial.source,
        "dataset": str(trial.dataset), "regime": trial.regime, "model": str(trial.model),
        "loss": str(trial.loss or ""), "seed": trial.seed, "device": record.device.kind,
        "id": record.id, "path": path,
    }  # fmt: skip
    if record.error:
        yield {**shared, "status": record.status, "reason": record.error.message}
        return
    for name, cell in record.metrics.items():
        told = {key: value for key, value in structs.asdict(cell).items() if key in CELL}
        status = "dash" if cell.value is None else "ok"
        declared: dict[str, Any] = {
            "verdict": cell.verdict,
            "metric_regime": cell.regime,
            "metric_version": cell.version,
        }
        declared["reason"] = cell.reason
        yield {**shared, **told, **declared, "metric": name, "status": status}
    for name, (_, better, unit, scale, _) in COSTS.items():
        if (value := record.cost.get(name)) is not None:
            told = {"better": better, "unit": unit, "value": value * scale, "status": "ok"}
            yield {**shared, "verdict": "cost", "metric": name, **told}
