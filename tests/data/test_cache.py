"""What depends on a dataset alone: the same bytes from the disk as computed, once, whatever happens to the files."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from vaebench.data.cache import Cache, kept, packed, stored
from vaebench.data.splits import limited
from vaebench.evidence import Evidence, plain
from vaebench.interfaces import Model, NotApplicable, Split, Splits


class Mute(Model):
    """Answers nothing: what is asked here is the dataset's."""

    name = "mute"
    version = 1

    def encode(self, x: Tensor) -> Tensor:
        raise AssertionError("asked the model")


def split(count: int, seed: int) -> Split:
    generator = np.random.default_rng(seed)
    images = generator.integers(0, 256, (count, 1, 8, 8), dtype=np.uint8)
    return Split(images, np.arange(count) % 3, np.array([f"{seed}-{i // 2}" for i in range(count)], object))


SPLITS = Splits(train=split(60, 1), test=split(40, 2), val=split(20, 3))


def evidence(cache: Path | None, splits: Splits = SPLITS, dataset: str = "xray") -> Evidence:
    return Evidence(Mute((1, 8, 8), None), splits, dataset=dataset, keep=cache and Cache(cache, dataset))


class Counted:
    """Means and products of some images, and how often they were asked for."""

    def __init__(self) -> None:
        self.times = 0

    def look(self, *splits: Split) -> Mapping[str, np.ndarray | float | str]:
        self.times += 1
        pixels = np.concatenate([one.images for one in splits]).reshape(-1, 64) / 3
        return {"mean": pixels.mean(0), "scatter": (pixels.T @ pixels).T, "total": pixels.sum(), "what": "pixels"}


def same(one: Mapping[str, np.ndarray], two: Mapping[str, np.ndarray]) -> bool:
    """Bytes, types, shapes and layout."""

    def told(arrays: Mapping[str, np.ndarray]) -> list[object]:
        return [(name, a.dtype, a.shape, a.strides, a.tobytes()) for name, a in sorted(arrays.items())]

    return told(one) == told(two)


def test_warm_cold_and_without_a_cache_the_bytes_are_the_same(tmp_path: Path) -> None:
    counted = Counted()
    ask = [evidence(where).of_dataset("look", counted.look, "train", "test") for where in (tmp_path, tmp_path, None)]
    assert counted.times == 2, "once for the cache, once without"
    assert same(ask[0], ask[1]) and same(ask[0], ask[2])
    assert ask[1]["total"].item() == ask[2]["total"].item() and ask[1]["what"].item() == "pixels"


def test_within_a_trial_it_is_read_once(tmp_path: Path) -> None:
    seen, counted = evidence(tmp_path), Counted()
    assert seen.of_dataset("look", counted.look, "test") is seen.of_dataset("look", counted.look, "test")


def other(x: Split) -> Mapping[str, float]:
    return {"value": 1.0}


def test_other_questions_images_and_datasets_are_not_mixed_up(tmp_path: Path) -> None:
    counted = Counted()
    brighter = replace(SPLITS.test, images=SPLITS.test.images | 1)
    relabelled = replace(SPLITS.test, labels=SPLITS.test.labels + 1)
    regrouped = replace(SPLITS.test, groups=SPLITS.test.groups[::-1])
    ways: list[Callable[[], object]] = [
        lambda: evidence(tmp_path).of_dataset("look", counted.look, "test"),
        lambda: evidence(tmp_path).of_dataset("look again", counted.look, "test"),
        lambda: evidence(tmp_path).of_dataset("look", counted.look, "val"),
        lambda: evidence(tmp_path).of_dataset("look", counted.look, "test", "val"),
        lambda: evidence(tmp_path, dataset="oct").of_dataset("look", counted.look, "test"),
        lambda: evidence(tmp_path).of_dataset("look", counted.look, "test", code=(np.mean,)),
        *(
            lambda test=test: evidence(tmp_path, replace(SPLITS, test=test)).of_dataset("look", counted.look, "test")
            for test in (brighter, relabelled, regrouped, SPLITS.test.take(np.arange(39)))
        ),
    ]
    for _ in range(2):
        for way in ways:
            way()
    assert counted.times == len(ways)


def test_another_seed_draws_other_training_images_and_the_test_images_stay(tmp_path: Path) -> None:
    counted = Counted()

    def ask(seed: int, limit: int, *names: str) -> dict[str, np.ndarray]:
        splits = limited(SPLITS, {"train": limit, "test": 30}, "xray", seed)
        return evidence(tmp_path, splits).of_dataset("look", counted.look, *names)

    found = [ask(seed, limit, "train") for seed, limit in ((0, 50), (1, 50), (0, 49), (0, 50))]
    assert counted.times == 3 and same(found[0], found[3])
    assert not np.array_equal(found[0]["mean"], found[1]["mean"])
    ask(0, 50, "test")
    ask(1, 50, "test")
    assert counted.times == 4, "test images are the same for every seed"


def test_edited_code_and_other_versions_compute_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = Counted()
    for patch in (
        lambda: None,
        lambda: monkeypatch.setattr("vaebench.data.cache.code_digest", lambda code: "edited"),
        lambda: monkeypatch.setattr("vaebench.data.cache.package_version", lambda name: "newer"),
        lambda: monkeypatch.setattr("vaebench.data.cache.device_name", lambda device: "another processor"),
    ):
        patch()
        for _ in range(2):
            evidence(tmp_path).of_dataset("look", counted.look, "test")
    assert counted.times == 4


SPOILS: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda content: b"",
    "cut": lambda content: content[: len(content) // 2],
    "one bit": lambda content: content[:300] + bytes([content[300] ^ 1]) + content[301:],
    "no archive": lambda content: b"what is this",
    "one bare array": lambda content: content[content.index(b"\x93NUMPY") :],
}


@pytest.mark.parametrize("spoil", SPOILS.values(), ids=SPOILS)
def test_a_spoilt_file_is_computed_again_and_mended(tmp_path: Path, spoil: Callable[[bytes], bytes]) -> None:
    counted = Counted()
    first = evidence(tmp_path).of_dataset("look", counted.look, "test")
    (file,) = tmp_path.glob("*.npz")
    good = file.read_bytes()
    file.write_bytes(spoil(good))
    assert same(evidence(tmp_path).of_dataset("look", counted.look, "test"), first)
    assert counted.times == 2
    assert file.read_bytes() == good


def test_a_pickle_is_never_opened(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
            return os.mkdir, (str(tmp_path / "sprung"),)

    path = tmp_path / "trap.npz"
    np.savez(path, value=np.array([Trap()], object))
    assert stored(path) is None
    assert not (tmp_path / "sprung").exists()
    with pytest.raises(TypeError, match="value: only arrays of numbers"):
        plain({"value": np.array([Trap()], object)})


def test_a_question_without_an_answer_is_asked_again_with_the_same_reason(tmp_path: Path) -> None:
    def never(test: Split) -> Mapping[str, float]:
        raise NotApplicable(f"{len(test)} images are too few")

    for _ in range(2):
        with pytest.raises(NotApplicable, match="40 images are too few"):
            evidence(tmp_path).of_dataset("never", never, "test")
    with pytest.raises(NotApplicable, match="no val split"):
        evidence(tmp_path, replace(SPLITS, val=None)).of_dataset("never", never, "val")
    assert not list(tmp_path.glob("*.npz"))


def test_a_folder_that_takes_no_files_costs_time_and_no_number(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    counted = Counted()
    found = [evidence(tmp_path / "file").of_dataset("look", counted.look, "test") for _ in range(2)]
    assert same(*found) and counted.times == 2
    assert same(found[0], evidence(None).of_dataset("look", counted.look, "test"))


def at_once(path: Path, said: Path) -> None:
    def compute() -> dict[str, np.ndarray]:
        with said.open("a") as file:
            file.write("computed\n")
        time.sleep(0.3)
        return {"value": np.full(3, os.getpid())}

    found = kept(path, compute)
    with said.open("a") as file:
        file.write(f"{found['value'].tolist()}\n")


def test_of_processes_that_want_the_same_one_computes_and_the_others_wait(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    crowd = [context.Process(target=at_once, args=(tmp_path / "a" / "x.npz", tmp_path / "said")) for _ in range(4)]
    for one in crowd:
        one.start()
    for one in crowd:
        one.join()
    said = (tmp_path / "said").read_text().splitlines()
    assert said.count("computed") == 1
    assert len(said) == 5 and len(set(said)) == 2, "all got what the one computed"


def test_the_same_arrays_are_the_same_file() -> None:
    arrays = plain({"a": torch.arange(5).numpy(), "b": 0.1})
    assert packed(arrays) == packed(plain(arrays))
