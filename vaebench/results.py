"""Results in Python: many records as one tidy DataFrame; one record as an object that gives its trained model back."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from functools import cached_property
from html import escape
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import structs

from vaebench.errors import UserError
from vaebench.leaderboard.runs import COSTS
from vaebench.records import store
from vaebench.records.columns import columns
from vaebench.records.record import BadRecord, Cell, Record, to_json

if TYPE_CHECKING:
    from pandas import DataFrame

    from vaebench.interfaces import Model

CELL = {name: kind for name, kind in columns(Cell).items() if name not in ("title", "regime", "reason")}
KINDS = {  # the columns in their order, and what pandas calls their types
    **dict.fromkeys(("suite", "version", "preset", "source", "dataset", "regime", "model", "loss"), "str"),
    "seed": "Int64",
    "device": "str",
    "verdict": CELL.pop("verdict"),
    "metric": "str",
    "metric_regime": "str",  # `regime` is what the model was trained on; this, what the metric asks for
    "metric_version": CELL.pop("version"),
    **CELL,
    **dict.fromkeys(("status", "reason", "id", "path"), "str"),
}


def load(path: str | PathLike[str]) -> DataFrame | Result:
    """Return a folder as a DataFrame with a row per record and metric or cost, and one for each trial that failed;
    a file as one Result.

    The subfolder `reference` is left out: load it by its own name."""
    where = Path(path)
    if where.is_file():
        try:
            return Result(where, store.read(where))
        except BadRecord as error:
            raise UserError(str(error)) from error
    if not where.is_dir():
        raise UserError(f"There is neither a record nor a folder of results at {where}.")
    found = [Result(file, record) for file, record in records_in(where)]
    if not found:
        raise UserError(
            f"There are no records in {where}. `vaebench run --results {where}` makes them."
            f"{store.where_reference_is(where)}"
        )
    return _frame(row for one in found for row in one.rows())


class Result:
    """One record, with its trained model."""

    def __init__(self, path: Path, record: Record) -> None:
        self.path, self.typed, self.trial = path, record, record.trial

    @cached_property
    def record(self) -> dict[str, Any]:
        """The whole record as plain JSON values."""
        return to_json(self.typed)

    @cached_property
    def metrics(self) -> DataFrame:
        """The numbers as a DataFrame, as `load` returns them for a folder."""
        return _frame(self.rows())

    @cached_property
    def curve(self) -> DataFrame:
        """Every loss term during training as a DataFrame: stage, step, name, value."""
        import pandas as pd

        rows = [
            (stage, step, name, value)
            for stage, lines in self.typed.curve.items()
            for name, values in lines.items()
            if name != "step"
            for step, value in zip(lines["step"], values, strict=False)
        ]
        return pd.DataFrame(rows, columns=["stage", "step", "name", "value"])

    def model(self, device: str = "cpu") -> Model:
        """Return the trained model, with the weights that are stored beside the record."""
        from vaebench.components.registry import registry
        from vaebench.planning.suite import suites
        from vaebench.training.build import build
        from vaebench.training.weights import beside, most_bytes, restore

        if self.typed.inputs.shape is None:
            raise UserError(f"{self.path} does not say of what shape its images were: it gives no model.")
        home = suites(registry().plugins).get(self.trial.suite.rpartition("@")[0], (None, None))[1]
        model = build(self.trial, self.typed.settings, self.typed.inputs.shape, registry().at(home)).to(device)
        if not restore(model, beside(self.path, most_bytes(model)), self.typed.weights):
            raise UserError(
                f"The weights of {self.path} are not beside it, or are not those it names. "
                f"`vaebench run {self.path}` trains that model again and writes it to your results folder."
            )
        return model

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield a row for each metric and cost; one row without a metric if the trial failed."""
        trial, record = self.trial, self.typed
        suite, _, version = trial.suite.rpartition("@")
        shared = {
            "suite": suite, "version": version, "preset": trial.preset, "source": trial.source,
            "dataset": str(trial.dataset), "regime": trial.regime, "model": str(trial.model),
            "loss": str(trial.loss or ""), "seed": trial.seed, "device": record.device.kind,
            "id": record.id, "path": str(self.path),
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

    def __repr__(self) -> str:
        return f"<{self.trial}: {'; '.join(text for _, text in self._headlines())}>"

    def _repr_html_(self) -> str:
        rows = "".join(f"<tr><th>{escape(name)}</th><td>{escape(text)}</td></tr>" for name, text in self._headlines())
        return f"<table><caption>{escape(str(self.trial))}</caption>{rows}</table>"

    def _headlines(self) -> Iterator[tuple[str, str]]:
        """The numbers that can rank, or all of them where none can; or why there are none."""
        if error := self.typed.error:
            yield self.typed.status, f"{self.typed.status}: {error.message}"
        told = {name: cell for name, cell in self.typed.metrics.items() if cell.value is not None}
        for name, cell in told.items():
            if cell.replicates or not any(other.replicates for other in told.values()):
                error_bar = f" ±{1.96 * cell.error:.2g}" if cell.error else ""
                yield cell.title, f"{name} {cell.value:.4g}{error_bar}"


def records_in(folder: Path) -> Iterator[tuple[Path, Record]]:
    """Yield every good record below a folder, but for those of its subfolder `reference`; warn of the others."""
    for path in sorted(folder.rglob("*.json")):
        if path.is_relative_to(folder / store.REFERENCE):
            continue
        if store.FILE_NAME.fullmatch(path.name) and not path.name.startswith("."):
            try:
                yield path, store.read(path)
            except BadRecord as error:
                warnings.warn(str(error), stacklevel=4)


def _frame(rows: Iterator[dict[str, Any]]) -> DataFrame:
    import pandas as pd

    frame = pd.DataFrame(rows, columns=list(KINDS))
    texts = [name for name, kind in KINDS.items() if kind == "str"]
    frame[texts] = frame[texts].astype(object).fillna("")  # a column without any text would be one of floats
    return frame.astype(KINDS)
