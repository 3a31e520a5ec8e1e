"""The search of one method with Optuna. A journal keeps all trials, so that a second call continues the search."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from vaebench.errors import UserError
from vaebench.trial import Direction, Spec, Value, canonical, seed_of
from vaebench.tunable import Choice, Log
from vaebench.tuning.contender import Contender
from vaebench.tuning.trying import Outcome

JOURNAL = "tried.log"
STARTUP = 4
"""The number of random trials, including the default, before the search learns from them. Optuna's default of ten would
use up most of a small budget."""


def optuna() -> ModuleType:
    """Import the library, which is an optional dependency."""
    try:
        import optuna
        from optuna.storages import journal  # noqa: F401 (part of Optuna since 4)
    except ImportError as error:
        raise UserError("`vaebench tune` needs Optuna, which is not installed: pip install 'vaebench[tune]'") from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


@dataclass(frozen=True)
class Tried:
    """Parameters that were tried, with their outcome."""

    values: Mapping[str, Value]
    """the values of the searched parameters; empty for the defaults"""
    model: Spec
    outcome: Outcome


class Study:
    """The search of one method. Trial 0 has the default parameters; `ask` returns the next trial, `tell` ends it."""

    def __init__(self, contender: Contender, folder: Path, better: Direction) -> None:
        self.contender, self.better = contender, better
        library = optuna()
        about = [{name: str(searched) for name, searched in contender.ranges.items()}, dict(contender.versions)]
        self.name = f"{contender} {hashlib.sha256(canonical(about).encode()).hexdigest()[:8]}"
        storage = library.storages.JournalStorage(library.storages.journal.JournalFileBackend(str(folder / JOURNAL)))
        self._study = library.create_study(
            storage=storage,
            study_name=self.name,
            direction="maximize" if better == "higher" else "minimize",
            load_if_exists=True,
        )
        self._states = library.trial.TrialState
        for trial in self._trials("RUNNING"):  # interrupted trials: `ask` returns the same ones again
            self._study.tell(trial.number, state=self._states.FAIL)

    def _trials(self, *states: str) -> list[Any]:
        return list(self._study.get_trials(deepcopy=False, states=tuple(self._states[name] for name in states)))

    @property
    def tried(self) -> list[Tried]:
        """All trials that have ended, in the order in which they were asked for."""
        found = []
        for trial in self._trials("COMPLETE", "PRUNED"):
            told = trial.user_attrs
            outcome = Outcome(told["values"], told["sizes"], told["reason"])
            found.append(Tried(told["given"], self._model(told["given"]), outcome))
        return found

    def _model(self, values: Mapping[str, Value]) -> Spec:
        return self.contender.with_values(values)

    def ask(self) -> tuple[Any, Spec]:
        """Return the next trial and its model, which depend only on the outcomes so far and the open trials."""
        library, number = optuna(), len(self._trials("COMPLETE", "PRUNED", "RUNNING"))
        seed = seed_of(f"tune {self.name} {number}") % 2**32
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Optuna calls parts of its samplers experimental
            sampler = library.samplers.TPESampler(seed=seed, n_startup_trials=STARTUP, constant_liar=True)
            if number == 0:
                sampler = library.samplers.PartialFixedSampler(dict(self.contender.defaults), sampler)
            self._study.sampler = sampler
        trial = self._study.ask()
        names = self.contender.ranges if number else self.contender.defaults
        values = {name: self._suggested(trial, name) for name in names}
        given = values if number else {}
        trial.set_user_attr("given", given)
        return trial, self._model(given)

    def _suggested(self, trial: Any, name: str) -> Value:
        searched = self.contender.ranges[name]
        value: Value
        if isinstance(searched, Choice):
            value = trial.suggest_categorical(name, list(searched.values))
            return value
        suggest = trial.suggest_int if self.contender.kinds[name] is int else trial.suggest_float
        value = suggest(name, searched.low, searched.high, log=isinstance(searched, Log))
        return value

    def tell(self, trial: Any, outcome: Outcome) -> None:
        """End a trial. A failed trial counts towards the budget, and the search avoids its parameters."""
        trial.set_user_attr("values", dict(outcome.values))
        trial.set_user_attr("sizes", dict(outcome.sizes))
        trial.set_user_attr("reason", outcome.reason)
        if outcome.value is None:
            self._study.tell(trial, state=self._states.PRUNED)
        else:
            self._study.tell(trial, outcome.value)
