"""A healthy training sees no diseased image and none that thresholds are set on, and shares no patient with these."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from laboratory import Lab, job, run_job, suite
from records_made import made, record

from vaebench.components.registry import registry
from vaebench.data.cache import Cache
from vaebench.data.prepare import columns, digest_of, open_splits
from vaebench.data.regimes import KEPT_OUT, keep_out, training_rows
from vaebench.data.splits import limited
from vaebench.interfaces import Split, Splits
from vaebench.planning.plan import Request, make_plan
from vaebench.records import store
from vaebench.running import sweep, worker
from vaebench.trial import REGIME_VERSIONS


def people(count: int = 400, seed: int = 0) -> Split:
    """One to four images of each patient, every third image diseased; its pixels are its number."""
    groups = np.repeat(np.arange(count), np.random.default_rng(seed).integers(1, 5, count))
    n = len(groups)
    pixels = np.arange(n, dtype=np.uint32).view(np.uint8).reshape(n, 1, 2, 2)
    diseased = np.random.default_rng(seed + 1).random(n) < 1 / 3
    return Split(pixels, diseased.astype(int), groups, healthy=~diseased)


def marked(train: Split, dataset: str = "people") -> Split:
    return keep_out(Splits(train=train, test=train), dataset).train


def test_a_fifth_of_the_healthy_images_is_kept_out_by_patient() -> None:
    train = marked(people())
    assert train.kept_out is not None and train.healthy is not None
    seen, held = training_rows(train, "healthy"), np.flatnonzero(train.kept_out & train.healthy)
    assert train.healthy[seen].all()
    assert sorted([*seen, *held]) == np.flatnonzero(train.healthy).tolist(), "each healthy image is in one of the two"
    assert not np.intersect1d(train.groups[seen], train.groups[held]).size
    assert KEPT_OUT - 0.01 < len(held) / train.healthy.sum() <= KEPT_OUT
    assert len(training_rows(train, "all")) == len(train)


def test_the_same_patients_are_kept_out_whatever_the_rows_their_order_and_their_limit() -> None:
    whole = people()
    train = marked(whole)
    assert train.kept_out is not None
    held = set(train.groups[train.kept_out])
    mixed = np.random.default_rng(5).permutation(len(whole))
    again = marked(whole.take(mixed))
    assert again.kept_out is not None and set(again.groups[again.kept_out]) == held
    for seed in range(3):
        part = limited(keep_out(Splits(train=whole, test=whole), "people"), {"train": 200}, "people", seed).train
        assert part.kept_out is not None
        assert np.array_equal(part.kept_out, np.isin(part.groups, sorted(held)))
    other = marked(whole, "others")
    assert other.kept_out is not None and set(other.groups[other.kept_out]) != held


def test_training_always_keeps_somebody() -> None:
    for count in range(1, 8):
        train = marked(people(count).take(np.arange(count)))
        assert train.healthy is not None
        assert len(training_rows(train, "healthy")) >= 0.8 * train.healthy.sum()
    with pytest.raises(ValueError, match="has not marked"):
        training_rows(people(), "healthy")


@pytest.mark.parametrize("regime", ["healthy", "all"])
def test_what_a_trial_shows_its_model_and_what_it_sets_thresholds_on(
    tmp_path: Path, lab: Lab, monkeypatch: pytest.MonkeyPatch, regime: str
) -> None:
    """Every image is unlike every other, so that those seen can be told."""
    seen: set[bytes] = set()
    spy: Any = registry().get("models", "spy").component
    plain = spy.objectives

    def objectives(self: Any, x: Any, at: Any) -> Any:
        seen.update(image.tobytes() for image in (x * 255).round().byte().numpy())
        return plain(self, x, at)

    def fit(self: Any, images: Any) -> None:
        seen.update(image.tobytes() for image in (images[:] * 255).round().byte().numpy())

    monkeypatch.setattr(spy, "objectives", objectives)
    monkeypatch.setattr(spy, "fit", fit)
    evidence: list[Any] = []
    plain_evidence = worker.Evidence
    monkeypatch.setattr(
        worker, "Evidence", lambda *given, **named: evidence.append(plain_evidence(*given, **named)) or evidence[-1]
    )
    asked = job(tmp_path, "spy", regime=regime, steps=40)
    made = run_job(asked)
    assert made.status == "ok", made.error
    splits = open_splits(asked.data)
    train = splits.train
    assert train.healthy is not None and not seen & {image.tobytes() for image in splits.test.images}
    if regime == "all":
        assert seen == {image.tobytes() for image in train.images}
        assert "calibration" not in evidence[0].splits and "regime all" not in made.inputs.components
        return
    calibration = evidence[0].split("calibration")
    held = {image.tobytes() for image in calibration.images}
    assert calibration.healthy.all() and len(calibration) == int(KEPT_OUT * train.healthy.sum())
    assert seen | held == {image.tobytes() for image in train.images[train.healthy]} and not seen & held
    assert made.inputs.components["regime healthy"] == REGIME_VERSIONS["healthy"]
    assert Cache(tmp_path, "x").digest("train", evidence[0].split("train")) == digest_of(columns(train)), (
        "what is kept of a dataset serves both regimes"
    )


def test_records_of_an_older_regime_are_outdated(tmp_path: Path, lab: Lab) -> None:
    asked = job(tmp_path, regime="healthy")
    made = run_job(asked)
    request = Request(asked.results, tmp_path, source="phantom")
    plan = replace(make_plan(suite(), request), settings=asked.settings, trials=(asked.trial,))
    assert sweep.find_done(plan).done == {asked.trial.id: store.read(asked.sink.path(asked.trial))}
    del made.inputs.components["regime healthy"]
    store.write(asked.sink.path(asked.trial), made)
    assert sweep.find_done(plan).todo == [asked.trial]
    assert not sweep.find_done(plan).trained


def test_a_board_hides_records_of_an_older_regime() -> None:
    old = record("old", {"auroc": 0.9}, regime="healthy")
    new = record("new", {"auroc": 0.7}, regime="healthy", components={"regime healthy": 2})
    found = made([old, new, record("old", {"psnr": 20.0})], versions={"regime healthy": 2})
    assert [h.reason for h in found.hidden] == ["regime healthy version 1, but version 2 is installed"]
