"""The notes below the tables: how to read them, and which models or numbers are unranked, failed or hidden."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from vaebench.leaderboard.board import Board
from vaebench.leaderboard.contest import LEAST_SEEDS
from vaebench.leaderboard.floors import SHORTCUT
from vaebench.leaderboard.ranks import is_ranked
from vaebench.leaderboard.runs import Entrant
from vaebench.leaderboard.statistics import ENOUGH_SEEDS, LEAST_TO_RANK
from vaebench.records.clean import clean
from vaebench.records.manifest import TIERS, Tier
from vaebench.report.findings import followed
from vaebench.report.numbers import BEST_TOO, BOTH, EQUIVALENT, FEW, OPTIMISED, PROVISIONAL, WARNED
from vaebench.report.tables import dataset_name, name

NO_RANKS = (
    "There are no ranks: fewer than three training runs say little about a method. The intervals account for variation "
    "between patients, but hardly for variation between seeds."
)
REMEDIES = {
    "score": "`vaebench score {}` measures them again if weights were kept",
    "run": "`vaebench run {}` trains them again",
    "repin": "`vaebench leaderboard {} --repin` changes the track's images",
}

VERIFIED: dict[Tier, str] = {
    "reproduced": "trained again, with the same result",
    "re-measured": "measured again from the weights",
    "reported": "only the numbers are known",
}


@dataclass(frozen=True)
class Notes:
    title: str
    lines: tuple[str, ...]


def notes(board: Board) -> list[Notes]:
    """Return the sections that are not empty."""
    failed = sum(map(len, board.failures.values()))
    records = sum(n for key, n in board.hidden.items() if key.what == "records")
    numbers = sum(n for key, n in board.hidden.items() if key.what == "numbers")
    what = [f"{n} {word if n > 1 else word[:-1]}" for n, word in ((records, "records"), (numbers, "numbers")) if n]
    sections = [
        Notes("How to read this", tuple(_legend(board))),
        Notes("What scores correlate with (Spearman's rank correlation)", tuple(followed(board))),
        Notes("Verified with `vaebench verify-results`", tuple(_verified(board))),
        Notes("Not complete", tuple(_unranked(board))),
        Notes(f"Failed: {failed} trial{'s' if failed != 1 else ''}", tuple(_failures(board))),
        Notes(f"Warnings ({WARNED}): interpret these numbers with care", tuple(_warnings(board))),
        Notes("No number", tuple(_dashes(board))),
        Notes(f"Not comparable: {' and '.join(what)}", tuple(_hidden(board))),
        Notes("Seeds other than the preset's, which are not used", tuple(_other_seeds(board))),
    ]
    return [section for section in sections if section.lines]


def _legend(board: Board) -> Iterable[str]:
    if not board.entrants:
        yield "This track has no records yet."
        return
    cells = board.cells.values()
    seeds = "; ".join(f"{regime}: {', '.join(map(str, own))}" for regime, own in board.seeds.items())
    yield f"Seeds for each set of training images: {clean(seeds)}."
    if board.rules.done:
        named = ", ".join(map(str, board.rules.seeds))
        yield (
            f"The preset names seeds {named}; so far, the board uses only those with which at least half of "
            "the suite's models have run."
        )
    yield from _losses(board)
    regimes = {column.measure.regime for column in board.columns}
    if "healthy" in regimes:
        yield (
            "Anomaly metrics come from models trained on healthy images, other metrics from models trained on all "
            "images."
        )
    if any(cell.estimate and cell.estimate.high is not None for cell in cells):
        yield (
            "± is half the width of the mean's 95 % interval, which accounts for variation between seeds and between "
            "patients (where patients are unknown, between groups of images or single images)."
        )
    yield from _ranks(board)
    if any(entrant == SHORTCUT for entrant in board.entrants):
        yield (
            "Best shortcut: the AUROC with which one trivial property of test images (brightness, sharpness or size) "
            "separates healthy from diseased ones. 'All together' is a classifier that combines these properties; it "
            "is fitted on labelled training images, which the models do not see. An anomaly score that does not beat "
            "the best shortcut has not been shown to use anatomy."
        )
    if board.gaps:
        yield (
            "The smallest gap is the true difference between two models that the column's test would detect in half "
            "of the cases, on average over pairs of models. Smaller differences usually remain undetected, as do "
            "larger ones between models whose results vary strongly between seeds. The gap does not apply to floors."
        )
    if board.agreements:
        yield (
            "Kendall's tau compares two orders of the suite's models, by means alone: that of the column's metric and "
            "that of the headline metric. 1 means the same order, 0 an unrelated one, and -1 the reverse order. The "
            "number of models is in brackets."
        )
    if any(not is_ranked(one.measure) for one in board.standings):
        yield "Costs apply to one class of device and are not ranked."
    if any(cell.estimate and cell.estimate.provisional for cell in cells):
        yield (
            f"{PROVISIONAL} provisional: fewer than {ENOUGH_SEEDS} seeds. With one seed, ± reflects only the variation "
            "between patients."
        )
    if any(cell.optimised for cell in cells):
        yield f"{OPTIMISED} trained on this metric: the loss of an image has a term that falls as the metric improves."
    if any(cell.few_images or (cell.estimate and cell.estimate.few) for cell in cells):
        yield f"{FEW} computed from few patients, or from fewer images than the metric needs."
    if any(cell.both for cell in cells):
        yield f"{BOTH} measured on several classes of device; the number is the GPU's."


def _ranks(board: Board) -> Iterable[str]:
    """Yield lines that explain the ranks or why there are none, and the rows without a rank."""
    roles = Counter(board.role(entrant) for entrant in board.entrants)
    if not any(one.places for one in board.standings):
        due = [board.rules.due(column.dataset, column.measure.regime) for column in board.columns]
        if any(due) and all(len(seeds) < LEAST_SEEDS for seeds in due):
            yield NO_RANKS
    else:
        yield (
            "Ranks (in brackets) are intervals: from 1 plus the number of the suite's models that are significantly "
            "better, to the total minus the number that are significantly worse. Tests are Holm-adjusted within the "
            "column. Rows are in the order of their means, and the best mean is bold."
        )
        yield (
            f"{BEST_TOO} not significantly worse than the best mean (Hsu's test). {EQUIVALENT} equivalent to the best "
            "mean: the difference is within the suite's margin."
        )
        if new := roles["newcomer"]:
            yield (
                f"{new} newcomer{'s' if new > 1 else ''} (new): not named by the suite, and each compared separately "
                "with the suite's models, so no newcomer changes another row. The best of several equal newcomers "
                "looks better than it is; only 'above every reference' corrects for that, for up to 50 newcomers."
            )
    yield from _without_patients(board)
    if roles["floor"]:
        yield (
            "Floors (floor) have no rank and do not count as models. A method that does not beat them has shown "
            "nothing; each ranked row lists the floors that it beats, each tested at the 5 % level."
        )


def _without_patients(board: Board) -> Iterable[str]:
    for standing in board.standings:
        for column in standing.main if is_ranked(standing.measure) else ():
            able = [board.cell(entrant, column).estimate for entrant in standing.complete]
            placed = any(where == column for _, where in standing.places)
            if able and not placed and all(one and one.few and one.seeds >= LEAST_SEEDS for one in able):
                without = "neither intervals nor ranks" if all(one and one.low is None for one in able) else "no ranks"
                where = f"{clean(column.measure.title)} on {dataset_name(board, column.dataset)}"
                yield f"{where} has {without}: fewer than {LEAST_TO_RANK} patients in all or in one class."


def _losses(board: Board) -> Iterable[str]:
    """Yield the reconstruction losses that the labels of rows leave out."""
    names: dict[str, list[str]] = defaultdict(list)
    for entrant in board.entrants:
        if board.role(entrant) != "newcomer" and board.label(entrant) == entrant.model:
            names[entrant.loss].append(clean(entrant.model))
    told = [f"{clean(loss)}: {', '.join(sorted(own))}" for loss, own in sorted(names.items()) if loss]
    if told:
        yield f"Reconstruction losses of rows whose names do not include one: {'; '.join(told)}."


def _verified(board: Board) -> Iterable[str]:
    """Yield the models of each tier, if there are any."""
    models = [entrant for entrant in board.entrants if not entrant.floor]
    for tier, told in VERIFIED.items():
        who = [entrant for entrant in models if board.tiers.get(entrant, TIERS[0]) == tier]
        if who:
            yield f"{tier.capitalize()} ({told}): {_names(board, who) if len(who) < len(models) else 'all models'}"


def _unranked(board: Board) -> Iterable[str]:
    for standing in board.standings:
        if is_ranked(standing.measure):
            by_lack: dict[str, list[Entrant]] = defaultdict(list)
            for entrant, lack in standing.lacks.items():
                by_lack[lack].append(entrant)
            for lack, who in sorted(by_lack.items()):
                yield f"{standing.measure.verdict.capitalize()}: {_names(board, who)} ({lack})"


def _failures(board: Board) -> Iterable[str]:
    for failure, seeds in board.failures.items():
        where = f"{dataset_name(board, failure.dataset)}, trained on {clean(failure.regime)}"
        numbers = f"seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}"
        yield f"{name(board, failure.entrant)} on {where}, {numbers}: {clean(failure.kind)}: {clean(failure.message)}"


def _warnings(board: Board) -> Iterable[str]:
    alike: dict[tuple[str, str, str], set[Entrant]] = defaultdict(set)
    for (entrant, column), cell in board.cells.items():
        for warning in cell.warnings:
            alike[column.measure.title, column.dataset, warning].add(entrant)
    for (metric, dataset, warning), who in alike.items():
        yield f"{clean(metric)} on {dataset_name(board, dataset)}, {_names(board, who)}: {clean(warning)}"


def _dashes(board: Board) -> Iterable[str]:
    """Yield a line for each reason, with the metrics, datasets and models that have no number because of it."""
    by_reason: dict[str, dict[tuple[str, str], list[str]]] = defaultdict(dict)
    trained = {entrant for entrant in board.entrants if not entrant.floor}
    for dash, who in board.dashes.items():
        models = "all models" if set(who) == trained else _names(board, who)
        where = dataset_name(board, dash.dataset), models
        by_reason[clean(dash.reason, 500)].setdefault(where, []).append(clean(dash.metric))
    for reason, found in by_reason.items():
        told = (f"{', '.join(metrics)} on {dataset} ({models})" for (dataset, models), metrics in found.items())
        yield f"{reason}: {'; '.join(told)}"


def _hidden(board: Board) -> Iterable[str]:
    for key, count in board.hidden.items():
        where = f" of {dataset_name(board, key.dataset)}" if key.dataset else ""
        remedy = f"; {REMEDIES[key.remedy].format(_options(board))}" if key.remedy in REMEDIES else ""
        yield f"{count} {key.what if count > 1 else key.what[:-1]}{where}: {clean(key.reason)}{remedy}"


def _options(board: Board) -> str:
    suite = board.suite.rpartition("@")[0]
    return clean(f"--suite {suite} --preset {board.preset} --source {board.source}")


def _other_seeds(board: Board) -> Iterable[str]:
    for one, seeds in board.other_seeds.items():
        where = f"{dataset_name(board, one.dataset)}, trained on {clean(one.regime)}"
        yield f"{name(board, one.entrant)} on {where}: seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}"


def _names(board: Board, who: Iterable[Entrant]) -> str:
    return ", ".join(sorted(name(board, entrant) for entrant in who))
