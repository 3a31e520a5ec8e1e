"""What the listener writes to MLflow, read back by MLflow itself from a database file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from laboratory import Lab, suite

import vaebench_mlflow
from vaebench.planning.plan import Request, make_plan
from vaebench.records.record import Record, to_json
from vaebench.running import sweep

pytestmark = pytest.mark.integrations


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    monkeypatch.setenv("VAEBENCH_MLFLOW", uri)
    vaebench_mlflow._client.cache_clear()
    yield uri
    vaebench_mlflow._client.cache_clear()
    vaebench_mlflow._run.cache_clear()


def run_lab(folder: Path) -> list[Record]:
    request = Request(folder / "results", folder, source="phantom", models=["steady", "raising"])
    plan = sweep.make_ready(make_plan(suite(), request))
    return [event.data["record"] for event in sweep.run(plan, slots=2) if event.kind == "end"]


def test_losses_metrics_and_failures_of_each_trial(tmp_path: Path, lab: Lab, store: str) -> None:
    from mlflow.tracking import MlflowClient

    client = MlflowClient(store)
    records = run_lab(tmp_path)
    vaebench_mlflow._run.cache_clear()  # as in another process, in which each trial goes on in the run that it has
    for record in records:
        vaebench_mlflow.vaebench_record(to_json(record))
    (experiment,) = client.search_experiments(filter_string="name = 'lab@1/tiny/phantom'")
    runs = client.search_runs([experiment.experiment_id])
    assert len(records) == len(runs) == 4
    found = {(run.data.params["model"], run.data.params["regime"]): run for run in runs}
    steady = found["steady", "healthy"]
    assert steady.info.status == "FINISHED" and steady.data.params["seed"] == "0"
    history = client.get_metric_history(steady.info.run_id, "training/all")
    assert sorted({point.step for point in history}) == [1, 2, 3, 4, 5, 6]
    assert set(steady.data.metrics) == {
        "training/all", "reconstruction/lab-residual", "generation/lab-samples", "anomaly/lab-health"
    }  # fmt: skip
    raising = found["raising", "all"]
    assert raising.info.status == "FAILED"
    assert raising.data.tags["error"].startswith("exception: ValueError: cannot open")


def test_nothing_is_written_unless_asked_for(tmp_path: Path, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VAEBENCH_MLFLOW", raising=False)
    monkeypatch.chdir(tmp_path)
    run_lab(tmp_path / "x")
    assert not [path for path in tmp_path.rglob("*") if "mlflow" in path.name or "mlruns" in path.name]
