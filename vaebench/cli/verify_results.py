"""`vaebench verify-results`: check submitted results."""

from __future__ import annotations

import os
import random
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click
from rich.console import Console

from vaebench.cli.options import DATA
from vaebench.components.discovery import installed
from vaebench.errors import UserError
from vaebench.planning.suite import Suite, find
from vaebench.records import store

if TYPE_CHECKING:
    from vaebench.verification.records import Examined

LONGEST = 400


@click.command
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--sample", type=click.IntRange(min=0), default=3, show_default=True,
              help="Re-measure this many randomly chosen records.")  # fmt: skip
@click.option("--suite", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE.toml",
              help="File of the suite, if no installed plugin has it.")  # fmt: skip
@DATA
def command(folder: Path, sample: int, suite: Path | None, data: Path | None) -> int:
    """Check submitted results. Records are checked against their schema, ids, digests and weights; leaderboards against
    the records; some numbers against weights and data, if both are present. Nothing in FOLDER is executed or changed.
    Its subfolder `reference` is left out unless FOLDER names it.

    \b
    Examples:
      vaebench verify-results results
      vaebench verify-results results/reference
    """
    from vaebench.components.registry import only
    from vaebench.records.clean import clean
    from vaebench.verification.named import named
    from vaebench.verification.records import examine, settings_faults

    console = Console(highlight=False, soft_wrap=True, markup=False)
    seen = examine(folder)
    if not seen.found and not seen.problems:
        raise UserError(f"There are no records in {folder}.{store.where_reference_is(folder)}")
    with only(named(seen.found.values())):
        suites = {trial.suite: _suite(trial.suite, suite) for trial in seen.tracks.values()}
    sound = []
    for path, record in seen.found.items():
        faults = list(settings_faults(record, suites.get(record.trial.suite)))
        seen.problems += [(path, fault) for fault in faults]
        sound += [] if faults else [path]
    boards = _check_boards(seen, suites)
    lines = _check_numbers(seen, [path for path in seen.weighed if path in sound], suites, sample, data)

    console.print(f"{_count(len(seen.found), 'record')} in {_count(len(seen.tracks), 'track')}")
    console.print(f"{_count(len(seen.weighed), 'record')} with the weights they name")
    console.print(f"{_count(boards, 'track')} with the boards that follow from the records")
    for line in lines:
        console.print(clean(line, LONGEST))
    for path, what in sorted(seen.problems):
        console.print(clean(f"✗ {os.path.relpath(path)}: {what}", LONGEST))
    console.print(f"{_count(len(seen.problems), 'problem')}" if seen.problems else "No problem found.")
    return 1 if seen.problems else 0


def _suite(name: str, given: Path | None) -> Suite | None:
    try:
        return find(str(given) if given else name.partition("@")[0], installed())
    except UserError:
        return None


def _check_boards(seen: Examined, suites: dict[str, Suite | None]) -> int:
    """Return the number of tracks with correct boards. A track with an unreadable record has none."""
    from vaebench.report.files import texts
    from vaebench.report.track import Track
    from vaebench.verification.records import board_faults

    unread = {path.parents[2] for path, _ in seen.problems if path not in seen.found and path.suffix == ".json"}
    good = 0
    for track, trial in seen.tracks.items():
        suite = suites[trial.suite]
        if suite is None or str(suite) != trial.suite or trial.preset not in suite.presets:
            continue  # told with its records
        if track in unread:
            seen.problems.append((track, "its boards cannot be made again before its records can be read"))
            continue
        records = [(path, record) for path, record in seen.found.items() if path.parents[2] == track]
        made = Track(suite, trial.preset, trial.source, track.parents[2], records=records).board()
        faults = list(board_faults(track, dict(texts(made))))
        seen.problems += faults
        good += not faults
    return good


def _check_numbers(
    seen: Examined, able: list[Path], suites: dict[str, Suite | None], sample: int, data: Path | None
) -> list[str]:
    """Re-measure randomly chosen records; nobody can know in advance which."""
    able = [path for path in able if seen.found[path].status == "ok"]
    if not able or not sample:
        return ["No number was measured again" + ("" if able else ": no weights are beside the records")]
    from vaebench.components.registry import only
    from vaebench.data.prepare import data_folder
    from vaebench.verification.named import needed

    chosen = sorted(random.SystemRandom().sample(able, min(sample, len(able))))
    pairs = [(record, suites[record.trial.suite]) for record in map(seen.found.__getitem__, chosen)]
    with only(needed(pairs)), TemporaryDirectory() as cache:  # nothing that was prepared before is trusted
        return [_check_record(seen, path, suites, data_folder(data), Path(cache)) for path in chosen]


def _check_record(seen: Examined, path: Path, suites: dict[str, Suite | None], data: Path, cache: Path) -> str:
    """Re-measure one record: problems go to `seen`, what happened is returned."""
    from vaebench.verification.remeasure import Contradicted, Unanswered, disagreements, remeasure

    record = seen.found[path]
    suite, trial = suites[record.trial.suite], record.trial
    assert suite is not None
    try:
        told, exact, close = disagreements(record, remeasure(path, record, suite, data, cache))
    except Unanswered as reason:
        return f"Not measured again: {trial}: {reason}"
    except Contradicted as reason:
        seen.problems.append((path, str(reason)))
        return f"Not measured again: {trial}: its weights cannot be its own"
    seen.problems += [(path, what) for what in told]
    near = f", {close} within a twentieth of their error" if close else ""
    return f"Measured again: {trial}: {exact} numbers the same to the last digit{near}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' if number != 1 else ''}"
