"""Mammograms: several rows per image, both layouts, BI-RADS by breast, boxes that follow the padded square."""

from __future__ import annotations

import numpy as np
import pytest

from vaebench_medical.findings import squared
from vaebench_medical.vindr import VindrMammo, density

HEADING = (
    "study_id,series_id,image_id,laterality,view_position,height,width,breast_birads,breast_density,"
    "finding_categories,finding_birads,xmin,ymin,xmax,ymax,split"
)
NONE = "['No Finding'],,,,,"


def row(study, image, side="R", view="MLO", birads=1, finding=NONE, split="training", dense="C"):
    if finding != NONE:
        kind, *box = finding
        finding = f"\"['{kind}']\",BI-RADS 4,{','.join(map(str, box))}"
    return f"{study},s,{image},{side},{view},80,40,BI-RADS {birads},DENSITY {dense},{finding},{split}"


ROWS = [
    row("s1", "i1", birads=1),
    row("s1", "i2", view="CC", birads=1),
    row("s1", "i3", side="L", birads=5),
    row("s2", "i4", birads=4, finding=("Mass", 10.0, 20.0, 30.0, 60.0)),
    row("s2", "i4", birads=4, finding=("Suspicious Calcification", 0, 0, 40, 80)),
    row("s3", "i5", birads=2),
    row("s4", "i6", birads=1),
    row("s4", "i7", view="CC", birads=1, finding=("Mass", 1, 2, 3, 4)),
    row("s5", "i8", birads=1, split="test", dense="A"),
    row("s6", "i9", birads=3, split="test", finding=("Asymmetry", "nan", "nan", "", "")),
]


def tree(trees, rows=ROWS, png=True, heading=HEADING, place="vindr-mammo"):
    csv = trees.csv(f"{place}/finding_annotations.csv", heading, *rows)
    for i, line in enumerate(rows):
        study, _, image = line.split(",")[:3]
        if png:
            trees.flat(f"{place}/Processed_Images/{study}/{image}.png", 20 * (i + 1), size=(40, 80))
    return csv


def test_an_image_of_several_rows_is_one_image(trees):
    tree(trees)
    splits = VindrMammo().load(trees.root, 32, {})
    train = splits.train
    assert train.groups.tolist() == ["s1", "s2", "s3", "s4"]  # right MLO alone
    assert train.images.shape == (4, 1, 32, 32) and splits.val is None
    assert train.labels.tolist() == [0, 1, 0, 0]
    assert train.factors["birads"].tolist() == [1, 4, 2, 1]
    assert splits.test.factors["density"].tolist() == [1, 3]


def test_health_is_of_the_breast_and_both_its_views(trees):
    tree(trees)
    splits = VindrMammo().load(trees.root, 32, {})
    assert splits.train.healthy.tolist() == [
        True,
        False,
        False,
        False,
    ]  # s3: BI-RADS 2. s4: a finding in the other view
    assert splits.train.diseased.tolist() == [False, True, False, False]
    assert splits.test.diseased.tolist() == [False, True]
    finding = VindrMammo(rule="finding").load(trees.root, 32, {})
    assert finding.train.healthy.tolist() == [True, False, True, True]


def test_the_table_of_breasts_counts_too(trees):
    tree(trees)
    trees.csv("vindr-mammo/breast-level_annotations.csv", "study_id,laterality,breast_birads", "s1,R,BI-RADS 3")
    assert VindrMammo().load(trees.root, 32, {}).train.diseased.tolist() == [True, True, False, False]


def test_views_and_sides(trees):
    tree(trees)
    everything = VindrMammo(laterality="both", view="both").pictures(trees.root / "vindr-mammo")
    assert len(everything) == 9 and len({p.group for p in everything}) == 6
    left = VindrMammo(laterality="L").pictures(trees.root / "vindr-mammo")
    assert [p.group for p in left] == ["s1"]
    cranial = VindrMammo(view="CC").pictures(trees.root / "vindr-mammo")
    assert [p.group for p in cranial] == ["s1", "s4"]


def test_boxes_lie_where_the_padded_picture_has_them(trees):
    tree(trees)
    train = VindrMammo().load(trees.root, 32, {}).train
    assert train.boxes.shape == (4, 2, 4) and np.isnan(train.boxes[[0, 2, 3]]).all()
    shown = train.images[1, 0]  # 40 wide and 80 high: a quarter of black on each side
    assert (shown[:, :8] == 0).all() and (shown[:, 8:24] > 0).all() and (shown[:, 24:] == 0).all()
    assert np.allclose(train.boxes[1, 0], [30 / 80, 20 / 80, 50 / 80, 60 / 80])
    assert np.allclose(train.boxes[1, 1], [0.25, 0, 0.75, 1])
    assert squared((0, 0, 80, 40), (40, 80), "pad") == (0, 0.25, 1, 0.75)


def test_boxes_that_are_nan_are_none(trees):
    tree(trees)
    test = VindrMammo().load(trees.root, 32, {}).test
    assert test.labels.tolist() == [0, 1] and np.isnan(test.boxes).all()


@pytest.mark.parametrize("place", ["vindr-mammo", "vindr-mammo/physionet.org/files/vindr-mammo/1.0.0"])
def test_the_dicoms_of_physionet_are_read(trees, place):
    tree(trees, png=False, place=place)
    for line in ROWS:
        study, _, image = line.split(",")[:3]
        dark = np.full((80, 40), 1000, np.uint16)
        tags = {"WindowCenter": 2048, "WindowWidth": 4096}
        tags["PhotometricInterpretation"] = "MONOCHROME1" if image == "i4" else "MONOCHROME2"
        trees.dicom(f"{place}/images/{study}/{image}.dicom", dark, **tags)
    splits = VindrMammo().load(trees.root, 32, {})
    assert [len(split) for _, split in splits.items()] == [4, 2]
    assert splits.train.images[:, 0, 16, 16].tolist() == [62, 193, 62, 62]


@pytest.mark.parametrize(
    ("rows", "heading", "reason"),
    [
        (ROWS, HEADING.replace("xmin", "x_min"), r"finding_annotations\.csv has no column 'xmin'"),
        ([row("s1", "i1", birads="X")], HEADING, r"line 2: 'BI-RADS X' is not a BI-RADS category from 1 to 5"),
        ([row("s1", "i1", split="dev")], HEADING, r"line 2: split 'dev' is neither 'training' nor 'test'"),
        ([row("s1", "i1", finding=("Mass", "a", 1, 2, 3))], HEADING, r"line 2: could not convert string to float: 'a'"),
        ([row("s1", "i1").replace(NONE, "Mass(,,,,,")], HEADING, r"finding_annotations\.csv, line 2: "),
        ([], HEADING, r"finding_annotations\.csv has no rows"),
    ],
)
def test_faulty_tables(trees, rows, heading, reason):
    tree(trees, rows, heading=heading)
    with pytest.raises(ValueError, match=reason):
        VindrMammo().load(trees.root, 32, {})


def test_missing_images_are_named(trees):
    tree(trees)
    (trees.root / "vindr-mammo/Processed_Images/s2/i4.png").unlink()
    with pytest.raises(ValueError, match=r"s2/i4\.png, which .* does not exist; download it again"):
        VindrMammo().load(trees.root, 32, {})


def test_a_table_without_images_says_what_was_looked_for(trees):
    tree(trees, png=False)
    with pytest.raises(ValueError, match=r"none of images/s1/i1\.dicom, .*Processed_Images/s1/i1\.png exists"):
        VindrMammo().load(trees.root, 32, {})


def test_access_is_restricted_and_said_so(trees):
    with pytest.raises(ValueError, match=r"restricted.*physionet\.org/content/vindr-mammo.*finding_annotations\.csv"):
        VindrMammo().load(trees.root, 32, {})


def test_densities():
    assert [density(text) for text in ("DENSITY A", "density d", "C")] == [1, 4, 3]
    assert np.isnan(density("")) and np.isnan(density("DENSITY X"))


def test_phantom_labels():
    test = VindrMammo().phantom(28, {"train": 40, "val": 8, "test": 16}, 0).test
    assert np.unique(test.labels).tolist() == [0, 1] and (test.diseased == (test.labels == 1)).all()
