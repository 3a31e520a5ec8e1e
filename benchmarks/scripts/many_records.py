"""Measure the time and memory for a board of very many records, with and without `vaebench index`.

    OMP_NUM_THREADS=1 python benchmarks/scripts/many_records.py FOLDER [--models 20 --variants 25 --seeds 10]

The limits for 100,000 records are 15 CPU seconds with the index, 60 without, and 3 GB. The records of `board_speed.py`
are written to FOLDER, unless they exist already, and are kept. Each measurement runs in a separate process, which reads
the records and writes all table files. Building the index and the page is measured separately. Times are CPU seconds of
one thread.

The time also depends on how the records are distributed. By default, the board has many rows: 500 entrants on 10
datasets with 10 seeds. With `--models 50 --variants 1 --datasets 20 --seeds 50`, there are as many records but only a
fifth of the cells, because each cell combines more seeds.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import board_speed
from board_speed import Shape

from vaebench.planning.suite import Suite, load
from vaebench.records import store
from vaebench.report import index
from vaebench.report.page import write_page
from vaebench.report.track import Track, write_tables

SUITE = """
name = "synthetic"
version = 1
datasets = {datasets}
models = {models}
metrics = {metrics}
[headline]
{headline}
[presets.full]
size = 64
steps = 5000
limit = {{train = 10000}}
model = {{width = 32}}
seeds = {seeds}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--once", choices=WAYS, help=argparse.SUPPRESS)
    shape = board_speed.shape_of(parser)
    given = parser.parse_args()
    if given.once:
        asked = suite(given.folder, shape)
        # The suite's metrics are not in the tables of components, so plugins must import torch, which is not counted.
        assert Track(asked, "full", "phantom", given.folder / "empty").rules
        WAYS[given.once](Track(asked, "full", "phantom", given.folder))
        return
    track = Track(suite(given.folder, shape), "full", "phantom", given.folder).folders[0]
    if not track.exists():
        lay_down(given.folder, shape)
    (track / index.NAME).unlink(missing_ok=True)
    places = store.places(track)
    size = sum((track / place).stat().st_size for place in places) / len(places)
    print(f"{len(places):,} records of {size / 1000:.1f} kB on average")
    print("| | CPU s | peak GB |")
    print("|---|---|---|")
    environment = {**os.environ, "VAEBENCH_CACHE": str(given.folder / "cache")}
    for way, title in (("tables", "without an index"), ("write", "making the index"), ("tables", "with the index")):
        command = [sys.executable, *sys.argv, "--once", way]
        print(f"| {title}", subprocess.check_output(command, text=True, env=environment).strip(), sep=" | ", flush=True)
    print(f"The index has {(track / index.NAME).stat().st_size / 1e6:.0f} MB.")


def suite(folder: Path, shape: Shape) -> Suite:
    folder.mkdir(parents=True, exist_ok=True)
    rules = board_speed.rules(shape)
    asked = {
        "datasets": [f"dataset-{number}" for number in range(shape.datasets)],
        "models": [f"{one.model[:-1]},loss={one.loss}]" for one in rules.references],
        "metrics": list(rules.measures),
        "headline": "\n".join(f'{verdict} = "{metric}"' for verdict, metric in rules.headline.items()),
        "seeds": list(rules.seeds),
    }
    (folder / "synthetic.toml").write_text(SUITE.format(**asked))
    return load(folder / "synthetic.toml")


def lay_down(folder: Path, shape: Shape) -> None:
    for record in board_speed.make(shape):
        path = store.path_of(folder, record.trial, record.device.kind)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(store.dumps(store.to_json(record)))


def tables(track: Track) -> None:
    start = time.process_time()
    runs = track.found.runs
    read = time.process_time()
    board = track.board()
    made = time.process_time()
    write_tables(track.folders[0], board)
    end = time.process_time()
    told(f"{end - start:.1f} (reading {read - start:.1f}, board {made - read:.1f}, files {end - made:.1f})")
    write_page(track.folders[0] / "leaderboard.html", board, track.found)
    print(f"The page of {len(runs):,} runs takes {time.process_time() - end:.1f} more.", file=sys.stderr)


def write(track: Track) -> None:
    start = time.process_time()
    index.write(track.folders[0])
    told(f"{time.process_time() - start:.1f}")


def told(seconds: str) -> None:
    unit = 1 if sys.platform == "darwin" else 1024
    print(f"{seconds} | {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9:.2f} |")


WAYS = {"tables": tables, "write": write}

if __name__ == "__main__":
    main()
