"""`vaebench tune`: search each method's parameters on validation images, and write a suite with the best ones."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

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

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console

    from vaebench.interfaces import Verdict
    from vaebench.tuning.contender import Contender

VERDICTS = ("reconstruction", "representation", "anomaly", "generation")


@click.command
@SUITE
@click.option("--for", "verdict", type=click.Choice(VERDICTS), required=True,
              help="Optimise the headline metric of this verdict. For anomaly, models are trained on healthy images "
                   "only.")  # fmt: skip
@click.option("--budget", type=click.IntRange(min=1), default=12, show_default=True, metavar="N",
              help="Trials per method, including one with the method's default parameters.")  # fmt: skip
@PRESET
@SOURCE
@click.option("-m", "--model", "models", multiple=True, metavar=SPEC,
              help="Tune only this model (repeatable). Parameters given as param=value are not searched.")  # fmt: skip
@click.option("-d", "--dataset", "datasets", multiple=True, metavar=SPEC,
              help="Use only this dataset (repeatable).")  # fmt: skip
@click.option(
    "--steps", type=click.IntRange(min=1), metavar="N", help="Training steps per trial [default: the preset's]."
)
@click.option("--free-rate", is_flag=True, help="Also search parameters that change the size of the code.")
@click.option("--to", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE.toml",
              help="Suite file to write; a table is written next to it [default: SUITE-for-VERDICT.toml].")  # fmt: skip
@DEVICE
@DEVICE_CLASS
@EXECUTOR
@SLOTS
@PATIENCE
@DRY_RUN
@RESULTS
@DATA
def command(
    suite: str, verdict: Verdict, budget: int, preset: str, source: str, models: tuple[str, ...],
    datasets: tuple[str, ...], steps: int | None, free_rate: bool, to: Path | None, device: str, device_class: str,
    executor: str, slots: int | None, patience: float, dry_run: bool, results: Path, data: Path | None,
) -> int:  # fmt: skip
    """Search the parameters of every method with the same budget, and write a suite that compares the methods with
    their best parameters.

    Parameters are chosen on validation images; no test image is read. Floors are not tuned. Run the same command again
    to continue where it stopped; a larger --budget adds trials to those already done.

    \b
    Examples:
      vaebench tune --for reconstruction --budget 12 --steps 400 --to tuned.toml
      vaebench run --suite tuned.toml
      vaebench tune --for anomaly -m vae -m ae -d kermany-cxr --source real
      vaebench tune --for generation --executor "slurm[pilots=8,gpus=1]" --dry-run
    """
    from dataclasses import replace

    from rich.console import Console

    from vaebench.cli import steps as shared
    from vaebench.components.discovery import installed
    from vaebench.data.folders import data_folder
    from vaebench.errors import UserError
    from vaebench.planning.names import chosen_executor
    from vaebench.planning.plan import Plan, Request
    from vaebench.planning.suite import find
    from vaebench.running import mirrors, sweep
    from vaebench.running.display import Watch
    from vaebench.running.estimate import estimate
    from vaebench.training.devices import choose_devices
    from vaebench.tuning import question, search, tuned_suite
    from vaebench.tuning.contender import contenders
    from vaebench.tuning.study import optuna

    if not dry_run:
        optuna()
    console, known = Console(), find(suite, installed())
    to = to or Path(f"{known.name}-for-{verdict}.toml")
    tuned_suite.refuse_foreign(to)
    request = Request(
        results,
        data_folder(data),
        tuple(choose_devices(device, device_class)),
        device_class,
        preset,
        source,
        models,
        datasets,
        executor=executor,
    )
    asked = question.question(known, request, verdict, steps)
    shared.refuse_left_out(asked.plan)
    shared.warn_of_plugins()
    chosen = chosen_executor(executor)
    slots = slots or chosen.slots(asked.plan.request.devices)
    mirrors.update(results)
    if dry_run:
        asked = replace(asked, plan=sweep.look_at_files(asked.plan))
    else:
        mirrors.check_writable(results)
        asked = question.on_validation(replace(asked, plan=shared.make_ready(asked.plan, console, patience)))
    shared.refuse_left_out(asked.plan)
    shared.announce(asked.plan, console, source, asked_again=False)
    entrants = contenders(asked.plan, free_rate)
    if not entrants:
        raise UserError("None of these models declares ranges to search. `vaebench show NAME` lists a model's ranges.")
    spent = estimate(asked.plan, slots)
    seconds = {one.model.name: spent[one.id] for one in asked.plan.trials}
    needed = {
        str(one): budget * sum(spent[t.id] for t in asked.plan.trials if (t.model, t.loss) == (one.model, one.loss))
        for one in entrants
    }
    several = f" on each of {len(asked.plan.datasets)} datasets" * (len(asked.plan.datasets) > 1)
    console.print(
        f"{len(entrants)} methods, {budget} trials each{several}, judged by {asked.metric} on validation images",
        highlight=False,
        soft_wrap=True,
    )
    shared.tell_time(console, sum(needed.values()) / slots, slots, chosen.remote)
    if dry_run:
        _tell_search(console, entrants, needed)
        console.print(f"The suite would be written to {to}", markup=False, highlight=False, soft_wrap=True)
        return 0

    def do(plan: Plan) -> None:
        with (
            mirrors.Uploads(results) as uploads,
            Watch(console, {one.id: seconds[one.model.name] for one in plan.todo}, slots) as watch,
        ):
            for event in sweep.run(plan, slots, patience=patience):
                watch.hear(event)
                if event.kind == "end":
                    uploads.add(sweep.sink_of(plan).path(event.job.trial))

    found = search.search(asked, entrants, budget, slots, free_rate, do)
    mirrors.update_after_run(results)
    for one in found:
        told = f"{one.best.model}: {tuned_suite.note(asked, one)}"
        console.print(told, markup=False, highlight=False, soft_wrap=True)
    for path in tuned_suite.write(asked, found, budget, to):
        console.print(f"Wrote {path}", markup=False, highlight=False, soft_wrap=True)
    console.print(
        f"To compare the methods on test images: vaebench run --suite {to}",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
    return 0


def _tell_search(console: Console, entrants: Sequence[Contender], seconds: Mapping[str, float]) -> None:
    """Print the ranges that would be searched for each method, and the time that one worker would need."""
    from vaebench.running.display import time_words

    for one in entrants:
        lines = [f"{one}: ~{time_words(seconds[str(one)])}"]
        lines += [f"  {name}: {searched}" for name, searched in one.ranges.items()]
        console.print("\n".join(lines), markup=False, highlight=False, soft_wrap=True)
