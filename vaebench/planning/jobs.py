"""A job: a trial plus how to do it on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vaebench.trial import Settings, Trial


@dataclass(frozen=True)
class Job:
    """A trial with what the worker needs to do it on this machine; only `trial` and `settings` enter the record."""

    trial: Trial
    settings: Settings
    results: Path
    data: Path
    """the ready folder of the dataset (`vaebench.data.prepare`)"""
    device: str = "cpu"
    others: tuple[str, ...] = ()
    """devices of the same kind, on which it may run as well"""
    home: str | None = None
    """the distribution whose components the trial's names mean first"""
    trained: Mapping[str, Any] | None = None
    """the trial's good record, when only metrics are missing and the stored weights can answer them"""
    before: int = 0
    """when the record that is there now was written, in nanoseconds, 0 for none: a later one is another run's answer"""
    every: float = 60.0
    """seconds of training between checkpoints"""
    fresh: bool = False
    """whether to start from nothing though there is a checkpoint"""
