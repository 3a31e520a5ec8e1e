"""`vaebench score`: compute missing metrics from stored weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape

from vaebench.cli.options import DATA, DEVICE, PRESET, RESULTS, SLOTS, SOURCE, SUITE
from vaebench.cli.run import finish, make_ready
from vaebench.components.discovery import installed
from vaebench.errors import UserError
from vaebench.planning.suite import find
from vaebench.records import store
from vaebench.records.record import BadRecord
from vaebench.trial import Trial


@click.command
@SUITE
@PRESET
@SOURCE
@click.option("--metric", "metrics", multiple=True, metavar="NAME", help="Also compute this metric (repeatable).")
@DEVICE
@SLOTS
@RESULTS
@DATA
def command(
    suite: str, preset: str, source: str, metrics: Sequence[str], device: str, slots: int | None, results: Path,
    data: Path | None,
) -> int:  # fmt: skip
    """Compute metrics that are missing in records, or outdated, from the stored weights. Nothing is trained.

    \b
    Example:
      vaebench score --suite smoke --metric l1-error
    """
    from vaebench.components.registry import registry
    from vaebench.data.prepare import data_folder
    from vaebench.planning.plan import make_plan
    from vaebench.running import sweep
    from vaebench.training.devices import choose_devices

    console = Console()
    device, *others = choose_devices(device)
    plan = make_plan(
        find(suite, installed()), registry(), preset=preset, source=source, device=device, results=results,
        data=data_folder(data),
    )  # fmt: skip
    plan.others = tuple(others)
    for name in metrics:
        registry().get("metrics", name)
    asked = dict.fromkeys([*plan.settings.metrics, *metrics])
    plan.settings = replace(plan.settings, metrics=tuple(asked))
    known = {str(one.spec) for one in plan.datasets}
    trials = []
    for _, record in store.scan(plan.folder):
        if not isinstance(record, BadRecord) and record["device"]["class"] == plan.device_class:
            trials.append(Trial.from_json(record["trial"]))
    plan.trials = [trial for trial in trials if str(trial.dataset) in known]
    if not plan.trials:
        raise UserError(f"There are no records in {plan.folder}. `vaebench run --suite {suite}` makes them.")
    make_ready(plan, console)
    for complaint in sweep.find_done(plan, registry(), plan.suite.home):
        console.print(f"[yellow]Warning:[/yellow] {escape(complaint)}", highlight=False, soft_wrap=True)
    lost = [trial for trial in plan.todo if trial.id not in plan.trained]
    plan.trials = [trial for trial in plan.trials if trial not in lost]
    console.print(f"{len(plan.todo)} checkpoints to measure, {len(plan.done)} have every metric", highlight=False)
    if lost:
        console.print(f"{len(lost)} records are failed, outdated or without weights: `vaebench run` does them again")
    return finish(plan, console, slots or sweep.default_slots(plan), stop=False)
