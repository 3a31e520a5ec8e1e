"""`vaebench status`: trials done and failed in a results folder, and runs in progress."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.markup import escape

from vaebench.cli.options import RESULTS
from vaebench.errors import UserError
from vaebench.records import store
from vaebench.records.clean import clean
from vaebench.records.record import BadRecord

if TYPE_CHECKING:
    from vaebench.running.progress import Told


@click.command
@RESULTS
def command(results: Path) -> None:
    """Show successful and failed trials in a results folder, and runs in progress with the time left.

    The subfolder `reference` is left out.

    \b
    Examples:
      vaebench status
      vaebench status --results results/reference
    """
    console = Console()
    # A track of the reference results lies one folder deeper, so these patterns leave it out.
    tracks = sorted({path.parents[2] for path in results.glob("*/*/*/*/*/*.json")} | {
        path.parent for path in results.glob("*/*/*/.runs")
    })  # fmt: skip
    if not tracks:
        raise UserError(
            f"There are no runs and no records in {results}. `vaebench run` makes them."
            f"{store.where_reference_is(results)}"
        )
    for track in tracks:
        _tell_track(console, track, str(track.relative_to(results)))


def _tell_track(console: Console, track: Path, name: str) -> None:
    from vaebench.running.progress import read

    good, failed = 0, list[tuple[str, str, str]]()
    for path, record in store.scan(track):
        if isinstance(record, BadRecord):
            failed.append((path.name, "unreadable", str(record)))
        elif record.error:
            failed.append((str(record.trial), record.error.kind, record.error.message))
        else:
            good += 1
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(Counter(kind for _, kind, _ in failed).items()))
    console.print(f"[bold]{escape(name)}[/bold]: {good} good" + (f", {len(failed)} failed ({kinds})" if failed else ""))
    for told in read(track):
        _tell_run(console, told)
    for trial, kind, message in failed:
        text = f"  [red]failed[/red] {escape(clean(trial))}: {escape(kind)}, {escape(clean(message, 500))}"
        console.print(text, highlight=False, soft_wrap=True)


def _tell_run(console: Console, told: Told) -> None:
    from vaebench.running.display import time_words

    entry = told.entry
    left, ended = entry.get("seconds_left"), f"{entry.get('ended')} of {entry.get('total')} trials ended"
    if told.alive:
        state = "running" + (f", {time_words(float(left))} left" if left else "")
    else:
        state = "finished" if entry.get("finished") else "cut off; the same command goes on with it"
    text = f"  run of {escape(_text(entry.get('started')))}: {ended}, {state}"
    console.print(text, highlight=False, soft_wrap=True)
    for one in entry.get("running", []) if told.alive else []:
        console.print(f"    {escape(_text(one.get('trial')))}  {_phase(one)}", highlight=False, soft_wrap=True)


def _phase(one: Mapping[str, Any]) -> str:
    if one.get("phase") == "measure":
        return f"measuring {escape(_text(one.get('metric')))}"
    if "step" in one:
        return f"{escape(_text(one['stage']))} {one['step']}/{one['steps']}, {float(one.get('rate', 0)):.0f} images/s"
    return "starting"


def _text(value: object) -> str:
    return clean(str(value))
