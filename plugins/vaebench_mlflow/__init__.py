"""Log a sweep to MLflow: one experiment per track, and one run per trial with its losses, metrics and final status.

pip install "vaebench[mlflow]"
VAEBENCH_MLFLOW=sqlite:///mlflow.db vaebench run       then, with the full package mlflow:
mlflow ui --backend-store-uri sqlite:///mlflow.db
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from vaebench import hookimpl

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

    from vaebench.trial import Trial

STORE = "VAEBENCH_MLFLOW"
"""The environment variable that contains the tracking URI; if it is not set, no logs are written."""


@hookimpl
def vaebench_progress(trial: Trial, step: int, logs: Mapping[str, float]) -> None:
    if os.environ.get(STORE):
        _log(trial, {f"training/{name}": value for name, value in logs.items()}, step)


@hookimpl
def vaebench_record(record: Mapping[str, Any]) -> None:
    from vaebench.trial import Trial

    if os.environ.get(STORE):
        trial = Trial.from_json(record["trial"])
        cells = {f"{cell['verdict']}/{name}": cell["value"] for name, cell in record["metrics"].items()}
        run = _log(
            trial, {name: value for name, value in cells.items() if value is not None}, record["settings"]["steps"]
        )
        for name in ("dataset", "model", "loss", "regime", "seed"):
            if (value := getattr(trial, name)) is not None:
                _client().log_param(run, name, value)
        error = record["error"]
        _client().set_tag(run, "error", f"{error['kind']}: {error['message']}" if error else "")  # of the last attempt
        _client().set_terminated(run, "FAILED" if error else "FINISHED")


def _log(trial: Trial, values: Mapping[str, float], step: int) -> str:
    """Write all values in one request; return the id of the trial's run."""
    run = _run(trial.track, trial.id, str(trial))
    from mlflow.entities import Metric

    now = time.time_ns() // 10**6
    _client().log_batch(run, [Metric(name, value, now, step) for name, value in values.items()])
    return run


@cache
def _run(track: str, trial: str, title: str) -> str:
    """Return the id of a trial's run: the existing one, so that an interrupted trial continues in it, or a new one."""
    known = _client().get_experiment_by_name(track)
    experiment = known.experiment_id if known else _client().create_experiment(track)
    found = _client().search_runs([experiment], f"tags.trial = '{trial}'", max_results=1)
    run = found[0] if found else _client().create_run(experiment, run_name=title, tags={"trial": trial})
    _client().update_run(run.info.run_id, status="RUNNING")
    return str(run.info.run_id)


@cache
def _client() -> MlflowClient:
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # MLflow would send usage data to its developers
    try:
        from mlflow.tracking import MlflowClient
    except ImportError as error:
        raise RuntimeError(f"{STORE} is set, but MLflow is not installed: pip install 'vaebench[mlflow]'") from error
    logging.getLogger("mlflow").setLevel(logging.WARNING)  # no messages about a new database
    return MlflowClient(os.environ[STORE])
