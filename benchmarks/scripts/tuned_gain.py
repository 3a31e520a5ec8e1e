"""Compare each method's headline on test images with default and with tuned parameters, seed by seed.

vaebench tune --suite medical --for reconstruction --budget 12 --preset compact --steps 400 --to tuned.toml
vaebench run --suite medical --preset compact && vaebench run --suite tuned.toml
python benchmarks/scripts/tuned_gain.py tuned.toml results/medical@1/compact/real results/tuned@1/compact/real
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping
from pathlib import Path
from statistics import fmean, stdev

from vaebench.components.parameters import split_spec
from vaebench.planning.suite import load
from vaebench.records.record import Record
from vaebench.records.store import scan

Numbers = dict[tuple[str, str], dict[int, float]]
"""(dataset, model) -> seed -> headline."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("suite", type=Path, help="suite written by `vaebench tune`")
    parser.add_argument("default", type=Path, help="track of the suite that was tuned")
    parser.add_argument("tuned", type=Path, help="track of the tuned suite")
    given = parser.parse_args()
    suite = load(given.suite)
    (headline,) = suite.verdicts.headline.values()
    (preset,) = suite.presets.values()
    before, after = (numbers(track, headline, preset.regimes[0]) for track in (given.default, given.tuned))
    print(
        f"| dataset | method | {headline} by default | tuned | gain | ± | seeds |\n|---|---|---:|---:|---:|---:|---:|"
    )
    for (dataset, model), tuned in sorted(after.items()):
        default = counterpart(model, {name: own for (where, name), own in before.items() if where == dataset})
        seeds = sorted(tuned.keys() & default.keys())
        if not seeds or model in suite.verdicts.floor_models:
            continue
        gains = [tuned[seed] - default[seed] for seed in seeds]
        error = f"{stdev(gains) / math.sqrt(len(gains)):.2g}" if len(gains) > 1 else ""
        means = " | ".join(f"{fmean(own[seed] for seed in seeds):.4f}" for own in (default, tuned))
        print(f"| {dataset} | `{model}` | {means} | {fmean(gains):+.4f} | {error} | {len(seeds)} |")
    print("\n± is the standard error of the gain over seeds.")
    print("Even a method that kept its defaults starts from different initial weights, so its gain is noise.")


def numbers(track: Path, metric: str, regime: str) -> Numbers:
    """Return the metric of every successful record of a track."""
    found: Numbers = {}
    for _, record in scan(track):
        if isinstance(record, Record) and record.trial.regime == regime:
            cell = record.metrics.get(metric)
            if cell and cell.value is not None:
                key = str(record.trial.dataset), str(record.trial.model)
                found.setdefault(key, {})[record.trial.seed] = cell.value
    return found


def counterpart(model: str, defaults: Mapping[str, dict[int, float]]) -> dict[int, float]:
    """Return the values of the untuned entry with the name of `model` and as many of its parameters as possible."""
    wanted = parts(model)
    among = [name for name in defaults if parts(name)[0] == wanted[0] and parts(name)[1] <= wanted[1]]
    return defaults[max(among, key=lambda name: len(parts(name)[1]))] if among else {}


def parts(model: str) -> tuple[str, set[tuple[str, str]]]:
    name, params = split_spec(model)
    return name, set(params.items())


if __name__ == "__main__":
    main()
