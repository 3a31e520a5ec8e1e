"""Are the intervals and ranks of a board honest? Worlds of known truth are simulated, and what the board says judged.

    OMP_NUM_THREADS=1 python benchmarks/scripts/interval_coverage.py [--runs 2000]

Every world has 300 patients, 200 redraws of them shared by all seeds and models, and scores that vary between patients,
between seeds, between models on a patient (taste), and between seeds on a patient (interaction). The first table says
how often the 95 % interval holds the truth; how often any of 4, or of 12, equal models is called better than another;
and how often a model that truly is better by 6 standard errors of a difference is found better than each of 3 others.
The second says how often the interval of a mean rank holds what further datasets would give, over all models, and for
the model where it does so least; the last column is what a model's own variance, not pooled, would do.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import norm, t

from vaebench.leaderboard.statistics import Sample, estimates, rank_spread, ranks

PATIENTS, DRAWS = 300, 200
GAP = 6


class World(NamedTuple):
    """Standard deviations; `binary` scores are 0 or 1, as those of a classifier are."""

    patients: float
    seeds: float
    taste: float
    interaction: float
    binary: bool = False


WORLDS = {
    "patients differ most": World(1.0, 0.02, 0.3, 0.5),
    "seeds differ most": World(0.5, 0.3, 0.3, 0.5),
    "seeds differ by patient": World(0.1, 0.01, 0.1, 1.0),
    "right or wrong": World(1.0, 0.1, 0.3, 0.5, binary=True),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=2000)
    runs = parser.parse_args().runs
    print(f"{runs} runs of each; a rate of 5 % is known to ±{1.96 * np.sqrt(0.05 * 0.95 / runs):.1%}\n")
    print("| world | seeds | interval holds the truth | false claim, 4 models | 12 models | known gap found |")
    print("|---|---|---|---|---|---|")
    for name, world in WORLDS.items():
        for seeds in (3, 5, 10):
            rng = np.random.default_rng(seeds)
            covered = coverage(world, seeds, runs, rng)
            four, twelve = (false_claims(world, seeds, models, runs, rng) for models in (4, 12))
            found = gap_found(world, seeds, runs, rng)
            print(f"| {name} | {seeds} | {covered:.1%} | {four:.1%} | {twelve:.1%} | {found:.0%} |", flush=True)
    print("\n| datasets | mean rank's interval holds, all models | least | its own variance, least |")
    print("|---|---|---|---|")
    for datasets in (2, 3, 6, 10):
        held = rank_coverage(datasets, runs, np.random.default_rng(datasets))
        print(f"| {datasets} | {' | '.join(f'{share:.1%}' for share in held)} |", flush=True)


def draw(world: World, seeds: int, models: int, rng: np.random.Generator, gap: float = 0.0) -> list[Sample]:
    """What models of equal worth, but for the first one's gap, show."""
    x = world.patients * rng.standard_normal(PATIENTS) + world.taste * rng.standard_normal((models, 1, PATIENTS))
    x = x + world.seeds * rng.standard_normal((models, seeds, 1))
    x = x + world.interaction * rng.standard_normal((models, seeds, PATIENTS))
    x[0] += gap
    scores = (x > 0).astype(float) if world.binary else x
    weights = rng.multinomial(PATIENTS, np.full(PATIENTS, 1 / PATIENTS), DRAWS) / PATIENTS
    replicates = scores @ weights.T
    return [Sample(tuple(range(seeds)), own.mean(1), again) for own, again in zip(scores, replicates, strict=True)]


def truth(world: World) -> float:
    """The mean over all patients and seeds that there could be."""
    return 0.5 if world.binary else 0.0


def coverage(world: World, seeds: int, runs: int, rng: np.random.Generator) -> float:
    found = estimates([draw(world, seeds, 1, rng)[0] for _ in range(runs)])
    return float(np.mean([one.low <= truth(world) <= one.high for one in found]))


def false_claims(world: World, seeds: int, models: int, runs: int, rng: np.random.Generator) -> float:
    return float(np.mean([max(ranks(draw(world, seeds, models, rng), "higher")) > 1 for _ in range(runs)]))


def gap_found(world: World, seeds: int, runs: int, rng: np.random.Generator) -> float:
    gap = GAP * float(np.sqrt(2 * _variance(world, seeds)))
    return float(np.mean([ranks(draw(world, seeds, 4, rng, gap), "higher") == [1, 2, 2, 2] for _ in range(runs)]))


def _variance(world: World, seeds: int) -> float:
    """Of a model's mean over seeds, patients given, on the scale of the scores before they turn right or wrong."""
    per_patient = world.taste**2 + world.interaction**2 / seeds
    if world.binary:  # a threshold adds the noise of a coin; back to the scale before it by the density at its middle
        spread = np.sqrt(world.patients**2 + world.seeds**2 + world.taste**2 + world.interaction**2)
        per_patient = 0.25 / (norm.pdf(0) / spread) ** 2 / seeds
    return per_patient / PATIENTS + world.seeds**2 / seeds


def rank_coverage(datasets: int, runs: int, rng: np.random.Generator, models: int = 12) -> tuple[float, float, float]:
    """Models of different worth, which differs again from dataset to dataset; five seeds each."""
    worth = np.linspace(0, 3, models)

    def places(count: int) -> np.ndarray:
        quality = worth + 0.5 * rng.standard_normal((count, models))
        shown = quality[..., None] + 0.1 * rng.standard_normal((count, models, 5))
        return np.array([ranks(_samples(own), "higher") for own in shown])

    expected, inside, alone = places(4000).mean(0), [], []
    for _ in range(runs // 4):
        own = places(datasets)
        off = np.abs(own.mean(0) - expected)
        inside.append(off <= rank_spread(own))
        alone.append(off <= t.ppf(0.975, datasets - 1) * own.std(0, ddof=1) / np.sqrt(datasets))
    return float(np.mean(inside)), float(np.mean(inside, 0).min()), float(np.mean(alone, 0).min())


def _samples(values: np.ndarray) -> Sequence[Sample]:
    return [Sample(tuple(range(len(own))), own) for own in values]


if __name__ == "__main__":
    main()
