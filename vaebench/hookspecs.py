"""The nine hooks through which plugins extend vaebench. Any package with an entry point in the group `vaebench` is a
plugin."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from vaebench.interfaces import Dataset, Executor, Loss, Metric, Model, Network
    from vaebench.trial import Trial

hookspec = pluggy.HookspecMarker("vaebench")


@hookspec
def vaebench_models() -> Iterable[type[Model]]:  # type: ignore[empty-body]
    """Return the model classes that this plugin offers."""


@hookspec
def vaebench_datasets() -> Iterable[type[Dataset]]:  # type: ignore[empty-body]
    """Return the dataset classes that this plugin offers."""


@hookspec
def vaebench_losses() -> Iterable[type[Loss]]:  # type: ignore[empty-body]
    """Return the classes of reconstruction losses that this plugin offers."""


@hookspec
def vaebench_networks() -> Iterable[type[Network]]:  # type: ignore[empty-body]
    """Return the network classes (pairs of an encoder and a decoder) that this plugin offers; users choose one with
    `net=NAME`."""


@hookspec
def vaebench_metrics() -> Iterable[type[Metric]]:  # type: ignore[empty-body]
    """Return the metric classes that this plugin offers."""


@hookspec
def vaebench_suites() -> Iterable[Path]:  # type: ignore[empty-body]
    """Return the paths of the suite files (TOML) that this plugin offers."""


@hookspec
def vaebench_executors() -> Iterable[type[Executor]]:  # type: ignore[empty-body]
    """Return the executor classes that this plugin offers; executors run trials."""


@hookspec
def vaebench_progress(trial: Trial, step: int, logs: Mapping[str, float]) -> None:
    """Receive the current step and loss terms of a trial during training. The hook is meant for experiment trackers and
    must return quickly."""


@hookspec
def vaebench_record(record: Mapping[str, Any]) -> None:
    """Receive the record of a trial after it has been written. The hook is meant for experiment trackers."""
