"""Data made ready once: built once, whole or not at all, split honestly, cut fairly."""

from __future__ import annotations

import importlib
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vaebench.data import prepare as preparing
from vaebench.data.prepare import Prepared, about, columns, digest_of, lay_down, open_splits, prepare
from vaebench.data.splits import SplitError, check_splits, draw_by_label, limited, with_validation
from vaebench.interfaces import Dataset, Limit, Split, Splits
from vaebench.trial import Spec


def split(start: int, patients: int, each: int = 2, seed: int = 0) -> Split:
    """Random images of patients numbered from `start`."""
    generator, n = np.random.default_rng([seed, start]), patients * each
    diseased = np.arange(n) % 4 == 0
    return Split(
        images=generator.integers(0, 256, (n, 1, 8, 8), dtype=np.uint8),
        labels=diseased.astype(np.int64),
        groups=np.array([f"patient {start + i // each}" for i in range(n)]),
        healthy=~diseased,
        masks=generator.random((n, 8, 8)) < 0.5,
        factors={"age": generator.random(n).astype(np.float32), "a.b": np.arange(n)},
    )


class Counted(Dataset):
    """Says in a file of its folder how often it was drawn."""

    name = "counted"
    version = 1
    local = ("path",)

    def __init__(self, path: str = "", slow: float = 0.0) -> None:
        self.path, self.slow = path, slow

    def present(self, folder: Path) -> bool:
        return (folder / "images").exists()

    def files(self, folder: Path) -> list[Path]:
        return [folder / "images"]

    def load(self, folder: Path, size: int, limit: Limit) -> Splits:
        with (folder / "log").open("a") as log:
            log.write("load\n")
        time.sleep(self.slow)
        return Splits(train=split(0, 20), test=split(100, 5), val=split(200, 3))

    def phantom(self, size: int, limit: Limit, seed: int) -> Splits:
        return Splits(train=split(0, limit.get("train", 20)), test=split(100, 5))


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "images").write_text("pixels")
    return tmp_path


def ready(lab: Path, source: str = "real", limit: Limit | None = None, size: int = 8, **params: Any) -> Prepared:
    dataset = Counted(**params)
    return prepare(dataset, Spec("counted", params), source, size, limit or {}, lab / "data", lab / "cache")


def builds(lab: Path) -> int:
    return len((lab / "data" / "log").read_text().splitlines())


def test_what_the_labels_mean_is_kept_with_the_images(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the dataset says once it has loaded them: a folder of pictures knows its classes no earlier."""
    plain = Counted.load

    def load(self: Counted, *given: Any) -> Splits:
        self.classes = ("healthy", "ill")  # type: ignore[misc]
        return plain(self, *given)

    monkeypatch.setattr(Counted, "load", load)
    assert ready(lab).classes == ("healthy", "ill") == ready(lab).classes


def test_preparing_twice_builds_once(lab: Path) -> None:
    first, second = ready(lab), ready(lab)
    assert first == second
    assert builds(lab) == 1
    assert first.counts == {"train": 40, "val": 6, "test": 10}
    assert first.health


def test_a_path_of_this_machine_is_no_part_of_the_key_but_its_files_are(lab: Path) -> None:
    first = ready(lab)
    assert ready(lab, path="elsewhere") == first
    assert builds(lab) == 1
    (lab / "data" / "images").write_text("other pixels")
    assert ready(lab).folder != first.folder
    assert builds(lab) == 2


def test_the_key_is_the_content_of_the_files_wherever_and_whenever_they_were_written(lab: Path) -> None:
    first = ready(lab)
    os.utime(lab / "data" / "images", (0, 0))
    (lab / "data").rename(lab / "moved")
    dataset = Counted()
    again = prepare(dataset, Spec("counted"), "real", 8, {}, lab / "moved", lab / "cache")
    assert again == first and len((lab / "moved" / "log").read_text().splitlines()) == 1


def flip(path: Path) -> None:
    """One bit of the last byte; the size stays."""
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


DAMAGES: dict[str, Callable[[Path], Any]] = {
    "a flipped bit": lambda folder: flip(folder / "train.images.npy"),
    "other labels": lambda folder: flip(folder / "test.labels.npy"),
    "cut": lambda folder: os.truncate(folder / "test.images.npy", 200),
    "empty": lambda folder: (folder / "val.images.npy").write_bytes(b""),
    "a lost array": lambda folder: (folder / "train.labels.npy").unlink(),
    "a lost column": lambda folder: (folder / "train.masks.npy").unlink(),
    "half of what is known": lambda folder: (folder / "about.json").write_text('{"digest": "'),
    "nothing known": lambda folder: (folder / "about.json").write_text("[]"),
    "a folder for an array": lambda folder: (
        (folder / "test.groups.npy").unlink(),
        (folder / "test.groups.npy").mkdir(),
    ),
}


@pytest.mark.parametrize("how", DAMAGES)
def test_damaged_ready_data_are_found_and_made_again(lab: Path, how: str) -> None:
    first = ready(lab)
    ready(lab)  # checked, and remembered as good
    before = digest_of(arrays(first.folder))
    DAMAGES[how](first.folder)
    with pytest.warns(UserWarning, match="the prepared data of counted are damaged and will be prepared again"):
        assert ready(lab) == first
    assert (builds(lab), digest_of(arrays(first.folder))) == (2, before)
    assert ready(lab) == first and builds(lab) == 2


def arrays(folder: Path) -> list[tuple[str, np.ndarray]]:
    named = open_splits(folder).items()
    return [(f"{name}.{column}", value) for name, split in named for column, value in columns(split)]


def test_ready_data_are_hashed_once_until_a_file_changes(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[int] = []
    monkeypatch.setattr(preparing, "digest_of", lambda arrays: hashed.append(1) or digest_of(arrays))
    for _ in range(3):
        ready(lab)
    assert len(hashed) == 1
    os.utime(next(ready(lab).folder.glob("*.images.npy")), (0, 0))
    ready(lab)
    assert len(hashed) == 2


def test_what_makes_other_arrays_lies_elsewhere(lab: Path) -> None:
    made = [
        ready(lab),
        ready(lab, size=16),
        ready(lab, slow=0.001),
        ready(lab, "phantom"),
        ready(lab, "phantom", {"train": 3}),
    ]
    assert len({one.folder for one in made}) == len(made)
    assert ready(lab, "real", {"train": 3}) == made[0], "real images are decoded whole and cut later"


def _prepare_slowly(lab: Path) -> None:
    ready(lab, slow=0.3)


def test_two_processes_at_once_do_no_harm(lab: Path) -> None:
    context = multiprocessing.get_context("fork")
    both = [context.Process(target=_prepare_slowly, args=(lab,)) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert [one.exitcode for one in both] == [0, 0]
    assert builds(lab) == 1
    assert open_splits(ready(lab, slow=0.3).folder).train.images.shape == (40, 1, 8, 8)


def test_a_half_written_folder_is_never_seen(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save, written = np.save, []

    def fail(path: Path, array: np.ndarray, **options: bool) -> None:
        if len(written) == 5:
            raise OSError(28, "No space left on device")
        written.append(path)
        save(path, array, **options)

    monkeypatch.setattr(np, "save", fail)
    with pytest.raises(OSError, match="No space left"):
        ready(lab)
    assert [path.suffix for path in (lab / "cache" / "ready").iterdir()] == [".lock"]
    monkeypatch.undo()
    assert len(open_splits(ready(lab).folder).train) == 40


def test_what_a_killed_run_left_is_cleared_and_done_again(lab: Path) -> None:
    folder = ready(lab).folder
    debris = folder.parent / f".{folder.name}.abc123"
    debris.mkdir()
    (debris / "train.images.npy").write_bytes(b"half")
    (folder / "about.json").unlink()
    assert ready(lab).folder == folder
    assert builds(lab) == 2
    assert not debris.exists()


def test_edited_dataset_code_never_meets_the_arrays_of_older_code(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = lab / "site" / "edited_package"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "drawing.py").write_text("LEVEL = 1\n")
    (package / "dataset.py").write_text(
        "import numpy as np\n"
        "from vaebench.interfaces import Dataset, Split, Splits\n"
        "from edited_package.drawing import LEVEL\n"
        "class Edited(Dataset):\n"
        "    name, version = 'edited', 1\n"
        "    def phantom(self, size, limit, seed):\n"
        "        def split(start):\n"
        "            images = np.full((20, 1, 8, 8), LEVEL, np.uint8)\n"
        "            return Split(images, np.zeros(20, int), np.arange(20) + start)\n"
        "        return Splits(train=split(0), test=split(100))\n"
    )
    monkeypatch.syspath_prepend(lab / "site")

    def level() -> int:
        for name in [name for name in sys.modules if name.startswith("edited_package")]:
            del sys.modules[name]
        importlib.invalidate_caches()
        dataset = importlib.import_module("edited_package.dataset").Edited()
        made = prepare(dataset, Spec("edited"), "phantom", 8, {}, lab / "data", lab / "cache")
        return int(open_splits(made.folder).test.images.max())

    assert level() == 1
    (package / "drawing.py").write_text("LEVEL = 200\n")  # not the dataset's own file
    assert level() == 200


def test_memory_mapped_arrays_equal_what_went_in(lab: Path) -> None:
    truth = Counted().load(lab / "data", 8, {})
    opened = open_splits(ready(lab).folder)
    for (name, one), (_, two) in zip(truth.items(), opened.items(), strict=True):
        assert isinstance(two.images, np.memmap), name
        for column in ("images", "labels", "groups", "healthy", "diseased", "masks"):
            np.testing.assert_array_equal(getattr(one, column), getattr(two, column))
        assert set(one.factors) == set(two.factors)
        for factor in one.factors:
            np.testing.assert_array_equal(one.factors[factor], two.factors[factor])


def test_writing_to_a_batch_never_reaches_the_file(lab: Path) -> None:
    folder = ready(lab).folder
    opened = open_splits(folder)
    opened.train.images[:] = 7
    assert not (open_splits(folder).train.images == 7).all()


def test_the_digest_is_of_the_content(lab: Path) -> None:
    def digest(splits: Splits) -> str:
        folder = lab / "laid"
        lay_down(splits, folder)
        return about(folder).digest

    splits = Splits(train=split(0, 20), test=split(100, 5), val=split(200, 3))
    images = splits.test.images.copy()
    images[-1, 0, -1, -1] ^= 1
    other = Splits(splits.train, Split(**{**vars(splits.test), "images": images}), splits.val)
    assert digest(splits) == digest(splits) != digest(other)


def test_shared_groups_are_refused_by_name() -> None:
    with pytest.raises(SplitError, match=r"train and test must not share groups, but share 2, such as 'patient 18'"):
        check_splits(Splits(train=split(0, 20), test=split(18, 5)))
    with pytest.raises(SplitError, match=r"val and test must not share groups, but share 5"):
        check_splits(Splits(train=split(0, 20), test=split(50, 5), val=split(50, 5)))
    check_splits(Splits(train=split(0, 20), test=split(20, 5)))


def test_empty_and_ill_shaped_splits_are_refused() -> None:
    with pytest.raises(SplitError, match="the test split is empty"):
        check_splits(Splits(train=split(0, 20), test=split(50, 0)))
    wide = Split(np.zeros((2, 1, 8, 9), np.uint8), np.zeros(2, int), np.array(["a", "b"]))
    with pytest.raises(
        SplitError, match=r"test images have shape \(1, 8, 9\), but the train images have shape \(1, 8, 8\)"
    ):
        check_splits(Splits(train=split(0, 20), test=wide))


def test_validation_is_a_tenth_of_train_by_group_and_always_the_same() -> None:
    whole = split(0, 50, each=3)
    carved = with_validation(Splits(train=whole, test=split(100, 5)), "xray")
    assert carved.val is not None
    assert len(set(carved.val.groups)) == 5
    assert not set(carved.val.groups) & set(carved.train.groups)
    assert len(carved.val) + len(carved.train) == len(whole)
    again = with_validation(Splits(train=whole, test=split(100, 5)), "xray")
    assert again.val is not None
    np.testing.assert_array_equal(again.val.images, carved.val.images)
    other = with_validation(Splits(train=whole, test=split(100, 5)), "oct").val
    assert other is not None
    assert set(other.groups) != set(carved.val.groups)
    given = Splits(train=whole, test=split(100, 5), val=split(200, 3))
    assert with_validation(given, "xray") is given


def rare(seed: int, wanted: int = 50) -> np.ndarray:
    labels = np.repeat([0, 1, 2, 3], [900, 80, 19, 1])
    return labels[draw_by_label(labels, wanted, str(seed))]


def test_a_cut_keeps_every_label_and_their_proportions() -> None:
    for seed in range(100):
        counts = np.bincount(rare(seed), minlength=4)
        assert counts.sum() == 50
        assert counts.min() >= 1, "however rare"
        assert abs(counts[0] - 45) <= 2
        assert abs(counts[1] - 4) <= 1


def test_a_cut_with_less_room_than_labels_is_still_a_cut() -> None:
    assert len(rare(0, wanted=3)) == 3


def test_seeds_change_the_training_images_and_never_the_test_images() -> None:
    splits = Splits(train=split(0, 100), test=split(1000, 50), val=split(2000, 20))
    limit: Mapping[str, int] = {"train": 40, "test": 30, "val": 10}
    one, two, same = (limited(splits, limit, "xray", seed) for seed in (0, 1, 0))
    assert {name: len(part) for name, part in one.items()} == {"train": 40, "val": 10, "test": 30}
    assert one.val is not None and two.val is not None
    np.testing.assert_array_equal(one.test.images, two.test.images)
    np.testing.assert_array_equal(one.val.images, two.val.images)
    np.testing.assert_array_equal(one.train.images, same.train.images)
    assert not np.array_equal(one.train.images, two.train.images)
    assert limited(splits, {}, "xray", 0).train is splits.train
    assert limited(splits, {"train": 200}, "xray", 0).train is splits.train
