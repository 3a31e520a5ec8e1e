"""Which images a model is shown while it trains, films included."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from laboratory import Lab, job, run_job

from vaebench.components.registry import registry
from vaebench.data.prepare import open_splits
from vaebench.interfaces import Split
from vaebench.running.worker import Attempt


class Stop(Exception):
    """The training is over."""


@pytest.mark.parametrize("regime", ["all", "healthy"])
def test_a_model_sees_no_test_image_while_it_trains(
    lab: Lab, tmp_path: Path, regime: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def judge(*_: object) -> None:
        raise Stop

    monkeypatch.setattr(Attempt, "judge", judge)
    work = job(tmp_path, "witness", regime=regime)
    seen = registry().get("models", "witness").component.seen
    seen.clear()
    record = run_job(work)
    assert record.error and "Stop" in record.error.message

    def bytes_of(split: Split) -> set[bytes]:
        return {image.tobytes() for image in np.asarray(split.images)}

    splits = open_splits(work.data)
    assert not seen & bytes_of(splits.test)
    assert seen & bytes_of(splits.train) and seen & bytes_of(splits.val), "it was shown images, and filmed"
    assert seen <= bytes_of(splits.train) | bytes_of(splits.val)
    if regime == "healthy":  # a diseased image has a pixel of 255
        assert not any(255 in image for image in seen & bytes_of(splits.train))
