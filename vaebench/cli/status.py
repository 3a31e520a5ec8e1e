"""`vaebench status`: show trials done and failed in a results folder, and runs in progress."""

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
@click.option("--release", metavar="TRIAL_ID|all", help="Release the claim on a trial, so that any run can take it.")
def command(results: Path, release: str | None) -> None:
    """Show successful and failed trials in a results folder, and runs in progress with the time left.

    The subfolder `reference` is left out. Claims of dead runs are released automatically (after a minute, if they ran
    on another machine); use `--release` to release any other claim.

    \b
    Examples:
      vaebench status
      vaebench status --results results/reference
      vaebench status --release 0123456789ab
    """
    from vaebench.running import mirrors

    console = Console()
    mirrors.update(results)
    # A track of the reference results lies one folder deeper, so these patterns leave it out.
    records = (path for path in results.glob("*/*/*/*/*/*.json") if path.parent.name != ".runs")
    tracks = sorted({path.parents[2] for path in records} | {path.parent for path in results.glob("*/*/*/.runs")})
    if not tracks:
        raise UserError(
            f"There are no runs and no records in {mirrors.named(results)}. `vaebench run` creates them."
            f"{store.where_reference_is(results)}"
        )
    if release is not None:
        _release(console, tracks, release)
    for track in tracks:
        _tell_track(console, track, str(track.relative_to(results)))


def _release(console: Console, tracks: list[Path], trial: str) -> None:
    from vaebench.running.claims import free

    freed = [id_ for track in tracks for id_ in free(track, trial)]
    if not freed and trial != "all":
        raise UserError(f"No run has claimed the trial {trial!r}. `vaebench status` lists the claims.")
    for id_ in freed:
        console.print(f"Released trial {escape(id_)}", highlight=False)


def _tell_track(console: Console, track: Path, name: str) -> None:
    from vaebench.running.claims import leases
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
    _tell_index(console, track)
    for told in read(track):
        _tell_run(console, told)
    _tell_batches(console, track)
    for trial, lease in leases(track):
        text = f"  trial {trial} has been claimed by run {lease.token} since {lease.since}, attempt {lease.attempt}"
        text += " (this run is no longer alive)" if lease.abandoned else ""
        console.print(escape(clean(text, 300)), highlight=False, soft_wrap=True)
    for trial, kind, message in failed:
        text = f"  [red]failed[/red] {escape(clean(trial))}: {escape(kind)}, {escape(clean(message, 500))}"
        console.print(text, highlight=False, soft_wrap=True)


def _tell_index(console: Console, track: Path) -> None:
    """Print how many records the index covers, if the track has an index."""
    from vaebench.report import index

    if not (track / index.NAME).is_file():
        return
    if (found := index.current(track)) is None:
        text = "the index is not used here: another account or machine made it, or pyarrow is missing"
    elif left := found.records - found.current:
        text = f"{left:,} of {found.records:,} records are not in the index or have changed; their files are read"
    else:
        text = f"all {found.records:,} records are in the index"
    console.print(f"  {text}", highlight=False, soft_wrap=True)


def _tell_run(console: Console, told: Told) -> None:
    from vaebench.running.display import time_words

    entry = told.entry
    left, ended = entry.get("seconds_left"), f"{entry.get('ended')} of {entry.get('total')} trials ended"
    if told.state == "running":
        state = "running" + (f", {time_words(float(left))} left" if left else "")
    elif told.state == "elsewhere":
        state = f"on another machine, last update at {escape(_text(entry.get('heard')))}"
    else:
        state = "finished" if entry.get("finished") else "interrupted; run the same command to continue"
    text = f"  run of {escape(_text(entry.get('started')))}: {ended}, {state}"
    console.print(text, highlight=False, soft_wrap=True)
    for one in entry.get("running", []) if told.state != "ended" else []:
        console.print(f"    {escape(_text(one.get('trial')))}  {_phase(one)}", highlight=False, soft_wrap=True)


def _tell_batches(console: Console, track: Path) -> None:
    """Print the state of the jobs that were submitted to Slurm."""
    from vaebench.running import batch

    if not (submitted := list(batch.batches(track))):
        return
    states = batch.states()
    for one in submitted:
        tasks = sum((states[id_] for id_ in one.ids if id_ in states), Counter[str]()) if states else Counter[str]()
        told = ", ".join(f"{count} {state}" for state, count in sorted(tasks.items())) or "ended"
        told = told if states is not None else "squeue does not respond"
        text = f"  Slurm's jobs {', '.join(one.ids)}: {told}"
        console.print(escape(clean(text, 500)), highlight=False, soft_wrap=True)


def _phase(one: Mapping[str, Any]) -> str:
    if one.get("phase") == "measure":
        return f"measuring {escape(_text(one.get('metric')))}"
    if "step" in one:
        return f"{escape(_text(one['stage']))} {one['step']}/{one['steps']}, {float(one.get('rate', 0)):.0f} images/s"
    return "starting"


def _text(value: object) -> str:
    return clean(str(value))
