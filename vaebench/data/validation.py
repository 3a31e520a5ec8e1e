"""Validation images as data of their own: what parameters are chosen on, without a single test image."""

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
    """Data made of a prepared dataset: its validation images are to be judged on, and of its training images, whole
    groups are the new validation images. Which groups, only the dataset's name decides.

    It has a digest of its own, so its records never count beside those of test images."""
    folder = _folder(ready)
    if not intact(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{folder}.lock"):
            if not intact(folder):
                for debris in folder.parent.glob(f".{folder.name}.*"):  # of a run that was killed here
                    shutil.rmtree(debris)
                known = open_splits(ready.folder)
                if known.val is None:
                    raise ValueError(f"{ready.folder} holds no validation images")
                splits = Splits(train=known.train, test=known.val)
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # preparing told of twins
                    twins = twins_of_test(splits) if source == "real" else 0
                told = {"notes": list(ready.notes), "twins": twins}
                lay_down(splits, folder, told, ready.classes, validation_mask(splits, dataset))
    return about(folder)


def _folder(ready: Prepared) -> Path:
    name = f"{ready.folder.name} {ready.digest} validation"
    return ready.folder.with_name(f"{ready.folder.name}-val-{hashlib.sha256(name.encode()).hexdigest()[:8]}")
