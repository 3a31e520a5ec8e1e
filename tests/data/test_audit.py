"""The audit names the files of twins, in and across splits, and is read from the cache the second time."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from vaebench.cli import main
from vaebench.data import audit as auditing


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve pictures of each class and split. `b 0` of train is `b 0` of test; `a 1` of train is a mirrored `b 5` of
    test; `a 2` and `a 3` of train are equal. Those of test are larger."""
    root = tmp_path_factory.mktemp("scans")
    for s, split in enumerate(("train", "test")):
        for k, kind in enumerate("ab"):
            for i in range(12):
                seed = {(0, 0, 3): (0, 0, 2), (1, 1, 0): (0, 1, 0), (1, 1, 5): (0, 0, 1)}.get((s, k, i), (s, k, i))
                small = np.random.default_rng(seed).integers(0, 256, (6, 6), np.uint8)
                pixels = np.kron(small, np.ones((16 + 8 * s, 16 + 8 * s), np.uint8))
                path = root / split / kind / f"{i}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels[:, ::-1] if (s, k, i) == (1, 1, 5) else pixels).save(path)
    return root


def said(scans: Path, *words: str, code: int = 0) -> str:
    env = {"VAEBENCH_CACHE": str(scans.parent / "cache"), "COLUMNS": "300"}
    done = CliRunner().invoke(main, ["data", "audit", f"folder[path={scans},healthy=a]", *words], env=env)
    assert done.exit_code == code, done.output
    return done.stdout


def test_files_labels_and_sizes_are_told(scans: Path) -> None:
    told = said(scans)
    assert "twins: 3 pairs in 3 groups; the largest group has 2 of 48 images" in told
    assert "note: 2 of 24 test images have a twin (correlation above 0.99)" in told
    assert "pairs with different labels: 1" in told and ", mirrored, a and b)" in told
    assert "train/a/2.png and train train/a/3.png (equal)" in told or "a/2.png" in told
    assert "test: original size 144 x 144 pixels" in told
    assert "train against test: native size alone separates them with AUROC 1.000" in told


def test_json_and_csv_hold_every_pair(scans: Path) -> None:
    pairs = {
        frozenset([("train", "train/b/0.png"), ("test", "test/b/0.png")]): False,
        frozenset([("train", "train/a/1.png"), ("test", "test/b/5.png")]): True,
        frozenset([("train", "train/a/2.png"), ("train", "train/a/3.png")]): False,
    }
    rows = list(csv.DictReader(said(scans, "--format", "csv").splitlines()))
    sides = ("train", "val")  # the harness takes val from train
    found = {
        frozenset(("train" if row[f"split_{end}"] in sides else "test", row[f"file_{end}"]) for end in "ab"): row[
            "mirrored"
        ]
        == "1"
        for row in rows
    }
    assert found == pairs
    told = json.loads(said(scans, "--format", "json"))
    assert len(told["leaks"]["pairs"]) == 3 and told["source"] == "real" and len(told["digest"]) == 64
    assert all(pair["correlation"] > 0.99 for pair in told["leaks"]["pairs"])


def test_the_second_audit_is_read_from_the_cache(scans: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = said(scans)
    with monkeypatch.context() as patch:
        patch.setattr(auditing, "audit", None)
        assert said(scans) == first
    (kept,) = (scans.parent / "cache").rglob(auditing.KEPT)
    kept.write_text("[")
    assert said(scans) == first


def test_a_data_folder_that_does_not_exist_is_an_error(scans: Path) -> None:
    for words in (["run"], ["data", "verify"], ["data", "status"], ["data", "audit", "kermany-cxr"]):
        done = CliRunner().invoke(main, [*words, "--data", os.fspath(scans / "none")], env={"COLUMNS": "300"})
        assert done.exit_code == 2
        assert "there is no such folder. Correct the path" in done.output
