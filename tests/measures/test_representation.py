"""The SVC against scikit-learn's, and what it answers where codes say nothing."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import ortho_group
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, f1_score, roc_auc_score
from sklearn.svm import SVC

from vaebench.interfaces import NotApplicable, Split
from vaebench_measures.classifiers.learning import apart, learn, probe, stratified
from vaebench_measures.classifiers.predictions import Predictions, balanced_accuracy, macro_auroc, macro_f1
from vaebench_measures.classifiers.svc import svc
from vaebench_measures.features.pixels import flat
from vaebench_measures.representation import METRICS

ASKED = {metric.name: metric() for metric in METRICS}
SvcAccuracy, SvcBalancedAccuracy = type(ASKED["svc-accuracy"]), type(ASKED["svc-balanced-accuracy"])


def clouds(count: int, classes: int, features: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Overlapping Gaussian clouds far from the origin, of unequal size."""
    random = np.random.default_rng(seed)
    labels = random.choice(classes, count, p=np.arange(1, classes + 1) / sum(range(classes + 1)))
    centres = np.random.default_rng(99).normal(0, 1.5 / np.sqrt(features), (classes, features))
    return 5 + centres[labels] + random.normal(0, 1, (count, features)) / np.sqrt(features) * 2, labels


@pytest.mark.parametrize(("classes", "features"), [(2, 3), (2, 200), (5, 16)])
def test_the_svc_answers_as_scikit_learn_does(classes, features):
    train, labels = clouds(300, classes, features, 0)
    test, _ = clouds(400, classes, features, 1)
    oracle = SVC(class_weight="balanced").fit(train, labels)
    answers = svc(train, labels, test)
    assert np.array_equal(answers.labels, oracle.predict(test))
    decisions = oracle.decision_function(test)
    expected = decisions if classes > 2 else np.stack([-decisions, decisions], 1)
    assert answers.decisions == pytest.approx(expected, abs=2e-3)
    assert len(np.unique(answers.labels)) == classes


def uniform(train: np.ndarray, *others: np.ndarray) -> list[np.ndarray]:
    """Centred, and divided by one number."""
    return [(x - train.mean(0)) / np.sqrt(train.var(0).mean()) for x in (train, *others)]


@pytest.mark.parametrize("fit", [svc, probe])
def test_neither_rotation_nor_scale_nor_place_of_the_codes_changes_a_prediction(fit):
    """Columns of unequal spread: standardised one by one, a rotation would change what a classifier sees."""
    spread = np.geomspace(1, 0.03, 12)
    train, labels = clouds(300, 3, 12, 0)
    test, _ = clouds(400, 3, 12, 1)
    train, test = train * spread, test * spread
    turn = ortho_group.rvs(12, random_state=0)
    plain = learn(fit, train, labels, test, scale=True)
    for change in (lambda x: x @ turn, lambda x: 1000 * x, lambda x: 1e-3 * x - 7):
        other = learn(fit, change(train), labels, change(test), scale=True)
        assert np.array_equal(plain.labels, other.labels)
        assert plain.decisions == pytest.approx(other.decisions, abs=5e-3)
    columns = (
        [x / train.std(0) for x in (train, test)],
        [x / (train @ turn).std(0) for x in (train @ turn, test @ turn)],
    )
    said = [fit(one.astype(np.float64), labels, other).labels for one, other in columns]
    assert not np.array_equal(*said), "what version 1 did"


def test_the_metrics_are_scikit_learns_on_the_codes(evidence, split):
    train, test = split(120, classes=3, seed=1), split(90, classes=3, seed=2)
    for part in (train, test):
        part.images[:, 0, :3, 0] //= 2
        part.images[np.arange(len(part)), 0, part.labels, 0] += 100
    build = evidence(test, train, encode=lambda x: 1000 * x[:, 0, :6, 0])
    codes = [x.images[:, 0, :6, 0] / 255 * 1000 for x in (train, test)]
    one, other = uniform(*codes)
    said = SVC(class_weight="balanced").fit(one, train.labels).predict(other)
    accuracy, balanced = SvcAccuracy().compute(build), SvcBalancedAccuracy().compute(build)
    assert accuracy.value == np.mean(said == test.labels)
    assert balanced.value == pytest.approx(balanced_accuracy_score(test.labels, said))
    assert 0.4 < balanced.value < 1
    assert len(balanced.replicates) == 200
    assert 0 < balanced.error < 0.15


@pytest.mark.parametrize("encode", [lambda x: torch.full((len(x), 4), 0.1), lambda x: x.new_zeros(len(x), 0)])
def test_codes_that_say_nothing_get_the_majoritys_answer(evidence, split, encode):
    train, test = split(50, classes=3), split(30, classes=3)
    train.labels[:20] = 2
    build = evidence(test, train, encode=encode)
    assert SvcAccuracy().compute(build).value == np.mean(test.labels == 2)
    assert SvcBalancedAccuracy().compute(build).value == pytest.approx(1 / 3)


def test_one_label_in_training_is_a_reason(evidence, split):
    train = split(20)
    with pytest.raises(NotApplicable, match="fewer than two classes"):
        SvcAccuracy().compute(evidence(split(20, seed=1), train.take(train.labels == 0)))


def test_nan_codes_are_a_reason(evidence, split):
    with pytest.raises(NotApplicable, match="NaN"):
        SvcAccuracy().compute(evidence(split(20), encode=lambda x: x.flatten(1) * float("nan")))


def test_labels_without_meaning_are_guessed(evidence, split):
    score = SvcBalancedAccuracy().compute(evidence(split(400, side=4, seed=1), split(400, side=4, seed=2)))
    assert abs(score.value - 0.5) < 3 * score.error


def test_the_numbers_agree_with_scikit_learn_where_classes_lack():
    truth, said = np.array([0, 0, 2, 2, 2, 5]), np.array([0, 1, 2, 2, 5, 5])
    answers = Predictions(said, np.zeros((6, 4)), np.array([0, 1, 2, 5]))
    with pytest.warns(UserWarning):
        assert balanced_accuracy(truth, answers) == pytest.approx(balanced_accuracy_score(truth, said))
    assert macro_f1(truth, answers) == pytest.approx(f1_score(truth, said, average="macro"))


def test_macro_auroc_is_scikit_learns_one_class_against_the_rest():
    random = np.random.default_rng(0)
    truth, raw = random.integers(0, 3, 60), random.random((60, 3))
    shares = raw / raw.sum(1, keepdims=True)
    said = Predictions(truth, shares, np.arange(3))
    assert macro_auroc(truth, said) == pytest.approx(roc_auc_score(truth, shares, multi_class="ovr"))
    assert macro_auroc(truth, Predictions(truth, np.pad(shares, ((0, 0), (0, 1))), np.arange(4))) == macro_auroc(
        truth, said
    )
    assert np.isnan(macro_auroc(np.zeros(5, int), said[np.arange(5)]))


def marked(split: Split) -> Split:
    """A bright corner in half of the rows of class 1: something to learn, not all of it."""
    split.images[(split.labels == 1) & (np.arange(len(split)) % 4 < 2), :, :4, :4] = 255
    return split


def test_every_question_is_asked_of_its_own_source(evidence, split):
    train, test = marked(split(160, side=8, seed=1)), marked(split(120, side=8, seed=2))
    build = evidence(test, train, encode=lambda x: x[:, 0, 0, 4:], reconstruct=lambda x: 0 * x + x[:, :, :1, :1])
    scores = {name: metric.compute(build) for name, metric in ASKED.items() if name.endswith("balanced-accuracy")}
    sees, blind = scores["svc-pixels-balanced-accuracy"], scores["svc-balanced-accuracy"]
    assert sees.value > 0.65 > blind.value
    assert scores["svc-decoded-balanced-accuracy"].value > 0.65
    assert abs(scores["probe-balanced-accuracy"].value - 0.5) < 4 * scores["probe-balanced-accuracy"].error
    pixels = [flat(part.images / np.float32(255)) for part in (train, test)]
    oracle = SVC(class_weight="balanced").fit(pixels[0], train.labels)
    assert sees.value == pytest.approx(balanced_accuracy_score(test.labels, oracle.predict(pixels[1])))
    area = ASKED["svc-pixels-auroc"].compute(build).value
    assert area == pytest.approx(roc_auc_score(test.labels, oracle.decision_function(pixels[1])), abs=1e-3)


def test_the_probe_is_scikit_learns(evidence, split):
    train, test = marked(split(160, side=8, seed=1)), marked(split(120, side=8, seed=2))
    codes = [flat(part.images / np.float32(255)) for part in (train, test)]
    one, other = uniform(*(x.astype(float) for x in codes))
    said = LogisticRegression(class_weight="balanced", max_iter=2000).fit(one, train.labels).predict(other)
    assert ASKED["probe-accuracy"].compute(evidence(test, train)).value == np.mean(said == test.labels)


def test_the_majority_is_trainings(evidence, split):
    train, test = split(30, classes=3), split(30, classes=3)
    train.labels[:15] = 1
    test.labels[:] = [1, 0, 0] * 10
    assert ASKED["majority-accuracy"].compute(evidence(test, train)).value == pytest.approx(1 / 3)


def test_a_split_by_group_shares_no_patient_and_its_answers_are_judged_by_their_own_labels(evidence, split):
    groups = np.repeat(np.arange(50), 3)
    taught, judged = apart(groups)
    assert not set(groups[taught]) & set(groups[judged])
    assert len(judged) == 30 and len(taught) == 120
    train = split(200, side=4, seed=1)
    train.images[train.labels == 1] //= 3
    build = evidence(split(20, side=4, seed=2), train, reconstruct=lambda x: 0 * x + x.mean((1, 2, 3), keepdim=True))
    for name in ("svc-grouped-accuracy", "svc-pixels-grouped-accuracy", "svc-decoded-grouped-accuracy"):
        score = ASKED[name].compute(build)
        assert score.value > 0.9
        assert score.n == 40


def test_large_images_are_averaged_down_and_the_column_says_so(evidence, split):
    assert flat(np.full((2, 3, 128, 128), 0.5, np.float32)).shape == (2, 3 * 64 * 64)
    stripes = np.tile(np.array([0, 1], np.float32), 64)[None, None, None].repeat(128, 2)
    assert np.allclose(flat(stripes), 0.5)
    large = evidence(split(12, side=66), split(12, side=66, seed=1))
    assert ASKED["svc-pixels-accuracy"].compute(large).variant == "64 px"
    assert ASKED["svc-accuracy"].compute(large).variant == ""

    assert len(ASKED) == 29 and all(metric.__doc__ and metric.title for metric in METRICS)


def test_a_subsample_keeps_the_shares_and_loses_no_class():
    labels = np.repeat([7, 1, 4], [900, 99, 1])
    rows = stratified(labels, cap=100)
    kept = dict(zip(*np.unique(labels[rows], return_counts=True), strict=True))
    assert kept[4] == 1 and abs(kept[1] - 10) <= 1 and sum(kept.values()) == 100
    assert np.array_equal(rows, np.unique(rows))
    assert np.array_equal(rows, stratified(labels, cap=100))
    assert np.array_equal(stratified(labels, cap=5000), np.arange(1000))


def test_a_split_without_images_is_a_reason(evidence, split):
    empty: Split = split(20).take(np.arange(0))
    with pytest.raises(NotApplicable):
        evidence(empty, split(20)).labels("test")
