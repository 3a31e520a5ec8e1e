"""The whole extension surface: nine hooks. A plugin is any package with an entry point in group `vaebench`."""

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
    """Model classes this plugin offers."""


@hookspec
def vaebench_datasets() -> Iterable[type[Dataset]]:  # type: ignore[empty-body]
    """Dataset classes this plugin offers."""


@hookspec
def vaebench_losses() -> Iterable[type[Loss]]:  # type: ignore[empty-body]
    """Reconstruction loss classes this plugin offers."""


@hookspec
def vaebench_networks() -> Iterable[type[Network]]:  # type: ignore[empty-body]
    """Network classes (an encoder and a decoder) this plugin offers; methods take them as `net=NAME`."""


@hookspec
def vaebench_metrics() -> Iterable[type[Metric]]:  # type: ignore[empty-body]
    """Metric classes this plugin offers."""


@hookspec
def vaebench_suites() -> Iterable[Path]:  # type: ignore[empty-body]
    """Paths of suite files (TOML) this plugin offers."""


@hookspec
def vaebench_executors() -> Iterable[type[Executor]]:  # type: ignore[empty-body]
    """Executor classes (where trials run) this plugin offers."""


@hookspec
def vaebench_progress(trial: Trial, step: int, logs: Mapping[str, float]) -> None:
    """Told while a trial trains: its step and the loss terms then. For trackers; must be quick."""


@hookspec
def vaebench_record(record: Mapping[str, Any]) -> None:
    """Told after a trial's record was written. For trackers."""
