"""`vaebench run`: plan, prepare, train and measure, then the leaderboard."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from vaebench.components.discovery import installed
from vaebench.data.prepare import data_folder
from vaebench.errors import UserError
from vaebench.planning.plan import Plan, Request, make_plan, repeat_plan
from vaebench.planning.suite import find
from vaebench.records import store
from vaebench.records.store import BadRecord
from vaebench.report.terminal import show
from vaebench.report.track import make_board, write_boards
from vaebench.running import sweep
from vaebench.running.display import Watch, time_words
from vaebench.running.estimate import estimate
from vaebench.running.progress import Journal
from vaebench.training.checkpoint import EVERY
from vaebench.training.devices import choose_devices


def run_sweep(
    record: Path | None,
    suite: str,
    preset: str,
    source: str,
    models: tuple[str, ...],
    datasets: tuple[str, ...],
    seeds: str | None,
    device: str,
    slots: int | None,
    force: bool,
    last_failed: bool,
    stop: bool,
    every: float,
    dry_run: bool,
    results: Path,
    data: Path | None,
) -> int:
    """The exit code: 0 when every trial is good, 1 when some failed."""
    console = Console()
    request = Request(
        results, data_folder(data), tuple(choose_devices(device)), preset, source, models, datasets, _numbers(seeds)
    )
    if record is not None:
        if models or seeds or len(datasets) > 1 or (preset, source) != ("auto", "auto"):
            raise UserError(
                "RECORD.json says which trial to do: beside it, only --suite FILE.toml and one -d that says where the "
                "dataset lies mean something."
            )
        plan = _repeat(record, suite, request)
        force = True
    else:
        plan = make_plan(find(suite, installed()), request)
    for problem in installed().untold():
        Console(stderr=True).print(f"[yellow]Warning:[/yellow] {escape(str(problem))}", highlight=False, soft_wrap=True)
    slots = slots or sweep.default_slots(plan)
    if not dry_run:
        plan = make_ready(plan, console)
    if not force:
        plan = find_done(plan, console)
    if last_failed:
        plan = sweep.failed_before(plan)
    _tell(plan, console, source, asked_again=force)
    if not plan.todo:
        console.print("Nothing to train: every trial has a good record." if plan.done else "Nothing to train.")
    if dry_run:
        _tell_estimates(plan, console, slots)
        return 0
    return finish(plan, console, slots, stop, every, fresh=force)


def finish(
    plan: Plan, console: Console, slots: int, stop: bool = False, every: float = EVERY, fresh: bool = False
) -> int:
    """Do what is to do, then show and write the board; the exit code."""
    failures = 0
    if plan.todo:
        sweep.open_track(plan)
        seconds = _tell_time(plan, console, slots)
        with Watch(console, seconds, slots) as watch, Journal(plan.folder, len(seconds)) as journal:
            for event in sweep.run(plan, slots, stop, every, fresh):
                watch.hear(event)
                journal.hear(event, watch.left())
        failures = watch.failed
    board = make_board(plan.suite, plan.preset, plan.source, plan.request.results)
    show(board, console)
    for path in write_boards(plan.folder, board):
        console.print(f"Wrote {escape(str(path))}", highlight=False, soft_wrap=True)
    return 1 if failures else 0


def _tell_time(plan: Plan, console: Console, slots: int) -> dict[str, float]:
    seconds = estimate(plan, slots)
    total = time_words(sum(seconds.values()) / max(1, min(slots, len(seconds))))
    console.print(f"Estimated time: {total} with {slots} at once (-j)", highlight=False)
    return seconds


def _tell_estimates(plan: Plan, console: Console, slots: int) -> None:
    if plan.todo:
        seconds = _tell_time(plan, console, slots)
        for trial in plan.todo:
            console.print(f"  {escape(str(trial))}  ~{time_words(seconds[trial.id])}", highlight=False, soft_wrap=True)


def _repeat(record: Path, suite: str, request: Request) -> Plan:
    try:
        known = store.read(record)
    except BadRecord as error:
        raise UserError(str(error)) from error
    # A suite by its name; one from a file of the user's own only by that file.
    name = suite if suite.endswith(".toml") else known["trial"]["suite"].partition("@")[0]
    return repeat_plan(known, find(name, installed()), request)


def make_ready(plan: Plan, console: Console) -> Plan:
    """Draw or decode the datasets, telling which one is in hand."""
    with console.status("Preparing data") as status:
        plan = sweep.make_ready(plan, lambda name: status.update(f"Preparing data: {escape(name)}"))
    if not plan.datasets:
        reasons = "\n".join(f"  {name}: {reason}" for name, reason in plan.left_out.items())
        raise UserError(f"No dataset could be prepared.\n{reasons}")
    return plan


def find_done(plan: Plan, console: Console) -> Plan:
    """Look for what is done, warning of what is wrong with records."""

    def complain(complaint: str) -> None:
        console.print(f"[yellow]Warning:[/yellow] {escape(complaint)}", highlight=False, soft_wrap=True)

    return sweep.find_done(plan, complain)


def _tell(plan: Plan, console: Console, asked_source: str, asked_again: bool) -> None:
    """What will be done, before it is done."""
    kept, device = len(plan.datasets), plan.device_class
    console.print(
        f"[bold]{escape(str(plan.suite))}[/bold] / {plan.preset} / {plan.source}: "
        f"{len(plan.trials)} trials on {kept} dataset{'s' * (kept != 1)}, {plan.settings.size} px, device {device}",
        highlight=False,
        soft_wrap=True,
    )
    if plan.done:
        console.print(f"{len(plan.done)} done already, {len(plan.todo)} to do", highlight=False)
    if plan.trained:
        console.print(f"{len(plan.trained)} of them trained already: only measured again", highlight=False)
    if asked_again:
        console.print("Done again although there may be good records", highlight=False)
    if plan.source == "phantom" and asked_source == "auto":
        console.print(
            f"No real data in {escape(str(plan.request.data))}: phantoms are drawn in place of all datasets. "
            "`vaebench data status` says how to get the real ones.",
            highlight=False,
            soft_wrap=True,
        )
    for name, ready in plan.ready.items():
        for note in ready.notes:
            console.print(f"[yellow]Note[/yellow] {escape(name)}: {escape(note)}", highlight=False, soft_wrap=True)
    for name, reason in plan.left_out.items():
        console.print(f"[yellow]Left out[/yellow] {escape(name)}: {escape(reason)}", highlight=False, soft_wrap=True)


def _numbers(seeds: str | None) -> list[int] | None:
    if seeds is None:
        return None
    try:
        numbers: list[Any] = [int(part) for part in seeds.split(",")]
    except ValueError as error:
        raise UserError(f"--seeds {seeds!r} is no list of whole numbers such as 0,1,2.") from error
    if len(set(numbers)) < len(numbers) or min(numbers) < 0:
        raise UserError(f"--seeds {seeds!r}: seeds are different whole numbers from 0.")
    return numbers
