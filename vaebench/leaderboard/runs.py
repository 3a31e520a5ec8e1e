"""What a board needs of each record of a track, read into small frozen values."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import numpy as np

from vaebench.records.store import Record
from vaebench.trial import Trial, canonical

T = TypeVar("T")
VERDICTS = ("reconstruction", "representation", "anomaly", "generation", "other", "cost")
COSTS = {  # name in a record: title, better, unit, scale, whether it belongs to the machine
    "train_seconds": ("Training time", "lower", "s", 1, True),
    "images_per_second": ("Training speed", "higher", "images/s", 1, True),
    "peak_memory_bytes": ("Peak memory", "lower", "MiB", 2**-20, True),
    "parameters": ("Parameters", "lower", "", 1, False),
    "reconstruction_flops": ("FLOPs per reconstruction", "lower", "MFLOP", 1e-6, False),
    "code_size": ("Code size", "lower", "", 1, False),
}
LEAD_COST = "train_seconds"


class Entrant(NamedTuple):
    """A model with its parameters, and its reconstruction loss ("" for a model that takes none): a row of the board."""

    model: str
    loss: str

    @property
    def name(self) -> str:
        """The model, whatever its parameters."""
        return self.model.partition("[")[0]


class Measure(NamedTuple):
    """What a metric declares."""

    name: str
    version: int
    better: str
    unit: str
    regime: str
    verdict: str
    primary: bool
    title: str

    def same(self, other: Measure) -> bool:
        return self[:5] == other[:5]


class Number(NamedTuple):
    """A metric's answer in one record, or why there is none."""

    measure: Measure
    value: float | None
    reason: str = ""
    variant: str = ""
    error: float | None = None
    n: int | None = None
    replicates: np.ndarray | None = None
    """float32, which holds the six digits of a record"""
    optimised: bool = False
    """the model or its loss was trained on this metric"""


@dataclass(frozen=True, slots=True)
class Run:
    """What a board needs of one record."""

    id: str
    entrant: Entrant
    dataset: str
    regime: str
    seed: int
    status: str
    kind: str
    message: str
    digest: str
    settings: str
    versions: tuple[tuple[str, int], ...]
    device: str
    started: str
    numbers: tuple[Number, ...]
    costs: tuple[Number, ...]
    """those that belong to the machine"""
    shortcuts: tuple[tuple[str, float], ...] = ()
    """how well something trivial about the test images does what anomaly scores are asked to do: name and AUROC"""
    both: bool = False
    """measured on several device classes"""


class Hidden(NamedTuple):
    dataset: str
    what: str
    """`records` or `numbers`"""
    reason: str


def read(records: Iterable[Record], track: str) -> tuple[list[Run], Counter[Hidden]]:
    """The runs of one track, in an order that does not depend on that of the records."""
    runs, hidden, reader = [], Counter[Hidden](), _Reader()
    for record in records:
        try:
            trial = Trial.from_json(record["trial"])
            if trial.track == track:
                runs.append(reader.run(record, trial))
        except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
            hidden[Hidden("", "records", f"not a valid record ({type(error).__name__}: {error})")] += 1
    return sorted(runs, key=_place_in_line), hidden


def _place_in_line(run: Run) -> tuple[Any, ...]:
    answers = [-math.inf if number.value is None else number.value for number in (*run.numbers, *run.costs)]
    return run.id, run.device, run.started, run.digest, run.status, answers


class _Reader:
    """Takes from records what a board needs; what many of them say alike is kept once, and compared at once."""

    def __init__(self) -> None:
        self.measures: dict[tuple[Any, ...], Measure] = {}
        self.settings: dict[str, str] = {}
        self.known: dict[Any, Any] = {}

    def run(self, record: Record, trial: Trial) -> Run:
        if not isinstance(trial.seed, int):
            raise ValueError("the seed is no whole number")
        device, inputs, error = record["device"], record["inputs"], record["error"] or {}
        good = record["status"] == "ok"
        components = {f"regime {trial.regime}": 1, **inputs.get("components", {})}  # older records do not name theirs
        answers = sorted(record["metrics"].items()) if good else []
        asked = trial.regime  # other metrics are asked of other models
        numbers = [self._number(name, cell) for name, cell in answers if str(cell.get("regime", "all")) == asked]
        costs = list(_costs(record["cost"], _place(device))) if good and trial.regime == "all" else []
        return Run(
            id=record["id"],
            entrant=self._once(Entrant(str(trial.model), str(trial.loss or ""))),
            dataset=str(trial.dataset),
            regime=trial.regime,
            seed=trial.seed,
            status=record["status"],
            kind=str(error.get("kind", "")),
            message=str(error.get("message", "")),
            digest=str(inputs.get("data") or ""),
            settings=self._settings(record["settings"]),
            versions=self._once(tuple(sorted((k, int(v)) for k, v in components.items() if k[:7] != "metric "))),
            device=str(device["class"]),
            started=record["started"],
            numbers=(*numbers, *(cost for cost in costs if not cost.variant)),
            costs=tuple(cost for cost in costs if cost.variant),
            shortcuts=tuple(sorted((str(k), float(v)) for k, v in (inputs.get("shortcuts") or {}).items())),
        )

    def _settings(self, settings: Mapping[str, Any]) -> str:
        """All but the list of metrics, which a longer one does not make another question."""
        told = repr(settings)
        if told not in self.settings:
            self.settings[told] = canonical({k: v for k, v in settings.items() if k != "metrics"})
        return self.settings[told]

    def _once(self, value: T) -> T:
        found: T = self.known.setdefault(value, value)
        return found

    def _number(self, name: str, cell: Mapping[str, Any]) -> Number:
        declared = (name, *map(cell.get, DECLARED))
        measure = self.measures.get(declared)
        if measure is None:
            measure = self.measures[declared] = _measure(name, cell)
        if (value := cell["value"]) is None:
            return Number(measure, None, str(cell.get("reason", "")))
        error, n, replicates = cell.get("error"), cell.get("n"), cell.get("replicates")
        return Number(
            measure,
            float(value),
            "",
            str(cell.get("variant", "")),
            None if error is None else float(error),
            None if n is None else int(n),
            np.array(replicates, np.float32) if replicates else None,
            bool(cell.get("optimised")),
        )


DECLARED = ("version", "better", "unit", "regime", "verdict", "primary", "title")


def _measure(name: str, cell: Mapping[str, Any]) -> Measure:
    verdict, title = str(cell.get("verdict")), str(cell.get("title") or name)
    if cell["better"] not in ("higher", "lower"):
        raise ValueError(f"metric {name!r} says neither that higher nor that lower is better")
    return Measure(
        name=name,
        version=int(cell.get("version", 1)),
        better=cell["better"],
        unit=str(cell.get("unit", "")),
        regime=str(cell.get("regime", "all")),
        verdict=verdict if verdict in VERDICTS else "other",
        primary=bool(cell.get("primary")),
        title=title,
    )


def _costs(cost: Mapping[str, Any], place: str) -> Iterable[Number]:
    for name, (title, better, unit, scale, local) in COSTS.items():
        value = cost.get(name)
        if isinstance(value, int | float) and math.isfinite(value):
            measure = Measure(name, 1, better, unit, "all", "cost", name == LEAD_COST, title)
            yield Number(measure, value * scale, variant=place if local else "")


def _place(device: Mapping[str, Any]) -> str:
    """Costs may share a column when device class, threads and precision agree."""
    parts = [str(device["class"])]
    if (threads := device.get("threads", 1)) != 1:
        parts.append(f"{threads} threads")
    if (precision := device.get("precision", "float32")) != "float32":
        parts.append(str(precision))
    return ", ".join(parts)
