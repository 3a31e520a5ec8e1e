"""The mirror of a results folder at a URL: a local copy, in which commands work as in any other results folder.

A mirror is brought up to date before it is read, and the records that a run adds to it are uploaded. If the URL has
several versions of a record, all mirrors hold the same version: the latest good one or, if all are failures, the latest
failure.
"""

from __future__ import annotations

import hashlib
import shutil
import warnings
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from pathlib import Path

from filelock import FileLock
from msgspec import Struct
from msgspec import json as coder

from vaebench.errors import UserError
from vaebench.records import store
from vaebench.records.record import BadRecord, decode
from vaebench.running.remote import BOARD, HEAVIEST, LARGEST, SHARED, Listed, Remote, Unreachable, wanted

Wants = Callable[[str], bool]
"""Decides from the name of a record's file whether the file is fetched"""
OWN = ".mirror"
"""The subfolder of a mirror that stores its URL and the list of known objects"""
PLAIN = ("*@*/*.*", "*@*/*/*/*.*", "*@*/*/*/boards/*")
"""Patterns for the paths of boards and shared files"""
LISTING = ".files"
"""The file, next to a record's other files, that lists the record's files at the URL"""


class Version(Struct, frozen=True, order=True, array_like=True):
    """A version of a record. Of several versions, the largest one is used."""

    good: bool
    number: int
    """larger than the numbers of all versions that the uploading machine knew, so that no clocks are compared"""
    digest: str

    @property
    def name(self) -> str:
        return f"{self.number}-{self.digest}"


class State(Struct):
    """The known objects at a URL."""

    versions: dict[str, list[Version]] = {}
    """place of a record -> its versions"""
    plain: dict[str, tuple[str, str]] = {}
    """name of a board or shared file -> a stamp that changes when it is replaced, and the digest of the local copy"""


class Listing(Struct):
    """The files of a record."""

    record: str
    files: dict[str, str]


class Mirror:
    """The mirror of the results folder at a URL."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url, self.remote = folder, url, Remote(url)
        self._memory, self._lock = folder / OWN / "state", FileLock(folder / OWN / "lock")

    def update(self, wants: Wants | None = None) -> None:
        """Fetch new records and the wanted files of all records; upload the records that the URL lacks.

        Unreachable is raised if the URL cannot be read. If the URL cannot be written, only a warning is shown."""
        with self._lock:
            state, listed = self._state(), self.remote.listed()
            if state.versions and not listed.records:
                raise UserError(
                    f"{self.url} no longer has any records. If its records were deleted on purpose, also delete the "
                    f"local copy: {self.folder}"
                )
            mine = {self._place(path): store.digest_of(path) for path in store.below(self.folder)}
            self._forget(state, listed, mine)
            self._look_at_new(state, listed, mine)
            self._upload_missing(state, mine)
            self._settle(state, mine)
            self._fetch_plain(state, listed)
            self._save(state)
            if wants:
                best = {place: max(versions) for place, versions in state.versions.items()}
                self._fetch_files({place: one for place, one in best.items() if mine.get(place) == one.digest}, wants)

    def upload(self, path: Path) -> None:
        """Upload a record with its files."""
        self._upload(path, self._state().versions.get(self._place(path), ()))

    def _upload(self, path: Path, known: Sequence[Version]) -> Version | None:
        """Upload a record with its files, and return the new version, or None if it is not a valid record."""
        try:
            content = store.read_bounded(path, store.LARGEST, "record")
            record = decode(content)
        except (OSError, BadRecord):
            return None
        files = {name: file.read_bytes() for name, file in store.files_beside(path) if wanted(name)}
        digest, numbers = _digest(content), {one.digest: one.number for one in known}
        version = Version(record.status == "ok", numbers.get(digest, max(numbers.values(), default=0) + 1), digest)
        self.remote.put_record(self._place(path), version.name, content, {n: own for n, own in files.items() if own})
        return version

    def publish(self) -> int:
        """Upload the boards and shared files that changed; return their number."""
        with self._lock:
            state, count = self._state(), 0
            for path in sorted(path for pattern in PLAIN for path in self.folder.glob(pattern)):
                name = self._place(path)
                if not (SHARED.fullmatch(name) or BOARD.fullmatch(name)):
                    continue
                digest = _digest(content := path.read_bytes())
                if state.plain.get(name, ("", ""))[1] != digest:
                    self.remote.put_plain(name, content)
                    state.plain[name] = "", digest
                    count += 1
            self._save(state)
        return count

    def fetch_weights(self, record: Path) -> None:
        """Fetch the weights of a record if they are at the URL."""
        place, digest = self._place(record), store.digest_of(record)
        if own := [one for one in self._state().versions.get(place, ()) if one.digest == digest]:
            self._fetch_files({place: own[0]}, lambda name: name == store.WEIGHTS)

    def _forget(self, state: State, listed: Listed, mine: dict[str, str]) -> None:
        """Remove the versions that were deleted at the URL."""
        for place, versions in list(state.versions.items()):
            there = listed.records.get(place, frozenset())
            state.versions[place] = [one for one in versions if one.name in there]
            if mine.get(place) in {one.digest for one in versions if one.name not in there}:
                self._remove(place)
                del mine[place]
            if not state.versions[place]:
                del state.versions[place]

    def _look_at_new(self, state: State, listed: Listed, mine: dict[str, str]) -> None:
        """Add the versions that are new at the URL to the state, and store those that are to be used."""
        known = {place: {one.name for one in versions} for place, versions in state.versions.items()}
        new = [(p, name) for p, names in listed.records.items() for name in sorted(names - known.get(p, set()))]
        own = [(p, name) for p, name in new if p in mine and name.endswith(f"-{mine[p]}")]
        held = ((p, name, store.read_bounded(self.folder / p, store.LARGEST, "record")) for p, name in own)
        bad = len(new)
        for place, name, content in chain(held, self.remote.records(sorted({*new} - {*own}))):
            try:
                record = decode(content)
            except BadRecord:
                continue
            if Path(place).stem.endswith(f"-{record.id}"):
                version = Version(record.status == "ok", int(name.partition("-")[0]), _digest(content))
                state.versions.setdefault(place, []).append(version)
                if version == max(state.versions[place]):
                    self._hold(state, mine, place, content)
                bad -= 1
        if bad:
            warnings.warn(
                f"{self.url} contains {bad} invalid record{'s' * (bad > 1)}, which vaebench ignores", stacklevel=4
            )

    def _upload_missing(self, state: State, mine: Mapping[str, str]) -> None:
        """Upload the records that are not at the URL, such as those of a run that lost its network."""
        try:
            for place, digest in mine.items():
                known = state.versions.get(place, [])
                if digest in {one.digest for one in known}:
                    continue
                if made := self._upload(self.folder / place, known):
                    state.versions[place] = [*known, made]
        except Unreachable as error:
            warnings.warn(f"{error}. Records that are not uploaded yet are kept in {self.folder}", stacklevel=4)

    def _settle(self, state: State, mine: dict[str, str]) -> None:
        """Replace the local copy of each record by the version that is used, if that is another one."""
        best = {place: max(versions) for place, versions in state.versions.items()}
        other = [(place, one.name) for place, one in best.items() if mine.get(place) != one.digest]
        for place, _, content in self.remote.records(other):
            self._hold(state, mine, place, content)

    def _hold(self, state: State, mine: dict[str, str], place: str, content: bytes) -> None:
        """Replace the local copy of a record, unless the copy is identical or has not been uploaded yet."""
        held, digest = mine.get(place), _digest(content)
        if held != digest and (held is None or held in {one.digest for one in state.versions[place]}):
            self._remove(place)
            store.write_atomically(self.folder / place, content)
            mine[place] = digest

    def _fetch_plain(self, state: State, listed: Listed) -> None:
        """Fetch the boards and shared files that changed, except pages."""
        changed = [name for name, stamp in listed.plain.items() if state.plain.get(name, ("", ""))[0] != stamp]
        for name, content in self.remote.plain(name for name in changed if not name.endswith(".html")):
            store.write_atomically(self.folder / name, content)
            state.plain[name] = listed.plain[name], _digest(content)

    def _fetch_files(self, records: Mapping[str, Version], wants: Wants) -> None:
        """Fetch the wanted files of these records that are missing here."""
        listings = {place: self._listing(place, one.digest) for place, one in records.items()}
        for place, files in self.remote.files_of((p, v.name) for p, v in records.items() if listings[p] is None):
            listings[place] = files
            told = coder.encode(Listing(records[place].digest, files))
            store.write_atomically(store.artifacts_of(self.folder / place) / LISTING, told)
        missing: dict[int, dict[str, list[Path]]] = {LARGEST: {}, HEAVIEST: {}}
        for place, names in listings.items():
            for name, digest in (names or {}).items():
                path = store.artifacts_of(self.folder / place) / name
                if wants(name) and not path.exists():
                    most = HEAVIEST if name == store.WEIGHTS else LARGEST
                    missing[most].setdefault(digest, []).append(path)
        for most, paths in missing.items():
            for digest, content in self.remote.blobs(paths, most):
                for path in paths[digest]:
                    store.write_atomically(path, content)

    def _listing(self, place: str, digest: str) -> dict[str, str] | None:
        """Return the files of a record (name -> digest) if they were listed before."""
        try:
            path = store.artifacts_of(self.folder / place) / LISTING
            listing = coder.decode(store.read_bounded(path, store.LARGEST, "list of files"), type=Listing)
        except (OSError, ValueError):
            return None
        return listing.files if listing.record == digest else None

    def _remove(self, place: str) -> None:
        (self.folder / place).unlink(missing_ok=True)
        shutil.rmtree(store.artifacts_of(self.folder / place), ignore_errors=True)

    def _place(self, path: Path) -> str:
        return path.relative_to(self.folder).as_posix()

    def _state(self) -> State:
        try:
            return coder.decode(self._memory.read_bytes(), type=State)
        except (OSError, ValueError):
            return State()

    def _save(self, state: State) -> None:
        store.write_atomically(self._memory, coder.encode(state))


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
