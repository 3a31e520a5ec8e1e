"""The progress of a sweep: a live display on a terminal, or a line per event if the output is piped."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Column

from vaebench.interfaces import Event
from vaebench.records.clean import clean
from vaebench.records.record import Record
from vaebench.trial import Trial

BRIEF = 32
"""The minimum width of a trial's name in the live display, in columns"""
TRAINING = 0.9
"""The share of training in a trial's progress; the rest is measuring"""


class Watch:
    """Shows the events of a sweep."""

    def __init__(self, console: Console, seconds: Mapping[str, float], slots: int) -> None:
        self.console = console
        self.expected = seconds
        self.slots = max(1, min(slots, len(seconds)))
        self.total = sum(seconds.values()) or 1.0
        self.count, self.ended, self.failed = len(seconds), 0, 0
        self.shares: dict[str, float] = {}
        self.losses: dict[str, Mapping[str, float]] = {}
        self.started = time.monotonic()
        self.live = console.is_terminal
        self.room = max(BRIEF, console.width * 2 // 5)
        self.rows: dict[str, TaskID] = {}
        self.bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=max(8, console.width // 10)),
            TextColumn("{task.percentage:>3.0f}%"),
            TextColumn("{task.fields[note]}", table_column=Column(no_wrap=True, ratio=1)),
            console=console,
            expand=True,  # so that a long note is cut, and not the columns before it
            transient=True,
            disable=not self.live,
        )
        self.all = self.bars.add_task("trials", total=1.0, note="")

    def __enter__(self) -> Watch:
        self.bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bars.stop()

    def hear(self, event: Event) -> None:
        trial = event.job.trial
        if event.kind == "start":
            if self.live:
                self.rows[trial.id] = self.bars.add_task(escape(clean(brief(trial, self.room))), total=1.0, note="")
            self.shares[trial.id] = 0.0
        elif event.kind == "progress":
            self._progress(trial, event.data)
        else:
            self._end(trial, event.data["record"], event.data.get("output"))
        failed = f", {self.failed} failed" if self.failed else ""
        note = f"{self.ended}/{self.count} done{failed}, {time_words(self.left())} left"
        self.bars.update(self.all, completed=self.share(), note=note)

    def share(self) -> float:
        """Return the share of the expected work that is done."""
        return sum(self.expected.get(id_, 0.0) * share for id_, share in self.shares.items()) / self.total

    def spent(self) -> float:
        """Return the seconds since the start."""
        return time.monotonic() - self.started

    def left(self) -> float:
        """Return the seconds left, based on the estimate at first and increasingly on the observed pace."""
        share, spent = self.share(), self.spent()
        guess = self.total * (1 - share) / self.slots
        return guess if share < 0.02 else share * (spent / share * (1 - share)) + (1 - share) * guess

    def _progress(self, trial: Trial, data: Mapping[str, Any]) -> None:
        phase = data["phase"]
        if phase in ("note", "elsewhere"):
            text = data["text"] if phase == "note" else "claimed by another run; rechecked at the end"
            self.console.print(
                f"{escape(clean(str(trial)))}: {escape(clean(text, 400))}", highlight=False, soft_wrap=True
            )
            return
        if phase == "measure":
            self.shares[trial.id] = TRAINING + (1 - TRAINING) * data["share"]
            note = f"measuring {data['metric']}"
        else:
            self.shares[trial.id] = TRAINING * data["share"]
            self.losses[trial.id] = data.get("logs", self.losses.get(trial.id, {}))
            note = f"{data['step']}/{data['steps']}  {data['rate']:.0f}/s  {terms(self.losses[trial.id])}"
        if trial.id in self.rows:
            self.bars.update(self.rows[trial.id], completed=self.shares[trial.id], note=escape(note))

    def _end(self, trial: Trial, record: Record, output: Path | None) -> None:
        self.ended += 1
        self.shares[trial.id] = 1.0
        if trial.id in self.rows:
            self.bars.remove_task(self.rows.pop(trial.id))
        if record.error is None:
            told = f"ok ({time_words(record.cost.get('seconds') or 0.0)})"
        else:
            self.failed += 1
            told = f"[red]{record.status}[/red] ({record.error.kind}): {escape(clean(record.error.message, 500))}"
            told += f"; its output is in {escape(clean(str(output), None))}" if output else ""
        if not self.live or record.error:
            self.console.print(
                f"[{self.ended}/{self.count}] {escape(clean(str(trial)))}: {told}", highlight=False, soft_wrap=True
            )


def brief(trial: Trial, columns: int = BRIEF) -> str:
    """Return a trial's name in at most `columns` columns; model and dataset are cut, so that regime and seed remain."""
    dataset = trial.dataset.params.get("name") or trial.dataset  # users name their own data
    names, rest = f"{trial.model} {dataset}", f" {trial.regime} {trial.seed}"
    room = columns - len(rest)
    return (names if len(names) <= room else f"{names[: room - 1]}…") + rest


def terms(logs: Mapping[str, float]) -> str:
    return "  ".join(f"{name} {value:.4g}" for name, value in list(logs.items())[:2])


def time_words(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{seconds / 60:.0f} min"
    return f"{seconds // 3600:.0f} h {seconds % 3600 / 60:.0f} min"
