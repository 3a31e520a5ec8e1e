"""`vaebench run`: plan, prepare, train and measure, then make the leaderboard."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from vaebench.cli import completion
from vaebench.cli.options import (
    DATA,
    DEVICE,
    DEVICE_CLASS,
    DRY_RUN,
    EXECUTOR,
    PATIENCE,
    PRESET,
    RESULTS,
    SLOTS,
    SOURCE,
    SPEC,
    SUITE,
)
from vaebench.errors import UserError
from vaebench.training.checkpoint import EVERY

if TYPE_CHECKING:
    from vaebench.planning.plan import Plan, Request


@click.command
@click.argument("record", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@SUITE
@PRESET
@SOURCE
@click.option("-m", "--model", "models", multiple=True, metavar=SPEC, shell_complete=completion.specs("models"),
              help="Use only this model (repeatable).")  # fmt: skip
@click.option("-d", "--dataset", "datasets", multiple=True, metavar=SPEC, shell_complete=completion.specs("datasets"),
              help="Use only this dataset (repeatable).")  # fmt: skip
@click.option("--seeds", metavar="0,1,2", help="Use these seeds instead of the preset's.")
@DEVICE
@DEVICE_CLASS
@EXECUTOR
@click.option("--detach", is_flag=True,
              help="Submit the trials to the executor's engine, such as Slurm, and return at once.")  # fmt: skip
@SLOTS
@click.option("--force", is_flag=True, help="Repeat trials from the start, even if they have a good record.")
@click.option("--lf", "last_failed", is_flag=True, help="Run only trials that failed last time.")
@click.option("-x", "--stop", is_flag=True, help="Stop at the first failure.")
@click.option("--checkpoint", "every", type=click.FloatRange(min=0), default=EVERY, show_default=True,
              metavar="SECONDS", help="Time between checkpoints, from which training resumes.")  # fmt: skip
@PATIENCE
@click.option("--graphs/--no-graphs", default=True, show_default=True,
              help="Replay training steps as CUDA graphs on a GPU: faster, with bit-identical results.")  # fmt: skip
@DRY_RUN
@RESULTS
@DATA
def command(
    record: Path | None, suite: str, preset: str, source: str, models: tuple[str, ...], datasets: tuple[str, ...],
    seeds: str | None, device: str, device_class: str, executor: str, detach: bool, slots: int | None, force: bool,
    last_failed: bool, stop: bool, every: float, patience: float, graphs: bool, dry_run: bool, results: Path,
    data: Path | None,
) -> int:  # fmt: skip
    """Train and measure the models of a suite, then show and write the leaderboard.

    Trials with a good record are skipped, and interrupted training resumes from its last checkpoint with bit-identical
    results: run the same command again to continue where it stopped. Concurrent runs in the same results folder share
    the work. With RECORD.json, the trial of that record is repeated.

    \b
    Examples:
      vaebench run --suite smoke
      vaebench run -m vae -m "vae[latent=4,beta=0.5]" -d kermany-cxr --seeds 0,1,2
      vaebench run -d "kermany-cxr[path=xrays]" --source real
      vaebench run results/medical@1/quick/phantom/cpu/kermany-cxr/vae-0123456789ab.json
    """
    from rich.console import Console

    from vaebench.cli import steps
    from vaebench.components.discovery import installed
    from vaebench.data.folders import data_folder
    from vaebench.planning.names import chosen_executor
    from vaebench.planning.plan import Request, make_plan
    from vaebench.planning.suite import find
    from vaebench.running import mirrors, sweep
    from vaebench.training.devices import choose_devices

    console = Console()
    request = Request(
        results,
        data_folder(data),
        tuple(choose_devices(device, device_class)),
        device_class,
        preset,
        source,
        models,
        datasets,
        _seeds(seeds),
        executor=executor,
        graphs=graphs,
    )
    if detach and (stop or dry_run):
        raise UserError("--detach returns at once, so it cannot be combined with --stop or --dry-run.")
    if detach and not (chosen := chosen_executor(executor, device_class)).detaches():
        raise UserError(
            f"--detach cannot be used with the executor {chosen.name}, because its trials end with the command that "
            "started them."
        )
    if record is not None:
        if models or seeds or len(datasets) > 1 or (preset, source) != ("auto", "auto"):
            raise UserError(
                "RECORD.json already determines the trial. Of the options that select trials, only "
                "--suite FILE.toml and one -d with the location of the dataset can be combined with it."
            )
        plan = _repeat(record, suite, request)
        force = True
    else:
        plan = make_plan(find(suite, installed()), request)
        steps.refuse_left_out(plan)
    steps.warn_of_plugins()
    mirrors.update(results, mirrors.pictures)
    slots = slots or chosen_executor(executor).slots(plan.request.devices)
    if dry_run:
        plan = sweep.look_at_files(plan)
        steps.refuse_left_out(plan)
    else:
        mirrors.check_writable(results)
        plan = steps.make_ready(plan, console, patience)
    if not force:
        plan = steps.find_done(plan, console)
    if last_failed:
        plan = sweep.failed_before(plan)
    steps.announce(plan, console, source, asked_again=force)
    if not plan.todo:
        console.print("Nothing to train: every trial has a good record." if plan.done else "Nothing to train.")
    if dry_run:
        steps.tell_estimates(plan, console, slots)
        return 0
    if detach and plan.todo:
        console.print(sweep.submit(plan, slots, every, force, patience), highlight=False, soft_wrap=True)
        return 0
    return steps.finish(plan, console, slots, stop, every, fresh=force, patience=patience)


def _repeat(record: Path, suite: str, request: Request) -> Plan:
    from vaebench.components.discovery import installed
    from vaebench.planning.plan import repeat_plan
    from vaebench.planning.suite import find
    from vaebench.records import store
    from vaebench.records.record import BadRecord

    try:
        known = store.read(record)
    except BadRecord as error:
        raise UserError(str(error)) from error
    # An installed suite is found by its name, and a suite of the user's own only through its file.
    name = suite if suite.endswith(".toml") else known.trial.suite.partition("@")[0]
    return repeat_plan(known, find(name, installed()), request)


def _seeds(seeds: str | None) -> list[int] | None:
    if seeds is None:
        return None
    try:
        numbers = [int(part) for part in seeds.split(",")]
    except ValueError as error:
        raise UserError(f"--seeds {seeds!r} is not a list of integers such as 0,1,2.") from error
    if len(set(numbers)) < len(numbers) or min(numbers) < 0:
        raise UserError(f"--seeds {seeds!r}: seeds must be distinct integers, 0 or larger.")
    return numbers
