"""`vaebench verify-results`: whether results that somebody hands in can be accepted."""

from __future__ import annotations

import os
import random
from pathlib import Path

from rich.console import Console

from vaebench.components.discovery import installed
from vaebench.errors import UserError
from vaebench.planning.suite import Suite, find
from vaebench.records import store
from vaebench.report.files import texts
from vaebench.report.tables import clean
from vaebench.report.track import make_board
from vaebench.trial import Trial
from vaebench.verification.records import Examined, board_faults, examine, settings_faults

LONGEST = 400


def verify_results(folder: Path, sample: int, suite: Path | None, data: Path | None) -> int:
    """The exit code: 1 where something is wrong."""
    console = Console(highlight=False, soft_wrap=True, markup=False)
    seen = examine(folder)
    if not seen.found and not seen.problems:
        raise UserError(f"There are no records in {folder}.{store.where_reference_is(folder)}")
    suites = {trial.suite: _suite(trial.suite, suite) for trial in seen.tracks.values()}
    sound = []
    for path, record in seen.found.items():
        faults = list(settings_faults(record, suites.get(record["trial"]["suite"])))
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
    """The tracks whose boards are good. A track with a record out of bounds has none."""
    unread = {path.parents[2] for path, _ in seen.problems if path not in seen.found and path.suffix == ".json"}
    good = 0
    for track, trial in seen.tracks.items():
        suite = suites[trial.suite]
        if suite is None or str(suite) != trial.suite or trial.preset not in suite.presets:
            continue  # told with its records
        if track in unread:
            seen.problems.append((track, "its boards cannot be made again before its records can be read"))
            continue
        made = make_board(suite, trial.preset, trial.source, track.parents[2])
        faults = list(board_faults(track, dict(texts(made))))
        seen.problems += faults
        good += not faults
    return good


def _check_numbers(
    seen: Examined, able: list[Path], suites: dict[str, Suite | None], sample: int, data: Path | None
) -> list[str]:
    """Measure some records again, drawn by chance so that nobody knows which."""
    able = [path for path in able if seen.found[path]["status"] == "ok"]
    if not able or not sample:
        return ["No number was measured again" + ("" if able else ": no weights are beside the records")]
    from vaebench.data.prepare import data_folder
    from vaebench.verification.remeasure import Contradicted, Unanswered, disagreements, remeasure

    lines = []
    for path in sorted(random.SystemRandom().sample(able, min(sample, len(able)))):
        record = seen.found[path]
        suite = suites[record["trial"]["suite"]]
        assert suite is not None
        who = Trial.from_json(record["trial"])
        try:
            told, exact, close = disagreements(record, remeasure(path, record, suite, data_folder(data)))
        except Unanswered as reason:
            lines.append(f"Not measured again: {who}: {reason}")
            continue
        except Contradicted as reason:
            seen.problems.append((path, str(reason)))
            continue
        seen.problems += [(path, what) for what in told]
        near = f", {close} within a twentieth of their error" if close else ""
        lines.append(f"Measured again: {who}: {exact} numbers the same to the last digit{near}")
    return lines


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' if number != 1 else ''}"
