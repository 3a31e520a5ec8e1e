"""Measure the time and memory for the tables of 100,000 records; the limits are 20 s and 2 GB.

    OMP_NUM_THREADS=1 python benchmarks/scripts/board_speed.py [--models 20 --variants 25 --datasets 10 --seeds 10]

Synthetic records of 20 models x 25 variants x 10 datasets x 2 regimes x 10 seeds are read one by one, as from a folder.
Each record has 20 metrics, of which 4 have replicates on 200 resamples of the patients. The first variant of each model
is a reference, the others are newcomers. The times do not include generating the records or reading JSON from disk. All
times are CPU seconds of one thread, which are least affected by other work on the machine.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterator
from itertools import islice, product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np

from vaebench.leaderboard.board import board, uncollected
from vaebench.leaderboard.rules import Rules
from vaebench.leaderboard.runs import Entrant, Measure, read
from vaebench.records import store
from vaebench.records.record import SCHEMA, Record, from_json
from vaebench.report.files import texts
from vaebench.report.page import page
from vaebench.trial import Spec, Trial

DRAWS = 200
VERDICTS = ("reconstruction", "representation", "generation", "anomaly")
PER_VERDICT = 5


class Shape(NamedTuple):
    """The numbers of models, of variants of each, of datasets (each with two regimes) and of seeds."""

    models: int = 20
    variants: int = 25
    datasets: int = 10
    seeds: int = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    shape = shape_of(parser)
    stream = Stream(make(shape))
    start = time.process_time()
    made = board(read(stream, rules(shape).track), rules(shape))
    drawn = time.process_time()
    sizes = Counter[str]()
    with TemporaryDirectory() as folder, uncollected():  # as in `write_boards`
        for name, text in texts(made):
            store.write_atomically(Path(folder) / name, text.encode())
            sizes[Path(name).suffix] += len(text.encode())
    end = time.process_time()
    page(made)
    shown = time.process_time() - end
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30
    print("| records | entrants | cells | board s | files s | together s | page s | peak GB |")
    print("|---|---|---|---|---|---|---|---|")
    counts = f"{stream.count:,} | {len(made.entrants)} | {len(made.cells):,}"
    times = (drawn - start - stream.seconds, end - drawn, end - start - stream.seconds, shown)
    print(f"| {counts} | {' | '.join(f'{t:.1f}' for t in times)} | {peak:.2f} |")
    print(", ".join(f"{name[1:]} {size / 2**20:.1f} MB" for name, size in sizes.items()))


def shape_of(parser: argparse.ArgumentParser) -> Shape:
    """Return the shape that the command line asks for."""
    for name, usual in Shape()._asdict().items():
        parser.add_argument(f"--{name}", type=int, default=usual)
    given = parser.parse_args()
    return Shape(*(getattr(given, name) for name in Shape._fields))


class Stream:
    """Yields records one by one and measures the time spent on generating them."""

    def __init__(self, source: Iterator[Record]) -> None:
        self.source, self.count, self.seconds = source, 0, 0.0

    def __iter__(self) -> Iterator[Record]:
        while True:
            start = time.process_time()
            record = next(self.source, None)
            self.seconds += time.process_time() - start
            if record is None:
                return
            self.count += 1
            yield record


def rules(shape: Shape) -> Rules:
    measures = {}
    for number in range(len(VERDICTS) * PER_VERDICT):
        _, cell = next(islice(cells([0.5] * (number + 1), [[0.5]] * len(VERDICTS), "healthy"), number, None))
        told = {key: cell[key] for key in ("version", "better", "unit", "regime", "verdict", "title")}
        measures[f"metric-{number}"] = Measure(f"metric-{number}", **told)
    return Rules(
        "synthetic@1",
        "full",
        "phantom",
        seeds=tuple(range(shape.seeds)),
        headline={verdict: f"metric-{PER_VERDICT * number}" for number, verdict in enumerate(VERDICTS)},
        references=tuple(Entrant(f"model-{model}[latent=4]", "gaussian") for model in range(shape.models)),
        measures=measures,
    )


def make(shape: Shape) -> Iterator[Record]:
    """Yield records in which models differ slightly and variants even less; patients and seeds have effects, too."""
    rng = np.random.default_rng(0)
    worth = rng.normal(0, 0.05, (shape.models, 1)) + rng.normal(0, 0.01, (shape.models, shape.variants))
    patients = rng.normal(0, 0.02, DRAWS)
    for dataset, regime, seed, model, variant in product(
        range(shape.datasets), ("all", "healthy"), range(shape.seeds), range(shape.models), range(shape.variants)
    ):
        spec = Spec(f"model-{model}", {"latent": 4 * (variant + 1)})
        named = Spec(f"dataset-{dataset}")
        trial = Trial("synthetic@1", "full", "phantom", named, spec, Spec("gaussian"), regime, seed)
        values = 0.7 + worth[model, variant] + rng.normal(0, 0.01, len(VERDICTS) * PER_VERDICT)
        draws = values[::PER_VERDICT, None] + patients + rng.normal(0, 0.005, (len(VERDICTS), DRAWS))
        made = {
            "schema": SCHEMA,
            "id": trial.id,
            "trial": trial.to_json(),
            "settings": {"size": 64, "steps": 5000, "limit": {"train": 10000}, "model": {"width": 32}},
            "status": "ok",
            "error": None,
            "metrics": dict(cells(values.tolist(), draws.tolist(), regime)),
            "cost": {"train_seconds": 60.0 + seed, "peak_memory_bytes": 2**30, "parameters": 10**6, "code_size": 32},
            "curve": {},
            "inputs": {"data": f"digest-{dataset}", "components": {f"model {spec.name}": 1, f"dataset {named}": 1}}
            | ({"shortcuts": {"sharpness": 0.8, "contrast": 0.6}} if regime == "healthy" else {}),
            "device": {"class": "cpu", "name": "a processor", "threads": 1, "precision": "float32"},
            "software": {"vaebench": "0.1.0", "plugins": {}},
            "started": "2026-01-01T00:00:00Z",
        }
        yield from_json(made)


def cells(values: list[float], draws: list[list[float]], regime: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for number, value in enumerate(values):
        verdict, place = divmod(number, PER_VERDICT)
        asked = "healthy" if VERDICTS[verdict] == "anomaly" else "all"
        cell = {"title": f"Metric {number}", "verdict": VERDICTS[verdict], "better": "higher", "unit": ""}
        cell |= {"regime": asked, "version": 1}
        if asked == "healthy" != regime:
            cell |= {"value": None, "reason": "this metric applies only to models trained on healthy images"}
        else:
            cell |= {"value": value, "error": 0.02, "n": 1000, "variant": ""}
            if place == 0:
                cell["replicates"] = draws[verdict]
        yield f"metric-{number}", cell


if __name__ == "__main__":
    main()
