"""Check the statistics behind ranks on simulated boards with known true values, against the bars of docs/ranks.md.

    OMP_NUM_THREADS=1 python benchmarks/scripts/rank_simulation.py [--boards 2000] [--part NAME ...]

A board has 12 references, judged on 150 patients (`simulated_boards.py`). The standard deviation over seeds is .02 for
all models ("equal"), spread evenly in the logarithm from .005 to .06 ("unequal"), or drawn log-uniformly from .003 to
.063 for each model. All results come from the functions that make real boards. The "old rule" was used in earlier
versions: each pair was tested with its own variance over seeds, and a model was marked if its rank interval began at 1.
The exit code is 1 if a bar is missed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from itertools import product
from typing import NamedTuple

import numpy as np
from simulated_boards import AT_ONCE, MODELS, PATIENTS, SIZES, boards, deviations, few_aurocs, few_means

from vaebench.leaderboard.contest import ALPHA, POWER, contest, holm, place_newcomers
from vaebench.leaderboard.error_distribution import two_sided
from vaebench.leaderboard.statistics import Sample, certain, doubtful, estimates, known_from, rest_of, shared_draws

TRUTHS = {
    "equal means": np.zeros(MODELS),
    "means from 0 to -.10": np.linspace(0, -0.1, MODELS),
    "one is .06 better": np.where(np.arange(MODELS) == 0, 0.06, 0),
    "one reference is far better": np.where(np.arange(MODELS) == 0, 0, -0.5),
}


class Row(NamedTuple):
    """A line of the table. The value must lie within `bar`."""

    part: str
    what: str
    simulated: str
    """the means and standard deviations of the models, and the number of seeds"""
    value: float
    bar: tuple[float, float] | None
    percent: bool = True

    @property
    def met(self) -> bool:
        return self.bar is None or self.bar[0] <= self.value <= self.bar[1]

    def text(self) -> str:
        def number(value: float) -> str:
            return f"{100 * value:.1f} %" if self.percent else f"{value:.2f}"

        low, high = self.bar or (-np.inf, np.inf)
        ends = [f"≥ {number(low)}"] * (low > -np.inf) + [f"≤ {number(high)}"] * (high < np.inf)
        outcome = "" if self.bar is None else "met" if self.met else "**missed**"
        return (
            f"| {self.part} | {self.what} | {self.simulated} | {number(self.value)} | {', '.join(ends)} | {outcome} |"
        )


class Places(NamedTuple):
    """Rank intervals and marks of many boards, each (boards, models)."""

    low: np.ndarray
    high: np.ndarray
    marked: np.ndarray

    @property
    def claims(self) -> np.ndarray:
        """Return whether a board claims a difference between any two models."""
        return ((self.low > 1) | (self.high < self.low.shape[1])).any(1)


@cache
def held(truths: str, kind: str, seeds: int, count: int, old: bool = False, patients: int = PATIENTS) -> Places:
    """Return the places on boards with these true values and deviations. Both rules judge the same boards."""
    rng = np.random.default_rng(seeds)
    played = boards(TRUTHS[truths], deviations(kind, (count, MODELS), rng), seeds, rng, patients)
    judge = by_old_rule if old else lambda samples: [place[:3] for place in contest(samples, "higher").places or ()]
    low, high, marked = np.moveaxis(np.array([judge(samples) for samples in played], int), 2, 0)
    return Places(low, high, marked.astype(bool))


def by_old_rule(samples: Sequence[Sample]) -> list[tuple[int, int, bool]]:
    """Test pairs with their own variance over seeds and a known one over patients; mark models that may be first."""
    draws, values = shared_draws(samples), np.stack([sample.values for sample in samples])
    models, seeds = values.shape
    one, two = np.triu_indices(models, 1)
    assert draws is not None
    rest = rest_of(draws)
    patients = (draws[one] - draws[two]).mean(1).var(1, ddof=1)
    interaction = np.square(rest[one] - rest[two]).sum((1, 2)) / known_from(draws)
    difference = values[one] - values[two]
    variances = certain(patients, interaction, seeds), doubtful(difference.var(1, ddof=1), interaction, seeds)
    claimed = holm(two_sided(difference.mean(1), *variances, np.inf, seeds - 1)) <= ALPHA
    ahead = np.where(difference.mean(1) > 0, one, two)[claimed]
    behind = np.where(difference.mean(1) > 0, two, one)[claimed]
    low, high = 1 + np.bincount(behind, minlength=models), models - np.bincount(ahead, minlength=models)
    return [(int(a), int(b), bool(a == 1)) for a, b in zip(low, high, strict=True)]


def ranks(count: int) -> Iterator[Row]:
    for kind, seeds in product(("equal", "unequal"), (5, 3)):
        world = f"{kind} deviations, {seeds} seeds"
        found = held("means from 0 to -.10", kind, seeds, count)
        true = np.arange(1, MODELS + 1)
        covered = ((found.low <= true) & (true <= found.high)).all(1)
        yield Row("ranks", "all 12 rank intervals contain the true rank", world, covered.mean(), (0.95, np.inf))
        claims = held("equal means", kind, seeds, count).claims
        yield Row("ranks", "at least one false claim if all means are equal", world, claims.mean(), (-np.inf, 0.05))


def means(count: int) -> Iterator[Row]:
    for kind, seeds in product(("equal", "unequal"), (5, 3)):
        rng = np.random.default_rng(seeds)
        spread = np.sort(deviations(kind, (count, MODELS), rng), axis=1)  # each model keeps its deviation on all boards
        played = boards(np.zeros(MODELS), spread, seeds, rng)
        inside = np.array([[one.low <= 0 <= one.high for one in estimates(samples)] for samples in played]).mean(0)
        world, bars = f"{kind} deviations, {seeds} seeds", [(0.93, 0.97), (0.92, np.inf)] if seeds == 5 else [None] * 2
        what = "interval contains the true mean"
        yield Row("means", f"{what}, average over all models", world, inside.mean(), bars[0])
        yield Row("means", f"{what}, model with the lowest rate", world, inside.min(), bars[1])


def power(count: int) -> Iterator[Row]:
    """Yield the share of the 11 pairs in which the better model is found to be better."""
    for kind, least in (("equal", 4.0), ("unequal", 1.3)):
        now, then = (
            (MODELS - held("one is .06 better", kind, 5, count, old).high[:, 0]).mean() for old in (False, True)
        )
        world = f"{kind} deviations, 5 seeds"
        yield Row("power", "difference of .06 detected", world, now / (MODELS - 1), None)
        yield Row("power", "difference of .06 detected by the old rule", world, then / (MODELS - 1), None)
        ratio = now / then if then else np.inf
        yield Row(
            "power", "detection rate divided by that of the old rule", world, ratio, (least, np.inf), percent=False
        )


def mark(count: int) -> Iterator[Row]:
    for truths, kind, seeds in product(("means from 0 to -.10", "equal means"), ("equal", "unequal"), (5, 3)):
        best = held(truths, kind, seeds, count).marked[:, 0].mean()
        which = "a given" if truths == "equal means" else "the best"
        world = f"{truths}, {kind} deviations, {seeds} seeds"
        yield Row("mark", f"{which} model is marked", world, best, (0.95, np.inf))
    for (kind, most), old in product((("log-uniform", 0.12), ("equal", 0.03)), (False, True)):
        worst = held("means from 0 to -.10", kind, 5, count, old).marked[:, -4:].mean(0)
        rule, bar = (" by the old rule", None) if old else ("", (-np.inf, most))
        world = f"{kind} deviations, 5 seeds"
        yield Row("mark", f"a given model of the worst four is marked{rule} (average rate)", world, worst.mean(), bar)
        yield Row("mark", f"the best of the worst four models is marked{rule}", world, worst[0], bar)


def newcomers(count: int) -> Iterator[Row]:
    for kind, seeds, times in product(("equal", "unequal"), (5, 3), (1, 3)):
        places = _placed("equal means", kind, seeds, 1, times, count)
        claims = np.mean([(own.low, own.high) != (1, MODELS + 1) for (own,) in places])
        what = "at least one false claim about a newcomer that is as good as the references"
        own = f"{'the same' if times == 1 else f'{times} times as large'} for the newcomer"
        yield Row("newcomers", what, f"{kind} deviations ({own}), {seeds} seeds", claims, (-np.inf, 0.05))
    worlds = ("equal means", "means from 0 to -.10", "one reference is far better")
    for truths, kind in product(worlds, ("equal", "unequal")):
        above = np.mean([any(own.above_all for own in found) for found in _placed(truths, kind, 5, 50, 1, count)])
        what = "one of 50 newcomers, all as good as the best reference, is labelled above every reference"
        yield Row("newcomers", what, f"{truths}, {kind} deviations, 5 seeds", above, (-np.inf, 0.05))


def _placed(truths: str, kind: str, seeds: int, new: int, times: float, count: int) -> Iterator[list]:
    """Yield the places of newcomers that are equal to the best reference.

    The newcomers' deviation over seeds is `times` the geometric mean of the references' deviations."""
    rng = np.random.default_rng(seeds)
    spread = deviations(kind, (count, MODELS), rng)
    own = times * np.exp(np.log(spread).mean(1, keepdims=True)) * np.ones(new)
    worth = np.concatenate([TRUTHS[truths], np.full(new, TRUTHS[truths].max())])
    for samples in boards(worth, np.hstack([spread, own]), seeds, rng):
        yield place_newcomers(samples[MODELS:], contest(samples[:MODELS], "higher"))


def groups(count: int) -> Iterator[Row]:
    """Yield rows on the intervals of one model over few patients, with 5 seeds."""
    for statistic, patients, shape in product((few_means, few_aurocs), (8, 20, 50), SIZES):
        if statistic is few_aurocs and patients < 20:
            continue
        rng, inside = np.random.default_rng(patients), []
        for start in range(0, count, AT_ONCE):
            samples, truth = statistic(tuple(SIZES[shape](patients)), start // AT_ONCE, rng)
            inside += [one.low is not None and one.low <= truth <= one.high for one in estimates(samples)]
        number = "a mean" if statistic is few_means else "an AUROC"
        what = f"interval of {number} over {patients} patients with {shape} numbers of images contains the true value"
        yield Row("groups", what, "5 seeds", float(np.mean(inside)), (0.93, 0.98))
    for patients in (10, 20):
        claims = held("equal means", "equal", 5, count, patients=patients).claims
        what = f"at least one false claim if all means are equal, {patients} patients"
        yield Row("groups", what, "equal deviations, 5 seeds", claims.mean(), (-np.inf, 0.05))


def gap(count: int) -> Iterator[Row]:
    """Yield the stated gap divided by the simulated gap, by which a model must be better to win half of its pairs."""
    for kind, seeds in product(("equal", "unequal"), (5, 3)):
        rng = np.random.default_rng(seeds)
        played = list(boards(np.zeros(MODELS), deviations(kind, (50, MODELS), rng), seeds, rng))
        scale = np.mean([contest(samples, "higher").gap for samples in played])
        raised, found, stated = scale * np.array([0.7, 0.85, 1.0, 1.15, 1.3]), [], []
        for samples in boards(np.zeros(MODELS), deviations(kind, (count, MODELS), rng), seeds, rng):
            each = [contest([_raised(samples[0], by), *samples[1:]], "higher") for by in raised]
            found.append([MODELS - own.places[0].high for own in each if own.places])
            stated.append(each[0].gap)
        true = np.interp(POWER, np.mean(found, 0) / (MODELS - 1), raised, left=np.nan, right=np.nan)
        what, world = "stated smallest gap divided by the simulated one", f"{kind} deviations, {seeds} seeds"
        yield Row("gap", what, world, np.mean(stated) / true, (0.9, 1.1), percent=False)


def _raised(sample: Sample, by: float) -> Sample:
    return replace(sample, values=sample.values + by, replicates=sample.replicates + by)


PARTS = {part.__name__: part for part in (ranks, means, power, mark, newcomers, groups, gap)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--boards", type=int, default=2000)
    parser.add_argument("--part", nargs="+", choices=list(PARTS), default=list(PARTS), help="only these parts")
    args = parser.parse_args()
    error = 1.96 * np.sqrt(0.05 * 0.95 / args.boards)
    print(f"{args.boards} boards of each; the 95 % interval of a rate of 5 % is ±{error:.1%}\n")
    print("| part | quantity | simulated models | result | bar | outcome |\n|---|---|---|---|---|---|")
    met = True
    for name in args.part:
        for row in PARTS[name](args.boards):
            print(row.text(), flush=True)
            met &= row.met
    sys.exit(not met)


if __name__ == "__main__":
    main()
