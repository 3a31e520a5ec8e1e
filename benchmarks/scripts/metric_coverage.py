"""Check the errors of a single checkpoint's metrics on test sets drawn from populations with known true values.

    OMP_NUM_THREADS=1 python benchmarks/scripts/metric_coverage.py [--runs 1000] [--worlds NAME ...] [--pairs]

Every run simulates random patients with images, computes the metrics with `Evidence` as a trial does, and computes the
95 % interval that a board shows for one seed. The script prints how often the interval contains the value from a
million images. In these populations, the variance between patients equals that between images of one patient, and all
images of a patient have the same health and class. Sensitivity is compared with two true values: that at the threshold
from the validation images, which the error takes as given, and that at the population's threshold, although the error
does not include the uncertainty of estimating this threshold. The interval of KID is computed twice: from the error in
the record, and from the replicates, as on boards. With `--pairs`, the script instead prints how often KID claims, at
the 5 % level, that one of two equally good models is better, both judged on the same test images.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from itertools import product
from typing import NamedTuple

import numpy as np

from vaebench.evidence import Evidence
from vaebench.interfaces import Model, Score, Split, Splits
from vaebench.leaderboard.statistics import Sample, estimate
from vaebench.patients import patient_draws
from vaebench_measures.classifiers.predictions import Predictions, balanced_accuracy
from vaebench_measures.classifiers.ranking import auroc, average_precision
from vaebench_measures.distances.cloud import Cloud
from vaebench_measures.distances.kernels import by_kernel, under_draws

ILL, SHARES = 0.6, np.array([0.5, 0.3, 0.2])
MILLION = 1_000_000
FEATURES, SAMPLES = 16, 300


class World(NamedTuple):
    patients: int
    more: float
    """Mean number of images per patient beyond the first."""
    separation: float
    """Distance between healthy and diseased images, in standard deviations."""
    validation: int
    """Number of healthy validation images, each from a different patient."""


WORLDS = {
    "250 patients, 625 images": World(250, 1.5, 1.2, 100),
    "625 patients, 625 images": World(625, 0, 1.2, 100),
    "250 patients, 625 images, nearly perfect": World(250, 1.5, 2.8, 100),
    "40 patients, 100 images": World(40, 1.5, 1.2, 30),
    "15 patients, 100 images": World(15, 5.7, 1.2, 30),
}


class Drawn(NamedTuple):
    """Images of some patients, and a model's outputs on them."""

    groups: np.ndarray
    residuals: np.ndarray
    ill: np.ndarray
    labels: np.ndarray
    answers: Predictions
    features: np.ndarray


def draw(world: World, patients: int, rng: np.random.Generator) -> Drawn:
    groups = np.repeat(np.arange(patients), 1 + rng.poisson(world.more, patients))
    ill, labels = (rng.random(patients) < ILL)[groups], rng.choice(3, patients, p=SHARES)[groups]

    def varied(width: int) -> np.ndarray:
        """Draw normal values; half of their variance is between patients."""
        own = rng.standard_normal((patients, width))[groups]
        return (own + rng.standard_normal((len(groups), width))) / np.sqrt(2)

    residuals = np.exp(0.5 * (varied(1)[:, 0] + world.separation * ill))
    decisions = varied(3) + 1.2 * np.eye(3)[labels]
    answers = Predictions(decisions.argmax(1), decisions, np.arange(3))
    return Drawn(groups, residuals, ill, labels, answers, varied(FEATURES))


def truths(world: World, rng: np.random.Generator) -> dict[str, float]:
    all_ = draw(world, int(MILLION / (1 + world.more)), rng)
    limit = np.quantile(all_.residuals[~all_.ill], 0.95)
    kid = [by_kernel(generated(1000, rng), Cloud(rng.standard_normal((1000, FEATURES))))[0] for _ in range(200)]
    return {
        "mean per image": float(all_.residuals.mean()),
        "AUROC": auroc(all_.residuals, all_.ill),
        "average precision": average_precision(all_.residuals, all_.ill),
        "balanced accuracy": balanced_accuracy(all_.labels, all_.answers),
        "sensitivity, the population's threshold": float((all_.residuals[all_.ill] > limit).mean()),
        "KID, its error": float(np.mean(kid)),  # unbiased
    }


def generated(count: int, rng: np.random.Generator) -> Cloud:
    """Return random features of samples from an imperfect model."""
    return Cloud(0.9 * rng.standard_normal((count, FEATURES)) + 0.15)


def asked(world: World, seen: Drawn, truth: dict[str, float], run: int, rng: np.random.Generator) -> dict[str, tuple]:
    """Return the scores that a trial's record would contain, with their true values."""
    blank = np.zeros((len(seen.groups), 1, 1, 1), np.uint8)
    split = Split(blank, seen.labels, seen.groups, healthy=~seen.ill)
    evidence = Evidence(Model((1, 1, 1), None), Splits(split, split), dataset=f"world {run}")
    rows, ill_rows = np.arange(len(blank)), np.flatnonzero(seen.ill)
    healthy = np.exp(0.5 * rng.standard_normal(world.validation))
    limit = np.quantile(healthy, 0.95, method="higher")
    above = evidence.per_image((seen.residuals > limit).astype(float), ill_rows)
    at_limit = float(1 - _normal(2 * np.log(limit) - world.separation))
    both = generated(SAMPLES, rng), Cloud(seen.features, seen.groups)
    value, error = by_kernel(*both)
    draws = patient_draws(seen.groups, evidence.dataset)

    def of(statistic) -> Score:
        return evidence.resampled(statistic, rows)

    scores = {
        "mean per image": evidence.per_image(seen.residuals),
        "AUROC": of(lambda index: auroc(seen.residuals[index], seen.ill[index])),
        "average precision": of(lambda index: average_precision(seen.residuals[index], seen.ill[index])),
        "balanced accuracy": of(lambda index: balanced_accuracy(seen.labels[index], seen.answers[index])),
        "sensitivity, its own threshold": above,
        "sensitivity, the population's threshold": above,
        "KID, its error": Score(value, error),
        "KID, its replicates": Score(value, replicates=under_draws(*both, draws).tolist()),
    }
    known = {**truth, "sensitivity, its own threshold": at_limit, "KID, its replicates": truth["KID, its error"]}
    return {name: (score, known[name]) for name, score in scores.items()}


def _normal(x: float) -> float:
    from scipy.special import ndtr

    return float(ndtr(x))


def held(score: Score, truth: float) -> tuple[bool, float]:
    """Return whether the board's interval of one seed contains the true value, and the interval's half width."""
    replicates = np.array([score.replicates]) if len(score.replicates) else None
    errors = None if score.error is None else np.array([score.error])
    one = estimate(Sample((0,), np.array([score.value]), replicates, errors))
    if one.low is None or one.high is None:
        return False, float("nan")
    return one.low <= truth <= one.high, (one.high - one.low) / 2


def told_apart(world: World, seeds: int, runs: int, rng: np.random.Generator) -> float:
    """Return how often KID claims a difference between two equal models; each seed has separate samples."""
    claims = 0
    for run in range(runs):
        seen = draw(world, world.patients, rng)
        test = Cloud(seen.features, seen.groups)
        draws = list(patient_draws(seen.groups, f"world {run}"))
        a, b = (rivals(test, draws, seeds, rng) for _ in range(2))
        apart = estimate(Sample(a.seeds, a.values - b.values, a.replicates - b.replicates))
        claims += not apart.low <= 0 <= apart.high
    return claims / runs


def rivals(test: Cloud, draws: list[np.ndarray], seeds: int, rng: np.random.Generator) -> Sample:
    sets = [generated(SAMPLES, rng) for _ in range(seeds)]
    values = np.array([by_kernel(samples, test)[0] for samples in sets])
    return Sample(tuple(range(seeds)), values, np.stack([under_draws(samples, test, draws) for samples in sets]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--worlds", nargs="*", choices=list(WORLDS), default=list(WORLDS))
    parser.add_argument("--pairs", action="store_true", help="print how often KID claims a false difference")
    args = parser.parse_args()
    if args.pairs:
        print("| test set | seeds | false differences claimed by KID |\n| --- | ---: | ---: |")
        for name, seeds in product(args.worlds, (1, 3, 5)):
            share = told_apart(WORLDS[name], seeds, args.runs, np.random.default_rng(list(WORLDS).index(name)))
            print(f"| {name} | {seeds} | {share:.1%} |", flush=True)
        return
    print(f"{args.runs} runs; the 95 % interval of a share of 95 % is ±{1.96 * np.sqrt(0.95 * 0.05 / args.runs):.1%}\n")
    print("| test set | metric | truth | interval contains it | estimated error / observed deviation |")
    print("| --- | --- | ---: | ---: | ---: |")
    for name in args.worlds:
        world, rng = WORLDS[name], np.random.default_rng(list(WORLDS).index(name))
        truth = truths(world, rng)
        found = defaultdict(list)
        for run in range(args.runs):
            for metric, (score, right) in asked(world, draw(world, world.patients, rng), truth, run, rng).items():
                if np.isfinite(score.value):  # else a dash
                    found[metric].append((*held(score, right), score.value - right, right))
        for metric, each in found.items():
            inside, half, off, right = np.array(each).T
            claimed = np.sqrt(np.nanmean(np.square(half / 1.96))) / off.std()
            print(f"| {name} | {metric} | {right.mean():.4f} | {inside.mean():.1%} | {claimed:.2f} |", flush=True)


if __name__ == "__main__":
    main()
