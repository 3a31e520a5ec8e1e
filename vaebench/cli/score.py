"""`vaebench score`: compute missing metrics from stored weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click

from vaebench.cli import completion
from vaebench.cli.options import DATA, DEVICE, DEVICE_CLASS, EXECUTOR, PATIENCE, PRESET, RESULTS, SLOTS, SOURCE, SUITE
from vaebench.errors import UserError


@click.command
@SUITE
@PRESET
@SOURCE
@click.option("--metric", "metrics", multiple=True, metavar="NAME", shell_complete=completion.names("metrics"),
              help="Also compute this metric (repeatable).")  # fmt: skip
@DEVICE
@DEVICE_CLASS
@EXECUTOR
@SLOTS
@PATIENCE
@RESULTS
@DATA
def command(
    suite: str, preset: str, source: str, metrics: Sequence[str], device: str, device_class: str,
    executor: str, slots: int | None, patience: float, results: Path, data: Path | None,
) -> int:  # fmt: skip
    """Compute the missing or outdated metrics of existing records from their stored weights. Nothing is trained.

    \b
    Example:
      vaebench score --suite smoke --metric l1-error
    """
    from msgspec import structs
    from rich.console import Console

    from vaebench.cli import steps
    from vaebench.components.discovery import installed
    from vaebench.components.registry import registry
    from vaebench.data.folders import data_folder
    from vaebench.planning.names import chosen_executor
    from vaebench.planning.plan import Request, make_plan
    from vaebench.planning.suite import find
    from vaebench.records import store
    from vaebench.records.record import BadRecord
    from vaebench.running import mirrors
    from vaebench.training.devices import choose_devices

    console = Console()
    devices = tuple(choose_devices(device, device_class))
    request = Request(results, data_folder(data), devices, device_class, preset, source, executor=executor)
    plan = make_plan(find(suite, installed()), request)
    for name in metrics:
        registry().get("metrics", name)
    asked = dict.fromkeys([*plan.settings.metrics, *metrics])
    settings = structs.replace(plan.settings, metrics=tuple(asked))
    mirrors.update(results, mirrors.pictures)
    mirrors.check_writable(results)
    known = {str(one.spec) for one in plan.datasets}
    trials = []
    for _, record in store.scan(plan.folder):
        if not isinstance(record, BadRecord) and record.device.kind == plan.device_class:
            trials.append(record.trial)
    plan = replace(plan, settings=settings, trials=tuple(t for t in trials if str(t.dataset) in known))
    if not plan.trials:
        raise UserError(
            f"There are no records in {mirrors.named(plan.folder)}. `vaebench run --suite {suite}` creates them."
        )
    plan = steps.find_done(steps.make_ready(plan, console, patience), console)
    lost = {trial.id for trial in plan.todo} - set(plan.trained)
    plan = replace(plan, trials=tuple(trial for trial in plan.trials if trial.id not in lost))
    console.print(f"{len(plan.todo)} checkpoints to measure, {len(plan.done)} have every metric", highlight=False)
    if lost:
        console.print(
            f"{len(lost)} records failed, are outdated or have no weights: `vaebench run` repeats their trials"
        )
    slots = slots or chosen_executor(executor).slots(plan.request.devices)
    return steps.finish(plan, console, slots, patience=patience)
