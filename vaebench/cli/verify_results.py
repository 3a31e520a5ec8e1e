"""`vaebench verify-results`: check submitted results."""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from vaebench.cli.options import DATA, KNOWN_RESULTS_FOLDER
from vaebench.components.discovery import installed
from vaebench.errors import UserError
from vaebench.planning.suite import Suite, find
from vaebench.records import store

if TYPE_CHECKING:
    from vaebench.verification.records import Examined

LONGEST = 400


class Sample(click.ParamType):
    """The type of an option whose value is a number of records, or `all`."""

    name = "N|all"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        return sys.maxsize if value == "all" else click.IntRange(min=0).convert(value, param, ctx)


@click.command
@click.argument("folder", type=KNOWN_RESULTS_FOLDER)
@click.option("--sample", type=Sample(), default=3, show_default=True,
              help="Re-measure this many randomly chosen records from their weights [0: only read files].")  # fmt: skip
@click.option("--reproduce", type=Sample(), default=0, show_default=True,
              help="Train this many randomly chosen trials again.")  # fmt: skip
@click.option("--fresh", is_flag=True,
              help="Also measure models of phantoms on new synthetic patients, to detect memorised ones.")  # fmt: skip
@click.option("--write", is_flag=True,
              help="Write hashes and tiers to manifest.json in each track.")  # fmt: skip
@click.option("--suite", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE.toml",
              help="File of the suite, if no installed plugin provides it.")  # fmt: skip
@DATA
def command(
    folder: Path, sample: int, reproduce: int, fresh: bool, write: bool, suite: Path | None, data: Path | None
) -> int:
    """Check submitted results. Records are checked against their schema, ids, digests and weights, and against the
    installed packages; leaderboards are checked against the records. For a sample of records, metrics are measured
    again from the weights. Each record gets a tier: reported,
    re-measured or reproduced. Nothing in FOLDER is executed or changed; only --write adds manifest.json.
    The subfolder `reference` is left out unless FOLDER is that folder.

    \b
    Examples:
      vaebench verify-results results
      vaebench verify-results results/reference --sample all --fresh --write
    """
    from vaebench.components.registry import only
    from vaebench.data.folders import data_folder
    from vaebench.records.clean import clean
    from vaebench.running import mirrors
    from vaebench.verification.admission import Admission, manifest_faults, write_manifests
    from vaebench.verification.named import named, needed
    from vaebench.verification.records import examine, settings_faults
    from vaebench.verification.remeasure import Again

    console = Console(highlight=False, soft_wrap=True, markup=False)
    mirrors.update(folder, mirrors.everything)
    seen = examine(folder)
    if not seen.found and not seen.problems and not seen.manifests:
        raise UserError(f"There are no records in {mirrors.named(folder)}.{store.where_reference_is(folder)}")
    if write and (part := [track for track in seen.tracks if not track.is_relative_to(folder.absolute())]):
        raise UserError(f"--write needs whole tracks: name the folder {os.path.relpath(part[0])}, or one above it.")
    with only(named(seen.found.values())):
        suites = {trial.suite: _suite(trial.suite, suite) for trial in seen.tracks.values()}
    for path, record in seen.found.items():
        seen.problems += [(path, fault) for fault in settings_faults(record, suites.get(record.trial.suite))]
    manifest_faults(seen)
    boards = _check_boards(seen, suites)
    pairs = [(record, suites.get(record.trial.suite)) for record in seen.found.values()]
    with only(needed(pairs)), TemporaryDirectory() as cache:  # data prepared earlier is not trusted
        admission = Admission(seen, suites, Again(data_folder(data), Path(cache)))
        admission.declare(thoroughly=bool(sample or reproduce or fresh))
        weighed = [path for path in seen.sound if path in seen.weighed]
        for path in _drawn(weighed, sample):
            admission.measure(path, fresh)
        for path in _drawn(seen.sound, reproduce):
            admission.reproduce(path)
        if not weighed or not sample:
            why = "" if weighed else ": the records have no weights"
            admission.lines.insert(0, f"No number was re-measured{why}")

    console.print(f"{_count(len(seen.found), 'record')} in {_count(len(seen.tracks), 'track')}")
    console.print(f"{_count(len(seen.weighed), 'record')} with matching weights")
    console.print(f"{_count(boards, 'track')} with boards that match the records")
    for line in admission.lines:
        console.print(clean(line, LONGEST))
    for path, what in sorted(seen.problems):
        console.print(clean(f"✗ {os.path.relpath(path)}: {what}", LONGEST))
    for tier, number in admission.counts().items():
        console.print(f"{tier:<12} {number:>6}")
    for path in write_manifests(admission) if write else ():
        told = f"Wrote {os.path.relpath(path)}. Run `vaebench leaderboard` to show the tiers on the boards."
        console.print(clean(told, LONGEST))
    mirrors.publish(folder)
    console.print(f"{_count(len(seen.problems), 'problem')}" if seen.problems else "No problem found.")
    return 1 if seen.problems else 0


def _drawn(paths: list[Path], count: int) -> list[Path]:
    """Choose records at random, so that the choice cannot be predicted."""
    return sorted(random.SystemRandom().sample(paths, min(count, len(paths))))


def _suite(name: str, given: Path | None) -> Suite | None:
    try:
        return find(str(given) if given else name.partition("@")[0], installed())
    except UserError:
        return None


def _check_boards(seen: Examined, suites: dict[str, Suite | None]) -> int:
    """Return the number of tracks with correct boards. A track with an unreadable record is not counted."""
    from vaebench.report.files import texts
    from vaebench.report.track import Track
    from vaebench.verification.records import board_faults

    unread = {path.parents[2] for path, _ in seen.problems if path not in seen.found and path.suffix == ".json"}
    good = 0
    for track, trial in seen.tracks.items():
        suite = suites[trial.suite]
        if suite is None or str(suite) != trial.suite or trial.preset not in suite.presets:
            continue  # the check of the track's records reports this
        if track in unread:
            seen.problems.append((track, "the boards cannot be checked until all records of the track can be read"))
            continue
        records = [(path, record) for path, record in seen.found.items() if path.parents[2] == track]
        made = Track(suite, trial.preset, trial.source, track.parents[2], records=records).board()
        faults = list(board_faults(track, dict(texts(made))))
        seen.problems += faults
        good += not faults
    return good


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' if number != 1 else ''}"
