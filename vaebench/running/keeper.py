"""A keeper: where a worker leaves checkpoints, how often, and whether it goes on from one."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from vaebench.records import store
from vaebench.records.record import Record
from vaebench.training import checkpoint
from vaebench.trial import Trial


class Keeper(Protocol):
    """What a worker needs."""

    @property
    def every(self) -> float:
        """Seconds of training between checkpoints."""

    @property
    def fresh(self) -> bool:
        """Whether to start from nothing though there is a checkpoint."""

    def save(self, record: Record, state: Mapping[str, Any]) -> None:
        """Keep the state of the training that a record is of, instead of the one before."""

    def load(self, record: Record) -> dict[str, Any] | None:
        """The state to go on from; None where there is none, `checkpoint.Spoiled` where it is of no use."""

    def drop(self, trial: Trial) -> None:
        """Delete a checkpoint that has served."""


@dataclass(frozen=True)
class CheckpointKeeper:
    """Checkpoints in a results folder, beside the records. A folder that several nodes see lets a trial that one of
    them lost go on at another."""

    results: Path
    device_class: str
    every: float = checkpoint.EVERY
    fresh: bool = False
    """Whether to start from nothing though there is a checkpoint."""

    def path(self, trial: Trial) -> Path:
        return checkpoint.path_of(store.path_of(self.results, trial, self.device_class))

    def save(self, record: Record, state: Mapping[str, Any]) -> None:
        checkpoint.save(self.path(record.trial), record, state)

    def load(self, record: Record) -> dict[str, Any] | None:
        path = self.path(record.trial)
        if self.fresh:
            checkpoint.remove(path)
        return checkpoint.load(path, record)

    def drop(self, trial: Trial) -> None:
        checkpoint.remove(self.path(trial))


@dataclass(frozen=True)
class UrlKeeper(CheckpointKeeper):
    """Checkpoints at a URL that fsspec knows, for machines without a shared disk. The one of a trial at work lies in
    the results folder of its machine as well."""

    url: str = ""

    def save(self, record: Record, state: Mapping[str, Any]) -> None:
        super().save(record, state)
        (files, there), here = self._place(record.trial), self.path(record.trial)
        try:
            files.makedirs(there.rpartition("/")[0], exist_ok=True)
            files.put_file(str(here), f"{there}.new")
            files.mv(f"{there}.new", there)  # the one before is there until this one is whole
        except Exception as error:  # each of fsspec's libraries has its own
            raise OSError(errno.EIO, f"{type(error).__name__}: {error}") from error

    def load(self, record: Record) -> dict[str, Any] | None:
        if self.fresh:
            self.drop(record.trial)
            return None
        (files, there), here = self._place(record.trial), self.path(record.trial)
        here.parent.mkdir(parents=True, exist_ok=True)
        try:
            files.get_file(there, str(here))
        except FileNotFoundError:
            here.unlink(missing_ok=True)
        except Exception as error:
            raise checkpoint.Spoiled(f"it cannot be read ({type(error).__name__}: {error})") from error
        return super().load(record)

    def drop(self, trial: Trial) -> None:
        super().drop(trial)
        with suppress(Exception):  # one that is left costs room, and nothing else
            files, there = self._place(trial)
            files.rm(there)

    def _place(self, trial: Trial) -> tuple[Any, str]:
        """The file system of the URL, and the path of a trial's checkpoint there."""
        import fsspec

        files, root = fsspec.core.url_to_fs(self.url)
        return files, f"{root.rstrip('/')}/{self.path(trial).relative_to(self.results).as_posix()}"


def place_of(text: str) -> str:
    """A place for checkpoints that means the same in every process: a URL, or a folder with its whole path; empty for
    none. ValueError if nothing is installed that reaches such a URL."""
    if "://" not in text:
        return str(Path(text).expanduser().absolute()) if text else ""
    from fsspec import get_filesystem_class

    try:
        get_filesystem_class(text.partition("://")[0])
    except (ImportError, ValueError) as error:
        raise ValueError(f"{text} cannot be reached: {error}") from error
    return text


def keeper_at(place: str, results: Path, device_class: str, every: float, fresh: bool) -> Keeper:
    """The keeper of checkpoints at a place; in the results folder if there is none."""
    if "://" in place:
        return UrlKeeper(results, device_class, every, fresh, place_of(place))
    return CheckpointKeeper(Path(place) if place else results, device_class, every, fresh)
