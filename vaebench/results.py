"""Results in Python: many records as one tidy DataFrame, or one record as an object with its trained model."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from html import escape
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vaebench.errors import UserError
from vaebench.records import store
from vaebench.records.record import BadRecord, Record, to_json
from vaebench.report import index
from vaebench.report.rows import KINDS, rows
from vaebench.running import mirrors

if TYPE_CHECKING:
    from pandas import DataFrame

    from vaebench.interfaces import Model


def load(path: str | PathLike[str]) -> DataFrame | Result:
    """Load a folder of records, or its URL, as a DataFrame, or the file of one record as a Result.

    The DataFrame has a row for each metric and cost of each record, and one row for each failed trial. Records in the
    subfolder `reference` are left out: load that folder separately."""
    where = mirrors.folder_of(os.fspath(path))
    mirrors.update(where)
    if where.is_file():
        try:
            return Result(where, store.read(where))
        except BadRecord as error:
            raise UserError(str(error)) from error
    if not where.is_dir():
        raise UserError(f"There is neither a record nor a folder of results at {where}.")
    if not (paths := store.below(where)):
        raise UserError(
            f"There are no records in {path}. `vaebench run --results {path}` creates them."
            f"{store.where_reference_is(where)}"
        )
    return _table(paths)


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
        """The record's metrics and costs as a DataFrame with the same columns as `load` returns for a folder."""
        return _frame(self.rows())

    @cached_property
    def curve(self) -> DataFrame:
        """The value of every loss term during training as a DataFrame: stage, step, name, value."""
        import pandas as pd

        points = [
            (stage, step, name, value)
            for stage, lines in self.typed.curve.items()
            for name, values in lines.items()
            if name != "step"
            for step, value in zip(lines["step"], values, strict=False)
        ]
        return pd.DataFrame(points, columns=["stage", "step", "name", "value"])

    def model(self, device: str = "cpu") -> Model:
        """Return the trained model, with the weights that are stored with the record."""
        from vaebench.components.registry import registry
        from vaebench.planning.suite import suites
        from vaebench.training.build import build
        from vaebench.training.weights import beside, most_bytes, restore

        if self.typed.inputs.shape is None:
            raise UserError(f"The record {self.path} does not contain the image shape, so the model cannot be built.")
        home = suites(registry().plugins).get(self.trial.suite.rpartition("@")[0], (None, None))[1]
        mirrors.fetch_weights(self.path)
        model = build(self.trial, self.typed.settings, self.typed.inputs.shape, registry().at(home)).to(device)
        if not restore(model, beside(self.path, most_bytes(model)), self.typed.weights):
            raise UserError(
                f"The weights of {self.path} are missing, or their digest differs from the record's. "
                f"`vaebench run {self.path}` trains that model again and writes it to your results folder."
            )
        return model

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield a row for each metric and cost, or one row without a metric if the trial failed."""
        return rows(self.typed, str(self.path))

    def __repr__(self) -> str:
        return f"<{self.trial}: {'; '.join(text for _, text in self._headlines())}>"

    def _repr_html_(self) -> str:
        lines = "".join(f"<tr><th>{escape(name)}</th><td>{escape(text)}</td></tr>" for name, text in self._headlines())
        return f"<table><caption>{escape(str(self.trial))}</caption>{lines}</table>"

    def _headlines(self) -> Iterator[tuple[str, str]]:
        """Yield a title and a text for each metric that can rank models, or for every metric if none can; for a failed
        trial, its error."""
        if error := self.typed.error:
            yield self.typed.status, f"{self.typed.status}: {error.message}"
        told = {name: cell for name, cell in self.typed.metrics.items() if cell.value is not None}
        for name, cell in told.items():
            if cell.replicates or not any(other.replicates for other in told.values()):
                error_bar = f" ±{1.96 * cell.error:.2g}" if cell.error else ""
                yield cell.title, f"{name} {cell.value:.4g}{error_bar}"


def records_in(folder: Path) -> Iterator[tuple[Path, Record]]:
    """Yield every valid record below a folder, except those in its subfolder `reference`; warn about invalid ones."""
    return _good(store.below(folder))


def _table(paths: list[Path]) -> DataFrame:
    """Return the rows of these records, taken from the index of their track if it is up to date, and otherwise from the
    records."""
    import pandas as pd

    places = {str(path): number for number, path in enumerate(paths)}
    left, frames = set(places), []
    for track in {parent for path in paths for parent in path.parents[2:3]}:
        if (found := index.read(track)) is not None:
            full = {place: str(track / place) for place in found.current}
            frame = found.frame()
            frames.append(frame.assign(path=frame["path"].map(full)))
            left -= set(full.values())
    unread = _good(path for path in paths if str(path) in left)
    frame = _frame(row for path, record in unread for row in rows(record, str(path)))
    if frames:
        frame = _typed(pd.concat([frame, *frames]))
    order = np.array([places.get(path, -1) for path in frame["path"]], int)
    inside = int((order < 0).sum())  # rows of the index that were not requested sort first
    return frame.iloc[order.argsort(kind="stable")[inside:]].reset_index(drop=True)


def _good(paths: Iterable[Path]) -> Iterator[tuple[Path, Record]]:
    for path in paths:
        try:
            yield path, store.read(path)
        except BadRecord as error:
            warnings.warn(str(error), stacklevel=6)


def _frame(told: Iterable[Mapping[str, Any]]) -> DataFrame:
    import pandas as pd

    return _typed(pd.DataFrame(told, columns=list(KINDS)))


def _typed(frame: DataFrame) -> DataFrame:
    texts = [name for name, kind in KINDS.items() if kind == "str"]
    frame[texts] = frame[texts].astype(object).fillna("")  # a column without any text would contain floats
    return frame.astype(KINDS)
