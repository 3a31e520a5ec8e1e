"""`vaebench.load`: many records as one tidy table, one record with its trained model."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch
from laboratory import job, run_job
from records_made import field, metric, record

import vaebench
from vaebench import results
from vaebench.errors import UserError
from vaebench.records import store
from vaebench.trial import Spec

EVIL = "<script>alert(1)</script>"


def keep(folder: Path, *given: store.Record) -> list[Path]:
    paths = [store.path_of(folder, one.trial, one.device.kind) for one in given]
    for path, one in zip(paths, given, strict=True):
        store.write(path, one)
    return paths


def test_good_records_alone_give_empty_reasons(tmp_path: Path) -> None:
    keep(tmp_path, record("vae", {"svc": 0.5}))
    assert set(vaebench.load(tmp_path).reason) == {""}


def test_what_a_model_was_trained_on_and_what_a_metric_asks_for_are_two_columns(tmp_path: Path) -> None:
    keep(tmp_path, record("vae", {"svc": 0.5}, regime="healthy"))
    row = vaebench.load(tmp_path).set_index("metric").loc["svc"]
    assert (row["regime"], row["metric_regime"]) == ("healthy", "all")


def test_a_folder_is_a_row_per_trial_and_metric(tmp_path: Path) -> None:
    told = {"svc": 0.5, "ms-ssim": metric("ms-ssim", 0.9, optimised=True), "kid": metric("kid", None, "no prior")}
    failed = record("gan", error=("nan", "diverged"), seed=3)
    keep(tmp_path, record(Spec("vae", {"latent": 4}), told), failed, *field({"pca": 0.7}, seeds=2))
    (tmp_path / "demo@1/quick/phantom/leaderboard.json").write_text("{}")
    frame = vaebench.load(str(tmp_path))
    assert {name: str(kind) for name, kind in frame.dtypes.items() if results.KINDS[name] != "str"} == {
        name: kind for name, kind in results.KINDS.items() if kind != "str"
    }
    assert list(frame.columns) == list(results.KINDS)
    keys = ["dataset", "model", "loss", "regime", "seed", "device", "metric"]
    assert not frame.duplicated(keys).any()
    mine = frame[frame.model == "vae[latent=4]"].set_index("metric")
    assert mine.loc["ms-ssim", ["value", "error", "variant", "optimised", "status"]].tolist() == [
        0.9,
        0.01,
        "L3",
        True,
        "ok",
    ]
    assert mine.loc["kid", ["status", "reason"]].tolist() == ["dash", "no prior"] and pd.isna(mine.value["kid"])
    assert mine.loc["train_seconds", ["verdict", "value", "unit"]].tolist() == ["cost", 2.0, "s"]
    assert set(mine.suite) == {"demo"} and set(mine.version) == {"1"} and set(mine["loss"]) == {"bce"}
    lost = frame[frame.model == "gan"]
    assert lost[["seed", "metric", "status", "reason"]].values.tolist() == [[3, "", "failed", "diverged"]]
    mean = frame[frame.metric == "ms-ssim"].groupby("model").value.mean()
    assert mean["vae[latent=4]"] == 0.9 and len(frame[frame.model == "pca"].seed.unique()) == 2
    assert isinstance(vaebench.load(mine.path.iloc[0]), results.Result)


def test_the_trained_model_comes_back_in_two_lines(tmp_path: Path, lab: object) -> None:
    made = run_job(job(tmp_path, "steady[gain=2]"))
    (path,) = tmp_path.glob("results/**/steady-*.json")
    run = vaebench.load(path)
    model = run.model()
    assert type(model).name == "steady" and model.gain == 2 and not model.training
    x = torch.rand(2, 1, 8, 8)
    assert model.reconstruct(x).shape == x.shape
    again = vaebench.load(path).model()
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), again.state_dict().values(), strict=True))
    value = made.metrics["lab-residual"].value
    assert run.metrics.set_index("metric").value["lab-residual"] == value
    assert f"{value:.4g}" in repr(run) and "steady[gain=2.0] on lab-xray, all, seed 0" in repr(run)
    assert run.curve.columns.tolist() == ["stage", "step", "name", "value"]
    store.weights_of(path).write_bytes(b"other")
    with pytest.raises(UserError, match=r"`vaebench run .*json` trains that model again"):
        run.model()


def test_a_record_in_a_notebook_is_escaped(tmp_path: Path) -> None:
    evil = metric("svc", 0.5, title=EVIL)
    for one in (record(EVIL, {"svc": evil}), record(EVIL, error=("nan", EVIL), seed=1)):
        (path,) = keep(tmp_path, one)
        text = vaebench.load(path)._repr_html_()
        assert "<script" not in text and "&lt;script&gt;" in text and text.startswith("<table>")


def test_what_is_no_result_is_told(tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text("{")
    for path, told in (
        (tmp_path / "none", "neither"),
        (tmp_path, "no records"),
        (tmp_path / "broken.json", "is not a valid record"),
    ):
        with pytest.raises(UserError, match=told):
            vaebench.load(path)


def test_importing_vaebench_loads_nothing_heavy() -> None:
    code = "import sys, vaebench; assert not {'torch', 'pandas', 'numpy', 'vaebench.results'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
