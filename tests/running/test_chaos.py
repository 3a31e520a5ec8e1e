"""Kills at random moments cost nothing: one good record a trial, with the weights it would have had anyway."""

from __future__ import annotations

import random
from pathlib import Path

import killing
import pytest
from laboratory import Lab

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds processes to kill in /proc")

KILLS = 16
"""`benchmarks/scripts/chaos.py` does hundreds"""


@pytest.mark.long
def test_kills_at_random_moments_cost_nothing(tmp_path: Path, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    with killing.folder() as temporary:
        monkeypatch.setenv("VAEBENCH_CACHE", str(tmp_path / "cache"))
        monkeypatch.setenv("TMPDIR", temporary)
        untouched, results = tmp_path / "untouched", tmp_path / "results"
        whole = killing.start(untouched)
        storm = killing.Storm(results, random.Random(0))
        storm.rage(KILLS)
        killing.finish(killing.start(results))
        killing.finish(whole)

        assert storm.kills.total() >= KILLS - 2
        assert not storm.lost, "what was good is still there"
        assert len(killing.good(results)) == killing.TRIALS
        assert not killing.changed(results, untouched)
        assert any(record.cost.times_resumed for record in killing.good(results).values())
        assert not killing.leftovers(results, Path(temporary))
        assert not killing.left_running(storm.started, lab)
