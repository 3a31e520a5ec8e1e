"""MedMNIST files as published: sizes, checksums, what counts as healthy, and re-saved files refused."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from vaebench.interfaces import NotApplicable
from vaebench_medical import fetch, medmnist
from vaebench_medical.medmnist_index import INDEX, SIDES

DATASETS = {dataset.name: dataset for dataset in medmnist.DATASETS}


def arrays(entry, side=28, counts=(7, 3, 5)):
    """Arrays as MedMNIST stores them: grey without a channel axis, labels (N, 1), or (N, 14) of findings."""
    generator = np.random.default_rng(0)
    content = {}
    for which, n in zip(("train", "val", "test"), counts, strict=True):
        shape = (n, side, side) if entry.channels == 1 else (n, side, side, entry.channels)
        content[f"{which}_images"] = generator.integers(0, 256, shape, np.uint8)
        content[f"{which}_labels"] = generator.integers(0, len(entry.classes), (n, entry.findings or 1), np.uint8)
    return content


def write(folder, entry, side=28, **changes):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / (f"{entry.name}.npz" if side == 28 else f"{entry.name}_{side}.npz")
    np.savez_compressed(path, **{k: v for k, v in (arrays(entry, side) | changes).items() if v is not None})
    return path


def entry(name):
    return DATASETS[name].entry


def test_all_twelve_are_offered_with_a_checksum_for_each_size():
    assert len(DATASETS) == 12
    sums = [md5 for e in INDEX for md5 in e.md5]
    assert len(sums) == len(set(sums)) == 48 and all(len(md5) == 32 and int(md5, 16) for md5 in sums)
    assert sum(sum(e.counts) for e in INDEX) == 708_069 - 107  # of MedMNIST v2, less the slices that v3 dropped


@pytest.mark.parametrize("name", DATASETS)
@pytest.mark.parametrize("place", ["", "medmnist", "own"])
def test_images_and_labels_are_those_of_the_file(tmp_path, name, place):
    folder = tmp_path / (name if place == "own" else place)
    path = write(folder, entry(name))
    dataset = DATASETS[name](verify=False)
    assert dataset.present(tmp_path) and dataset.files(tmp_path) == [path]
    splits = dataset.load(tmp_path, 28, {})
    for which, split in splits.items():
        raw = np.load(path)[f"{which}_images"]
        stored = raw[:, None] if dataset.channels == 1 else raw.transpose(0, 3, 1, 2)
        assert (split.images == stored).all()
        labels = np.load(path)[f"{which}_labels"]
        assert (split.labels == (labels.any(axis=1) if entry(name).findings else labels[:, 0])).all()
    groups = np.concatenate([split.groups for _, split in splits.items()])
    assert len(np.unique(groups)) == 15


def test_healthy_is_declared_for_four_sets_only():
    healthy = {e.name: e.classes[e.healthy] for e in INDEX if e.healthy is not None}
    assert healthy == {
        "chestmnist": "no finding",
        "pneumoniamnist": "normal",
        "retinamnist": "grade 0",
        "octmnist": "normal",
    }


@pytest.mark.parametrize("name", ["chestmnist", "octmnist", "breastmnist"])
def test_healthy_images(tmp_path, name):
    path = write(tmp_path, entry(name))
    test = DATASETS[name](verify=False).load(tmp_path, 28, {}).test
    raw = np.load(path)["test_labels"]
    if name == "breastmnist":
        assert test.healthy is None
    else:
        expected = ~raw.any(axis=1) if name == "chestmnist" else raw[:, 0] == 3
        assert (test.healthy == expected).all() and (test.diseased == ~expected).all()


@pytest.mark.parametrize(
    ("there", "size", "taken"),
    [((28, 64, 128, 224), 28, 28), ((28, 64, 128, 224), 32, 64), ((64, 224), 28, 64), ((28, 224), 512, 224)],
)
def test_the_smallest_file_that_is_large_enough_is_read(tmp_path, there, size, taken):
    e = entry("breastmnist")
    for side in there:
        flat = {f"{w}_images": np.full((2, side, side), side, np.uint8) for w in ("train", "val", "test")}
        labels = {f"{w}_labels": np.uint8([[0], [1]]) for w in ("train", "val", "test")}
        write(tmp_path, e, side, **flat, **labels)
    images = DATASETS["breastmnist"](verify=False).load(tmp_path, size, {}).train.images
    assert images.shape == (2, 1, size, size) and (images == taken).all()
    chosen = DATASETS["breastmnist"](verify=False, side=there[-1]).load(tmp_path, size, {}).train.images
    assert (chosen == there[-1]).all()


def test_twins_may_be_groups(tmp_path):
    """Two of train copy a test image, one mirrored; one of train and two of val show the same."""
    content = arrays(entry("pneumoniamnist"))
    train, val, test = (content[f"{which}_images"] for which in ("train", "val", "test"))
    train[1], train[4] = test[3] // 2 + 9, test[3, :, ::-1]
    val[2] = val[0]
    train[6] = val[0]
    write(tmp_path, entry("pneumoniamnist"), **content)
    alone = DATASETS["pneumoniamnist"](verify=False).load(tmp_path, 28, {})
    assert [len(split) for _, split in alone.items()] == [7, 3, 5]
    left_out = pytest.warns(UserWarning, match=r"2 train pictures were left out, because their groups are also in test")
    with left_out, pytest.warns(UserWarning, match=r"1 train picture was left out, .* also in val"):
        splits = DATASETS["pneumoniamnist"](verify=False, group="twins").load(tmp_path, 28, {})
    assert (splits.train.images[:, 0] == train[[0, 2, 3, 5]]).all() and len(splits.test) == 5
    assert splits.val.groups[0] == splits.val.groups[2] != splits.val.groups[1]
    groups = [split.groups for _, split in splits.items()]
    assert len(np.unique(np.concatenate(groups))) == sum(len(np.unique(part)) for part in groups) == 4 + 2 + 5


def test_enlarging_is_told(tmp_path):
    write(tmp_path, entry("retinamnist"))
    with pytest.warns(UserWarning, match=r"28 pixels are enlarged to 64.*retinamnist\[side=64\]"):
        assert DATASETS["retinamnist"](verify=False).load(tmp_path, 64, {}).train.images.shape == (7, 3, 64, 64)


def test_a_file_saved_again_is_refused_with_the_reason_unless_the_user_takes_it(tmp_path):
    path = write(tmp_path / "medmnist", entry("pneumoniamnist"))
    dataset = DATASETS["pneumoniamnist"]()
    with pytest.warns(UserWarning, match="is not the published file"):
        assert not dataset.present(tmp_path)
    refusal = rf"pneumoniamnist\.npz is not the published file: its MD5 is {fetch.md5(path)}, .*\[verify=false\]"
    with pytest.raises(ValueError, match=refusal):
        dataset.load(tmp_path, 28, {})
    assert "is not the published file" in next(dataset.verify(tmp_path))
    with pytest.raises(ValueError, match="move it away"):
        DATASETS["pneumoniamnist"](side=28).prepare(tmp_path)
    assert len(DATASETS["pneumoniamnist"](verify=False).load(tmp_path, 28, {}).train) == 7


def test_the_published_bytes_are_taken(tmp_path, monkeypatch):
    path = write(tmp_path, entry("bloodmnist"))
    known = dataclasses.replace(entry("bloodmnist"), md5=(fetch.md5(path), "", "", ""), counts=(7, 3, 5))
    monkeypatch.setattr(DATASETS["bloodmnist"], "entry", known)
    dataset = DATASETS["bloodmnist"]()
    assert dataset.present(tmp_path) and len(dataset.load(tmp_path, 28, {}).test) == 5
    assert list(dataset.verify(tmp_path)) == []
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.warns(UserWarning, match="is not the published file"):
        assert not dataset.present(tmp_path)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"val_images": None}, "has no array 'val_images'"),
        ({"train_labels": np.array([[None]] * 7, object)}, "train_labels contains pickled objects"),
        ({"train_labels": np.uint8([[0]] * 6)}, "train has 7 images and 6 labels"),
        ({"train_labels": np.uint8([[9]] * 7)}, "train_labels contains 9; the classes are 0 to 1"),
        ({"train_labels": np.zeros((7, 1))}, "expected integers"),
        ({"test_images": np.zeros((5, 28, 28))}, "test_images has float64"),
        ({"test_images": np.zeros((5, 28, 28, 3), np.uint8)}, r"expected uint8 values of shape \(N, S, S\)"),
    ],
)
def test_files_of_another_make_are_errors(tmp_path, changes, reason):
    write(tmp_path, entry("breastmnist"), **changes)
    with pytest.raises(ValueError, match=rf"(?s)breastmnist\.npz.*{reason}|{reason}"):
        DATASETS["breastmnist"](verify=False).load(tmp_path, 28, {})


def test_a_missing_set_says_how_to_get_it(tmp_path):
    assert not DATASETS["octmnist"]().present(tmp_path)
    with pytest.raises(ValueError, match=r"octmnist was not found below .*data fetch octmnist.*octmnist_64\.npz"):
        DATASETS["octmnist"]().load(tmp_path, 28, {})


def test_fetching_gets_the_size_asked_for(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(fetch, "download", lambda *what: asked.append(what))
    DATASETS["retinamnist"]().prepare(tmp_path)
    DATASETS["retinamnist"](side=224).prepare(tmp_path)
    root, e = "https://zenodo.org/records/10519652/files", entry("retinamnist")
    assert asked == [
        (f"{root}/retinamnist_{side}.npz?download=1", tmp_path / f"medmnist/retinamnist_{side}.npz", md5)
        for side, md5 in zip(SIDES, e.md5, strict=True)
        if side in (64, 224)
    ]


@pytest.mark.parametrize("name", DATASETS)
def test_phantoms_have_the_sets_labels(name):
    dataset = DATASETS[name]()
    if name not in medmnist.PHANTOMS:
        with pytest.raises(NotApplicable):
            dataset.phantom(28, {}, 0)
        return
    splits = dataset.phantom(28, {"train": 40, "val": 8, "test": 16}, 0)
    assert splits.train.images.shape == (40, dataset.channels, 28, 28)
    assert np.unique(splits.train.labels).tolist() == list(range(len(dataset.classes)))
    assert (splits.test.healthy == (splits.test.labels == entry(name).healthy)).all()
