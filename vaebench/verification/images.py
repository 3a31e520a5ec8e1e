"""Checks that records were made with the images that they name, by comparing data digests and shortcuts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from vaebench.components.registry import registry
from vaebench.data.prepare import Prepared, open_splits
from vaebench.data.regimes import keep_out
from vaebench.data.shortcuts import shortcuts
from vaebench.data.splits import limited
from vaebench.errors import UserError
from vaebench.planning.names import chosen_dataset
from vaebench.planning.plan import Plan, Request
from vaebench.planning.suite import Suite
from vaebench.records.record import Record
from vaebench.running import sweep
from vaebench.trial import canonical

ROOM = 0.005
"""Tolerance for the AUROC of a shortcut: other versions of a library fit the logistic model slightly differently."""


class Images:
    """The datasets that records name; each dataset is prepared only once."""

    def __init__(self, data: Path, cache: Path) -> None:
        self.data, self.cache = data, cache
        self.missing: dict[str, str] = {}
        """dataset -> why its images are not available"""

    def faults(self, records: Mapping[Path, Record], suites: Mapping[str, Suite | None]) -> Iterator[tuple[Path, str]]:
        """Yield the records whose images or shortcuts differ from those of the dataset that they name."""
        alike = defaultdict[str, dict[Path, Record]](dict)
        for path, record in records.items():
            trial, settings = record.trial, record.settings
            key = [trial.suite, str(trial.dataset), trial.source, settings.size, dict(settings.limit)]
            alike[canonical(key)][path] = record
        for own in alike.values():
            record = next(iter(own.values()))
            suite = suites[record.trial.suite]
            if suite and (ready := self._ready(record, suite)):
                yield from _faults(own, ready, suite)

    def _ready(self, record: Record, suite: Suite) -> Prepared | None:
        trial, own = record.trial, registry().at(suite.home)
        request = Request(self.cache, self.data, cache=self.cache)
        try:
            one = chosen_dataset(str(trial.dataset), own, own)
        except UserError as error:
            self.missing[str(trial.dataset)] = str(error)
            return None
        plan = Plan(suite, trial.preset, trial.source, request, record.settings, (one,), ())
        plan = sweep.make_ready(plan)
        self.missing |= plan.left_out
        return next(iter(plan.ready.values()), None)


def _faults(records: Mapping[Path, Record], ready: Prepared, suite: Suite) -> Iterator[tuple[Path, str]]:
    own = registry().at(suite.home)
    known: dict[int, Mapping[str, float]] = {}
    for path, record in records.items():
        trial = record.trial
        name, version = own.version("datasets", trial.dataset.name)
        if record.inputs.components.get(name) != version:
            continue  # a different version may have different images
        if record.inputs.data != ready.digest:
            yield path, f"its data digest is not that of {trial.dataset} ({trial.source}), {ready.digest[:12]}…"
        elif trial.regime == "healthy":
            if trial.seed not in known:
                splits = keep_out(open_splits(ready.folder), trial.dataset.name)
                known[trial.seed] = shortcuts(limited(splits, record.settings.limit, trial.dataset.name, trial.seed))
            yield from ((path, fault) for fault in _shortcut_faults(record.inputs.shortcuts, known[trial.seed]))


def _shortcut_faults(said: Mapping[str, float], found: Mapping[str, float]) -> Iterable[str]:
    if said.keys() != found.keys():
        yield f"its shortcuts are {', '.join(said) or 'none'}, but its images have {', '.join(found) or 'none'}"
    for name in said.keys() & found.keys():
        if abs(said[name] - found[name]) > ROOM:
            yield f"its shortcut {name!r} is {said[name]:.3f}, but its images give {found[name]:.3f}"
