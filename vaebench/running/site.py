"""Sites: the machine-specific context in which jobs run, which is stored in neither jobs nor records."""

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
    """The prepared data, the devices, and the destinations of records and checkpoints."""

    ready: Mapping[str, Path]
    """The digest of prepared data -> its folder (`vaebench.data.prepare`)"""
    sink: ResultsSink
    keeper: Keeper
    devices: tuple[str, ...] = ("cpu",)
    """Devices of one kind, over which the trials are spread"""
    slots: int = 1
    """The number of trials that train at once. On a CPU, a trial keeps its slot until it ends; on a GPU, until it
    starts to measure."""
    cores: int = field(default_factory=cores)
    """The number of trials that run at once, including those that measure while others train; at least `slots`"""
    patience: float = PATIENCE
    """Seconds without a sign of life (a training step, a metric or output) after which a trial counts as hung"""
    lingers: bool = True
    """Whether to wait for trials that other runs have claimed, instead of leaving them to runs that are alive"""
