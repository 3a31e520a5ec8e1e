"""Claims: runs in one results folder share its trials.

A claim is a lease, a small file that names its owner and carries a counter that the owner raises every few seconds. It
needs no lock, since some network file systems grant every lock and others none. A lease has expired when its counter
stood still while somebody waited for it, so the clocks of different machines are never compared.
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
"""Seconds between two beats of a lease."""
EXPIRY = 60.0
"""Seconds without a beat after which a lease may be taken over."""
LENGTH = 512
"""Bytes of a lease's file. Always the same, so that a beat overwrites it in place and no reader sees half of it."""


@dataclass(frozen=True)
class Lease:
    """What a lease's file says."""

    token: str
    """of the run that holds it"""
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
        """Whether its owner was a process of this machine that is gone."""
        return self.host == processes.host() and not processes.lives(self.process, self.born)

    def same(self, other: Lease | None) -> bool:
        return other is not None and (self.token, self.attempt) == (other.token, other.attempt)


def unpacked(content: bytes) -> Lease | None:
    """None where the content is no lease, as while its owner is writing it first."""
    try:
        lease = Lease(**json.loads(content))
        return replace(lease, process=int(lease.process), attempt=int(lease.attempt), expiry=float(lease.expiry))
    except (ValueError, TypeError):
        return None


@dataclass(frozen=True)
class Claim:
    """A lease of one's own, and where it lies."""

    path: Path
    lease: Lease

    def holds(self) -> bool:
        """Whether the trial is still this run's. One that was released by hand and that nobody took is claimed anew,
        but not by a worker that outlived its run."""
        content = _read(self.path)
        if content is None:
            return not self.lease.abandoned and _create(self.path, self.lease.packed())
        return self.lease.same(unpacked(content))

    def beat(self, number: int) -> None:
        """Raise the counter, in the file that was found to be one's own even if it has another name by now."""
        with suppress(OSError), self.path.open("r+b", buffering=0) as file:
            if self.lease.same(unpacked(file.read(LENGTH))):
                file.seek(0)
                file.write(replace(self.lease, beat=number).packed())

    def release(self) -> None:
        with suppress(OSError):
            if self.lease.same(unpacked(_read(self.path) or b"")):
                self.path.unlink()


class Claims:
    """The claims of one run. A thread raises their counters, so that a slow terminal does not cost them."""

    def __init__(self, sink: ResultsSink) -> None:
        self.sink, self.token = sink, secrets.token_hex(8)
        self.held: dict[str, Claim] = {}
        self.seen: dict[str, tuple[bytes, float, float]] = {}
        """trial -> the lease of somebody else, when it was last looked at, and seconds for which it had not changed"""
        self.alive = set[str]()
        """trials whose lease somebody else was seen to renew"""
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
        """Claim a trial; None while somebody else holds it."""
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
        # Time in which this process was suspended, perhaps together with the other one, counts as one beat at most.
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
    """The leases of a track: the id of the trial, and what the file says."""
    for path in sorted(folder_of(track).glob("*.lease")):
        if lease := unpacked(_read(path) or b""):
            yield path.stem.rpartition("-")[2], lease


def free(track: Path, trial: str) -> list[str]:
    """Delete the lease of a trial, or those of `all`, by hand. Return the ids of the trials that were freed."""
    freed = []
    for path in sorted(folder_of(track).glob("*.lease")):
        id_ = path.stem.rpartition("-")[2]
        if trial in (id_, "all"):
            path.unlink(missing_ok=True)
            freed.append(id_)
    return freed


def clear_abandoned(track: Path) -> None:
    """Remove the leases of runs that are gone from this machine: one that was killed just after a trial ended left its
    lease, and nobody claims that trial again."""
    for path in folder_of(track).glob("*.lease"):
        content = _read(path) or b""
        if (lease := unpacked(content)) and lease.abandoned:
            _remove(path, content)


def _read(path: Path) -> bytes | None:
    """None where there is nothing; what can be no lease is read as an empty one, which expires."""
    try:
        return store.read_bounded(path, 8 * LENGTH, "lease")
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno:  # the system's; without a number it is a pipe, say
            raise
        return b""


def _create(path: Path, content: bytes) -> bool:
    """Create the file. Return whether it was not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        file = path.open("xb", buffering=0)
    except FileExistsError:
        return False
    with file:
        try:
            file.write(content)
        except OSError:  # an empty lease would be waited for
            path.unlink(missing_ok=True)
            raise
    return True


def _remove(path: Path, judged: bytes) -> bool:
    """Remove the lease that was judged to have expired. Of several runs that try it, one succeeds."""
    aside = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        path.rename(aside)
    except FileNotFoundError:
        return False
    content = _read(aside)
    expired = content == judged
    if content is not None and not expired:  # its owner woke up, or somebody else was faster
        _create(path, content)
    aside.unlink(missing_ok=True)
    return expired
