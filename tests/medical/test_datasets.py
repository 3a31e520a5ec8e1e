"""What every dataset of the plugin must be, whichever it is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from vaebench_medical import vaebench_datasets

DATASETS = {dataset.name: dataset for dataset in vaebench_datasets()}
DRAWN = ("kermany-cxr", "chestmnist", "retinamnist", "prostate-gleason", "vindr-mammo", "knee-kl", "brain-mri")
PUBLISHED = [name for name in DATASETS if name != "folder"]


def test_the_hook_does_not_import_torch():
    code = "import vaebench_medical, sys; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": ":".join(sys.path)})


@pytest.mark.parametrize("name", PUBLISHED)
def test_it_says_what_it_is_and_how_to_get_it(name):
    dataset = DATASETS[name]()
    for fact in ("title", "modality", "licence", "citation", "homepage"):
        assert len(getattr(dataset, fact)) > 2, fact
    assert dataset.homepage.startswith("https://") and "doi:" in dataset.citation
    assert dataset.version >= 1 and dataset.channels in (1, 3) and len(dataset.classes) >= 2
    assert dataset.licence in dataset.obtain() and "below the data folder" in dataset.obtain()
    assert not dataset.present(Path("/nowhere"))


@pytest.mark.parametrize("name", DRAWN)
@pytest.mark.parametrize("size", [28, 48])
def test_its_phantom_is_like_it(name, size):
    dataset = DATASETS[name]()
    limit = {"train": 24, "val": 8, "test": 12}
    splits = dataset.phantom(size, limit, 0)
    for which, split in splits.items():
        assert split.images.shape == (limit[which], dataset.channels, size, size)
        assert split.labels.min() >= 0 and split.labels.max() < len(dataset.classes)
        assert split.healthy.any() and split.diseased.any()
        assert split.masks.shape == (limit[which], size, size) and not split.masks[split.healthy].any()
    assert not set(splits.train.groups) & set(splits.test.groups)
    again = dataset.phantom(size, {**limit, "train": 12}, 0)
    assert {image.tobytes() for image in again.train.images} <= {image.tobytes() for image in splits.train.images}
    assert (again.test.images == splits.test.images).all()
    assert not np.array_equal(dataset.phantom(size, limit, 1).test.images, splits.test.images)


def test_a_table_that_changes_makes_the_pictures_be_read_again(trees):
    """The harness keeps what was decoded until one of `files` changes."""
    from vaebench_medical.folder import Folder
    from vaebench_medical.prostate import ProstateGleason
    from vaebench_medical.vindr import VindrMammo

    trees.pictures(
        {".": ["a.png", "b.png"], "prostate-gleason/train": ["p_1.png"], "prostate-gleason/test": ["q_1.png"]}
    )
    given = trees.csv("given.csv", "file,label,split", "a.png,x,train", "b.png,x,test")
    assert set(Folder(path=str(given)).files(trees.root)) == {given, trees.root / "a.png", trees.root / "b.png"}
    for split, name in (("train", "p_1.png"), ("test", "q_1.png")):
        trees.csv(f"prostate-gleason/{split}.csv", "image,class", f"{name},0")
    found = {path.name for path in ProstateGleason().files(trees.root)}
    assert found == {"train.csv", "test.csv", "p_1.png", "q_1.png"}
    assert [path.name for path in VindrMammo().tables(given.parent)] == []
    trees.csv("finding_annotations.csv", "x")
    assert [path.name for path in VindrMammo().tables(given.parent)] == ["finding_annotations.csv"]
