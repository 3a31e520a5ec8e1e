"""Which runs of a track may share a column: the newest data, settings and versions; what differs is hidden."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from vaebench.leaderboard.runs import Hidden, Measure, Run


def keep_newest(runs: list[Run]) -> tuple[list[Run], Counter[Hidden]]:
    """Hide what cannot be compared with the newest: other images, other settings, older components."""
    newest = sorted(runs, key=lambda run: (run.started, run.id))
    digests = {run.dataset: run.digest for run in newest if run.digest}
    settings = newest[-1].settings if newest else ""
    versions: dict[str, int] = {}
    for run in runs:
        for name, version in run.versions:
            versions[name] = max(version, versions.get(name, version))
    kept, hidden = [], Counter[Hidden]()
    for run in runs:
        old = [f"{name} version {v}, the newest is {versions[name]}" for name, v in run.versions if v < versions[name]]
        if run.digest and run.digest != digests[run.dataset]:
            reason = (
                f"other images than in the newest record (data digest {run.digest[:8]}, not {digests[run.dataset][:8]})"
            )
        elif run.settings != settings:
            reason = "other settings (size, steps, limits, ...) than in the newest record"
        elif old:
            reason = "; ".join(old)
        else:
            kept.append(run)
            continue
        hidden[Hidden(run.dataset, "records", reason)] += 1
    return kept, hidden


def keep_newest_measures(runs: list[Run]) -> tuple[list[Run], dict[str, Measure], Counter[Hidden]]:
    """Hide numbers of older metric versions, or of metrics that were declared differently."""
    objects = {id(n.measure): n.measure for run in runs for n in (*run.numbers, *run.costs)}
    declared = Counter[Measure]()  # counted by object first: there are millions of numbers, and few declarations
    for key, count in Counter(id(n.measure) for run in runs for n in (*run.numbers, *run.costs)).items():
        declared[objects[key]] += count
    measures: dict[str, Measure] = {}
    for measure, _ in sorted(declared.items(), key=lambda item: (item[0].version, item[1], item[0])):
        measures[measure.name] = measure
    kept, hidden = [], Counter[Hidden]()
    if all(measure.same(measures[measure.name]) for measure in declared):
        return runs, measures, hidden
    for run in runs:
        good = tuple(number for number in run.numbers if number.measure.same(measures[number.measure.name]))
        for number in run.numbers if len(good) < len(run.numbers) else ():
            mine, newest = number.measure, measures[number.measure.name]
            if not mine.same(newest):
                older = f"metric {mine.name} version {mine.version}, the newest is {newest.version}"
                other = f"metric {mine.name} declares another direction, unit or regime under the same version"
                hidden[Hidden(run.dataset, "numbers", older if mine.version < newest.version else other)] += 1
        kept.append(run if len(good) == len(run.numbers) else replace(run, numbers=good))
    return kept, measures, hidden


def one_per_trial(runs: Sequence[Run]) -> list[Run]:
    """Where several devices did one trial, quality comes from a good run, of a GPU if there is one, the newest."""
    trials: dict[str, list[Run]] = {}
    for run in runs:
        trials.setdefault(run.id, []).append(run)
    chosen = []
    for same in trials.values():
        if len(same) == 1:
            chosen += same
            continue
        best = max(
            same, key=lambda run: (run.status == "ok", not run.device.startswith("cpu"), run.started, run.device)
        )
        classes = {run.device for run in same if run.status == "ok"}
        chosen.append(replace(best, both=True) if len(classes) > 1 else best)
    return chosen
