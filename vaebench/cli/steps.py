"""The steps that `run` and `score` share: prepare the data, find what is done, do the rest, show the board."""

from __future__ import annotations

from collections import Counter, defaultdict

from rich.console import Console
from rich.markup import escape

from vaebench.components.discovery import installed
from vaebench.errors import UserError
from vaebench.leaderboard.board import Board
from vaebench.planning.names import chosen_executor
from vaebench.planning.plan import Plan
from vaebench.records.clean import clean_lines
from vaebench.report.terminal import show
from vaebench.report.track import NotWritten, Track
from vaebench.running import PATIENCE, sweep
from vaebench.running.display import Watch, time_words
from vaebench.running.estimate import estimate
from vaebench.running.progress import ProgressFile
from vaebench.training.checkpoint import EVERY

LISTED = 24
"""Trials that a dry run names one by one; of more, it gives a line per model."""


def warn_of_plugins() -> None:
    """Report broken plugins before anything else is printed."""
    for problem in installed().untold():
        text = _safe(problem)
        Console(stderr=True).print(f"[yellow]Warning:[/yellow] {text}", highlight=False, soft_wrap=True)


def finish(
    plan: Plan,
    console: Console,
    slots: int,
    stop: bool = False,
    every: float = EVERY,
    fresh: bool = False,
    patience: float = PATIENCE,
) -> int:
    """Run the plan's remaining trials, then show and write the board. Return the exit code: 1 when some failed."""
    failures = 0
    if plan.todo:
        sweep.open_track(plan)
        seconds = _tell_time(plan, console, slots)
        left = Counter(trial.seed for trial in plan.todo)
        with Watch(console, seconds, slots) as watch, ProgressFile(plan.folder, len(seconds)) as progress:
            for event in sweep.run(plan, slots, stop, every, fresh, patience):
                watch.hear(event)
                progress.hear(event, watch.left())
                if event.kind == "end":
                    left[event.job.trial.seed] -= 1
                    if not left[event.job.trial.seed] and left.total():
                        track = _track(plan)
                        _write(track, track.board(), console, f"Seed {event.job.trial.seed} is complete: ")
        failures = watch.failed
    else:
        sweep.clear_debris(plan.folder)
    track = _track(plan)
    board = track.board()
    show(board, console)
    _write(track, board, console)
    return 1 if failures else 0


def _track(plan: Plan) -> Track:
    """The plan's track as it is now; a track reads its records once."""
    return Track(plan.suite, plan.preset, plan.source, plan.request.results)


def _write(track: Track, board: Board, console: Console, why: str = "") -> None:
    """Write the board's files; of a seed that is complete, name the first only."""
    try:
        written = track.write(board)
    except NotWritten as reason:  # the board is shown all the same
        console.print(f"[yellow]Warning:[/yellow] {escape(str(reason))}", highlight=False, soft_wrap=True)
        return
    for path in written[:1] if why else written:
        console.print(f"{why}Wrote {_safe(path)}", highlight=False, soft_wrap=True)


def _tell_time(plan: Plan, console: Console, slots: int) -> dict[str, float]:
    seconds = estimate(plan, slots)
    total = time_words(sum(seconds.values()) / max(1, min(slots, len(seconds))))
    guess = ", a guess until trials have ended there" if chosen_executor(plan.request.executor).remote else ""
    console.print(f"Estimated time: {total} with {slots} at once (-j){guess}", highlight=False)
    return seconds


def tell_estimates(plan: Plan, console: Console, slots: int) -> None:
    """Print what a dry run would do: each trial, or a line per model where there are many."""
    if not plan.todo:
        return
    seconds = _tell_time(plan, console, slots)
    lines = [(str(trial), seconds[trial.id]) for trial in plan.todo]
    if len(lines) > LISTED:
        by_model: dict[str, list[float]] = defaultdict(list)
        for trial in plan.todo:
            by_model[f"{trial.model}{f' + {trial.loss}' if trial.loss else ''}"].append(seconds[trial.id])
        lines = [(f"{model}: {len(spent)} trials", sum(spent)) for model, spent in by_model.items()]
    for text, spent in lines:
        console.print(f"  {_safe(text)}  ~{time_words(spent)}", highlight=False, soft_wrap=True)
    if len(plan.todo) > LISTED:
        seeds = ", ".join(map(str, sorted({trial.seed for trial in plan.todo})))
        names = ", ".join(sorted({str(trial.dataset) for trial in plan.todo}))
        console.print(f"Datasets: {_safe(names)}; seeds: {seeds}", highlight=False, soft_wrap=True)
    console.print(f"Records would be written to {_safe(plan.folder)}", highlight=False, soft_wrap=True)


def make_ready(plan: Plan, console: Console, patience: float) -> Plan:
    """Draw or decode the datasets, and show the name of the current one and what it last printed."""
    with console.status("Preparing data") as status:
        plan = sweep.make_ready(plan, lambda text: status.update(f"Preparing data: {_safe(text)}"), patience)
    refuse_left_out(plan)
    return plan


def refuse_left_out(plan: Plan) -> None:
    """Raise if no dataset is left, or one that the user named is not: a run never drops what was asked for."""
    reasons = "\n".join(f"  {name}: {reason}" for name, reason in plan.left_out.items())
    if not plan.datasets:
        raise UserError(f"No dataset could be prepared.\n{reasons}")
    if plan.left_out and plan.request.datasets:
        raise UserError(
            f"Not every dataset that -d names can be used. Correct or get these, or run without them:\n{reasons}"
        )


def find_done(plan: Plan, console: Console) -> Plan:
    """Look for what is done, warning of what is wrong with records."""

    def complain(complaint: str) -> None:
        text = _safe(complaint)
        console.print(f"[yellow]Warning:[/yellow] {text}", highlight=False, soft_wrap=True)

    return sweep.find_done(plan, complain)


def announce(plan: Plan, console: Console, asked_source: str, asked_again: bool) -> None:
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
            f"No real data in {escape(str(plan.request.data))}: phantoms are drawn in place of all datasets. "
            "`vaebench data status` says how to get the real ones.",
            highlight=False,
            soft_wrap=True,
        )
    for name, ready in plan.ready.items():
        for note in ready.notes:
            console.print(
                f"[yellow]Note[/yellow] {_safe(name)}: {_safe(note)}",
                highlight=False,
                soft_wrap=True,
            )
    for name, reason in plan.left_out.items():
        console.print(
            f"[yellow]Left out[/yellow] {_safe(name)}: {_safe(reason)}",
            highlight=False,
            soft_wrap=True,
        )


def _safe(text: object) -> str:
    """Text of a name, a path or an error: neither markup nor a terminal's command."""
    return escape(clean_lines(str(text)))
