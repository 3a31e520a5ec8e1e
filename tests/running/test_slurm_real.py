"""The faults of `test_slurm.py`, on a real Slurm."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
import slurm_real
from laboratory import Lab
from running.test_slurm import (
    hold,
    test_a_driver_that_was_killed_is_followed_by_one_that_submits_nothing,
    test_a_pilot_that_is_struck_goes_on_from_a_checkpoint,
    test_closing_cancels_the_pilots_and_keeps_what_was_trained,
)

from vaebench.running.executors import slurm

__all__ = [
    "hold",
    "test_a_driver_that_was_killed_is_followed_by_one_that_submits_nothing",
    "test_a_pilot_that_is_struck_goes_on_from_a_checkpoint",
    "test_closing_cancels_the_pilots_and_keeps_what_was_trained",
]
pytestmark = [pytest.mark.slurm, pytest.mark.skipif(bool(slurm_real.missing()), reason=slurm_real.missing())]


@pytest.fixture(scope="module")
def there(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[slurm_real.Cluster]:
    with slurm_real.cluster(tmp_path_factory.mktemp("slurm")) as made:
        yield made


@pytest.fixture(autouse=True)
def quick(there: slurm_real.Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(there.folder / "bin"), prepend=os.pathsep)
    monkeypatch.setattr(slurm, "PAUSE", 0.5)
