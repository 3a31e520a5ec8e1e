"""The kit finds each fault that is put into a metric, by the check that is meant for it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from vaebench.checks import metrics
from vaebench.interfaces import Metric, NotApplicable, Score


class Squared(Metric):
    """An honest metric."""

    name = "squared"
    version = 1
    title = "squared error"
    verdict = "reconstruction"
    better = "lower"

    def compute(self, evidence):
        return evidence.per_image(evidence.residuals("test"))


def test_an_honest_metric_passes_everything(verdicts):
    assert verdicts(Squared) == {}
    assert verdicts(Squared, "skipped") == {}


FAULTS: list[tuple[type[Metric], set[str]]] = []


def fault(*checks: str):
    def note(metric: type[Metric]) -> type[Metric]:
        FAULTS.append((metric, set(checks)))
        return metric

    return note


@fault("described")
class UnknownVerdict(Squared):
    verdict = "beauty"


@fault("direction")
class WrongWay(Squared):
    better = "higher"


@fault("repeats")
class Random(Squared):
    def compute(self, evidence):
        residuals = evidence.residuals("test")
        return float(np.random.choice(residuals, len(residuals)).mean())


@fault("repeats")
class RandomReplicates(Squared):
    def compute(self, evidence):
        return Score(super().compute(evidence).value, replicates=list(np.random.rand(3)))


@fault("keeps-evidence")
class Sorts(Squared):
    def compute(self, evidence):
        evidence.codes("test").sort(axis=0)
        return super().compute(evidence)


@fault("lesser-evidence", "not-a-number")
class NeverNotApplicable(Squared):
    """Goes around the evidence, which would have refused."""

    def compute(self, evidence):
        x = torch.from_numpy(evidence.splits["test"].images / np.float32(255))
        return float((x - evidence.model.reconstruct(x)).square().mean())


@fault("not-a-number")
class ZeroForNan(NeverNotApplicable):
    def compute(self, evidence):
        evidence.split("test")
        return float(np.nan_to_num(super().compute(evidence)))


@fault("lesser-evidence")
class NeedsTwoClasses(Squared):
    verdict = "representation"

    def compute(self, evidence):
        labels = evidence.split("test").labels
        residuals = evidence.residuals("test")
        return float(residuals[labels == 1].mean() - residuals[labels == 0].mean())


@fault("answers", "repeats", "keeps-evidence", "direction", "not-a-number", "lesser-evidence")
class SaysNothing(Squared):
    def compute(self, evidence):
        return None


@fault("answers", "repeats", "keeps-evidence", "direction", "not-a-number", "lesser-evidence")
class GivesNoReason(Squared):
    def compute(self, evidence):
        raise NotApplicable


@pytest.mark.parametrize(("metric", "checks"), FAULTS, ids=[metric.__name__ for metric, _ in FAULTS])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_fault_is_found_by_its_check_and_no_other(verdicts, metric, checks):
    assert set(verdicts(metric)) == checks


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_the_reason_says_what_was_missing(verdicts):
    assert verdicts(NeedsTwoClasses)["lesser-evidence"][0].startswith("with one test image: the value is nan")


class Absent(Squared):
    def compute(self, evidence):
        raise NotApplicable("the extractor's weights are not there")


def test_a_metric_that_cannot_be_computed_here_is_skipped_with_its_reason(verdicts):
    assert verdicts(Absent) == {}
    assert verdicts(Absent, "skipped")["answers"] == ["the extractor's weights are not there"]


def test_the_stand_ins_are_what_they_claim():
    """The good one separates healthy from diseased by its residual, the poor one hardly."""
    good, poor = (metrics.Asked(Squared, {}).evidence(quality) for quality in ("good", "poor"))
    sick = good.split("test").labels > 0
    separates = [roc_auc_score(sick, each.residuals("test")) for each in (good, poor)]
    assert separates[0] > 0.8 > separates[1]
    assert good.residuals("test").mean() < 0.1 * poor.residuals("test").mean()
