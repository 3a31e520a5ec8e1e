"""Calls Slurm's sbatch, squeue and scancel, and keeps a ledger of submitted jobs; needs no Slurm accounting."""

from __future__ import annotations

import json
import os
import secrets
import shlex
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from vaebench.errors import UserError
from vaebench.records import store

COMMANDS = ("sbatch", "squeue", "scancel")
TIMEOUT = 120.0
"""Seconds to wait for a Slurm command; a busy controller answers slowly"""
SCRIPT, OPTIONS, LEDGER = "pilot.sh", "sbatch.json", "ledger"
TAIL = 2000
"""The number of characters of a log that an error quotes"""


@dataclass(frozen=True)
class Batch:
    """Jobs submitted to Slurm. The folder contains their order, a script, the options of sbatch, a ledger and logs."""

    folder: Path

    @property
    def ids(self) -> list[str]:
        """The ids of all Slurm jobs in the ledger, including those that pilots submitted to continue the work."""
        with suppress(OSError):
            return (self.folder / LEDGER).read_text().split()
        return []

    def submit(self, tasks: str) -> None:
        """Submit a job array of pilots with these task numbers, and write the id of the array to the ledger."""
        options = json.loads((self.folder / OPTIONS).read_text())
        told = _call("sbatch", "--parsable", *options, f"--array={tasks}", str(self.folder / SCRIPT))
        with (self.folder / LEDGER).open("a") as ledger:  # a line is appended in one write
            ledger.write(f"{told.strip().partition(';')[0]}\n")

    def tail(self) -> str:
        """Return the end of the newest log."""
        logs = sorted(self.folder.glob("*.log"), key=lambda path: path.stat().st_mtime)
        text = logs[-1].read_text(errors="replace").strip()[-TAIL:] if logs else ""
        return f"{logs[-1]} ends with:\n{text}" if text else f"There is no output in {self.folder}."


def new(track: Path) -> Batch:
    folder = _folder(track) / f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"
    folder.mkdir(parents=True)
    return Batch(folder)


def batches(track: Path) -> Iterator[Batch]:
    """Yield the batches that were submitted for a track, oldest first."""
    for folder in sorted(_folder(track).glob("*/")):
        yield Batch(folder)


def write_script(batch: Batch, options: Sequence[str], lines: Iterable[str]) -> None:
    store.write_atomically(batch.folder / OPTIONS, json.dumps(list(options)).encode())
    store.write_atomically(batch.folder / SCRIPT, "\n".join(["#!/bin/bash", *lines, ""]).encode())


def states() -> dict[str, Counter[str]] | None:
    """Return the user's jobs that have not ended (id -> state -> number of tasks), or None if Slurm does not answer."""
    try:
        told = _call("squeue", "--me", "--noheader", "--array", "--format=%F %T")
    except UserError:
        return None
    found: dict[str, Counter[str]] = {}
    for line in told.splitlines():
        job, _, state = line.strip().partition(" ")
        found.setdefault(job, Counter())[state.lower()] += 1
    return found


def cancel(ids: Iterable[str]) -> None:
    """Cancel jobs, ignoring those that have ended."""
    if ids := list(ids):
        with suppress(UserError):
            _call("scancel", "--quiet", *ids)


def missing() -> str:
    absent = [name for name in COMMANDS if not shutil.which(name)]
    return f"it needs Slurm's {', '.join(absent)}; run the command on a login node of the cluster" if absent else ""


def _folder(track: Path) -> Path:
    return track / ".runs" / "slurm"


def _call(*words: str) -> str:
    """Return the output of a Slurm command; raise a UserError with its message if it fails."""
    # A pilot that submits a job would pass on the variables of its own allocation, which contradict the options.
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SLURM_") or name == "SLURM_CONF"}
    try:
        done = subprocess.run(
            words, capture_output=True, text=True, env=kept, timeout=TIMEOUT, check=False, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UserError(f"{words[0]} did not respond: {error}") from error
    if done.returncode:
        raise UserError(f"{shlex.join(words)} failed: {(done.stderr or done.stdout).strip()}")
    return done.stdout
