"""One trial from start to record: the same bits again, failures as records, nothing of this machine in them."""

from __future__ import annotations

import getpass
import json
import re
import socket
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from laboratory import Lab, job, run_job
from safetensors.torch import load_file

from vaebench.components.registry import registry
from vaebench.data.prepare import open_splits
from vaebench.data.regimes import keep_out, training_images
from vaebench.data.splits import limited
from vaebench.interfaces import NotApplicable, Recipe, Split, Splits
from vaebench.records import store
from vaebench.records.provenance import message_of
from vaebench.records.record import Record, to_json
from vaebench.running import worker
from vaebench.training import devices
from vaebench.training.history import History

pytestmark = pytest.mark.usefixtures("lab")


def metrics(record: Record) -> str:
    assert record.status == "ok", record.error
    return json.dumps(to_json(record)["metrics"], sort_keys=True)


def path_of(folder: Path, record: Record) -> Path:
    return next(folder.glob(f"results/**/*-{record.id}.json"))


def test_the_same_trial_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    first = run_job(job(tmp_path / "a", regime="healthy"))
    torch.manual_seed(99)
    np.random.seed(99)
    second = run_job(job(tmp_path / "b", regime="healthy"))
    assert metrics(first) == metrics(second)
    assert first.curve == second.curve
    for name in ("weights.safetensors", "reconstructions.png", "samples.png"):
        one, two = (store.artifacts_of(path_of(tmp_path / x, first)) / name for x in "ab")
        assert one.read_bytes() == two.read_bytes(), name


def test_another_seed_gives_another_model(tmp_path: Path) -> None:
    first, second = (run_job(job(tmp_path, seed=seed)) for seed in (0, 1))
    assert metrics(first) != metrics(second)
    assert first.inputs == second.inputs


@pytest.mark.parametrize("when", ["built", "fit", "trained", "measured"])
def test_a_plugin_that_changes_the_number_of_threads_has_no_result(tmp_path: Path, when: str) -> None:
    record = run_job(job(tmp_path, f"threaded[when={when}]"))
    assert record.error and record.error.kind == "exception"
    assert record.error.message.startswith(
        "a plugin set the number of PyTorch threads to 2; results depend on this number"
    )
    assert torch.get_num_threads() == 1 == record.device.threads
    assert not record.metrics


def test_training_trains(tmp_path: Path) -> None:
    lines = run_job(job(tmp_path, steps=60)).curve["main"]
    assert lines["step"][-1] == 59
    assert lines["all"][-1] < lines["all"][0]


def test_a_record_says_what_was_done(tmp_path: Path) -> None:
    record = run_job(job(tmp_path, "steady[width=3]"))
    assert store.read(path_of(tmp_path, record)) == record
    assert record.cost.code_size == 3
    assert record.cost.parameters == 64 * 3 + 3 + 3 * 64 + 64
    assert record.inputs.components == {
        "model steady": 1,
        "dataset lab-xray": 1,
        "metric lab-residual": 1,
        "metric lab-samples": 1,
        "metric lab-health": 1,
    }
    assert record.software["plugins"]["vaebench-lab"] == "1.0"
    assert record.metrics["lab-health"].reason == "this metric applies only to models trained on healthy images"
    assert len(record.metrics["lab-residual"].replicates) == 200
    assert not record.metrics["lab-samples"].replicates
    weights = load_file(store.artifacts_of(path_of(tmp_path, record)) / "weights.safetensors")
    assert weights["down.weight"].shape == (3, 64)


def test_a_metric_that_the_model_is_trained_on_is_marked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    component = registry().get("models", "steady").component
    monkeypatch.setattr(component, "optimises", ("lab-residual", "not-asked"))
    found = run_job(job(tmp_path)).metrics
    assert {name for name, cell in found.items() if cell.optimised} == {"lab-residual"}


def test_a_record_says_which_parameters_were_in_force(tmp_path: Path) -> None:
    def parameters(model: str, **preset: int) -> Any:
        record = run_job(job(tmp_path, model, preset=preset, steps=1))
        told = store.read(path_of(tmp_path, record)).inputs.parameters
        own = {"clip"} if model == "odd" else set()
        return {name: value for name, value in told.items() if name not in asdict(Recipe()).keys() - own}

    assert parameters("steady") == {"gain": 1.0, "width": 4}
    assert parameters("steady[gain=2]", width=3, depth=9) == {"gain": 2.0, "width": 3}
    assert parameters("steady[width=2]", width=3) == {"gain": 1.0, "width": 2}
    odd = parameters("odd")
    assert (odd["clip"], odd["widths"], odd["rate"]) == ("inf", "(1, 2)", None)
    assert "ReLU" in odd["act"]


def test_the_presets_parameters_are_below_the_users(tmp_path: Path) -> None:
    preset = {"width": 5, "unheard-of": 3}
    assert run_job(job(tmp_path, preset=preset)).cost.code_size == 5
    assert run_job(job(tmp_path, "steady[width=2]", preset=preset)).cost.code_size == 2


@pytest.mark.parametrize(
    ("model", "kind", "message"),
    [
        ("raising", "exception", "ValueError: cannot open '…/weights of mine.pt'"),
        ("diverging", "nan", "all became nan at step 0 of stage main"),
        ("hungry", "oom", "can't allocate memory"),
        ("hungry[of=numpy]", "oom", "Unable to allocate"),
    ],
)
def test_a_failure_is_a_record(tmp_path: Path, model: str, kind: str, message: str) -> None:
    record = run_job(job(tmp_path, model))
    path = path_of(tmp_path, record)
    assert store.read(path) == record
    assert (record.status, record.error.kind, record.metrics) == ("failed", kind, {})
    assert message in record.error.message
    assert "Traceback" in (store.artifacts_of(path) / "error.txt").read_text()


def test_a_cured_trial_keeps_no_trace_of_its_failure(tmp_path: Path, lab: Lab) -> None:
    failed = run_job(job(tmp_path, "flaky"))
    notes = store.artifacts_of(path_of(tmp_path, failed)) / "error.txt"
    assert notes.exists()
    (lab.folder / "cure").touch()
    assert run_job(job(tmp_path, "flaky")).status == "ok"
    assert not notes.exists()


def test_one_tensor_under_two_names_is_saved(tmp_path: Path) -> None:
    record = run_job(job(tmp_path, "tied"))
    weights = load_file(store.artifacts_of(path_of(tmp_path, record)) / "weights.safetensors")
    torch.testing.assert_close(weights["up.weight"], weights["down.weight"])


def test_without_samples_the_trial_goes_on(tmp_path: Path) -> None:
    record = run_job(job(tmp_path, samples=0))
    assert record.metrics["lab-samples"].reason == "the preset requests no samples"
    assert record.metrics["lab-residual"].value is not None


def test_nothing_of_this_machine_is_in_a_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for model in ("steady", "raising"):
        text = path_of(tmp_path, run_job(job(tmp_path, model))).read_text()
        for private in (str(Path.home()), str(Path.cwd()), socket.gethostname(), getpass.getuser()):
            assert not re.search(rf"\b{re.escape(private)}\b", text), private


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("cannot open '/data/My Study/patient x/a.png' now", "cannot open '…/a.png' now"),
        ("at /home/anna/vae/x.pt, line 3", "at …/x.pt, line 3"),
        ("home is /home/anna", "home is …"),
        ("file:///home/anna/a.txt", "…/a.txt"),
        (r"C:\Users\anna\x.txt is bad", "…/x.txt is bad"),
        ("C:/Users/anna is bad", "… is bad"),
        ("path=/scratch/user7/x/y.pt", "path=…/y.pt"),
        ("see https://example.org/a/b", "see https://example.org/a/b"),
        ("1/2 of a/b", "1/2 of a/b"),
    ],
)
def test_messages_lose_their_paths_and_nothing_else(said: str, told: str) -> None:
    assert message_of(NotApplicable(said)) == told


class Silent(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ValueError("a lone \udcff surrogate"), r"ValueError: a lone \udcff surrogate"),
        (Silent(), "Silent: its message could not be read (RuntimeError)"),
        (ValueError("/home/anna/" * 9_000_000), "ValueError: "),
    ],
)
def test_any_message_makes_a_proper_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, told: str
) -> None:
    def trouble(*_: Any) -> None:
        raise error

    model: Any = registry().get("models", "steady").component
    monkeypatch.setattr(model, "trouble", trouble)
    record = run_job(job(tmp_path))
    assert record.error.message.startswith(told)
    assert len(record.error.message) <= 500
    assert store.read(path_of(tmp_path, record)) == record
    assert (store.artifacts_of(path_of(tmp_path, record)) / "error.txt").stat().st_size <= 2**18


def test_no_diseased_image_reaches_a_healthy_training(tmp_path: Path) -> None:
    """Every diseased image has a pixel of 255, and no healthy one has a pixel above 199."""
    spy: Any = registry().get("models", "spy").component
    seen = {}
    for regime in ("all", "healthy"):
        spy.brightest = 0
        assert run_job(job(tmp_path, "spy", regime=regime, steps=40)).status == "ok"
        seen[regime] = spy.brightest
    assert seen["all"] == 255
    assert 0 < seen["healthy"] < 200


def test_a_healthy_training_without_images_is_told_and_no_endless_loop() -> None:
    n = 6
    sick = Split(np.zeros((n, 1, 8, 8), np.uint8), np.zeros(n, int), np.arange(n), healthy=np.zeros(n, bool))
    with pytest.raises(NotApplicable, match="no healthy image"):
        training_images(keep_out(Splits(train=sick, test=sick), "sick"), "healthy")
    unknown = Split(np.zeros((n, 1, 8, 8), np.uint8), np.zeros(n, int), np.arange(n))
    with pytest.raises(NotApplicable, match="does not say which images are healthy"):
        training_images(keep_out(Splits(train=unknown, test=unknown), "unknown"), "healthy")


def test_all_means_all_but_validation_and_test(tmp_path: Path) -> None:
    splits = open_splits(job(tmp_path).data)
    assert len(training_images(splits, "all")) == 48
    assert len(training_images(limited(splits, {"train": 10}, "lab-xray", 0), "all")) == 10


def test_the_curve_is_told_while_it_grows(tmp_path: Path) -> None:
    told: list[Any] = []
    run_job(job(tmp_path), told.append)
    assert [event["step"] for event in told if event["phase"] == "train"] == [1, 2, 3, 4, 5, 6]
    assert [event["metric"] for event in told if event["phase"] == "measure"] == [
        "lab-residual",
        "lab-samples",
        "lab-health",
    ]


@pytest.mark.parametrize("regime", ["all", "healthy"])
def test_images_too_many_for_memory_are_streamed_to_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, regime: str
) -> None:
    loaded = run_job(job(tmp_path / "loaded", regime=regime))
    monkeypatch.setattr(devices, "RESIDENT_BYTES", 0)
    streamed_job = job(tmp_path / "streamed", regime=regime)
    splits = keep_out(open_splits(streamed_job.data), "lab-xray")
    images = training_images(splits, regime, room=0)
    assert images.pixels.data_ptr() == splits.train.images.ctypes.data, "still the memory map, not a copy"
    assert metrics(run_job(streamed_job)) == metrics(loaded)


def test_pictures_of_the_training_show_validation_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[Split] = []

    class Watched(History):
        def __init__(self, model: Any, images: Split, *more: Any) -> None:
            shown.append(images)
            super().__init__(model, images, *more)

    monkeypatch.setattr(worker, "History", Watched)
    work = job(tmp_path)
    run_job(work)
    splits = open_splits(work.data)
    assert splits.val is not None
    assert np.array_equal(shown[0].images, splits.val.images)
