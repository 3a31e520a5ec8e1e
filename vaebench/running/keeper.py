"""A keeper: where a worker leaves checkpoints, how often, and whether it goes on from one."""

from __future__ import annotations

from collections.abc import Mapping
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
