"""`vaebench leaderboard`: from the records to tables, without torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from vaebench.components.discovery import installed
from vaebench.errors import UserError
from vaebench.planning.suite import Suite, find
from vaebench.records.store import slug, write_atomically
from vaebench.report.files import render
from vaebench.report.page import page, shown_runs, write_page
from vaebench.report.terminal import show
from vaebench.report.track import make_board, write_boards


def show_leaderboard(
    suite: str,
    preset: str | None,
    source: str | None,
    metrics: Sequence[str],
    dataset: str | None,
    everything: bool,
    form: str,
    output: Path | None,
    results: Path,
) -> None:
    chosen = find(suite, installed())
    if preset is not None:
        chosen.preset(preset, "")
    tracks = _tracks(chosen, preset, source, results)
    if not tracks:
        raise UserError(
            f"There are no records of {chosen}{f' / {preset}' if preset else ''}{f' / {source}' if source else ''} in "
            f"{results}. `vaebench run --suite {suite}` makes them; --results names another folder."
        )
    if len(tracks) > 1 and (output or form != "table"):
        names = ", ".join(f"--preset {p} --source {s}" for p, s in tracks)
        raise UserError(f"There are {len(tracks)} tracks, and this writes one: choose {names}.")
    console = Console()
    for one in tracks:
        made, track = make_board(chosen, *one, results), results / slug(str(chosen)) / one[0] / one[1]
        written = write_boards(track, made)
        if metrics or dataset:
            made = make_board(chosen, *one, results, metrics, dataset)
        if output and form == "html":
            written = write_page(output, made, track)
        elif output:
            write_atomically(output, render(made, form).encode())
            written = [output]
        elif form == "table":
            show(made, console, everything)
        else:
            print(page(made, *shown_runs(made, track)) if form == "html" else render(made, form), end="")
            continue
        for path in written:
            console.print(f"Wrote {escape(str(path))}", highlight=False, soft_wrap=True)


def _tracks(suite: Suite, preset: str | None, source: str | None, results: Path) -> list[tuple[str, str]]:
    """(preset, source) of every track of the suite that has records, in the suite's order."""
    order = {name: i for i, name in enumerate(suite.presets)}
    found = {path.parts[-5:-3] for path in (results / slug(str(suite))).glob("*/*/*/*/*.json")}
    kept = [(p, s) for p, s in found if p in order and preset in (None, p) and source in (None, s)]
    return sorted(kept, key=lambda track: (order[track[0]], track[1]))
