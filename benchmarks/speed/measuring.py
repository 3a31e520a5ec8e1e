"""Measure how a trial's CPU seconds are divided between training, each metric, pictures, and the rest.

    OMP_NUM_THREADS=1 python benchmarks/speed/measuring.py [--preset compact] [--models vae vq-vae] [--beside CHECKOUT]

Every trial runs in a separate process, as in a sweep. The trials of the first model are run once beforehand without
being counted, so that results that depend only on the dataset are cached. Work that several metrics share is counted
for the first metric. `--beside` names the folder of another version of this repository; both versions then run the same
trials in turn.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Hashable
from dataclasses import replace
from pathlib import Path
from typing import Any

HERE = Path(__file__).parents[2]
MODELS = ["pca", "vae", "vq-vae"]
PARTS = ("training", "measuring", "pictures", "rest")
DEAR = 8
"""Number of metrics that are listed by name."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--preset", default="quick")
    parser.add_argument("--models", nargs="+", default=MODELS)
    parser.add_argument("--dataset", default="kermany-cxr")
    parser.add_argument("--steps", type=int, help="train for fewer steps than the preset")
    parser.add_argument("--beside", type=Path)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.serve:
        serve(asked)
        return
    versions = [together for together in (HERE, asked.beside) if together]
    trials = by_turns(versions)
    show([one for one, *_ in trials])
    if asked.beside:
        compare(trials)


def by_turns(versions: list[Path]) -> list[tuple[dict[str, Any], ...]]:
    """Return the measurements of each trial, one for each version."""
    servers = []
    for folder in versions:
        paths = os.pathsep.join([str(folder.resolve()), str(folder.resolve() / "plugins")])
        command = [sys.executable, __file__, *sys.argv[1:], "--serve"]
        environment = {**os.environ, "PYTHONPATH": paths}
        servers.append(subprocess.Popen(command, env=environment, stdin=-1, stdout=-1, text=True))
    found = []
    while True:
        said = []
        for server in servers:
            print("next", file=server.stdin, flush=True)
            said.append(server.stdout.readline())
        if not all(said):
            return found
        found.append(tuple(map(json.loads, said)))


def serve(asked: argparse.Namespace) -> None:
    """Run a trial for each line of the input."""
    from msgspec import structs

    from vaebench.components.discovery import installed
    from vaebench.planning.jobs import jobs_of
    from vaebench.planning.plan import Request, make_plan
    from vaebench.planning.suite import find
    from vaebench.running import sweep
    from vaebench.running.executors.forked import Forked
    from vaebench.running.keeper import CheckpointKeeper

    with tempfile.TemporaryDirectory() as folder:
        results, cache = Path(folder, "results"), Path(folder, "cache")
        request = Request(
            results, Path(folder), preset=asked.preset, source="phantom", models=asked.models, datasets=[asked.dataset],
            seeds=[0], cache=cache,
        )  # fmt: skip
        plan = make_plan(find("medical", installed()), request)
        if asked.steps:
            plan = replace(plan, settings=structs.replace(plan.settings, steps=asked.steps))
        plan = sweep.make_ready(plan)
        keeper, jobs = CheckpointKeeper(results, "cpu", 1e9, True), list(jobs_of(plan))

        def said(job: Any) -> str:
            data = plan.ready[str(job.trial.dataset)].folder
            process = Forked(timed, job, data, sweep.sink_of(plan), keeper)
            try:
                return str(process.ear.recv())
            finally:
                process.end()

        for job in [one for one in jobs if one.trial.model == jobs[0].trial.model]:
            said(job)
        for job in jobs:
            sys.stdin.readline()
            print(said(job), flush=True)
        sys.stdin.readline()


def timed(job: Any, data: Path, sink: Any, keeper: Any, mouth: Any) -> None:
    """Run a trial, and send the seconds of its parts and its numbers."""
    from vaebench.running import worker

    spent: dict[Hashable, float] = defaultdict(float)

    def timing(function: Callable[..., Any], name: Callable[..., Hashable]) -> Callable[..., Any]:
        def run(*given: Any) -> Any:
            started = time.process_time()
            try:
                return function(*given)
            finally:
                spent[name(*given)] += time.process_time() - started

        return run

    worker.measure = timing(worker.measure, lambda metric, *_: metric.name)
    worker.write_pictures = timing(worker.write_pictures, lambda *_: "pictures")
    worker.Attempt.learn = timing(worker.Attempt.learn, lambda *_: "training")
    record = worker.perform(job, data, "cpu", sink, keeper)
    metrics = {name: spent.pop(name) for name in record.metrics}
    parts = {
        **spent,
        "measuring": sum(metrics.values()),
        "rest": time.process_time() - sum({**metrics, **spent}.values()),
    }
    numbers = {name: (cell.value, cell.error, cell.version) for name, cell in record.metrics.items()}
    trial = f"{job.trial.model}, {job.trial.regime}"
    mouth.send(json.dumps({"trial": trial, "parts": parts, "metrics": metrics, "numbers": numbers}))


def show(trials: list[dict[str, Any]]) -> None:
    print(f"| trial | {' | '.join(PARTS)} | slowest metrics |")
    print(f"| --- | {' | '.join('---:' for _ in PARTS)} | --- |")
    for one in trials:
        dear = sorted(one["metrics"].items(), key=lambda metric: -metric[1])[:DEAR]
        seconds = " | ".join(f"{one['parts'].get(part, 0):.2f}" for part in PARTS)
        print(f"| {one['trial']} | {seconds} | {', '.join(f'{name} {spent:.2f}' for name, spent in dear)} |")


def compare(trials: list[tuple[dict[str, Any], ...]]) -> None:
    compare_parts("training", trials, ["training"])
    compare_parts("measuring and pictures", trials, ["measuring", "pictures"])
    print("\n| trial | equal values | equal up to rounding | different |\n| --- | ---: | ---: | --- |")
    for ours, theirs in trials:
        pairs = {
            name: (ours["numbers"][name], one) for name, one in theirs["numbers"].items() if name in ours["numbers"]
        }
        apart = {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
        odd = [name for name, pair in apart.items() if not near(*pair)]
        counts = f"{len(pairs) - len(apart)} | {len(apart) - len(odd)} | {', '.join(odd)}"
        print(f"| {ours['trial']} | {counts} |")


def compare_parts(what: str, trials: list[tuple[dict[str, Any], ...]], parts: list[str]) -> None:
    """Print the CPU seconds of both versions for some parts of each trial, and their ratio."""
    rows = [(one[0]["trial"], *(sum(each["parts"][part] for part in parts) for each in one)) for one in trials]
    rows.append(("all", sum(row[1] for row in rows), sum(row[2] for row in rows)))
    print(f"\n| trial | {what} | other version | ratio |\n| --- | ---: | ---: | ---: |")
    for trial, ours, theirs in rows:
        print(f"| {trial} | {ours:.2f} | {theirs:.2f} | {ours / theirs:.2f} |")


def near(one: list[Any], other: list[Any]) -> bool:
    """Return whether value and error agree up to rounding."""
    return all(
        x == y or (x is not None and y is not None and abs(x - y) <= 1e-5 * max(abs(x), abs(y), 1e-3))
        for x, y in zip(one[:2], other[:2], strict=True)
    )


if __name__ == "__main__":
    main()
