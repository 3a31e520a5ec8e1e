"""A separate dataset of validation images, on which parameters are chosen without using a single test image."""

from __future__ import annotations

import hashlib
import shutil
import warnings
from pathlib import Path

from filelock import FileLock

from vaebench.data.leaks import twins_of_test
from vaebench.data.prepare import Prepared, about, intact, lay_down, open_splits
from vaebench.data.splits import validation_mask
from vaebench.interfaces import Splits


def validation_data(ready: Prepared, dataset: str, source: str) -> Prepared:
    """Return a dataset made from a prepared one: its validation images become the test split, and whole groups of its
    training images become the new validation split. The choice of groups depends only on the dataset's name.

    The new dataset has a different digest, so its records are never counted together with records on test images."""
    folder = _folder(ready)
    if not intact(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{folder}.lock"):
            if not intact(folder):
                for debris in folder.parent.glob(f".{folder.name}.*"):  # left by a killed run
                    shutil.rmtree(debris)
                known = open_splits(ready.folder)
                if known.val is None:
                    raise ValueError(f"{ready.folder} contains no validation images")
                splits = Splits(train=known.train, test=known.val)
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # preparation has already warned about twins
                    twins = twins_of_test(splits) if source == "real" else 0
                told = {"notes": list(ready.notes), "twins": twins}
                lay_down(splits, folder, told, ready.classes, validation_mask(splits, dataset))
    return about(folder)


def _folder(ready: Prepared) -> Path:
    name = f"{ready.folder.name} {ready.digest} validation"
    return ready.folder.with_name(f"{ready.folder.name}-val-{hashlib.sha256(name.encode()).hexdigest()[:8]}")
