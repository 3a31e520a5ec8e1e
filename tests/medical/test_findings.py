"""Masks and boxes of a folder: beside their pictures as BUSI has them, in a folder of their own, or in a CSV."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from vaebench_medical import decode
from vaebench_medical.findings import squared
from vaebench_medical.folder import Folder

LEFT = np.repeat([[255] * 20 + [0] * 20], 40, axis=0).astype(np.uint8)
TOP, NONE = LEFT.T, np.zeros((40, 40), np.uint8)


def load(trees, path="scans", **options):
    return Folder(path=str(trees.root / path), **{"healthy": "normal", **options}).load(trees.root, 16, {})


def both(splits):
    """File -> the share of its pixels that is marked, of both splits."""
    return {
        str(file): float(mask.mean())
        for _, split in splits.items()
        for file, mask in zip(split.files, split.masks, strict=True)
    }


def busi(trees, ill="benign"):
    """Five pictures of each class, of mixed modes. Those of the first have two masks each, healthy ones a black one."""
    for i in range(5):
        mode = ("L", "RGB", "P", "LA", "1")[i]
        trees.save(f"scans/{ill}/{ill} ({i}).png", Image.fromarray(trees.pixels(i, 40, 40)).convert(mode))
        trees.save(f"scans/{ill}/{ill} ({i})_mask.png", LEFT // 255 if i else LEFT)  # 0 and 1 serve as well
        trees.save(f"scans/{ill}/{ill} ({i})_mask_1.png", Image.fromarray(TOP).convert("RGB"))
        trees.save(f"scans/normal/normal ({i}).png", trees.pixels(i + 9, 40, 40))
        trees.save(f"scans/normal/normal ({i})_mask.png", NONE)
    return trees.root / "scans"


def test_masks_beside_pictures_are_theirs_and_no_pictures(trees):
    busi(trees)
    splits = load(trees)
    assert len(splits.train) + len(splits.test) == 10
    assert both(splits) == {
        **{f"benign/benign ({i}).png": 0.75 for i in range(5)},  # the left half or the upper one
        **{f"normal/normal ({i}).png": 0.0 for i in range(5)},
    }
    half = splits.test.masks[splits.test.diseased][0]
    assert half[:, :8].all() and half[:8].all() and not half[8:, 8:].any()


def test_without_a_healthy_class_masks_are_no_pictures_either(trees):
    busi(trees)
    with pytest.warns(UserWarning, match=r"masks and boxes of 10 pictures are not used.*add healthy=CLASS"):
        splits = load(trees, healthy="")
    assert len(splits.train) + len(splits.test) == 10 and splits.test.masks is None


@pytest.mark.parametrize("inside", ["benign/", ""])
def test_masks_may_have_a_folder_of_their_own(trees, inside):
    for kind in ("benign", "normal"):
        trees.pictures({f"scans/{kind}": [f"{kind[0]}{i}.png" for i in range(5)]})
    for i in range(5):
        trees.save(f"scans/masks/{inside}b{i}.png", Image.fromarray(LEFT).resize((56, 40)))
    splits = load(trees, masks="masks")
    assert {file: share for file, share in both(splits).items() if share} == {f"benign/b{i}.png": 0.5 for i in range(5)}
    (trees.root / f"scans/masks/{inside}b3.png").unlink()
    with pytest.warns(UserWarning, match=r"1 diseased picture has no mask, for example b3\.png"):
        load(trees, masks="masks")


def table(trees, *more):
    """Each class has five pictures of 56 x 40 pixels."""
    trees.pictures({"scans": [f"{kind}{i}.png" for kind in "bn" for i in range(5)]})
    trees.save("scans/left.png", Image.fromarray(LEFT).resize((56, 40)))
    trees.save("scans/top.png", Image.fromarray(TOP).resize((56, 40)))
    lines = [f"n{i}.png,normal,,,,,," for i in range(5)] + [f"b{i}.png,benign,,left.png,,,," for i in range(1, 5)]
    return trees.csv("scans/table.csv", "file,label,group,mask,x0,y0,x1,y1", *lines, *more)


def test_a_table_names_several_masks_and_boxes_of_a_picture(trees):
    table(trees, "b0.png,benign,,left.png,0,0,28,20", "b0.png,benign,,top.png,28,10,56,40")
    splits = load(trees, "scans/table.csv")
    assert both(splits)["b0.png"] == 0.75 and both(splits)["b1.png"] == 0.5
    split = splits.test if "b0.png" in splits.test.files else splits.train
    row = split.files.tolist().index("b0.png")
    assert split.boxes[row].tolist() == [[0, 0, 0.5, 0.5], [0.5, 0.25, 1, 1]]
    assert np.isnan(np.delete(split.boxes, row, axis=0)).all()


def test_boxes_follow_the_shape_of_the_square():
    assert squared((0, 0, 80, 40), (40, 80), "stretch") == (0, 0, 1, 1)
    assert squared((0, 0, 80, 40), (40, 80), "pad") == (0, 0.25, 1, 0.75)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("b0.png,benign,,none.png,,,,", r"line 11: .*none\.png does not exist"),
        ("b0.png,benign,,,0,0,57,20", r"line 11: the box .* does not lie in the picture of 56 x 40 pixels"),
        ("b0.png,benign,,,9,0,8,20", r"line 11: the box .* give x0 < x1"),
        ("b0.png,benign,,,9,0,,20", r"line 11: a box needs four numbers in x0, y0, x1, y1"),
        ("b1.png,benign,other,,,,,", r"line 11: the group of b1\.png is other here but empty above; use one"),
        ("b0.png,benign,,../left.png,,,,", r"line 11: '\.\./left\.png' is outside"),
        ("n0.png,normal,,,0,0,9,9", r"n0\.png: a healthy picture has a box; correct the box or the class"),
        ("n0.png,normal,,left.png,,,,", r"left\.png: the mask of a healthy picture is not empty"),
    ],
)
def test_faulty_rows(trees, row, reason):
    table(trees, "b0.png,benign,,left.png,,,," if row.startswith("n0") else row, *[row] * row.startswith("n0"))
    with pytest.raises(ValueError, match=reason):
        load(trees, "scans/table.csv")


def test_a_mask_of_another_size_is_told_when_loading_and_verifying(trees):
    busi(trees)
    trees.save("scans/benign/benign (2)_mask.png", LEFT[:20])
    reason = r"benign \(2\)_mask\.png: the mask has 20 x 40 pixels, but its picture has 40 x 40"
    with pytest.raises(ValueError, match=reason):
        load(trees)
    (fault,) = Folder(path=str(trees.root / "scans"), healthy="normal").verify(trees.root)
    assert "the mask has 20 x 40 pixels" in fault


def test_users_mistakes_about_masks(trees):
    busi(trees)
    with pytest.raises(ValueError, match=r"masks=none: .*none is not a folder; give the folder with the masks"):
        load(trees, masks="none")
    trees.save("scans/other/x.png", LEFT)
    with pytest.raises(ValueError, match=r"masks=other: no file in .*other is named after a picture"):
        for path in (trees.root / "scans").rglob("*_mask*"):
            path.unlink()
        load(trees, masks="other")


def test_a_changed_mask_is_noticed(trees):
    home = busi(trees)
    files = Folder(path=str(home), healthy="normal").files(trees.root)
    assert len(files) == 25 and home / "benign/benign (0)_mask_1.png" in files


def test_padding_pads_masks_too(trees):
    path = trees.save("wide.png", np.full((10, 40), 255, np.uint8))
    marked, native = decode.mask(path, 16, "pad")
    assert native == (10, 40) and marked.any(axis=1).tolist() == [False] * 6 + [True] * 4 + [False] * 6
