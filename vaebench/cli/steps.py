"""The steps that `run` and `score` share: prepare the data, find finished trials, run the rest, show the board."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from vaebench.components.discovery import installed
from vaebench.errors import LISTED, UserError
from vaebench.leaderboard.board import Board
from vaebench.planning.names import chosen_executor
from vaebench.planning.plan import Plan
from vaebench.records.clean import clean_lines
from vaebench.report import closing
from vaebench.report.terminal import show
from vaebench.report.track import NotWritten, Track
from vaebench.running import PATIENCE, mirrors, sweep
from vaebench.running.display import Watch, time_words
from vaebench.running.estimate import estimate
from vaebench.running.progress import ProgressFile
from vaebench.training.checkpoint import EVERY


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
    """Run the plan's remaining trials, then show and write the board. Return the exit code: 1 if any trial failed."""
    watch = None
    if plan.todo:
        sweep.open_track(plan)
        seconds = _tell_time(plan, console, slots)
        left = Counter(trial.seed for trial in plan.todo)
        with (
            mirrors.Uploads(plan.request.results) as uploads,
            Watch(console, seconds, slots) as watch,
            ProgressFile(plan.folder, len(seconds)) as progress,
            _counted(watch),
        ):
            for event in sweep.run(plan, slots, stop, every, fresh, patience):
                watch.hear(event)
                progress.hear(event, watch.left())
                if event.kind == "end":
                    uploads.add(sweep.sink_of(plan).path(event.job.trial))
                    left[event.job.trial.seed] -= 1
                    if not left[event.job.trial.seed] and left.total():
                        _write_after(event.job.trial.seed, plan, console)
    else:
        sweep.clear_debris(plan.folder)
    mirrors.update_after_run(plan.request.results)
    track = _track(plan)
    board = track.board()
    show(board, console)
    console.print()
    written = _write(track, board, console)
    if uploaded := mirrors.publish(plan.request.results):
        console.print(_safe(uploaded), highlight=False, soft_wrap=True)
    for line in (closing.best(board), closing.above_floors(board), *_work(watch), closing.address(written)):
        console.print(_safe(line), highlight=False, soft_wrap=True)
    return 1 if watch and watch.failed else 0


@contextmanager
def _counted(watch: Watch) -> Iterator[None]:
    """Add the number of trials that ended to the message of a KeyboardInterrupt."""
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"{watch.ended} of {watch.count} trials ended") from None


def _work(watch: Watch | None) -> Iterator[str]:
    """Yield the lines about the failures and the time of a run."""
    if watch is None:
        yield from ("Failed: nothing was run", "Time: none")
        return
    why = "; `vaebench status` shows why" if watch.failed else ""
    yield f"Failed: {watch.failed or 'none'} of {watch.count} trials{why}"
    yield f"Time: {time_words(watch.spent())} (estimated: {time_words(watch.total / watch.slots)})"


def _track(plan: Plan) -> Track:
    """Return the plan's track with its current records; a Track reads them only once."""
    return Track(plan.suite, plan.preset, plan.source, plan.request.results)


def _write_after(seed: int, plan: Plan, console: Console) -> None:
    """Write the board after a seed is complete. An error is only printed as a warning, so that the trials continue;
    when the board is made at the end of the run, the error is raised."""
    try:
        track = _track(plan)
        _write(track, track.board(), console, f"Seed {seed} is complete: ")
    except Exception as error:
        told = escape(f"{type(error).__name__}: {error}")
        console.print(
            f"[yellow]Warning:[/yellow] The board after seed {seed} could not be made ({told}); the trials continue.",
            highlight=False,
            soft_wrap=True,
        )


def _write(track: Track, board: Board, console: Console, why: str = "") -> list[Path]:
    """Write the board's files, and print one line about them."""
    try:
        written = track.write(board)
    except NotWritten as reason:  # the board is still shown
        console.print(f"[yellow]Warning:[/yellow] {escape(str(reason))}", highlight=False, soft_wrap=True)
        return []
    console.print(f"{why}{_safe(closing.wrote(written))}", highlight=False, soft_wrap=True)
    return written


def _tell_time(plan: Plan, console: Console, slots: int) -> dict[str, float]:
    seconds = estimate(plan, slots)
    workers, remote = min(slots, len(seconds)), chosen_executor(plan.request.executor).remote
    tell_time(console, sum(seconds.values()) / max(1, workers), slots, remote)
    return seconds


def tell_time(console: Console, seconds: float, slots: int, remote: bool) -> None:
    """Print how long all trials are expected to take."""
    guess = ", a guess until the first trials on other machines have ended" if remote else ""
    console.print(f"Estimated time: {time_words(seconds)} with {slots} at once (-j){guess}", highlight=False)


def tell_estimates(plan: Plan, console: Console, slots: int) -> None:
    """Print what a run would do: trials and time per model and per dataset, and the folder of the records."""

    def tell(line: str) -> None:
        console.print(_safe(line), highlight=False, soft_wrap=True)

    if plan.todo:
        seconds = _tell_time(plan, console, slots)
        by_model = [f"{trial.model}{f' + {trial.loss}' if trial.loss else ''}" for trial in plan.todo]
        for title, names in (("Models", by_model), ("Datasets", [str(trial.dataset) for trial in plan.todo])):
            spent: dict[str, list[float]] = defaultdict(list)
            for name, trial in zip(names, plan.todo, strict=True):
                spent[name].append(seconds[trial.id])
            tell(f"{title}:")
            for name, own in spent.items():
                tell(f"  {name}: {len(own)} trial{'s' * (len(own) != 1)}, ~{time_words(sum(own))}")
        regimes = ", ".join(dict.fromkeys(trial.regime for trial in plan.todo))
        seeds = sorted({trial.seed for trial in plan.todo})
        which = ", ".join(map(str, seeds)) if len(seeds) <= LISTED else f"{len(seeds)} in total"
        tell(f"Seeds: {which}; regimes: {regimes}")
    tell(f"Records would be written to {mirrors.named(plan.folder)}")


def make_ready(plan: Plan, console: Console, patience: float) -> Plan:
    """Prepare the datasets (draw phantoms, decode real images), showing the name of the current dataset and the last
    line that it printed."""
    with console.status("Preparing data") as status:
        plan = sweep.make_ready(plan, lambda text: status.update(f"Preparing data: {_safe(text)}"), patience)
    refuse_left_out(plan)
    return plan


def refuse_left_out(plan: Plan) -> None:
    """Raise a UserError if no dataset is left, or if a dataset that the user named with -d was left out."""
    reasons = "\n".join(f"  {name}: {reason}" for name, reason in plan.left_out.items())
    if not plan.datasets:
        raise UserError(f"No dataset could be prepared.\n{reasons}")
    if plan.left_out and plan.request.datasets:
        raise UserError(
            f"Some datasets named with -d cannot be used. Correct or download these, or run without them:\n{reasons}"
        )


def find_done(plan: Plan, console: Console) -> Plan:
    """Find the trials that are done, and warn about faulty records."""

    def complain(complaint: str) -> None:
        text = _safe(complaint)
        console.print(f"[yellow]Warning:[/yellow] {text}", highlight=False, soft_wrap=True)

    return sweep.find_done(plan, complain)


def announce(plan: Plan, console: Console, asked_source: str, asked_again: bool) -> None:
    """Print a summary of the plan, and the notes on its datasets."""
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
        console.print(
            f"{len(plan.trained)} of these trials are already trained and are only measured again", highlight=False
        )
    if asked_again:
        console.print("Trials are repeated even if they have good records", highlight=False)
    if plan.source == "phantom" and asked_source == "auto":
        console.print(
            f"No real data in {escape(str(plan.request.data))}: phantoms replace all datasets. "
            "`vaebench data status` shows how to get the real ones.",
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
    """Return the text without terminal control characters, and with its markup escaped."""
    return escape(clean_lines(str(text)))
