"""`vaebench tune`: search the parameters of each method on validation images, and write a suite of the best."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from vaebench.cli.options import DATA, DEVICE, PATIENCE, PRESET, RESULTS, SLOTS, SOURCE, SPEC, SUITE

if TYPE_CHECKING:
    from vaebench.interfaces import Verdict

VERDICTS = ("reconstruction", "representation", "anomaly", "generation")


@click.command
@SUITE
@click.option("--for", "verdict", type=click.Choice(VERDICTS), required=True,
              help="Tune the suite's headline of this verdict; anomaly trains on healthy images only.")  # fmt: skip
@click.option("--budget", type=click.IntRange(min=1), default=12, show_default=True, metavar="N",
              help="Trials per method, its default parameters among them.")  # fmt: skip
@PRESET
@SOURCE
@click.option("-m", "--model", "models", multiple=True, metavar=SPEC,
              help="Only this model (repeatable). Parameters that are given are not searched.")  # fmt: skip
@click.option("-d", "--dataset", "datasets", multiple=True, metavar=SPEC, help="Only this dataset (repeatable).")
@click.option("--steps", type=click.IntRange(min=1), metavar="N", help="Steps of a trial instead of the preset's.")
@click.option("--free-rate", is_flag=True, help="Search parameters that change the size of the code, too.")
@click.option("--to", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE.toml",
              help="Suite file to write, with a table beside it [default: SUITE-for-VERDICT.toml].")  # fmt: skip
@DEVICE
@SLOTS
@PATIENCE
@RESULTS
@DATA
def command(
    suite: str, verdict: Verdict, budget: int, preset: str, source: str, models: tuple[str, ...],
    datasets: tuple[str, ...], steps: int | None, free_rate: bool, to: Path | None, device: str, slots: int | None,
    patience: float, results: Path, data: Path | None,
) -> int:  # fmt: skip
    """Search the parameters of every method with the same budget, and write a suite that compares each at its best.

    Parameters are chosen on validation images; no test image is read. Floors stay as they are. Run the same command
    again to go on where it stopped; a larger --budget adds trials to those that are done.

    \b
    Examples:
      vaebench tune --for reconstruction --budget 12 --steps 400 --to tuned.toml
      vaebench run --suite tuned.toml
      vaebench tune --for anomaly -m vae -m ae -d kermany-cxr --source real
    """
    from dataclasses import replace

    from rich.console import Console

    from vaebench.cli import steps as shared
    from vaebench.components.discovery import installed
    from vaebench.data.folders import data_folder
    from vaebench.errors import UserError
    from vaebench.planning.plan import Plan, Request
    from vaebench.planning.suite import find
    from vaebench.running import sweep
    from vaebench.running.display import Watch, time_words
    from vaebench.running.estimate import estimate
    from vaebench.running.slots import default_slots
    from vaebench.training.devices import choose_devices
    from vaebench.tuning import question, search, tuned_suite
    from vaebench.tuning.contender import contenders
    from vaebench.tuning.study import optuna

    optuna()
    console, known = Console(), find(suite, installed())
    to = to or Path(f"{known.name}-for-{verdict}.toml")
    tuned_suite.refuse_foreign(to)
    request = Request(
        results,
        data_folder(data),
        tuple(choose_devices(device)),
        preset=preset,
        source=source,
        models=models,
        datasets=datasets,
    )
    asked = question.question(known, request, verdict, steps)
    shared.refuse_left_out(asked.plan)
    shared.warn_of_plugins()
    slots = slots or default_slots(asked.plan.request.devices)
    asked = question.on_validation(replace(asked, plan=shared.make_ready(asked.plan, console, patience)))
    shared.refuse_left_out(asked.plan)
    shared.announce(asked.plan, console, source, asked_again=False)
    entrants = contenders(asked.plan, free_rate)
    if not entrants:
        raise UserError("None of these models declares ranges to search. `vaebench show NAME` lists those of a model.")
    spent, searched = estimate(asked.plan, slots), {str(one.model) for one in entrants}
    seconds = {one.model.name: spent[one.id] for one in asked.plan.trials}
    total = budget * sum(spent[one.id] for one in asked.plan.trials if str(one.model) in searched)
    console.print(
        f"{len(entrants)} methods, {budget} trials each, judged by {asked.metric}. "
        f"Estimated time: {time_words(total / slots)} with {slots} at once (-j)",
        highlight=False,
    )

    def do(plan: Plan) -> None:
        with Watch(console, {one.id: seconds[one.model.name] for one in plan.todo}, slots) as watch:
            for event in sweep.run(plan, slots, patience=patience):
                watch.hear(event)

    found = search.search(asked, entrants, budget, slots, free_rate, do)
    for one in found:
        told = f"{one.best.model}: {tuned_suite.note(asked, one)}"
        console.print(told, markup=False, highlight=False, soft_wrap=True)
    for path in tuned_suite.write(asked, found, budget, to):
        console.print(f"Wrote {path}", markup=False, highlight=False, soft_wrap=True)
    console.print(
        f"Compare them on test images: vaebench run --suite {to}", markup=False, highlight=False, soft_wrap=True
    )
    return 0
