"""A track's board: the tiers that its manifest gives, and the images that it pins."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from records_made import record

from vaebench.cli import main
from vaebench.components.declared import Declared
from vaebench.components.discovery import installed
from vaebench.planning.suite import Suite, load
from vaebench.records import manifest, store
from vaebench.records.manifest import Listed
from vaebench.records.record import Record
from vaebench.report import export
from vaebench.report.notes import notes
from vaebench.report.track import PINS, Track

SUITE = """
name = "demo"
version = 1
datasets = ["kermany-cxr"]
models = ["vae", "ae"]
metrics = ["psnr"]

[headline]
reconstruction = "psnr"

[presets.quick]
size = 32
steps = 10
seeds = [0, 1, 2]
"""

VERSIONS = Declared(installed(), "vaebench").versions([])


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    (tmp_path / "demo.toml").write_text(SUITE)
    return load(tmp_path / "demo.toml")


def keep(
    folder: Path, suite: Suite, model: str, digest: str = "d1", started: str = "2026-01-01T00:00:00Z"
) -> list[Path]:
    """Three good records of a model on the images with this digest."""
    settings = suite.presets["quick"].settings.to_json()
    paths = []
    version = {f"model {model}": VERSIONS[f"model {model}"]}
    for seed in range(3):
        one: Record = record(
            model, {"psnr": 20.0 + seed}, dataset="kermany-cxr", seed=seed, digest=digest, started=started,
            loss={"vae": "gaussian", "ae": "mse"}[model], settings=settings, components=version,
        )  # fmt: skip
        paths.append(store.path_of(folder, one.trial, "cpu"))
        store.write(paths[-1], one)
    return paths


def told(track: Track, section: str) -> list[str]:
    return [line for one in notes(track.board()) if one.title.startswith(section) for line in one.lines]


def test_a_board_tells_the_lowest_tier_of_a_models_records(tmp_path: Path, suite: Suite) -> None:
    vae, ae = keep(tmp_path, suite, "vae"), keep(tmp_path, suite, "ae")
    track = Track(suite, "quick", "phantom", tmp_path)
    assert told(track, "Verified") == ["Reported (only the numbers are known): all models"]

    (folder,) = track.folders
    tiers = dict.fromkeys(vae, "reproduced") | {vae[0]: "re-measured"} | dict.fromkeys(ae[1:], "reproduced")
    hashes = {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in (*vae, *ae)}
    listed = {manifest.place_of(p, folder): Listed(hashes[p], tiers.get(p, "reported")) for p in hashes}
    manifest.write(folder, listed)
    assert told(track, "Verified") == [
        "Re-measured (measured again from the weights): vae",
        "Reported (only the numbers are known): ae",
    ]
    assert {row.model: row.tier for row in export.rows(track.board())} == {"vae": "re-measured", "ae": "reported"}

    keep(tmp_path, suite, "vae", started="2026-02-02T00:00:00Z")
    again = Track(suite, "quick", "phantom", tmp_path)
    assert told(again, "Verified") == ["Reported (only the numbers are known): all models"], "changed since"


def test_repin_shows_what_changes_and_changes_it(tmp_path: Path, suite: Suite) -> None:
    """The first complete reference pins the images; newer ones, once complete, can be pinned by hand."""

    def leaderboard(*words: str) -> str:
        given = ["leaderboard", "--suite", str(tmp_path / "demo.toml"), "--results", str(tmp_path), *words]
        said = CliRunner().invoke(main, given)
        assert said.exit_code == 0, said.output
        return said.output

    keep(tmp_path, suite, "vae")
    leaderboard()
    (pins,) = tmp_path.rglob(PINS)
    assert json.loads(pins.read_text())["data"] == {"kermany-cxr": "d1"}
    keep(tmp_path, suite, "ae", digest="d2", started="2026-02-02T00:00:00Z")
    assert "--repin" in leaderboard() and json.loads(pins.read_text())["data"] == {"kermany-cxr": "d1"}
    assert "kermany-cxr: d1 -> d2" in leaderboard("--repin")
    assert json.loads(pins.read_text())["data"] == {"kermany-cxr": "d2"}
    assert " -> " not in leaderboard("--repin"), "nothing is left to change"
