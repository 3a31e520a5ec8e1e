"""Keepers, which define where and how often a worker saves checkpoints, and whether it resumes from one."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from vaebench.records import store, urls
from vaebench.records.record import Record
from vaebench.training import checkpoint
from vaebench.trial import Trial


class Keeper(Protocol):
    """The interface through which a worker saves, loads and deletes checkpoints."""

    @property
    def every(self) -> float:
        """Seconds of training between checkpoints."""

    @property
    def fresh(self) -> bool:
        """True to train from the start even if there is a checkpoint."""

    def save(self, record: Record, state: Mapping[str, Any]) -> None:
        """Save the training state of a record's trial, replacing the previous one."""

    def load(self, record: Record) -> dict[str, Any] | None:
        """Return the saved state, or None if there is none; raise `checkpoint.Spoiled` if it is unusable."""

    def drop(self, trial: Trial) -> None:
        """Delete a checkpoint that is no longer needed."""


@dataclass(frozen=True)
class CheckpointKeeper:
    """Keeps checkpoints in a results folder, next to the records.

    If several nodes share the folder, a trial whose node was lost can continue on another node."""

    results: Path
    device_class: str
    every: float = checkpoint.EVERY
    fresh: bool = False
    """Whether to train from the start even if there is a checkpoint"""

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
    """Keeps checkpoints at a URL that fsspec supports, for machines without a shared disk.

    While a trial runs, its checkpoint is also in the results folder of its machine."""

    url: str = ""

    def save(self, record: Record, state: Mapping[str, Any]) -> None:
        super().save(record, state)
        (files, there), here = self._place(record.trial), self.path(record.trial)
        try:
            urls.make_parent(files, there)
            files.put_file(str(here), f"{there}.new")
            files.mv(f"{there}.new", there)  # the previous checkpoint remains until this one is complete
        except Exception as error:  # each library behind fsspec raises its own errors
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
            raise checkpoint.Spoiled(f"the file cannot be read ({type(error).__name__}: {error})") from error
        return super().load(record)

    def drop(self, trial: Trial) -> None:
        super().drop(trial)
        with suppress(Exception):  # a checkpoint that remains only takes up space
            files, there = self._place(trial)
            files.rm(there)

    def _place(self, trial: Trial) -> tuple[Any, str]:
        """Return the file system of the URL and the path of a trial's checkpoint in it."""
        files, root = urls.opened(self.url)
        return files, f"{root}/{self.path(trial).relative_to(self.results).as_posix()}"


def place_of(text: str) -> str:
    """Return the place where checkpoints are kept, in a form that is valid in every process.

    The result is a URL, the absolute path of a folder, or an empty string for no place. A ValueError is raised if no
    installed library supports the URL."""
    if not urls.is_url(text):
        return str(Path(text).expanduser().absolute()) if text else ""
    urls.check(text)
    return text


def keeper_at(place: str, results: Path, device_class: str, every: float, fresh: bool) -> Keeper:
    """Return the keeper for `place` (a URL or a folder), or for the results folder if `place` is an empty string."""
    if urls.is_url(place):
        return UrlKeeper(results, device_class, every, fresh, place_of(place))
    return CheckpointKeeper(Path(place) if place else results, device_class, every, fresh)
