"""Find the tracks that a command refers to, and the folders that contain their records."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from vaebench.errors import UserError

if TYPE_CHECKING:
    from vaebench.planning.suite import Suite


class Chosen(NamedTuple):
    suite: Suite
    tracks: list[tuple[str, str]]
    """the preset and the source of each track"""
    folders: tuple[Path, ...]
    """the results folders that contain the tracks' records"""
    own: bool
    """True if the records are the user's own; False if they are those of results/reference"""


def chosen(name: str, preset: str | None, source: str | None, results: Path, others: tuple[Path, ...] = ()) -> Chosen:
    """Return the tracks of a suite that have records: the user's own, or else those of results/reference."""
    from vaebench.components.discovery import installed
    from vaebench.planning.kept import kept
    from vaebench.planning.suite import find
    from vaebench.records.store import REFERENCE
    from vaebench.running.mirrors import named

    try:
        suite = find(name, installed())
    except UserError:
        if (found := kept(name, results, *others)) is None:
            raise
        suite = found
        click.echo(f"The suite {suite} is not installed; using the copy next to its records.", err=True)
    if preset is not None:
        suite.preset(preset, "")
    if own := tracks_in(suite, preset, source, results):
        return Chosen(suite, own, (results, *others), True)
    asked = " / ".join(filter(None, (str(suite), preset, source)))
    folders = others or (results / REFERENCE,)
    if not (theirs := tracks_in(suite, preset, source, *folders)):
        everywhere = ", ".join(map(named, (results, *others)))
        raise UserError(
            f"There are no records of {asked} in {everywhere}. `vaebench run --suite {name}` creates them; "
            "use --results for another folder."
        )
    return Chosen(suite, theirs, folders, False)


def tell_where(found: Chosen, preset: str | None, source: str | None, results: Path) -> None:
    """Tell the user if the records shown are not their own."""
    from vaebench.running.mirrors import named

    if not found.own:
        asked = " / ".join(filter(None, (str(found.suite), preset, source)))
        shown = " and ".join(map(named, found.folders))
        click.echo(f"There are no records of {asked} in {named(results)}; showing those in {shown}.", err=True)


def tracks_in(suite: Suite, preset: str | None, source: str | None, *folders: Path) -> list[tuple[str, str]]:
    """Return (preset, source) of every track of the suite that has records, in the suite's order."""
    from vaebench.records import store
    from vaebench.trial import slug

    order = {name: i for i, name in enumerate(suite.presets)}
    tracks = [path for folder in folders for path in (folder / slug(str(suite))).glob("*/*")]
    found = {path.parts[-2:] for path in tracks if store.places(path)}
    kept = [(p, s) for p, s in found if p in order and preset in (None, p) and source in (None, s)]
    return sorted(kept, key=lambda track: (order[track[0]], track[1]))
