"""`vaebench run`: plan, prepare, train and measure, then the leaderboard."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.markup import escape

from vaebench.cli.options import DATA, DEVICE, PRESET, RESULTS, SLOTS, SOURCE, SPEC, SUITE
from vaebench.components.discovery import installed
from vaebench.errors import UserError
from vaebench.planning.suite import find
from vaebench.records import store
from vaebench.records.record import BadRecord

if TYPE_CHECKING:
    from vaebench.planning.plan import Plan


@click.command
@click.argument("record", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@SUITE
@PRESET
@SOURCE
@click.option("-m", "--model", "models", multiple=True, metavar=SPEC, help="Only this model (repeatable).")
@click.option("-d", "--dataset", "datasets", multiple=True, metavar=SPEC, help="Only this dataset (repeatable).")
@click.option("--seeds", metavar="0,1,2", help="Use these seeds instead of the preset's.")
@DEVICE
@SLOTS
@click.option("--force", is_flag=True, help="Repeat trials from the start, even if they have a good record.")
@click.option("--lf", "last_failed", is_flag=True, help="Only trials that failed last time.")
@click.option("-x", "--stop", is_flag=True, help="Stop at the first failure.")
@click.option("--checkpoint", "every", type=click.FloatRange(min=0), default=60.0, show_default=True, metavar="SECONDS",
              help="Time between checkpoints. Interrupted training resumes from the last one.")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Show what would be done and estimate the time; train nothing.")
@RESULTS
@DATA
def command(
    record: Path | None, suite: str, preset: str, source: str, models: tuple[str, ...], datasets: tuple[str, ...],
    seeds: str | None, device: str, slots: int | None, force: bool, last_failed: bool, stop: bool, every: float,
    dry_run: bool, results: Path, data: Path | None,
) -> int:  # fmt: skip
    """Train and measure the models of a suite, then show and write the leaderboard.

    Trials with a good record are skipped, and interrupted training resumes from its last checkpoint with bit-identical
    results: run the same command again to continue where it stopped. Runs in the same results folder share the work.
    RECORD.json repeats the trial of one record.

    \b
    Examples:
      vaebench run --suite smoke
      vaebench run -m vae -m "vae[latent=4,beta=0.5]" -d kermany-cxr --seeds 0,1,2
      vaebench run -d "kermany-cxr[path=xrays]" --source real
      vaebench run results/medical@1/quick/phantom/cpu/kermany-cxr/vae-0123456789ab.json
    """
    from vaebench.components.registry import registry
    from vaebench.data.prepare import data_folder
    from vaebench.planning.plan import make_plan
    from vaebench.running import sweep
    from vaebench.training.devices import choose_devices

    console = Console()
    device, *others = choose_devices(device)
    if record is not None:
        if models or seeds or len(datasets) > 1 or (preset, source) != ("auto", "auto"):
            raise UserError(
                "RECORD.json already determines the trial. The only selection that can be given with it is "
                "--suite FILE.toml, and one -d with the location of the dataset."
            )
        plan = _repeat(record, suite, device, results, data_folder(data), next(iter(datasets), None))
        force = True
    else:
        plan = make_plan(
            find(suite, installed()), registry(), preset=preset, source=source, device=device, results=results,
            data=data_folder(data), models=models, datasets=datasets, seeds=_numbers(seeds),
        )  # fmt: skip
    for problem in installed().untold():
        Console(stderr=True).print(f"[yellow]Warning:[/yellow] {escape(str(problem))}", highlight=False, soft_wrap=True)
    plan.others = tuple(others)
    slots = slots or sweep.default_slots(plan)
    if not dry_run:
        make_ready(plan, console)
    if not force:
        for complaint in sweep.find_done(plan, registry(), plan.suite.home):
            console.print(f"[yellow]Warning:[/yellow] {escape(complaint)}", highlight=False, soft_wrap=True)
    if last_failed:
        plan.trials = sweep.failed_before(plan)
    _tell(plan, console, source, asked_again=force)
    if not plan.todo:
        console.print("Nothing to train: every trial has a good record." if plan.done else "Nothing to train.")
    if dry_run:
        _tell_estimates(plan, console, slots)
        return 0
    return finish(plan, console, slots, stop, every, fresh=force)


def finish(
    plan: Plan, console: Console, slots: int, stop: bool = False, every: float = 60.0, fresh: bool = False
) -> int:
    """Run the plan's remaining trials, then show and write the board. Return the exit code: 1 when some failed."""
    from vaebench.components.registry import registry
    from vaebench.report.terminal import show
    from vaebench.report.track import make_board, write_boards
    from vaebench.running import sweep
    from vaebench.running.display import Watch
    from vaebench.running.progress import Journal

    failures = 0
    if plan.todo:
        sweep.open_track(plan)
        seconds = _tell_time(plan, console, slots)
        with Watch(console, seconds, slots) as watch, Journal(plan.folder, len(seconds)) as journal:
            for event in sweep.run(plan, registry(), slots, stop, every, fresh):
                watch.hear(event)
                journal.hear(event, watch.left())
        failures = watch.failed
    board = make_board(plan.suite, plan.preset, plan.source, plan.results)
    show(board, console)
    for path in write_boards(plan.folder, board):
        console.print(f"Wrote {escape(str(path))}", highlight=False, soft_wrap=True)
    return 1 if failures else 0


def _tell_time(plan: Plan, console: Console, slots: int) -> dict[str, float]:
    from vaebench.running.display import time_words
    from vaebench.running.estimate import estimate

    seconds = estimate(plan, slots)
    total = time_words(sum(seconds.values()) / max(1, min(slots, len(seconds))))
    console.print(f"Estimated time: {total} with {slots} at once (-j)", highlight=False)
    return seconds


def _tell_estimates(plan: Plan, console: Console, slots: int) -> None:
    from vaebench.running.display import time_words

    if plan.todo:
        seconds = _tell_time(plan, console, slots)
        for trial in plan.todo:
            console.print(f"  {escape(str(trial))}  ~{time_words(seconds[trial.id])}", highlight=False, soft_wrap=True)


def _repeat(record: Path, suite: str, device: str, results: Path, data: Path, dataset: str | None) -> Plan:
    from vaebench.components.registry import registry
    from vaebench.planning.plan import repeat_plan

    try:
        known = store.read(record)
    except BadRecord as error:
        raise UserError(str(error)) from error
    # A suite by its name; one from a file of the user's own only by that file.
    name = suite if suite.endswith(".toml") else known["trial"]["suite"].partition("@")[0]
    return repeat_plan(known, find(name, installed()), device, results, data, registry(), dataset)


def make_ready(plan: Plan, console: Console) -> None:
    """Draw or decode the datasets, and show the name of the current one."""
    from vaebench.running import sweep

    with console.status("Preparing data") as status:
        for name in sweep.make_ready(plan):
            status.update(f"Preparing data: {escape(name)}")
    if not plan.datasets:
        reasons = "\n".join(f"  {name}: {reason}" for name, reason in plan.left_out.items())
        raise UserError(f"No dataset could be prepared.\n{reasons}")


def _tell(plan: Plan, console: Console, asked_source: str, asked_again: bool) -> None:
    """Print what will be done."""
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
            f"No real data in {escape(str(plan.data))}: phantoms are drawn in place of all datasets. "
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
        raise UserError(f"--seeds {seeds!r} is not a list of integers such as 0,1,2.") from error
    if len(set(numbers)) < len(numbers) or min(numbers) < 0:
        raise UserError(f"--seeds {seeds!r}: seeds must be distinct integers, 0 or larger.")
    return numbers
