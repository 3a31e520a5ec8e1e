"""An `.npz` is read row by row, and what is no plain array is refused by name."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest

from vaebench_medical import npz


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_rows_are_those_of_numpy(tmp_path, monkeypatch, save):
    monkeypatch.setattr(npz, "CHUNK", 100)  # several chunks
    array = np.random.default_rng(0).integers(0, 256, (23, 5, 4, 3), np.uint8)
    save(tmp_path / "x.npz", a=array, b=np.zeros((0, 2)))
    with npz.array(tmp_path / "x.npz", "a") as rows:
        chunks = list(rows)
    assert len(chunks) > 5 and (np.concatenate(chunks) == np.load(tmp_path / "x.npz")["a"]).all()
    with npz.array(tmp_path / "x.npz", "a") as rows:
        assert [one.tobytes() for one in rows.ahead()] == [one.tobytes() for one in chunks]
    with npz.array(tmp_path / "x.npz", "b") as rows:
        assert rows.all().shape == (0, 2)


def reading(path, name="a"):
    with npz.array(path, name) as rows:
        return rows.all()


def test_pickles_are_never_loaded(tmp_path):
    np.savez(tmp_path / "x.npz", a=np.array([{"a": 1}], object))
    with pytest.raises(ValueError, match=r"x\.npz: a contains pickled objects"):
        reading(tmp_path / "x.npz")


def test_missing_arrays_are_named(tmp_path):
    np.savez(tmp_path / "x.npz", b=np.zeros(3), c=np.zeros(3))
    with pytest.raises(ValueError, match=r"x\.npz: the file has no array 'a', only b, c"):
        reading(tmp_path / "x.npz")


def test_columns_first_is_refused(tmp_path):
    np.savez(tmp_path / "x.npz", a=np.asfortranarray(np.zeros((3, 4))))
    with pytest.raises(ValueError, match="not stored in row-major order"):
        reading(tmp_path / "x.npz")


def test_damage_is_told(tmp_path):
    path = tmp_path / "x.npz"
    np.savez(path, a=np.arange(1000))
    whole = path.read_bytes()
    path.write_bytes(whole[:-50])
    with pytest.raises(ValueError, match=r"x\.npz is damaged.*download it again"):
        reading(path)
    path.write_bytes(whole.replace(np.int64(500).tobytes(), np.int64(501).tobytes()))
    with pytest.raises(ValueError, match=r"x\.npz is damaged \(Bad CRC"):
        reading(path)
    with zipfile.ZipFile(path, "w") as file:
        content = whole[whole.index(b"\x93NUMPY") :]
        file.writestr("a.npy", content[:8100])
    with pytest.raises(ValueError, match="a ends after 0 of 1000 rows"):
        reading(path)
