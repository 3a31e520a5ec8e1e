"""A site: where jobs are done. What stands here is of one machine, and in no job and no record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from vaebench.running import PATIENCE
from vaebench.running.keeper import Keeper
from vaebench.running.sink import ResultsSink
from vaebench.running.slots import cores


@dataclass(frozen=True)
class Site:
    """Ready data, devices, and where what trials leave goes."""

    ready: Mapping[str, Path]
    """The digest of ready data -> its folder (`vaebench.data.prepare`)."""
    sink: ResultsSink
    keeper: Keeper
    devices: tuple[str, ...] = ("cpu",)
    """Of one kind; trials are spread over them."""
    slots: int = 1
    """How many trials train at once. On a CPU a trial keeps its slot until it ends; on a GPU until it measures."""
    cores: int = field(default_factory=cores)
    """How many trials run at once, those included that measure while others train; never fewer than `slots`."""
    patience: float = PATIENCE
    """Seconds without a sign of life from a trial after which it counts as hung: a training step, a metric, or anything
    that it prints."""
    lingers: bool = True
    """Whether to wait for trials that other runs have claimed, instead of leaving them to runs that are alive."""
