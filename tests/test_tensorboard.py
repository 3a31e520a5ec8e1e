"""What the listener writes, read back by TensorBoard itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from laboratory import Lab, suite

from vaebench.planning.plan import Request, make_plan
from vaebench.running import sweep

loading = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")


def run_lab(folder: Path) -> None:
    request = Request(folder / "results", folder, source="phantom", models=["steady", "raising"])
    plan = sweep.make_ready(make_plan(suite(), request))
    list(sweep.run(plan, slots=2))


def test_losses_and_metrics_of_each_trial_and_failures_as_text(
    tmp_path: Path, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAEBENCH_TENSORBOARD", str(tmp_path / "logs"))
    run_lab(tmp_path)
    found = {}
    for folder in (tmp_path / "logs" / "lab@1_tiny_phantom").iterdir():
        events = loading.EventAccumulator(str(folder))
        events.Reload()
        found[folder.name.split("_on_")[0], "healthy" in folder.name] = events
    assert len(found) == 4
    steady = found["steady", True]
    assert [event.step for event in steady.Scalars("training/all")] == [1, 2, 3, 4, 5, 6]
    assert set(steady.Tags()["scalars"]) == {
        "training/all", "reconstruction/lab-residual", "generation/lab-samples", "anomaly/lab-health"
    }  # fmt: skip
    (text,) = found["raising", False].Tensors("failed/text_summary")
    assert text.tensor_proto.string_val[0].startswith(b"exception: ValueError: cannot open")


def test_nothing_is_written_unless_asked_for(tmp_path: Path, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VAEBENCH_TENSORBOARD", raising=False)
    monkeypatch.chdir(tmp_path)
    run_lab(tmp_path / "x")
    assert not list(tmp_path.glob("**/events.out.tfevents*"))
