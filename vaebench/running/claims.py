"""Claims, through which several runs share the trials of one results folder.

A claim is a lease: a small file with the name of its owner and a counter that the owner raises every few seconds.
Claims need no file locks, which are unreliable on network file systems. A lease expires if its counter does not change
for some time while another run watches it, so the clocks of different machines are never compared.
"""

from __future__ import annotations

import json
import os
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from vaebench.records import store
from vaebench.running import processes
from vaebench.running.sink import ResultsSink
from vaebench.trial import Trial

BEAT = 5.0
"""Seconds between two beats of a lease"""
EXPIRY = 60.0
"""Seconds without a beat after which a lease may be taken over"""
LENGTH = 512
"""The size of a lease's file in bytes, which is constant, so that readers never see a half-written beat."""


@dataclass(frozen=True)
class Lease:
    """The content of a lease's file."""

    token: str
    """identifies the run that holds the lease"""
    host: str
    process: int
    born: str
    attempt: int
    """how often the trial was claimed since it was last finished"""
    since: str
    expiry: float = EXPIRY
    beat: int = 0

    def packed(self) -> bytes:
        return json.dumps(asdict(self)).encode().ljust(LENGTH)

    @property
    def abandoned(self) -> bool:
        """True if the owner of the lease was a process of this machine that has ended."""
        return self.host == processes.host() and not processes.lives(self.process, self.born)

    def same(self, other: Lease | None) -> bool:
        return other is not None and (self.token, self.attempt) == (other.token, other.attempt)


def unpacked(content: bytes) -> Lease | None:
    """Return the lease that a file contains, or None if the content is still incomplete or damaged."""
    try:
        lease = Lease(**json.loads(content))
        return replace(lease, process=int(lease.process), attempt=int(lease.attempt), expiry=float(lease.expiry))
    except (ValueError, TypeError):
        return None


@dataclass(frozen=True)
class Claim:
    """A lease of this run, with the path of its file."""

    path: Path
    lease: Lease

    def holds(self) -> bool:
        """Return whether this run still holds the claim to the trial.

        A trial that was released by hand and not taken by another run is claimed again, unless this worker's run has
        ended."""
        content = _read(self.path)
        if content is None:
            return not self.lease.abandoned and _create(self.path, self.lease.packed())
        return self.lease.same(unpacked(content))

    def beat(self, number: int) -> None:
        """Raise the lease's counter. The same open file is checked and written, even if it is renamed in between."""
        with suppress(OSError), self.path.open("r+b", buffering=0) as file:
            if self.lease.same(unpacked(file.read(LENGTH))):
                file.seek(0)
                file.write(replace(self.lease, beat=number).packed())

    def release(self) -> None:
        with suppress(OSError):
            if self.lease.same(unpacked(_read(self.path) or b"")):
                self.path.unlink()


class Claims:
    """The claims of one run. A thread raises their counters, so that a slow terminal does not make them expire."""

    def __init__(self, sink: ResultsSink) -> None:
        self.sink, self.token = sink, secrets.token_hex(8)
        self.held: dict[str, Claim] = {}
        self.seen: dict[str, tuple[bytes, float, float]] = {}
        """trial -> another run's lease, when it was last read, and for how many seconds it had not changed"""
        self.alive = set[str]()
        """trials whose lease was renewed by another run"""
        self.over = threading.Event()
        self.heart = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> Claims:
        self.heart.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.over.set()
        self.heart.join()
        for claim in list(self.held.values()):
            claim.release()

    def take(self, trial: Trial) -> Claim | None:
        """Claim a trial; return None if another run holds it."""
        path = folder_of(store.folder_of(self.sink.results, trial)) / f"{self.sink.device_class}-{trial.id}.lease"
        attempt = 1
        if (content := _read(path)) is not None:
            if not self._expired(trial, content) or not _remove(path, content):
                return None
            old = unpacked(content)
            attempt = old.attempt + 1 if old else 1
        now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        process = os.getpid()
        lease = Lease(self.token, processes.host(), process, processes.born(process), attempt, now)
        if not _create(path, lease.packed()):
            return None
        self.held[trial.id] = Claim(path, lease)
        return self.held[trial.id]

    def release(self, trial: Trial) -> None:
        if claim := self.held.pop(trial.id, None):
            claim.release()

    def _expired(self, trial: Trial, content: bytes) -> bool:
        lease, now = unpacked(content), time.monotonic()
        if lease and lease.abandoned:
            return True
        before, looked, waited = self.seen.get(trial.id, (b"", now, 0.0))
        if before not in (b"", content):
            self.alive.add(trial.id)
        # While this process was suspended, the lease's owner may have been too: a pause counts as one beat at most.
        waited = waited + min(now - looked, BEAT) if before == content else 0.0
        self.seen[trial.id] = (content, now, waited)
        return waited > (lease.expiry if lease else EXPIRY)

    def _beat(self) -> None:
        number = 0
        while not self.over.wait(BEAT):
            number += 1
            for claim in list(self.held.values()):
                claim.beat(number)


def folder_of(track: Path) -> Path:
    return track / ".runs" / "claims"


def leases(track: Path) -> Iterator[tuple[str, Lease]]:
    """Yield the leases of a track, each with the id of its trial."""
    for path in sorted(folder_of(track).glob("*.lease")):
        if lease := unpacked(_read(path) or b""):
            yield path.stem.rpartition("-")[2], lease


def free(track: Path, trial: str) -> list[str]:
    """Delete a trial's lease at the user's request, or all leases if `trial` is `all`; return the ids of the trials."""
    freed = []
    for path in sorted(folder_of(track).glob("*.lease")):
        id_ = path.stem.rpartition("-")[2]
        if trial in (id_, "all"):
            path.unlink(missing_ok=True)
            freed.append(id_)
    return freed


def clear_abandoned(track: Path) -> None:
    """Remove the leases of runs on this machine that have died.

    A run that was killed just after a trial ended leaves a lease that no other run takes over, as the trial is done."""
    for path in folder_of(track).glob("*.lease"):
        content = _read(path) or b""
        if (lease := unpacked(content)) and lease.abandoned:
            _remove(path, content)


def _read(path: Path) -> bytes | None:
    """Return the content of a lease's file, None if there is no file, or empty bytes if the file is unusable.

    Empty bytes count as a lease whose owner never raises its counter, so that it expires."""
    try:
        return store.read_bounded(path, 8 * LENGTH, "lease")
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno:  # a system error; errors without a number mean that the file is unusable, such as a pipe
            raise
        return b""


def _create(path: Path, content: bytes) -> bool:
    """Create a file. Return True if the file was created, False if it already existed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        file = path.open("xb", buffering=0)
    except FileExistsError:
        return False
    with file:
        try:
            file.write(content)
        except OSError:  # other runs would wait for an empty lease to expire
            path.unlink(missing_ok=True)
            raise
    return True


def _remove(path: Path, judged: bytes) -> bool:
    """Remove an expired lease with this content. If several runs try at once, only one succeeds."""
    aside = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        path.rename(aside)
    except FileNotFoundError:
        return False
    content = _read(aside)
    expired = content == judged
    if content is not None and not expired:  # its owner woke up, or another run was faster
        _create(path, content)
    aside.unlink(missing_ok=True)
    return expired
