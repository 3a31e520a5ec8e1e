"""Kermany's chest X-rays: every published layout and file-name style, patients that their number alone would mix up."""

from __future__ import annotations

import numpy as np
import pytest

from vaebench_medical.kermany import KermanyCxr

KAGGLE = {
    "train/NORMAL": ["IM-0115-0001.jpeg", "IM-0115-0002.jpeg", "NORMAL2-IM-0115-0001.jpeg", "IM-0119-0001-0002.jpeg"],
    "train/PNEUMONIA": ["person1_bacteria_1.jpeg", "person1_bacteria_2.jpeg", "person1_virus_6.jpeg"],
    "test/NORMAL": ["IM-0001-0001.jpeg"],
    "test/PNEUMONIA": ["person2_bacteria_1.jpeg", "person2_virus_7.jpeg"],
}
MENDELEY = {
    "train/NORMAL": ["NORMAL-28501-0001.jpeg", "NORMAL-28501-0002.jpeg"],
    "train/PNEUMONIA": ["BACTERIA-28501-0001.jpeg", "VIRUS-28501-0001.jpeg"],
    "test/NORMAL": ["NORMAL-11419-0003.jpeg"],
    "test/PNEUMONIA": ["BACTERIA-40699-0001.jpeg", "VIRUS-11419-0001.jpeg"],
}


def below(place: str, names: dict[str, list[str]]) -> dict[str, list[str]]:
    return {f"{place}/{folder}": files for folder, files in names.items()}


@pytest.mark.parametrize("names", [KAGGLE, MENDELEY], ids=["kaggle", "mendeley"])
@pytest.mark.parametrize(
    "place",
    ["kermany-cxr", "kermany-224", "kermany-cxr/chest_xray", "kermany-cxr/CellData/chest_xray", "CellData/chest_xray"],
)
def test_it_is_found_where_people_put_it(trees, names, place):
    root = trees.pictures(below(place, names))
    dataset = KermanyCxr()
    assert dataset.present(root)
    splits = dataset.load(root, 28, {})
    assert splits.train.images.shape == (sum(len(f) for k, f in names.items() if "train" in k), 1, 28, 28)
    assert len(splits.test) == 3 and splits.val is None
    assert (splits.test.labels == splits.test.diseased).all()


def test_the_path_may_be_given(trees):
    trees.pictures(below("some where/[x]", KAGGLE))
    assert len(KermanyCxr(path=str(trees.root / "some where/[x]")).load(trees.root, 28, {}).train) == 7


def test_patients_are_prefix_number_and_type(trees):
    train = KermanyCxr().load(trees.pictures(below("kermany-cxr", KAGGLE)), 28, {}).train
    assert train.groups.tolist() == [
        *["IM-0115", "IM-0115", "IM-0119", "NORMAL2-IM-0115"],
        *["person1_bacteria", "person1_bacteria", "person1_virus"],
    ]


def test_the_type_of_pneumonia_is_a_task_of_its_own(trees):
    root = trees.pictures(below("kermany-cxr", MENDELEY))
    binary, kinds = KermanyCxr(), KermanyCxr(task="type")
    assert binary.classes == ("normal", "pneumonia") and kinds.classes == ("normal", "bacterial", "viral")
    assert binary.load(root, 28, {}).train.labels.tolist() == [0, 0, 1, 1]
    assert kinds.load(root, 28, {}).train.labels.tolist() == [0, 0, 1, 2]
    assert kinds.load(root, 28, {}).train.healthy.tolist() == [True, True, False, False]


def test_the_repacks_val_goes_back_to_train(trees):
    names = KAGGLE | {"val/NORMAL": ["NORMAL2-IM-1427-0001.jpeg"], "val/PNEUMONIA": ["person1946_bacteria_4874.jpeg"]}
    splits = KermanyCxr().load(trees.pictures(below("chest_xray", names)), 28, {})
    assert splits.val is None and len(splits.train) == 9
    assert {"NORMAL2-IM-1427", "person1946_bacteria"} <= set(splits.train.groups)


@pytest.mark.parametrize(
    ("count", "told"),
    [(16, ""), (782, "the re-pack that uses 15 % of the published train split"), (9, "an unknown re-pack")],
)
def test_verify_names_a_repack_by_its_val(trees, count, told):
    names = KAGGLE | {"val/NORMAL": [f"IM-{9000 + i}-0001.jpeg" for i in range(count)]}
    faults = list(KermanyCxr().verify(trees.pictures(below("chest_xray", names))))
    assert faults[-2].startswith(f"train has {7 + count} pictures; ") and faults[-1].startswith("test has")
    assert len(faults) == 2 + bool(told) and told in faults[0]
    assert not told or f"val has {count} pictures: " in faults[0]


def test_a_patient_of_the_test_split_leaves_train(trees):
    names = KAGGLE | {"test/NORMAL": ["IM-0115-0009.jpeg"]}
    with pytest.warns(UserWarning, match="kermany-cxr: 2 train pictures were left out"):
        splits = KermanyCxr().load(trees.pictures(below("kermany-cxr", names)), 28, {})
    assert not set(splits.train.groups) & set(splits.test.groups)


def test_grey_and_rgb_jpegs_are_one_channel(trees):
    root = trees.pictures(below("kermany-cxr", KAGGLE))
    trees.flat("kermany-cxr/train/NORMAL/IM-0115-0001.jpeg", 10, "RGB", (384, 127))
    images = KermanyCxr().load(root, 28, {}).train.images
    assert images.shape[1] == 1 and abs(images[:4, 0, 5, 5].astype(int) - [10, 20, 40, 30]).max() <= 1


def test_a_name_without_a_patient_is_an_error(trees):
    root = trees.pictures(below("kermany-cxr", KAGGLE) | {"kermany-cxr/train/NORMAL": ["scan.jpeg"]})
    with pytest.raises(
        ValueError, match=r"NORMAL/scan\.jpeg: the file name does not identify a patient.*folder\[path="
    ):
        KermanyCxr().load(root, 28, {})


def test_a_file_in_the_wrong_class_is_an_error(trees):
    root = trees.pictures(below("kermany-cxr", KAGGLE) | {"kermany-cxr/test/NORMAL": ["person9_virus_1.jpeg"]})
    with pytest.raises(ValueError, match=r"person9_virus_1\.jpeg: a file with this name does not belong in NORMAL"):
        KermanyCxr().load(root, 28, {})


def test_a_missing_split_makes_it_absent(trees):
    root = trees.pictures({k: v for k, v in below("kermany-cxr", KAGGLE).items() if "test" not in k})
    with pytest.warns(UserWarning, match="kermany-cxr contains no test/NORMAL and no test/PNEUMONIA"):
        assert not KermanyCxr().present(root)
    with pytest.raises(ValueError, match=r"kermany-cxr contains no test/NORMAL and no test/PNEUMONIA\. Download"):
        KermanyCxr().load(root, 28, {})


def test_phantom_and_real_have_the_same_labels():
    for dataset in (KermanyCxr(), KermanyCxr(task="type")):
        splits = dataset.phantom(28, {"train": 30, "val": 6, "test": 12}, 0)
        assert np.unique(splits.train.labels).tolist() == list(range(len(dataset.classes)))
        assert (splits.test.healthy == (splits.test.labels == 0)).all()
