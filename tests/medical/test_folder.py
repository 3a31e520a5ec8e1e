"""Anyone's own pictures: subfolders or a table, splits given or made by group."""

from __future__ import annotations

import numpy as np
import pytest

from vaebench_medical.folder import Folder


def one(trees, **options):
    dataset = Folder(path=str(trees.root), **options)
    return dataset, dataset.load(trees.root, 16, {})


def subfolders(trees, people=10, **more):
    return trees.pictures(
        {"NORMAL": [f"p{i} (a).png" for i in range(people)] + [f"p{i} [b].png" for i in range(people)]}
        | {"ILL": [f"q{i}.tif" for i in range(people)]}
        | more
    )


def test_class_subfolders_are_split_by_group_stratified_and_seeded(trees):
    subfolders(trees)
    dataset, splits = one(trees, healthy="NORMAL", group=r"([pq]\d+)", name="mine")
    assert dataset.name == "mine" and dataset.classes == ("ILL", "NORMAL") and splits.val is None
    assert not set(splits.train.groups) & set(splits.test.groups)
    assert len(splits.train) + len(splits.test) == 30
    assert np.bincount(splits.test.labels).tolist() == [2, 4]  # a fifth of each class, both pictures of a person
    assert (splits.test.healthy == (splits.test.labels == 1)).all()
    _, again = one(trees, group=r"([pq]\d+)")
    _, other = one(trees, group=r"([pq]\d+)", seed=1)
    assert (again.test.groups == splits.test.groups).all() and again.test.healthy is None
    assert set(other.test.groups) != set(splits.test.groups)


def test_twins_stay_on_one_side(trees):
    """Each picture, its copy under another name and its mirror image."""
    for kind in "ab":
        for i in range(8):
            pixels = np.kron(trees.pixels(i + 50 * (kind == "b"), 6, 6), np.ones((12, 12), np.uint8))
            for name, image in ((f"{i}", pixels), (f"copy of {i}", pixels // 2 + 9), (f"turned {i}", pixels[:, ::-1])):
                trees.save(f"{kind}/{name}.png", np.ascontiguousarray(image))
    _, alone = one(trees)
    assert len({*alone.train.groups, *alone.test.groups}) == 48
    _, splits = one(trees, group="twins")
    assert len(splits.train) + len(splits.test) == 48
    for split in (splits.train, splits.test):
        assert np.unique(split.groups, return_counts=True)[1].tolist() == [3] * (len(split) // 3)
    assert splits.test.groups.tolist()[:3] == [str(splits.test.files[0])] * 3
    assert not set(splits.train.groups) & set(splits.test.groups)


def test_twins_and_groups_that_are_given_join(trees):
    """Of six people with two pictures each, one of the first is a copy of one of the second."""
    lines = []
    for i in range(12):
        seed = 0 if i == 2 else i
        trees.save(f"{i}.png", np.kron(trees.pixels(seed, 6, 6), np.ones((12, 12), np.uint8)))
        lines.append(f"{i}.png,x,p{i // 2}")
    splits = Folder(path=str(trees.csv("t.csv", "file,label,group", *lines)), group="twins").load(trees.root, 16, {})
    groups, counts = np.unique(np.concatenate([splits.train.groups, splits.test.groups]), return_counts=True)
    assert dict(zip(groups.tolist(), counts.tolist(), strict=True)) == {"p0": 4, "p2": 2, "p3": 2, "p4": 2, "p5": 2}


def test_a_group_of_twins_that_is_suspiciously_large_is_told(trees):
    subfolders(trees)  # pictures of one grey are twins of each other
    with (
        pytest.warns(UserWarning, match=r"folder: the largest group of twins has 30 of 30 images \(100%\)"),
        pytest.raises(ValueError, match="has 1 group, but a split by group needs 5"),
    ):
        one(trees, group="twins")


def test_without_groups_every_file_is_one(trees):
    subfolders(trees)
    _, splits = one(trees)
    assert len(np.unique(splits.train.groups)) == len(splits.train)
    assert "NORMAL/p0 (a).png" in {*splits.train.groups, *splits.test.groups}


@pytest.mark.parametrize("val", ["val", "valid", "Validation"])
def test_splits_may_be_folders(trees, val):
    trees.pictures({f"{s}/{k}": [f"{s}{i}.png" for i in range(3)] for s in ("Train", val, "test") for k in "ab"})
    _, splits = one(trees)
    assert [len(split) for _, split in splits.items()] == [6, 6, 6]


@pytest.mark.parametrize("suffix", ["png", "jpg", "tiff", "bmp", "pgm"])
def test_formats(trees, suffix):
    trees.pictures({k: [f"{i}.{suffix}" for i in range(5)] for k in "ab"})
    _, splits = one(trees)
    assert sorted(np.unique(splits.train.images).tolist())[0] >= 9


def test_colour_is_found_out_or_told(trees):
    trees.pictures({k: [f"{i}.png" for i in range(5)] for k in "ab"})
    assert one(trees)[1].train.images.shape[1] == 1
    assert one(trees, colour="rgb")[1].train.images.shape[1] == 3
    for i in range(5):
        trees.save(f"a/{i}.png", trees.pixels(i, channels=3))
    assert one(trees)[1].train.images.shape[1] == 3
    assert one(trees, colour="grey")[1].train.images.shape[1] == 1


def test_twelve_bits(trees):
    for i in range(5):
        for k in "ab":
            trees.save(f"{k}/{i}.png", np.full((8, 8), 2048, np.uint16))
    with pytest.raises(ValueError, match=r"a/0\.png.*bits=12"):
        one(trees)
    assert one(trees, bits=12)[1].train.images.max() == 128


def table(trees, heading, *lines):
    csv = trees.csv("table.csv", heading, *lines)
    return Folder(path=str(csv)).load(trees.root, 16, {})


def test_a_table_with_groups_and_splits(trees):
    trees.pictures({"x y": ["a.png", "b.png", "c.png", "d.png"]})
    lines = ["x y/a.png,ill,1,train", "x y/b.png,well,2,training", "x y/c.png,ill,3,test", "x y/d.png,well,4,TEST"]
    splits = table(trees, "file,label,group,split", *lines, lines[0])  # a row twice is one picture
    assert splits.train.groups.tolist() == ["1", "2"] and splits.train.labels.tolist() == [0, 1]
    assert splits.test.groups.tolist() == ["3", "4"]


def test_a_table_without_splits(trees):
    trees.pictures({".": [f"{i}.png" for i in range(20)]})
    splits = table(trees, "file,label,group", *(f"{i}.png,{'ab'[i % 2]},{i // 4}" for i in range(20)))
    assert len(splits.test) == 4 and not set(splits.train.groups) & set(splits.test.groups)


@pytest.mark.parametrize(
    ("heading", "lines", "reason"),
    [
        ("path,label", ["a.png,x"], r"table\.csv has no column 'file'; its columns are \['path', 'label'\]"),
        ("file,label", ["none.png,x"], r"table\.csv, line 2: .*none\.png does not exist"),
        ("file,label", ["a.png,"], r"table\.csv, line 2: column `file` or `label` is empty"),
        ("file,label", ["a.png,x", "a.png,y"], r"line 3: the label of a\.png is y here but x above"),
        ("file,label,split", ["a.png,x,dev"], r"line 2: split 'dev' is not one of train, val, test"),
        ("file,label,split", ["a.png,x,train", "b.png,x,train"], r"defines splits, but no test split"),
        ("file,label,split", ["a.png,x,train", "b.png,x,"], r"defines splits, but no test split"),
        ("file,label,split", ["a.png,x,train", "b.png,x,test", "c.png,x,"], r"defines splits, but .*c\.png has none"),
        ("file,label", ["table.csv,x"], r"line 2: the suffix of .*table\.csv is not one of \.bmp"),
        ("file,label", [], r"table\.csv lists no pictures"),
        ("file,label", ["a.png,x", "b.png,x", "c.png,y"], r"class 'x' has 2 groups, but a split by group needs 5"),
    ],
)
def test_faulty_tables(trees, heading, lines, reason):
    trees.pictures({".": ["a.png", "b.png", "c.png"]})
    with pytest.raises(ValueError, match=reason):
        table(trees, heading, *lines)


def test_users_mistakes(trees):
    with pytest.raises(ValueError, match="has no class subfolders"):
        one(trees)
    subfolders(trees)
    with pytest.raises(ValueError, match=r"healthy=HEALTHY: no such class; classes are \['ILL', 'NORMAL'\]"):
        one(trees, healthy="HEALTHY")
    for wrong in ({"seed": -1}, {"bits": 0}, {"bits": 32}, {"name": ""}):
        with pytest.raises(ValueError, match="a seed >= 0, and 1 to 16 bits"):
            one(trees, **wrong)
    with pytest.raises(ValueError, match=r"group='\(x' is not a regular expression"):
        one(trees, group="(x")
    with pytest.raises(ValueError, match=r"group='z\\\\d' does not match 'ILL/q0\.tif'"):
        one(trees, group=r"z\d")
    (trees.root / "EMPTY").mkdir()
    with pytest.raises(ValueError, match="EMPTY contains no pictures"):
        one(trees)
    with pytest.raises(ValueError, match=r"nowhere does not exist"):
        Folder(path=str(trees.root / "nowhere")).load(trees.root, 16, {})


def test_several_classes_may_be_healthy(trees):
    trees.pictures({k: [f"{k}{i}.png" for i in range(5)] for k in ("normal", "benign", "cancer")})
    _, splits = one(trees, healthy="normal | benign")
    assert splits.train.healthy.tolist() == (splits.train.labels != 1).tolist()


def test_the_path_is_local():
    assert Folder.local == ("path", "masks")
