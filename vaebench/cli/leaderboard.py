"""`vaebench leaderboard`: make tables from records, without importing torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vaebench.cli import completion
from vaebench.cli.options import KNOWN_RESULTS_FOLDER, RESULTS, SUITE
from vaebench.cli.tracks import chosen, tell_where, tracks_in
from vaebench.errors import UserError

if TYPE_CHECKING:
    from vaebench.planning.suite import Suite

FORMATS = ("table", "md", "csv", "json", "tex", "html")


@click.command
@SUITE
@click.option("--preset", shell_complete=completion.presets,
              help="Show only this preset [default: every preset with records].")  # fmt: skip
@click.option("--source", type=click.Choice(["real", "phantom"]), help="Show only this source [default: both].")
@click.option("--metric", "metrics", multiple=True, metavar="NAME", shell_complete=completion.names("metrics"),
              help="Show only this metric, with ranks (repeatable).")  # fmt: skip
@click.option("--dataset", metavar="NAME", shell_complete=completion.names("datasets"),
              help="Show only this dataset.")  # fmt: skip
@click.option("--all", "everything", is_flag=True, help="Also print every metric on every dataset, and every note.")
@click.option("--format", "form", type=click.Choice(FORMATS), default="table", show_default=True, help="Output format.")
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write to this file instead of printing."
)
@click.option(
    "--with", "others", multiple=True, metavar="FOLDER|URL", type=KNOWN_RESULTS_FOLDER,
    help="Also show the records in this results folder (repeatable).",
)  # fmt: skip
@click.option("--repin", is_flag=True,
              help="For each dataset, pin the images used by the newest model of the suite with complete results; "
              "print the changes.")  # fmt: skip
@RESULTS
def command(
    suite: str, preset: str | None, source: str | None, metrics: Sequence[str], dataset: str | None, everything: bool,
    form: str, output: Path | None, others: tuple[Path, ...], repin: bool, results: Path,
) -> None:  # fmt: skip
    """Make the leaderboard from existing records, print it, and write its files next to them. Nothing is trained.

    --metric and --dataset select what is printed, or written to --output. The files next to the records are always
    complete.

    --with adds the records of other results folders, so that you can compare a new model without training the others.
    If --with is given, no file is written except --output. If several folders contain the same trial from the same
    class of device, the trial counts once; your own folder takes precedence. If you have no records, the leaderboard of
    results/reference is shown.

    \b
    Examples:
      vaebench leaderboard
      vaebench leaderboard --metric psnr --dataset kermany-cxr
      vaebench leaderboard --with results/reference
      vaebench leaderboard --suite medical --preset quick --source phantom --format md --output board.md
    """
    from rich.console import Console
    from rich.markup import escape

    from vaebench.records.store import write_atomically
    from vaebench.report.closing import wrote
    from vaebench.report.files import render
    from vaebench.report.page import page, shown_runs, write_page
    from vaebench.report.terminal import show
    from vaebench.report.track import NotWritten, Track
    from vaebench.running import mirrors

    for folder in (results, *others):
        mirrors.update(folder, mirrors.pictures)
    found = chosen(suite, preset, source, results, others)
    tracks, folders, own = found.tracks, found.folders, found.own
    for one in tracks:
        _check_others(found.suite, *one, others)
    if len(tracks) > 1 and (output or form != "table"):
        names = ", ".join(f"--preset {p} --source {s}" for p, s in tracks)
        raise UserError(f"There are {len(tracks)} tracks, but only one can be written: choose one of: {names}.")
    tell_where(found, preset, source, results)
    console = Console()
    for one in tracks:
        track, written = Track(found.suite, *one, *folders), []
        for line in track.repin() if repin else ():
            click.echo(f"Pinned images of {line}", err=True)
        made = track.board()
        if own and not others:  # the files next to the user's records must not include the records of others
            try:
                written = track.write(made)
            except NotWritten as reason:  # the board can still be shown
                click.echo(f"{reason} The boards are only printed.", err=True)
        if metrics or dataset:
            made = track.board(metrics, dataset)
        if output and form == "html":
            written = write_page(output, made, track.found)
        elif output:
            write_atomically(output, render(made, form).encode())
            written = [output]
        elif form == "table":
            show(made, console, everything)
        else:
            print(page(made, *shown_runs(made, track.found)) if form == "html" else render(made, form), end="")
            continue
        if written:
            console.print(escape(wrote(written)), highlight=False, soft_wrap=True)
    if uploaded := mirrors.publish(results):
        console.print(escape(uploaded), highlight=False, soft_wrap=True)


def _check_others(suite: Suite, preset: str, source: str, others: Sequence[Path]) -> None:
    from vaebench.running.mirrors import named

    for folder in others:
        if not tracks_in(suite, preset, source, folder):
            has = ", ".join(f"--preset {p} --source {s}" for p, s in tracks_in(suite, None, None, folder))
            raise UserError(
                f"There are no records of {suite} / {preset} / {source} in {named(folder)}, given by --with."
                + (f" For {suite}, it contains {has}." if has else "")
            )
