"""Try parameters in an ordinary sweep, whose trials differ in parameters, and read the outcomes from its records."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean

from vaebench.planning.plan import Plan
from vaebench.records.record import Record
from vaebench.running import sweep
from vaebench.trial import Spec, Trial

Sweep = Callable[[Plan], object]
"""A function that runs the remaining trials of a plan"""


@dataclass(frozen=True)
class Outcome:
    """The outcome of one set of parameters."""

    values: Mapping[str, float] = field(default_factory=dict)
    """dataset -> the headline on its validation images"""
    sizes: Mapping[str, int] = field(default_factory=dict)
    """dataset -> the number of values in a code"""
    reason: str = ""
    """why these parameters cannot be chosen; empty if they can"""

    @property
    def value(self) -> float | None:
        """The mean over datasets; None if these parameters cannot be chosen."""
        return None if self.reason or not self.values else fmean(self.values.values())


def outcomes(plan: Plan, asked: Sequence[tuple[Spec, Spec | None]], metric: str, do: Sweep) -> list[Outcome]:
    """Train and measure models with their losses on every dataset of the plan.

    Trials with a good record are not repeated, and duplicates are trained only once."""
    mine = [[_trial(plan, spec, model, loss) for spec in plan.ready] for model, loss in asked]
    unique = {trial.id: trial for trials in mine for trial in trials}
    now = replace(plan, trials=tuple(unique.values()), seen={}, done={}, trained={})
    now = sweep.find_done(now)
    if now.todo:
        do(now)
    sink = sweep.sink_of(plan)
    records = {id_: sink.record(trial) for id_, trial in unique.items()}
    return [_outcome({str(t.dataset): records[t.id] for t in trials}, metric) for trials in mine]


def _trial(plan: Plan, dataset: str, model: Spec, loss: Spec | None) -> Trial:
    one = next(one for one in plan.datasets if str(one.spec) == dataset)
    like = plan.trials[0]
    return Trial(like.suite, like.preset, like.source, one.spec, model, loss, like.regime, like.seed)


def _outcome(records: Mapping[str, Record | None], metric: str) -> Outcome:
    values, sizes = dict[str, float](), dict[str, int]()
    for dataset, record in records.items():
        cell = record.metrics.get(metric) if record else None
        if record is None:
            return Outcome(reason=f"{dataset}: there is no record")
        if record.error is not None:
            return Outcome(reason=f"{dataset}: {record.error.kind}: {record.error.message}")
        if cell is None or cell.value is None:
            return Outcome(reason=f"{dataset}: {cell.reason if cell else f'{metric} was not measured'}")
        values[dataset] = cell.value
        if (size := record.cost.get("code_size")) is not None:
            sizes[dataset] = size
    return Outcome(values, sizes)
