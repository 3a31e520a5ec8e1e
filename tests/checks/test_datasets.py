"""The kit finds each fault that is put into a dataset, by the check that is meant for it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from vaebench.checks.datasets import PLURAL
from vaebench.checks.drawings import draw
from vaebench.interfaces import Dataset, Splits


class Bodies(Dataset):
    """An honest dataset."""

    name = "bodies"
    version = 1
    title = "Bodies with spots"
    licence = "CC0"
    classes = ("healthy", "left", "right")

    def phantom(self, size, limit, seed):
        shape = (self.channels, size, size)
        count = {"train": 60, "test": 30} | dict(limit)
        return Splits(train=draw(count["train"], shape, 10 * seed + 1), test=draw(count["test"], shape, 10 * seed + 2))


def test_an_honest_dataset_passes_everything(verdicts):
    assert verdicts(Bodies) == {}
    assert list(verdicts(Bodies, "skipped")) == ["real-images", "boxes"]


@pytest.mark.parametrize(
    ("noun", "is_one"),
    [
        *((noun, True) for noun in ("patients", "groups of twins", "biopsies", "left knees", "people", "series")),
        *((noun, False) for noun in ("patient", "mass", "Patients", "patients or groups", "patients.", "2 eyes", "s")),
    ],
)
def test_groups_are_named_by_a_plural_noun(noun, is_one):
    assert bool(PLURAL.fullmatch(noun)) == is_one


FAULTS: list[tuple[type[Dataset], set[str]]] = []


def fault(*checks: str):
    def note(dataset: type[Dataset]) -> type[Dataset]:
        FAULTS.append((dataset, set(checks)))
        return dataset

    return note


class Changed(Bodies):
    """Its training split, changed by `change`."""

    def phantom(self, size, limit, seed):
        splits = super().phantom(size, limit, seed)
        return replace(splits, train=self.change(splits.train, splits))


@fault("described")
class NoLicence(Bodies):
    licence = ""


@fault("described")
class OnePatient(Bodies):
    groups_are = "patient"


@fault("described", "labels")
class NoClasses(Bodies):
    classes = ()


@fault("shapes")
class OtherChannels(Bodies):
    channels = 3

    def phantom(self, size, limit, seed):
        return Bodies().phantom(size, limit, seed)


@fault("limits")
class TooMany(Bodies):
    def phantom(self, size, limit, seed):
        return super().phantom(size, {"train": 100}, seed)


@fault("labels")
class LabelBeyondClasses(Changed):
    def change(self, train, splits):
        return replace(train, labels=train.labels + 1)


@fault("labels")
class OneLabel(Changed):
    def change(self, train, splits):
        return replace(train, labels=np.zeros_like(train.labels))


@fault("separate-groups", "stored")
class SharedPatients(Changed):
    def change(self, train, splits):
        return replace(train, groups=np.arange(len(train)) + splits.test.groups[0])


@fault("both-regimes", "masks")
class NobodyHealthy(Changed):
    def change(self, train, splits):
        return replace(train, healthy=np.zeros(len(train), bool), diseased=None, masks=None)

    def phantom(self, size, limit, seed):
        splits = super().phantom(size, limit, seed)
        everybody = np.ones(len(splits.test), bool)
        return replace(splits, test=replace(splits.test, healthy=everybody, diseased=~everybody))


@fault("masks")
class MaskOnTheHealthy(Changed):
    def change(self, train, splits):
        return replace(train, masks=np.ones_like(train.masks))


@fault("boxes")
class BoxInPixels(Changed):
    def change(self, train, splits):
        nothing = np.full((len(train), 1, 4), np.nan)
        pixels = np.where(train.diseased[:, None, None], [[4.0, 4.0, 9.0, 9.0]], nothing)
        return replace(train, boxes=pixels.astype(np.float32))


@fault("boxes")
class BoxOnTheHealthy(Changed):
    def change(self, train, splits):
        return replace(train, boxes=np.tile(np.float32([[0.1, 0.1, 0.4, 0.4]]), (len(train), 1, 1)))


@fault("factors")
class FactorsInOneSplit(Changed):
    def change(self, train, splits):
        return replace(train, factors={"age": np.ones(len(train))})


@fault("pictures")
class Copies(Changed):
    def change(self, train, splits):
        return replace(train, images=np.repeat(train.images[:1], len(train), 0))


@fault("deterministic")
class DrawnGlobally(Bodies):
    def phantom(self, size, limit, seed):
        return super().phantom(size, limit, int(np.random.randint(1000)))


@fault("deterministic")
class SeedIgnored(Bodies):
    def phantom(self, size, limit, seed):
        return super().phantom(size, limit, 0)


@fault("without-files")
class MakesSomethingUp(Bodies):
    def load(self, folder, size, limit):
        return self.phantom(size, limit, 0)


@fault("without-files", "real-images")
class StumblesWithoutFiles(Bodies):
    def present(self, folder):
        return bool((folder / "bodies").stat())


@pytest.mark.parametrize(("dataset", "checks"), FAULTS, ids=[dataset.__name__ for dataset, _ in FAULTS])
def test_a_fault_is_found_by_its_check_and_no_other(verdicts, dataset, checks, tmp_path, monkeypatch):
    monkeypatch.setenv("VAEBENCH_DATA", str(tmp_path))
    assert set(verdicts(dataset)) == checks


class OnDisk(Bodies):
    """Real images that are there, and share patients."""

    def present(self, folder):
        return (folder / "bodies").exists()

    def load(self, folder, size, limit):
        if not self.present(folder):
            raise FileNotFoundError("bodies/ is not there")
        splits = self.phantom(size, limit, 0)
        return replace(splits, train=replace(splits.train, groups=np.full(len(splits.train), splits.test.groups[0])))


def test_real_images_are_checked_where_there_are_any(verdicts, tmp_path, monkeypatch):
    monkeypatch.setenv("VAEBENCH_DATA", str(tmp_path))
    assert verdicts(OnDisk) == {}
    (tmp_path / "bodies").mkdir()
    assert list(verdicts(OnDisk)) == ["real-images"]


class NoPhantom(Dataset):
    name = "elsewhere"
    version = 1
    title = "Only real"
    licence = "CC0"
    classes = ("a", "b")


def test_a_dataset_without_a_phantom_is_no_failure(verdicts):
    assert verdicts(NoPhantom) == {}
    assert verdicts(NoPhantom, "skipped")["shapes"] == ["elsewhere has no phantom"]
