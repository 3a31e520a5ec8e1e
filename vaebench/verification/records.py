"""Checks the records and boards in a folder. Files are untrusted: their size is limited and their content checked."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from vaebench.planning import kept
from vaebench.planning.suite import REGIMES, Suite
from vaebench.records import manifest, store
from vaebench.records.provenance import names_a_path
from vaebench.records.record import BadRecord, Record, decode, dumps, to_json
from vaebench.trial import Trial
from vaebench.verification.costs import cost_faults

LARGEST_WEIGHTS = 2**31
"""The maximum size of a file of weights in bytes; the models of the suites need less than a tenth of this."""
ARTIFACTS = re.compile(r".+-[0-9a-f]{12}")
"""The name of the folder next to a record; only the weights in this folder are read."""
SOURCES = ("real", "phantom")
BESIDE = ("leaderboard.json", "track.json", manifest.NAME, kept.DECLARED)
"""JSON files in a track's folder that are not records."""
SHOWN = 3
"""At most this many faults of one kind are reported per record."""


@dataclass
class Examined:
    """The records and manifests found in a folder, and the problems with them."""

    found: dict[Path, Record] = field(default_factory=dict)
    """the readable records, by path"""
    weighed: list[Path] = field(default_factory=list)
    """the records with a file of weights that matches the digest in the record"""
    manifests: list[Path] = field(default_factory=list)
    problems: list[tuple[Path, str]] = field(default_factory=list)

    @property
    def sound(self) -> list[Path]:
        """The records of successful trials in which no problem has been found so far."""
        wrong = {path for path, _ in self.problems}
        return [path for path, record in self.found.items() if record.status == "ok" and path not in wrong]

    @property
    def tracks(self) -> dict[Path, Trial]:
        """The folder of each track -> one of the track's trials."""
        tracks = {}
        for path, record in sorted(self.found.items()):
            trial = record.trial
            track = store.folder_of(Path(), trial)
            if path.parents[2].parts[-len(track.parts) :] == track.parts:
                tracks[path.parents[2]] = trial
        return tracks


def examine(folder: Path) -> Examined:
    """Return every record below a folder, with the problems of its contents and its location.

    The subfolder `reference` is left out."""
    seen, places = Examined(), dict[Path, Path]()
    for path in _files(folder.absolute(), seen):
        record = _read(path, seen)
        if record is None:
            continue
        seen.found[path] = record
        place = store.path_of(Path(), record.trial, record.device.kind)
        if path.parts[-len(place.parts) :] != place.parts:
            seen.problems.append((path, f"it belongs at {place}"))
        elif places.setdefault(place, path) != path:
            seen.problems.append((path, f"it records the same trial as {os.path.relpath(places[place])}"))
        seen.problems += [
            (path, what) for what in (*_faults(record), *cost_faults(record), *_weights(path, record, seen))
        ]
    return seen


def settings_faults(record: Record, suite: Suite | None) -> Iterator[str]:
    """Yield the differences between a record's settings and its suite's; pass None for an unknown suite."""
    trial = record.trial
    if suite is None or str(suite) != trial.suite:
        here = f" (the suite here is {suite})" if suite else ""
        yield f"its suite {trial.suite} is not known here{here}; give its file with --suite FILE.toml"
    elif trial.preset not in suite.presets:
        yield f"{suite} has no preset {trial.preset!r}"
    else:
        asked, given = suite.presets[trial.preset].settings.to_json(), record.settings.to_json()
        other = [key for key in {*asked, *given} - {"metrics"} if asked.get(key) != given.get(key)]
        if other:
            yield f"its settings differ from those of {suite} / {trial.preset}: {', '.join(sorted(other))}"


def board_faults(track: Path, texts: Mapping[str, str]) -> Iterator[tuple[Path, str]]:
    """Yield the board files of a track that differ from `texts`, the boards that follow from its records."""
    again = "`vaebench leaderboard` recreates it"
    for name, text in texts.items():
        path, wanted = track / name, text.encode()
        try:
            content = store.read_bounded(path, 2 * len(wanted) + 2**20, "board of these records")
        except FileNotFoundError:
            if name in ("leaderboard.md", "leaderboard.csv", "leaderboard.json"):
                yield path, f"it is missing; {again}"
        except OSError as error:
            yield path, f"{error}; {again}"
        else:
            if content != wanted:
                where = _first_difference(content, wanted)
                yield path, f"it differs from the board of these records{where}; {again}"
    for path in sorted((track / "boards").glob("*")):
        if f"boards/{path.name}" not in texts:
            yield path, "no board of these records has this name; delete the file"


def _first_difference(content: bytes, wanted: bytes) -> str:
    pairs = zip(content.split(b"\n"), wanted.split(b"\n"), strict=False)
    for number, (mine, line) in enumerate(pairs, 1):
        if mine != line:
            return f" from line {number} on"
    return " at its end"


def _files(folder: Path, seen: Examined) -> Iterator[Path]:
    """Yield the files that should be records. Links are not followed."""
    for where, folders, names in os.walk(folder):
        here = Path(where)
        if here == folder and store.REFERENCE in folders:
            folders.remove(store.REFERENCE)
        for name in sorted((*folders, *names)):
            if (here / name).is_symlink():
                seen.problems.append((here / name, "it is a link; replace it with the file that it points to"))
        plain = [name for name in sorted(folders) if not (here / name).is_symlink() and not name.startswith(".")]
        folders[:] = [name for name in plain if not ARTIFACTS.fullmatch(name)]
        for name in sorted(names):
            if not name.endswith(".json") or name in BESIDE or (here / name).is_symlink():
                seen.manifests += [here / name] if name == manifest.NAME else []
                continue
            if store.FILE_NAME.fullmatch(name):
                yield here / name
            elif not name.startswith("."):
                seen.problems.append((here / name, "the name of a record's file must end with the id of its trial"))


def _read(path: Path, seen: Examined) -> Record | None:
    try:
        content = store.read_bounded(path, store.LARGEST, "record")
        record = decode(content)
        again = dumps(json.loads(content, object_pairs_hook=_once))
    except (OSError, BadRecord) as error:
        seen.problems.append((path, str(error)))
        return None
    except (ValueError, RecursionError) as error:  # in an unknown field, which decode ignores
        seen.problems.append((path, f"it is not JSON as vaebench writes it: {error}"))
        return None
    if again.encode(errors="replace") != content:
        seen.problems.append((path, "it is not formatted as vaebench writes it, so it was edited by hand"))
    return record


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise BadRecord(f"a field occurs twice: {name!r}")
        found[name] = value
    return found


def _faults(record: Record) -> Iterator[str]:
    trial, inputs = record.trial, record.inputs
    for key, value, known in (("regime", trial.regime, REGIMES), ("source", trial.source, SOURCES)):
        if value not in known:
            yield f"its {key} is {value!r}, not one of {', '.join(known)}"
    if not re.fullmatch(r"[0-9a-f]{64}", inputs.data):
        yield "its data digest is not a SHA-256 digest"
    for name, cell in record.metrics.items():
        if inputs.components.get(f"metric {name}") != cell.version:
            yield f"metric {name!r} has version {cell.version}, which is not the version named in its inputs"
    for text in _some(text for text in _texts(to_json(record)) if names_a_path(text)):
        yield f"it contains a local path: {text[:120]}"
    try:
        started = datetime.strptime(record.started, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        yield f"{record.started[:40]!r} is not a valid start time"
    else:
        if started > datetime.now(UTC) + timedelta(days=1):  # it would override all older records for a long time
            yield f"its start time {record.started} is in the future"


def _weights(path: Path, record: Record, seen: Examined) -> Iterator[str]:
    weights = store.weights_of(path)
    if weights.is_symlink() or weights.parent.is_symlink():
        return
    try:
        with store.open_bounded(weights, LARGEST_WEIGHTS, "file of weights") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        yield f"its file of weights cannot be read: {error}"
        return
    if record.weights == digest:
        seen.weighed.append(path)
    else:
        yield f"its file of weights (SHA-256 {digest[:12]}…) does not match the digest in the record"


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


def _some(found: Iterator[Any]) -> list[Any]:
    return [one for one, _ in zip(found, range(SHOWN), strict=False)]
