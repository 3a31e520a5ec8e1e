"""Run a real `vaebench run` in a separate process, and summarise its records."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

from gpu_parts.subjects import DATASET, Bench

from vaebench.components.registry import registry
from vaebench.data.prepare import prepare
from vaebench.records import store
from vaebench.records.record import BadRecord, Record
from vaebench.trial import Settings

COMMAND = [sys.executable, "-c", "import sys; from vaebench.cli import main; sys.exit(main())", "run"]


def prepare_ahead(bench: Bench) -> None:
    """Start drawing or decoding the images of the sweeps in other processes, which end with this one.

    The images take half a minute, for which no part should have to wait."""
    context = multiprocessing.get_context("spawn")
    given = [(preset, bench.settings(preset)) for preset in ("quick", "standard")]
    for preset, settings in given:
        work = (_named(bench), _source(bench), settings, bench.folder)
        context.Process(target=_prepare, args=work, daemon=True, name=f"images of {preset}").start()


def _prepare(dataset: str, source: str, settings: Settings, folder: Path) -> None:
    made = registry().spec("datasets", dataset)[1]
    asked = settings.size, settings.limit
    prepare(registry().create("datasets", made), made, source, *asked, folder / "data", folder / "cache")


def _named(bench: Bench) -> str:
    return f'{DATASET}[path="{bench.data}"]' if bench.data else DATASET


def _source(bench: Bench) -> str:
    return "real" if bench.data else "phantom"


def sweep(bench: Bench, name: str, arguments: Sequence[str], seconds: float) -> dict[str, Any]:
    """Run a sweep for at most the given seconds, in a results folder of the given name, which also gets the log."""
    results = bench.folder / name
    results.mkdir(parents=True, exist_ok=True)
    given = [
        "-d",
        _named(bench),
        "--source",
        _source(bench),
        "--device",
        bench.device,
        "--results",
        str(results),
        *arguments,
    ]
    environment = {
        **os.environ, "VAEBENCH_CACHE": str(bench.folder / "cache"), "VAEBENCH_DATA": str(bench.folder / "data"),
        "COLUMNS": "160",
    }  # fmt: skip
    started = time.monotonic()
    with (results / "log.txt").open("w") as log:
        process = subprocess.Popen(
            [*COMMAND, *given], env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            _wait(process, seconds)
        finally:
            _end(process)
    command = f"vaebench run {' '.join(arguments)}".replace(f"{bench.folder}/", "")
    told = {"command": command, "wall s": round(time.monotonic() - started, 1)}
    tail = (results / "log.txt").read_text(errors="replace").replace(f"{bench.folder}/", "").splitlines()[-4:]
    return told | {"code": process.returncode} | summary(results) | ({"log": tail} if process.returncode else {})


def summary(results: Path) -> dict[str, Any]:
    """Return trials per hour, from the start of the first to the end of the last, and each model's median costs."""
    found = list(_records(results))
    good = [(path, record) for path, record in found if record.status == "ok"]
    bad = [f"{record.trial.model}: {record.error.message[:160]}" for _, record in found if record.error]
    if not good:
        return {"trials": 0, "failed": bad}
    begin = min(datetime.fromisoformat(record.started).timestamp() for _, record in found)
    spent = max(path.stat().st_mtime for path, _ in found) - begin
    models: dict[str, list[Record]] = defaultdict(list)
    for _, record in good:
        models[record.trial.model.name].append(record)
    return {
        "trials": len(good),
        "failed": bad,
        "span s": round(spent, 1),
        "trials an hour": round(3600 * len(good) / max(spent, 1e-3), 1),
        "models": {name: _costs(records) for name, records in models.items()},
    }


def _costs(records: Sequence[Record]) -> dict[str, float]:
    names = ("train_seconds", "measure_seconds", "seconds", "images_per_second", "peak_memory_bytes")
    values = {name: [value for one in records if (value := one.cost.get(name)) is not None] for name in names}
    return {"trials": len(records)} | {name: round(median(given), 2) for name, given in values.items() if given}


def _records(results: Path) -> Iterator[tuple[Path, Record]]:
    for path in results.glob("*/*/*/*/*/*.json"):
        with suppress(BadRecord):
            yield path, store.read(path)


def _wait(process: subprocess.Popen[bytes], seconds: float) -> None:
    with suppress(subprocess.TimeoutExpired):
        process.wait(max(1.0, seconds))


def _end(process: subprocess.Popen[bytes]) -> None:
    """Stop the process as with Ctrl-C, and kill it if it does not end."""
    for number, patience in ((signal.SIGTERM, 8.0), (signal.SIGKILL, 5.0)):
        if process.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(process.pid, number)
            _wait(process, patience)
