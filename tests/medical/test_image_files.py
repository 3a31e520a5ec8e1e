"""What all datasets of picture files share: order, splits by group, memory, and errors that name files."""

from __future__ import annotations

import tracemalloc
import warnings
from pathlib import Path

import numpy as np
import pytest

from vaebench.interfaces import NotApplicable
from vaebench_medical import decode, layout, storage
from vaebench_medical.image_files import Picture, PictureDataset, apart, assemble
from vaebench_medical.layout import listing


class Two(PictureDataset):
    name = "two"
    version = 1
    classes = ("dark", "bright")
    mark = ("train",)

    def pictures(self, home: Path) -> list[Picture]:
        return [
            Picture(path, int(folder == "bright"), Path(path).stem.split("_")[0], split, health=folder == "dark")
            for split in ("train", "test")
            for folder in ("bright", "dark")
            for path in listing(home / split / folder)
        ]

    def obtain(self) -> str:
        return "Make it."


TREE = {
    "two/train/dark": ["b_1.png", "a_1.png", "a_2.png"],
    "two/train/bright": ["c_1.png"],
    "two/test/dark": ["d_1.png"],
    "two/test/bright": ["e_1.png", "e_2.png"],
}


def test_pictures_come_sorted_with_what_is_known_of_them(trees):
    splits = Two().load(trees.pictures(TREE), 16, {})
    assert splits.val is None
    assert splits.train.images.shape == (4, 1, 16, 16)
    assert splits.train.groups.tolist() == ["c", "a", "a", "b"]  # bright/c_1, dark/a_1, dark/a_2, dark/b_1
    assert splits.train.labels.tolist() == [1, 0, 0, 0]
    assert splits.train.images[:, 0, 0, 0].tolist() == [10, 20, 30, 10]
    assert splits.test.healthy.tolist() == [False, False, True] and splits.test.diseased.tolist() == [True, True, False]


def test_the_same_bits_twice(trees):
    root = trees.root
    paths = [str(trees.save(f"{i}.png", trees.pixels(i))) for i in range(40)]
    assert (decode.many(paths, 12, 1)[0] == decode.many(paths, 12, 1)[0]).all()
    assert {p.name for p in Two().files(trees.pictures(TREE))} == {n for names in TREE.values() for n in names}
    assert (root / "two").is_dir()


def test_groups_of_the_test_split_leave_train_and_are_counted():
    rows = [("a", "train"), ("a", "train"), ("a", "test"), ("b", "train"), ("b", "val"), ("c", "val"), ("c", "test")]
    with pytest.warns(UserWarning) as told:
        kept = apart([Picture(str(i), 0, group, split) for i, (group, split) in enumerate(rows)], "x")
    assert [(p.group, p.split) for p in kept] == [("a", "test"), ("b", "val"), ("c", "test")]
    assert [str(w.message) for w in told] == [
        "x: 2 train pictures were left out, because their groups are also in test",
        "x: 1 train picture was left out, because its group is also in val",
        "x: 1 val picture was left out, because its group is also in test",
    ]


def test_every_damaged_file_is_named_at_once(trees):
    root = trees.pictures(TREE)
    trees.truncated("two/train/dark/a_3.jpeg")
    trees.truncated("two/train/dark/a_4.jpeg")
    with pytest.raises(ValueError, match=r"(?s)2 of 9 pictures cannot be read.*a_3\.jpeg.*copy it again.*a_4\.jpeg"):
        Two().load(root, 16, {})
    faults = list(Two().verify(root))
    assert len(faults) == 2 and "a_3.jpeg" in faults[0] and "a_4.jpeg" in faults[1]


def test_verify_compares_the_published_counts(trees):
    class Counted(Two):
        def published(self):
            return {"train": (4, 5), "test": (7, 9)}

    assert list(Counted().verify(trees.pictures(TREE))) == ["test has 3 pictures; 7 or 9 are published"]


def test_a_class_or_a_split_without_pictures_is_an_error(trees):
    root = trees.pictures(TREE)
    (root / "two/train/bright/c_1.png").unlink()
    with pytest.raises(ValueError, match=r"two/train/bright contains no pictures"):
        Two().load(root, 16, {})
    only = [p for p in Two().pictures(trees.pictures(TREE) / "two") if p.split == "train"]
    with pytest.raises(ValueError, match=r"test split has no picture of 'dark', 'bright'"):
        assemble(only, Two(), 16)


def test_other_files_are_counted_and_hidden_ones_ignored(trees):
    root = trees.pictures({"x": ["a b.png", "c [1].png"]})
    for name in ("._a.png", ".DS_Store", "Thumbs.db"):
        (root / "x" / name).write_bytes(b"")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert [Path(p).name for p in listing(root / "x")] == ["a b.png", "c [1].png"]
    (root / "x" / "a.webp").write_bytes(b"")
    with pytest.warns(UserWarning, match=r"left out: 1 \.webp"):
        listing(root / "x")


def test_a_folder_that_may_not_be_read_is_named(trees, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(layout.os, "scandir", refuse)
    with pytest.raises(ValueError, match=r"x cannot be read \(Permission denied\).*permissions"):
        listing(trees.root / "x")


def test_a_data_folder_that_may_not_be_looked_at_is_told(trees, monkeypatch):
    def refuse(path, **options):
        raise PermissionError(13, "Permission denied", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "exists", refuse)
        with pytest.warns(UserWarning) as told:
            assert not Two().present(trees.root)
    assert "two/train cannot be accessed (Permission denied)" in str(told[0].message)


def test_a_missing_dataset_says_how_to_get_it(trees):
    assert not Two().present(trees.root)
    with pytest.raises(ValueError, match=r"two: no images were found below .*Make it\."):
        Two().load(trees.root, 16, {})
    with pytest.raises(NotApplicable, match="Make it"):
        Two().prepare(trees.root)


def test_a_path_of_the_users_counts_alone(trees):
    root = trees.pictures(TREE)
    assert Two(path=str(root / "two")).present(Path("/nowhere"))
    mistyped = Two(path=str(root / "to"))
    assert mistyped.present(root)  # or phantoms would stand in for it
    with pytest.raises(ValueError, match=r"two: .*/to contains no train\. Make it\."):
        mistyped.load(root, 16, {})
    with pytest.raises(NotApplicable, match="contains no train"):
        mistyped.prepare(root)


def test_loading_takes_little_more_than_the_pixels(trees):
    for i in range(300):
        trees.save(f"two/train/{'dark' if i % 2 else 'bright'}/{i}_0.png", trees.pixels(i, 64, 64))
    trees.pictures({name: files for name, files in TREE.items() if "test" in name})
    Two().load(trees.root, 8, {})  # imports and caches
    tracemalloc.start()
    splits = Two().load(trees.root, 64, {})
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    pixels = sum(split.images.nbytes for _, split in splits.items())
    assert peak < 1.1 * pixels + 300_000  # a few pictures per thread


def test_large_splits_lie_in_a_temporary_file(monkeypatch):
    monkeypatch.setattr(storage, "BUDGET", 100)
    small, large = storage.allocate((10, 1, 3, 3)), storage.allocate((100, 1, 3, 3))
    assert not isinstance(small, np.memmap) and isinstance(large, np.memmap)
    large[:] = 7
    assert large.dtype == np.uint8 and large.sum() == 6300


def test_boxes_and_variables_follow_their_pictures(trees):
    class Boxed(Two):
        variables = ("age",)

        def pictures(self, home: Path) -> list[Picture]:
            found = []
            for age, p in enumerate(super().pictures(home)):
                boxes = ((0.1, 0.2, 0.3, 0.4),) * (p.label * 2)
                found.append(Picture(p.path, p.label, p.group, p.split, p.health, boxes, (float(age),)))
            return found

    train = Boxed().load(trees.pictures(TREE), 16, {}).train
    assert train.boxes.shape == (4, 2, 4) and train.boxes.dtype == np.float32
    assert np.isnan(train.boxes[train.labels == 0]).all()
    assert np.allclose(train.boxes[train.labels == 1], [0.1, 0.2, 0.3, 0.4])
    assert train.factors["age"].tolist() == [0, 1, 2, 3]


def test_the_size_that_files_had_is_kept_for_the_audit(trees):
    root = trees.pictures(TREE)
    trees.save("two/train/dark/b_1.png", trees.pixels(0, 30, 70))
    train = Two().load(root, 16, {}).train
    assert train.factors["native_height"].tolist() == [40, 40, 40, 30]
    assert train.factors["native_width"].tolist() == [56, 56, 56, 70]
