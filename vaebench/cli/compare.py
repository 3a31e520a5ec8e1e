"""`vaebench compare`: compare two models of a board, or two folders of results."""

from __future__ import annotations

from pathlib import Path

import click

from vaebench.cli import completion
from vaebench.cli.options import RESULTS, SUITE
from vaebench.cli.tracks import chosen, tell_where
from vaebench.errors import UserError

LISTED = 20
"""The number of records listed without --all"""


@click.command
@click.argument("first", metavar="A", shell_complete=completion.names("models"))
@click.argument("second", metavar="B", shell_complete=completion.names("models"))
@SUITE
@click.option("--preset", shell_complete=completion.presets,
              help="Use only this preset [default: every preset with records].")  # fmt: skip
@click.option("--source", type=click.Choice(["real", "phantom"]), help="Use only this source [default: both].")
@click.option("--all", "everything", is_flag=True, help="For two folders, list every record that differs.")
@RESULTS
def command(
    first: str, second: str, suite: str, preset: str | None, source: str | None, everything: bool, results: Path
) -> None:
    """Compare two models of a board, or two results folders.

    For two models, the command shows both headline numbers for every verdict and dataset. It also shows which model is
    better, the difference with its 95 % interval, and whether the difference is significant. Write A and B as they
    appear on the board: `vae`, `pca`, "vae[latent=8]".

    For two folders, the command lists the records that exist in only one folder. For records that exist in both, it
    lists the metrics, versions, settings and images that differ. Times are not compared.

    \b
    Examples:
      vaebench compare vae vq-vae
      vaebench compare vae pca --preset compact --source real
      vaebench compare results results-of-yesterday
    """
    from vaebench.running.mirrors import folder_of

    folders = [folder_of(text) for text in (first, second)]
    if all(folder.is_dir() for folder in folders):
        return _compare_folders(folders[0], folders[1], everything)
    return _compare_models(first, second, suite, (preset, source), results)


def _compare_models(first: str, second: str, suite: str, asked: tuple[str | None, str | None], results: Path) -> None:
    from rich.console import Console

    from vaebench.leaderboard.pairs import pairs
    from vaebench.report.pairs import LEGEND, beside, called, headlines
    from vaebench.report.tables import title
    from vaebench.report.terminal import print_table
    from vaebench.report.track import Track
    from vaebench.running import mirrors

    mirrors.update(results)
    found = chosen(suite, *asked, results)
    tell_where(found, *asked, results)
    console, problems = Console(highlight=False), []
    for preset, source in found.tracks:
        track = Track(found.suite, preset, source, *found.folders)
        board = track.board()
        try:
            both = called(board, first), called(board, second)
        except UserError as problem:
            problems.append(problem)
            continue
        console.print(title(board), style="bold", markup=False)
        for table in beside(board, *both, list(pairs(board, track.runs, *both))):
            print_table(table, console)
        console.print(f"\n{headlines(board)}", style="dim", markup=False)
    if len(problems) == len(found.tracks):
        raise problems[0]
    console.print(LEGEND, style="dim", markup=False)


def _compare_folders(first: Path, second: Path, everything: bool) -> None:
    from rich.console import Console

    from vaebench.report.differences import by_what, differences
    from vaebench.report.terminal import print_table
    from vaebench.results import records_in
    from vaebench.running import mirrors

    for folder in (first, second):
        mirrors.update(folder)
    one, other = (
        {path.relative_to(folder): record for path, record in records_in(folder)} for folder in (first, second)
    )
    for folder, records in ((first, one), (second, other)):
        if not records:
            raise UserError(f"There are no records in {mirrors.named(folder)}.")
    found, console = differences(one, other), Console(highlight=False)
    console.print(found.summary, markup=False)
    if found.changed:
        print_table(by_what(found), console)
    named = (
        ("Differ", tuple(found.changed)),
        (f"Only in {mirrors.named(first)}", found.only_first),
        (f"Only in {mirrors.named(second)}", found.only_second),
    )
    for title, paths in named:
        shown = paths if everything else paths[:LISTED]
        if shown:
            lines = [f"\n{title}:", *(f"  {path}" for path in shown)]
            lines += [f"  and {len(paths) - len(shown)} more, with --all"] * (len(shown) < len(paths))
            console.print("\n".join(lines), markup=False, soft_wrap=True)
