"""Selects the runs that may share a column because they fit the track's rules; others are listed as not comparable.

The rules come from the suite, the installed packages and the track's pinned digests. No record can change these
rules, so one entrant's records can never hide another entrant's.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from vaebench.leaderboard.rules import Rules
from vaebench.leaderboard.runs import Entrant, Hidden, Measure, OtherSeeds, Run


@dataclass(frozen=True)
class Comparable:
    """The runs that a board uses, and what it leaves out."""

    runs: list[Run]
    measures: Mapping[Measure, Measure]
    """a metric as records declare it -> the same metric as on the board"""
    hidden: Mapping[Hidden, int]
    other_seeds: Mapping[OtherSeeds, tuple[int, ...]]
    done: Mapping[tuple[str, str], tuple[int, ...]]
    """dataset and regime -> the seeds that are complete, if not all seeds of the preset are"""


def comparable(runs: Sequence[Run], rules: Rules) -> Comparable:
    """Keep the runs with the track's images, settings, versions and seeds."""
    digests = {**first_digests(runs, rules), **rules.data}
    newest = _newest_of_strangers(runs, rules)
    kept, hidden, seeds = [], Counter[Hidden](), defaultdict[OtherSeeds, set[int]](set)
    reasons: dict[tuple[object, ...], tuple[str, str]] = {}
    for run in runs:
        alike = run.entrant, run.dataset, run.digest, run.settings, run.versions
        if (reason := reasons.get(alike)) is None:
            reason = reasons[alike] = _differs(run, rules, digests, newest)
        if reason[0]:
            hidden[Hidden(run.dataset, "records", *reason)] += 1
        elif rules.seeds and run.seed not in rules.seeds:
            seeds[OtherSeeds(run.entrant, run.dataset, run.regime)].add(run.seed)
        else:
            kept.append(run)
    done = complete_seeds(kept, rules)
    for run in kept if done else ():
        if run.seed not in done.get((run.dataset, run.regime), rules.seeds):
            hidden[Hidden(run.dataset, "records", f"seed {run.seed} is not complete yet", "run")] += 1
    kept = [run for run in kept if run.seed in done.get((run.dataset, run.regime), (run.seed,))]
    kept, measures = _with_measures(kept, rules, hidden)
    other_seeds = {key: tuple(sorted(own)) for key, own in sorted(seeds.items())}
    return Comparable(kept, measures, hidden, other_seeds, done)


def complete_seeds(runs: Sequence[Run], rules: Rules) -> dict[tuple[str, str], tuple[int, ...]]:
    """Return a mapping from dataset and regime to the seeds that are complete while a sweep is still running.

    The first k seeds of the preset are complete if at least half of the references that have any run on the dataset in
    the regime have all of these k seeds; the largest such k is used. There is no entry if all or no seeds are complete.
    """
    held: dict[tuple[str, str], dict[Entrant, set[int]]] = defaultdict(lambda: defaultdict(set))
    for run in runs:
        if rules.role(run.entrant) == "reference":
            held[run.dataset, run.regime][run.entrant].add(run.seed)
    done = {}
    for where, own in held.items():
        counts = [
            sum(had.issuperset(rules.seeds[: place + 1]) for had in own.values()) for place in range(len(rules.seeds))
        ]
        most = sum(2 * count >= len(own) for count in counts)
        if 0 < most < len(rules.seeds):
            done[where] = rules.seeds[:most]
    return done


def _differs(
    run: Run, rules: Rules, digests: Mapping[str, str], newest: Mapping[tuple[Entrant, str], int]
) -> tuple[str, str]:
    """Return why a run is not comparable, and the remedy; both are empty if the run is comparable."""
    if rules.settings is not None and run.settings != rules.settings:
        return "settings (size, steps, limits, ...) that differ from those of the preset", "run"
    wanted = digests.get(run.dataset)
    if run.digest and wanted and run.digest != wanted:
        return f"images other than the track's (data digest {run.digest[:8]}, not {wanted[:8]})", "repin"
    here = [(name, version, rules.versions.get(name)) for name, version in run.versions]
    other = [
        f"{name} version {v}, but version {own} is installed" for name, v, own in here if own is not None and v != own
    ]
    older = [
        f"{name} version {v}, but the newest is {newest[run.entrant, name]}"
        for name, v, own in here
        if own is None and v < newest[run.entrant, name]
    ]
    return ("; ".join(other + older), "run") if other or older else ("", "")


def first_digests(runs: Sequence[Run], rules: Rules) -> dict[str, str]:
    """Return a mapping from dataset to the digest in the first record of a reference, or else of any model.

    This digest is used until a reference has results for all seeds; the digest in its records is then pinned."""
    found: dict[str, str] = {}
    for run in sorted(runs, key=lambda run: (rules.role(run.entrant) == "newcomer", run.started, run.id)):
        if run.digest and run.dataset not in found and _fits(run, rules):
            found[run.dataset] = run.digest
    return found


def complete_digests(runs: Sequence[Run], rules: Rules, newest: bool = False) -> dict[str, str]:
    """Return a mapping from dataset to the digest of the images of the first reference that had all seeds in one
    regime; with `newest`, of the last one."""
    done: dict[tuple[str, str, str, Entrant], dict[int, str]] = defaultdict(dict)
    for run in runs:
        good = run.status == "ok" and run.digest and run.seed in rules.seeds
        if good and rules.role(run.entrant) == "reference" and _fits(run, rules):
            done[run.dataset, run.digest, run.regime, run.entrant][run.seed] = run.started
    whole = [(max(own.values()), *at) for at, own in done.items() if len(own) == len(rules.seeds)]
    return {dataset: digest for _, dataset, digest, *_ in sorted(whole, reverse=not newest)}


def _fits(run: Run, rules: Rules) -> bool:
    return not _differs(run, rules, {}, defaultdict(int))[0]


def _newest_of_strangers(runs: Sequence[Run], rules: Rules) -> Mapping[tuple[Entrant, str], int]:
    """Return, for each entrant and each component not installed here, the newest version in the entrant's records."""
    newest: dict[tuple[Entrant, str], int] = {}
    for entrant, versions in {(run.entrant, run.versions) for run in runs}:
        for name, version in versions:
            if name not in rules.versions:
                newest[entrant, name] = max(version, newest.get((entrant, name), version))
    return newest


def _with_measures(
    runs: Sequence[Run], rules: Rules, hidden: Counter[Hidden]
) -> tuple[list[Run], dict[Measure, Measure]]:
    """Drop values that were computed with a version of the metric other than the installed one.

    A metric that is not installed gets a column for each declaration found in records, so that one version never hides
    the numbers of another."""
    objects = {id(n.measure): n.measure for run in runs for n in (*run.numbers, *run.costs)}
    measures: dict[Measure, Measure] = {}
    for measure in set(objects.values()):
        own = rules.measures.get(measure.name)
        if measure.verdict == "cost" or own is None:
            measures[measure] = measure
        elif measure.same(own):
            measures[measure] = own
    good = {number for number, measure in objects.items() if measure in measures}
    if len(good) == len(objects):
        return list(runs), measures
    kept = []
    for run in runs:
        numbers = tuple(number for number in run.numbers if id(number.measure) in good)
        for number in run.numbers if len(numbers) < len(run.numbers) else ():
            if id(number.measure) not in good:
                mine, here = number.measure, rules.measures[number.measure.name]
                other = f"metric {mine.name} version {mine.version}, but version {here.version} is installed"
                if mine.version == here.version:
                    other = f"metric {mine.name} declares another direction, unit or regime under the same version"
                hidden[Hidden(run.dataset, "numbers", other, "score")] += 1
        kept.append(run if len(numbers) == len(run.numbers) else replace(run, numbers=numbers))
    return kept, measures


def one_per_trial(runs: Sequence[Run]) -> Iterator[Run]:
    """Yield one run per trial: if there are several, prefer successful ones, then those from a GPU, then the newest."""
    trials: dict[str, list[Run]] = defaultdict(list)
    for run in runs:
        trials[run.id].append(run)
    for same in trials.values():
        best = max(same, key=lambda r: (r.status == "ok", not r.device.startswith("cpu"), r.started, r.device))
        classes = {run.device for run in same if run.status == "ok"}
        yield replace(best, both=True) if len(classes) > 1 else best
