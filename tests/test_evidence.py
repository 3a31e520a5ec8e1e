"""Evidence: computed once, shared by all metrics, deterministic, with patients drawn whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from vaebench.evidence import Evidence
from vaebench.interfaces import At, Metric, Model, NotApplicable, Objective, Score, Split, Splits
from vaebench.judging.measure import measure
from vaebench.patients import DRAWS, patient_draws
from vaebench.records.record import Part


class Dim(Model):
    """Answers with half the brightness, and counts how often it is asked."""

    name = "dim"
    version = 1

    def __init__(self) -> None:
        super().__init__((1, 8, 8), None)
        self.scale = nn.Parameter(torch.tensor(0.5))
        self.asked: Counter[str] = Counter()
        self.sick = False

    def objectives(self, x: Tensor, at: At) -> Iterator[Mapping[str, Objective]]:
        yield {"all": (self.scale * x).mean()}

    def encode(self, x: Tensor) -> Tensor:
        self.asked["encode"] += len(x)
        return x.flatten(1)[:, :3]

    def reconstruct(self, x: Tensor) -> Tensor:
        self.asked["reconstruct"] += len(x)
        return x / 0 if self.sick else x * self.scale

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        self.asked["sample"] += n
        return torch.rand((n, *self.shape), generator=generator)

    def scores(self, x: Tensor) -> dict[str, Tensor]:
        return {"brightness": x.mean(dim=(1, 2, 3))}


def split(patients: int, each: int = 3, seed: int = 0) -> Split:
    generator, n = np.random.default_rng(seed), patients * each
    healthy = np.arange(n) % 2 == 0
    images = generator.integers(0, 256, (n, 1, 8, 8), dtype=np.uint8)
    return Split(images, healthy.astype(int), np.repeat([f"{seed}-{i}" for i in range(patients)], each), healthy)


def evidence(model: Model | None = None, **options: object) -> Evidence:
    splits = Splits(train=split(20, seed=1), test=split(10, seed=2), val=split(4, seed=3))
    return Evidence(model or Dim(), splits, **{"samples": 10, "dataset": "xray", **options})  # type: ignore[arg-type]


def test_answers_are_those_of_the_model_in_the_order_of_the_rows() -> None:
    seen = evidence(batch=7)  # not a divisor of 30
    images = seen.splits["test"].images.astype(np.float32) / 255
    np.testing.assert_allclose(seen.images("test"), images)
    np.testing.assert_allclose(seen.reconstructions("test"), images / 2)
    np.testing.assert_allclose(seen.codes("test"), images.reshape(30, -1)[:, :3])
    np.testing.assert_allclose(seen.residuals("test"), np.square(images / 2).mean((1, 2, 3)), rtol=1e-5)
    np.testing.assert_allclose(seen.scores("test")["brightness"], images.mean((1, 2, 3)), rtol=1e-5)
    assert not seen.model.training


def test_a_model_that_answers_for_fewer_images_is_an_error() -> None:
    model = Dim()
    model.reconstruct = lambda x: x[:1]  # type: ignore[method-assign]
    model.scores = lambda x: {"brightness": x.mean().reshape(1)}  # type: ignore[method-assign]
    with pytest.raises(ValueError, match="1 reconstructions for 30 images"):
        evidence(model).residuals("test")
    with pytest.raises(ValueError, match="1 brightness for 30 images"):
        evidence(model).scores("test")


def test_labels_are_told_in_the_datasets_words() -> None:
    seen = evidence(classes=("normal", "viral"))
    assert [seen.class_name(label) for label in (0, 1, 2, -1)] == ["normal", "viral", "2", "-1"]


def test_everything_is_computed_once_and_shared() -> None:
    model = Dim()
    seen = evidence(model)
    for _ in range(3):
        assert seen.codes("test") is seen.codes("test")
        seen.residuals("test")
        seen.reconstructions("test")
        seen.samples()
    assert model.asked == {"encode": 60, "reconstruct": 60, "sample": 10}  # each of 30 once more, in other company
    calls: list[int] = []
    assert [seen.once("mine", lambda: calls.append(1)) for _ in range(2)] == [None, None]
    assert len(calls) == 1


def test_a_question_without_an_answer_is_remembered_with_its_reason() -> None:
    seen, calls = evidence(), []

    def never() -> None:
        calls.append(1)
        raise NotApplicable("no prior")

    for _ in range(2):
        with pytest.raises(NotApplicable, match="no prior"):
            seen.once("never", never)
    assert len(calls) == 1


def test_a_refusal_leaves_gradients_on() -> None:
    seen = evidence()
    for ask in (seen.posterior, seen.rates, lambda name: seen.bounds(name, 1)):
        with pytest.raises(NotApplicable, match="the model"):
            ask("test")
        assert not torch.is_inference_mode_enabled()


def test_samples_depend_on_the_seed_alone() -> None:
    torch.manual_seed(1)
    first = evidence(seed=3).samples()
    torch.manual_seed(2)
    np.testing.assert_array_equal(evidence(seed=3).samples(), first)
    assert first.shape == (10, 1, 8, 8)
    assert not np.array_equal(evidence(seed=4).samples(), first)


def test_a_preset_without_samples_has_none() -> None:
    with pytest.raises(NotApplicable, match="requests no samples"):
        evidence(samples=0).samples()


def changed(**columns: object) -> Evidence:
    seen = evidence()
    seen.splits["test"] = Split(**{**vars(seen.splits["test"]), **columns})
    return seen


def test_what_is_missing_is_said() -> None:
    n = len(evidence().splits["test"])
    everyone = np.ones(n, bool)
    for ask, columns, reason in (
        (Evidence.labels, {"labels": np.ones(n, int)}, "the test images belong to fewer than two classes"),
        (Evidence.masks, {}, "the dataset has no anomaly masks"),
        (Evidence.boxes, {}, "the dataset has no finding boxes"),
        (Evidence.health, {"healthy": None, "diseased": None}, "the dataset does not say which images are healthy"),
        (
            Evidence.health,
            {"healthy": everyone, "diseased": None},
            "the test images do not include both healthy and diseased ones",
        ),
        (
            Evidence.health,
            {"healthy": ~everyone, "diseased": everyone},
            "the test images do not include both healthy and",
        ),
    ):
        with pytest.raises(NotApplicable, match=reason):
            ask(changed(**columns), "test")
    seen = evidence()
    seen.splits["train"] = seen.splits["train"].take(np.arange(1))
    with pytest.raises(NotApplicable, match="the training images belong to fewer than two classes"):
        seen.labels("train")
    with pytest.raises(NotApplicable, match="no more split"):
        seen.images("more")
    seen.splits["val"] = seen.splits["val"].take(np.arange(0))
    with pytest.raises(NotApplicable, match="val split contains no images"):
        seen.codes("val")


def test_what_is_known_of_a_split_is_given_as_it_is() -> None:
    seen = evidence()
    test = seen.split("test")
    assert seen.labels("test") is test.labels
    healthy, diseased = seen.health("test")
    assert healthy is test.healthy and diseased is test.diseased
    masks, boxes = np.zeros((len(test), 8, 8), bool), np.full((len(test), 1, 4), np.nan, np.float32)
    assert changed(masks=masks).masks("test") is masks
    assert np.array_equal(changed(boxes=boxes).boxes("test"), boxes, equal_nan=True)


def test_patients_are_drawn_whole_and_the_same_for_every_model() -> None:
    groups = np.repeat(["a", "b", "c", "d"], [1, 2, 3, 4])
    draws = list(patient_draws(groups, "xray"))
    assert len(draws) == DRAWS
    for draw in draws:
        times = Counter(draw.tolist())
        for patient in "abcd":
            rows = np.flatnonzero(groups == patient)
            assert len({times[row] for row in rows}) == 1, "all of a patient's images or none, each as often"
        assert sum(times[np.flatnonzero(groups == patient)[0]] for patient in "abcd") == 4
    again = list(patient_draws(groups, "xray"))
    assert all(np.array_equal(one, two) for one, two in zip(draws, again, strict=True))
    other = list(patient_draws(groups, "oct"))
    assert not all(np.array_equal(one, two) for one, two in zip(draws, other, strict=True))


def test_two_models_get_their_replicates_from_the_same_patients() -> None:
    one, two = evidence(Dim(), seed=1), evidence(Dim(), seed=2)
    with torch.no_grad():
        two.model.scale.fill_(1.0)  # type: ignore[operator]
    better = np.linspace(0, 1, 30)
    difference = np.subtract(one.per_image(better + 5).replicates, two.per_image(better).replicates)
    np.testing.assert_allclose(difference, 5)


def test_the_bootstrap_error_is_near_the_analytic_one() -> None:
    patients, each = 400, 3
    generator = np.random.default_rng(0)
    values = np.repeat(generator.normal(size=patients), each) + 0.1 * generator.normal(size=patients * each)
    test = split(patients, each)
    score = Evidence(Dim(), Splits(train=split(2), test=test), dataset="xray").per_image(values)
    means = values.reshape(patients, each).mean(1)
    by_patient = means.std(ddof=1) / patients**0.5
    by_image = values.std(ddof=1) / (patients * each) ** 0.5
    assert score.value == pytest.approx(values.mean())
    assert score.error == pytest.approx(by_patient, rel=0.15)
    assert score.error > 1.4 * by_image, "images of one patient are no independent witnesses"
    assert score.n == patients * each
    assert len(score.replicates) == DRAWS


class Residual(Metric):
    name = "residual"
    version = 2
    title = "Residual"
    better = "lower"

    def compute(self, evidence: Evidence) -> Score:
        return evidence.per_image(evidence.residuals("test"))


class Odd(Residual):
    """Answers in the number types of NumPy."""

    def compute(self, evidence: Evidence) -> Score:
        return Score(np.float32(0.5), np.float32(0.25), n=np.int64(3), replicates=np.array([0.5, np.nan]))  # type: ignore[arg-type]


class ByPart(Residual):
    def compute(self, evidence: Evidence) -> Score:
        parts = {"left": Score(np.float32(0.25), 0.5, n=np.int64(3)), "lost": Score(float("nan"))}  # type: ignore[arg-type]
        return Score(0.5, parts=parts)


class Broken(Residual):
    def compute(self, evidence: Evidence) -> Score:
        raise ValueError("the labels are odd")


class Infinite(Residual):
    def compute(self, evidence: Evidence) -> float:
        return float("inf")


class Healthy(Residual):
    regime = "healthy"


def test_a_cell_says_what_it_is() -> None:
    cell = measure(Residual(), evidence(), "all")
    assert cell.value == pytest.approx(evidence().residuals("test").mean())
    assert (cell.title, cell.version, cell.better, cell.n) == ("Residual", 2, "lower", 30)
    assert len(cell.replicates) == DRAWS


def test_nan_of_a_model_becomes_a_dash_with_a_reason() -> None:
    model = Dim()
    model.sick = True
    cell = measure(Residual(), evidence(model), "all")
    assert cell.value is None
    assert "reconstructions contain" in cell.reason
    assert "NaN" in cell.reason


@pytest.mark.parametrize(
    ("metric", "reason"),
    [
        (Broken, "failed: ValueError: the labels are odd"),
        (Infinite, "the metric's value is inf"),
        (Healthy, "this metric applies only to models trained on healthy images"),
    ],
)
def test_a_metric_without_an_answer_has_a_reason(metric: type[Metric], reason: str) -> None:
    cell = measure(metric(), evidence(), "all")
    assert (cell.value, cell.reason) == (None, reason)


def test_numbers_of_numpy_are_numbers_of_json() -> None:
    cell = measure(Odd(), evidence(), "all")
    assert [(n, type(n)) for n in (cell.value, cell.error, cell.n)] == [(0.5, float), (0.25, float), (3, int)]
    assert cell.replicates == [0.5, None]


def test_parts_stand_beside_the_value_and_those_without_a_number_do_not() -> None:
    cell = measure(ByPart(), evidence(), "all")
    assert cell.parts == {"left": Part(0.25, 0.5, 3)}
    assert not measure(Residual(), evidence(), "all").parts
