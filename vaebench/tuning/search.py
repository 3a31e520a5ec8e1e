"""The search: every method gets the same number of trials, and its best trial on validation images is chosen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from filelock import FileLock, Timeout

from vaebench.errors import UserError
from vaebench.trial import Direction
from vaebench.tuning.contender import Contender
from vaebench.tuning.question import Question, folder_of
from vaebench.tuning.study import Study, Tried
from vaebench.tuning.trying import Outcome, Sweep, outcomes


@dataclass(frozen=True)
class Result:
    """A method with the parameters that were tried within the budget, the default first."""

    contender: Contender
    tried: tuple[Tried, ...]
    better: Direction

    @property
    def best(self) -> Tried:
        """The best parameters on validation images (the first, if several are equally good), or the defaults if no
        trial has a value."""
        usable = [one for one in self.tried if one.outcome.value is not None]
        sign = 1 if self.better == "higher" else -1
        return max(usable, key=lambda one: sign * (one.outcome.value or 0.0), default=self.tried[0])


def search(
    asked: Question, entrants: Sequence[Contender], budget: int, slots: int, free_rate: bool, do: Sweep
) -> list[Result]:
    """Run as many trials of every method as the budget allows, in rounds that keep all workers busy. `do` runs a
    plan."""
    with alone(folder_of(asked)):
        studies = [Study(one, folder_of(asked), asked.better) for one in entrants]
        while unfinished := [study for study in studies if len(study.tried) < budget]:
            each = max(1, slots // (len(unfinished) * len(asked.plan.ready)))
            _round(asked, [(study, min(each, budget - len(study.tried))) for study in unfinished], free_rate, do)
        return [Result(study.contender, tuple(study.tried[:budget]), asked.better) for study in studies]


def _round(asked: Question, shares: Sequence[tuple[Study, int]], free_rate: bool, do: Sweep) -> None:
    """Ask every study for its share of trials, run all of them in one sweep, and tell the studies the outcomes."""
    open_ = [(study, *study.ask()) for study, count in shares for _ in range(count)]
    known = {study.name: {str(one.model): one.outcome for one in study.tried} for study, _ in shares}
    new = [(study, model) for study, _, model in open_ if str(model) not in known[study.name]]
    found = outcomes(asked.plan, [(model, study.contender.loss) for study, model in new], asked.metric, do)
    for (study, model), outcome in zip(new, found, strict=True):
        own = known[study.name]
        default = next(iter(own.values()), outcome)
        own[str(model)] = outcome if free_rate else _of_size(outcome, default)
    for study, trial, model in open_:
        study.tell(trial, known[study.name][str(model)])


def _of_size(outcome: Outcome, default: Outcome) -> Outcome:
    """Return the outcome, marked as not eligible if its code size differs from the default's."""
    for dataset, size in outcome.sizes.items():
        usual = default.sizes.get(dataset, size)
        if size != usual:
            reason = f"{dataset}: the code has {size} numbers, but {usual} by default (allowed with --free-rate)"
            return replace(outcome, reason=reason)
    return outcome


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Lock the search's folder, since two runs would interfere with each other."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / ".lock", timeout=0):
            yield
    except Timeout as error:
        raise UserError(
            f"Another `vaebench tune` is running in {folder}. Wait for it to finish, or choose another folder with "
            "--results."
        ) from error
