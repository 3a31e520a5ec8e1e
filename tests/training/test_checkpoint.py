"""A training that was cut off goes on from its checkpoint to the same bits, or says why it starts again."""

from __future__ import annotations

import hashlib
import io
import tracemalloc
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hostile_files import put
from laboratory import Lab, Work, job, run_job, site
from msgspec import structs

from vaebench.records import store
from vaebench.records.record import Record
from vaebench.running.executors.local import Local
from vaebench.running.worker import blank
from vaebench.training import checkpoint

pytestmark = pytest.mark.usefixtures("lab")

DYING = "restless[die_at=13]"


def path_of(one: Work) -> Path:
    return store.path_of(one.results, one.trial, "cpu")


def restless(folder: Path, model: str = DYING, **changes: Any) -> Work:
    return replace(job(folder, model, steps=20), every=0.0, **changes)


def cut_off(folder: Path, lab: Lab) -> Work:
    """A trial whose process died in its 14th step, with a checkpoint of the 13th."""
    one, deadly = restless(folder), lab.folder / "deadly"
    deadly.touch()
    (*_, end) = Local().run([one.job], site(one))
    deadly.unlink()
    assert end.data["record"].error.kind == "signal"
    assert checkpoint.path_of(path_of(one)).exists()
    return replace(one, replaces=store.digest_of(path_of(one)))


def trained(one: Work) -> tuple[Record, list[str], bytes, bytes]:
    """The record, what was remarked, the weights, and the images along the way."""
    said: list[Mapping[str, Any]] = []
    record = run_job(one, said.append)
    assert record.status == "ok", record.error
    folder = store.artifacts_of(path_of(one))
    notes = [str(event["text"]) for event in said if event["phase"] == "note"]
    return record, notes, (folder / "weights.safetensors").read_bytes(), (folder / "along.npz").read_bytes()


def test_a_training_that_was_killed_goes_on_to_the_same_bits(tmp_path: Path, lab: Lab) -> None:
    whole, _, *expected = trained(restless(tmp_path / "whole"))
    count = len(lab.trained())
    one = cut_off(tmp_path / "parts", lab)
    record, notes, *found = trained(one)
    assert len(lab.trained()) == count + 1, "fitted once"
    assert found == expected
    assert notes == ["resumed from step 13 of 20 in stage main"]
    assert (record.cost.times_resumed, whole.cost.times_resumed) == (1, 0)
    for name in ("curve", "metrics", "weights", "inputs"):
        assert getattr(record, name) == getattr(whole, name), name
    assert not checkpoint.path_of(path_of(one)).exists(), "it has served"


def test_eight_images_are_kept_at_the_first_quarter_half_and_last_step(tmp_path: Path) -> None:
    one = restless(tmp_path)
    trained(one)
    with np.load(store.artifacts_of(path_of(one)) / "along.npz", allow_pickle=False) as film:
        assert film["steps"].tolist() == [1, 5, 10, 20]
        assert film["images"].shape == (4, 8, 1, 8, 8) and film["images"].dtype == np.uint8
        assert len({frame.tobytes() for frame in film["images"]}) == 4


@pytest.mark.parametrize("spoil", ["cut", "changed", "pickle"])
def test_a_spoiled_checkpoint_is_told_of_and_trained_from_the_start(tmp_path: Path, lab: Lab, spoil: str) -> None:
    one = cut_off(tmp_path, lab)
    path = checkpoint.path_of(path_of(one))
    content = path.read_bytes()
    changed = content[:-9] + bytes([content[-9] ^ 1]) + content[-8:]
    path.write_bytes({"cut": content[:200], "changed": changed, "pickle": b"\x80\x04." * 30}[spoil])
    record, notes, *_ = trained(one)
    assert notes == ["the checkpoint cannot be used, since the checksum is wrong; trained from the start"]
    assert record.cost.times_resumed == 0


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ("a pipe", "the file cannot be read (the checkpoint must be a regular file)"),
        ("a device", "the file cannot be read (the checkpoint must be a regular file)"),
        (
            "20 GB",
            "the file cannot be read (the checkpoint has 21,474,836,480 bytes, more than the limit of 17,179,869,184)",
        ),
    ],
)
def test_what_is_no_checkpoint_is_not_read(tmp_path: Path, how: str, why: str) -> None:
    one = restless(tmp_path)
    path = checkpoint.path_of(path_of(one))
    path.parent.mkdir(parents=True)
    put(how, path)
    _, notes, *_ = trained(one)
    assert notes == [f"the checkpoint cannot be used, since {why}; trained from the start"]


def test_a_checkpoint_is_not_held_in_memory_before_its_checksum_is_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = restless(tmp_path)
    path = checkpoint.path_of(path_of(one))
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        file.truncate(2**30)
    tracemalloc.start()
    with pytest.raises(checkpoint.Spoiled, match="checksum"):
        checkpoint.load(path, blank(one.job, "cpu"))
    assert tracemalloc.get_traced_memory()[1] < 2**24
    tracemalloc.stop()


def without(state: dict[str, Any], way: str) -> None:
    *outer, last = way.split("/")
    for name in outer:
        state = state[name]
    del state[last]


def of_another_model(state: dict[str, Any]) -> None:
    for moments in state["course"]["optimizers"]["all"]["state"].values():
        moments["exp_avg"] = torch.zeros([2] * moments["exp_avg"].ndim)


def of_another_shape(state: dict[str, Any]) -> None:
    state["course"]["model"]["up.weight"] = torch.zeros(2, 2)


def beyond_the_end(state: dict[str, Any]) -> None:
    state["course"]["step"] = 10**6


@pytest.mark.parametrize(
    "spoil",
    [
        *(partial(without, way=way) for way in ("course", "history/frames", "course/model/up.weight", "course/noise")),
        of_another_model,
        of_another_shape,
        beyond_the_end,
    ],
)
def test_a_checkpoint_of_wrong_content_is_told_of_and_trained_from_the_start(
    tmp_path: Path, lab: Lab, spoil: Callable[[dict[str, Any]], None]
) -> None:
    _, _, *expected = trained(restless(tmp_path / "whole"))
    one = cut_off(tmp_path / "parts", lab)
    path = checkpoint.path_of(path_of(one))
    found = torch.load(io.BytesIO(path.read_bytes()[32:]), weights_only=True)
    spoil(found["state"])
    buffer = io.BytesIO()
    torch.save(found, buffer)
    path.write_bytes(hashlib.sha256(buffer.getvalue()).digest() + buffer.getvalue())
    record, (note,), *again = trained(one)
    assert note.startswith("the checkpoint cannot be used, since the content does not fit this trial (")
    assert (record.cost.times_resumed, again) == (0, expected)


def test_what_is_no_checkpoint_is_told_of(tmp_path: Path, lab: Lab) -> None:
    one = cut_off(tmp_path, lab)
    path = checkpoint.path_of(path_of(one))
    buffer = io.BytesIO()
    torch.save([1, 2], buffer)
    path.write_bytes(hashlib.sha256(buffer.getvalue()).digest() + buffer.getvalue())
    assert trained(one)[1] == [
        "the checkpoint cannot be used, since the file does not contain a checkpoint; trained from the start"
    ]


def test_a_folder_in_place_of_a_checkpoint_is_told_of_and_replaced(tmp_path: Path) -> None:
    one = restless(tmp_path)
    path = checkpoint.path_of(path_of(one))
    (path / "more").mkdir(parents=True)
    _, notes, *_ = trained(one)
    assert notes == ["the checkpoint cannot be used, since the file cannot be read (the checkpoint must be a "
                     "regular file); trained from the start"]  # fmt: skip
    assert not path.exists()


def test_a_checkpoint_of_other_settings_is_not_gone_on_from(tmp_path: Path, lab: Lab) -> None:
    one = cut_off(tmp_path, lab)
    other = replace(one, settings=structs.replace(one.settings, samples=9))
    record, notes, *_ = trained(other)
    assert notes == [
        "the checkpoint cannot be used, since the file does not match the settings of this trial; "
        "trained from the start"
    ]
    assert record.cost.times_resumed == 0


def test_a_fresh_run_does_not_go_on(tmp_path: Path, lab: Lab) -> None:
    record, notes, *_ = trained(replace(cut_off(tmp_path, lab), fresh=True))
    assert (record.cost.times_resumed, notes) == (0, [])


def test_a_checkpoint_that_cannot_be_written_costs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint, "save", full)
    _, notes, *_ = trained(restless(tmp_path))
    assert set(notes) == {"no checkpoint could be written (No space left on device); training continues"}


def test_short_trainings_leave_no_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "save", lambda *_: pytest.fail("saved"))
    trained(replace(restless(tmp_path), every=60.0))


def test_a_training_that_diverged_is_not_gone_on_from(tmp_path: Path) -> None:
    one = replace(job(tmp_path, "diverging"), every=0.0)
    run_job(one)
    assert not checkpoint.path_of(path_of(one)).exists()


def test_out_of_memory_says_which_batch_would_be_next(tmp_path: Path) -> None:
    record = run_job(job(tmp_path, "hungry", batch=8))
    assert record.error.kind == "oom"
    assert record.error.message.endswith("; a batch of 8 does not fit in memory; try 4")
