"""What metrics ask of the dataset alone is found by one trial for all: the same numbers to the bit, in any order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from vaebench.checks.drawings import draw_splits
from vaebench.checks.standin import StandIn
from vaebench.data.cache import Cache
from vaebench.evidence import Evidence
from vaebench.interfaces import Metric, NotApplicable, Split
from vaebench_measures import combined, copying, diversity, generation, representation
from vaebench_measures.distances.frechet import frechet
from vaebench_measures.features import compared
from vaebench_measures.features.components import Components
from vaebench_measures.features.extractor import Cnn

SHAPE = (1, 32, 32)
SPLITS = draw_splits(SHAPE)
ASKED = {metric.name: metric for metric in (*generation.METRICS, *representation.METRICS)}
METRICS: list[type[Metric]] = [
    *generation.METRICS,
    diversity.PairMsSsimGap,
    *copying.METRICS,
    combined.AnomalyGaussian,
    ASKED["svc-pixels-auroc"],
    ASKED["svc-pixels-accuracy"],
    ASKED["svc-pixels-grouped-balanced-accuracy"],
]


def trial(cache: Path | None, quality: str = "good") -> Evidence:
    return Evidence(StandIn(SHAPE, quality), SPLITS, samples=24, dataset="drawn", keep=cache and Cache(cache, "drawn"))  # type: ignore[arg-type]


def answers(evidence: Evidence, metrics: list[type[Metric]]) -> dict[str, object]:
    """To the bit."""
    found: dict[str, object] = {}
    for metric in metrics:
        try:
            score = metric().compute(evidence)
        except NotApplicable as reason:
            found[metric.name] = str(reason)
        else:
            found[metric.name] = score.value.hex(), score.error, score.n, score.variant, list(score.replicates)
    return found


@pytest.fixture(scope="module")
def cold(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, object]]:
    """A filled cache, and what the trial that filled it answered."""
    cache = tmp_path_factory.mktemp("cache")
    return cache, answers(trial(cache), METRICS)


def test_warm_cold_and_without_a_cache_in_any_order_the_answers_are_the_same(
    cold: tuple[Path, dict[str, object]], tmp_path: Path
) -> None:
    cache, first = cold
    assert sum(isinstance(answer, tuple) for answer in first.values()) >= len(METRICS) - 3, "all but the FIDs"
    assert answers(trial(cache), METRICS) == first
    assert answers(trial(cache), METRICS[::-1]) == first
    assert answers(trial(tmp_path), METRICS[::-1]) == first
    assert answers(trial(None), METRICS) == first


def test_files_do_not_depend_on_who_wrote_them(cold: tuple[Path, dict[str, object]], tmp_path: Path) -> None:
    """Neither on the model nor on the order of the metrics."""
    answers(trial(tmp_path, "poor"), METRICS[::-1])
    files = [{path.name: path.read_bytes() for path in folder.glob("*.npz")} for folder in (cold[0], tmp_path)]
    assert files[0] == files[1] and len(files[0]) >= 12


def test_another_model_on_the_same_images_computes_none_of_it_again(
    cold: tuple[Path, dict[str, object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []

    class Watched(Cnn):
        def __call__(self, images: np.ndarray) -> np.ndarray:
            seen.append(len(images))
            return super().__call__(images)

    def never(*_: object) -> None:
        raise AssertionError("computed again")

    watched = Watched()
    monkeypatch.setattr(compared, "instance", lambda extractor: watched)
    monkeypatch.setattr(copying, "instance", lambda extractor: watched)
    monkeypatch.setattr(Components, "of", never)
    monkeypatch.setattr(representation, "svc", never)
    by_inception = [ASKED[name] for name in ("fid", "fid-floor", "fid-floor-halves")]
    found = answers(trial(cold[0], "poor"), [metric for metric in METRICS if metric not in by_inception])
    assert set(seen) == {24, len(SPLITS.test)}, "samples and reconstructions only"
    assert len(seen) == 2, "samples, for distances and for copies, and reconstructions: once each"
    of_model = ("kid", "fd", "fd-pca64", "coverage")
    assert all((found[name] == cold[1][name]) == (name not in of_model) for name in ("kid-floor", *of_model))


def test_floors_of_halves_share_no_patient_and_have_as_many_images_as_there_are_samples(evidence, split) -> None:
    test: Split = split(120, side=8)
    build = evidence(test, split(80, side=8, seed=1), samples=torch.rand(40, 1, 8, 8).numpy())
    one, other = ASKED["fd-pca64-floor-halves"]().sets(build)
    assert (len(one.rows), len(other.rows)) == (40, 60)
    whole = ASKED["fd-pca64"]().features(build, "test")
    rows = [{int(np.flatnonzero((whole == row).all(1))[0]) for row in half.rows} for half in (one, other)]
    assert len(rows[0]) == 40 and len(rows[1]) == 60
    assert not {test.groups[row] for row in rows[0]} & {test.groups[row] for row in rows[1]}
    score = ASKED["fd-pca64-floor-halves"]().compute(build)
    assert (score.n, score.variant.partition(",")[0]) == (40, "40 vs 60")
    assert score.value == frechet(one.rows, other.rows)


def test_halves_of_one_kind_are_no_further_apart_than_chance_has_it(evidence, split) -> None:
    build = evidence(split(240, side=8), split(200, side=8, seed=1), samples=torch.rand(100, 1, 8, 8).numpy())
    for metric in (ASKED["kid-floor-halves"], ASKED["kid-pca64-floor-halves"]):
        score = metric().compute(build)
        assert abs(score.value) < 3 * score.error


def test_too_few_test_images_make_no_halves(evidence, split) -> None:
    build = evidence(split(20, side=8), split(80, side=8, seed=1), samples=torch.rand(40, 1, 8, 8).numpy())
    with pytest.raises(NotApplicable, match="10 images in half of the test split are too few"):
        ASKED["fd-floor-halves"]().compute(build)
