"""What stands under the tables: how to read them, who does not rank, what failed, has no answer, or is hidden."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from vaebench.leaderboard.board import Board
from vaebench.leaderboard.contest import LEAST_SEEDS
from vaebench.leaderboard.floors import SHORTCUT
from vaebench.leaderboard.ranks import is_ranked
from vaebench.leaderboard.runs import Entrant
from vaebench.leaderboard.statistics import ENOUGH_SEEDS
from vaebench.records.clean import clean
from vaebench.report.tables import BEST_TOO, BOTH, EQUIVALENT, FEW, OPTIMISED, PROVISIONAL, name

REMEDIES = {
    "score": "`vaebench score {}` measures them again where weights are kept",
    "run": "`vaebench run {}` trains them again",
    "repin": "`vaebench leaderboard {} --repin` changes the track's images",
}


@dataclass(frozen=True)
class Notes:
    title: str
    lines: tuple[str, ...]


def notes(board: Board) -> list[Notes]:
    """The sections that have something to say."""
    failed = sum(map(len, board.failures.values()))
    records = sum(n for key, n in board.hidden.items() if key.what == "records")
    numbers = sum(n for key, n in board.hidden.items() if key.what == "numbers")
    what = [f"{n} {word if n > 1 else word[:-1]}" for n, word in ((records, "records"), (numbers, "numbers")) if n]
    sections = [
        Notes("How to read this", tuple(_legend(board))),
        Notes("Not complete", tuple(_unranked(board))),
        Notes(f"Failed: {failed} trial{'s' if failed != 1 else ''}", tuple(_failures(board))),
        Notes("No answer", tuple(_dashes(board))),
        Notes(f"Not comparable: {' and '.join(what)}", tuple(_hidden(board))),
        Notes("Other seeds than the preset's: they count nowhere", tuple(_other_seeds(board))),
    ]
    return [section for section in sections if section.lines]


def _legend(board: Board) -> Iterable[str]:
    if not board.entrants:
        yield "There is no record in this track yet."
        return
    cells = board.cells.values()
    seeds = "; ".join(f"{regime}: {', '.join(map(str, own))}" for regime, own in board.seeds.items())
    yield f"Seeds, by the images that models were trained on: {clean(seeds)}."
    yield from _losses(board)
    regimes = {column.measure.regime for column in board.columns}
    if "healthy" in regimes:
        yield "Anomaly metrics come from models trained on healthy images only, all others from models trained on all."
    if any(cell.estimate and cell.estimate.high is not None for cell in cells):
        yield "±: half a 95 % interval of the mean over seeds, from the variance of seeds and of patients."
    if any(one.places for one in board.standings):
        yield (
            "Ranks (in brackets) are intervals: from one plus the number of models of the suite that are significantly "
            "better to their number minus those that are significantly worse, Holm-adjusted within the column. Rows "
            "stand by their mean. The best mean is bold."
        )
        yield f"{BEST_TOO} cannot be told from the best. {EQUIVALENT} is equivalent to it: within the suite's margin."
    elif board.rules.seeds and len(board.rules.seeds) < LEAST_SEEDS:
        yield "There are no ranks: fewer than three trainings say little about a method. Errors are of the images alone."
    new = sum(board.role(entrant) == "newcomer" for entrant in board.entrants)
    if new and any(one.places for one in board.standings):
        yield (
            f"{new} newcomer{'s' if new > 1 else ''} (new), each tested by itself against the references at 95 %. The "
            "best of several equal newcomers looks better than it is; only 'above every reference' allows for that, up "
            "to 50."
        )
    if any(board.role(entrant) == "floor" for entrant in board.entrants):
        yield (
            "Floors have no rank and are not counted. A method that does not beat them has not shown anything; each "
            "ranked row says which it beats, by a test of its own at 5 %."
        )
    if any(entrant == SHORTCUT for entrant in board.entrants):
        yield (
            "Best shortcut: how well one trivial thing about a test image (how bright, sharp or large it was), or all "
            "together, tell healthy from diseased, as an AUROC. An anomaly score that does not beat it has not shown "
            "that it sees anatomy."
        )
    if board.agreements:
        yield (
            "Kendall's tau, below a metric that does not rank: how alike it and the one that does order the models of "
            "the suite (in brackets: how many), by means alone: 1 the same order, 0 as by chance, -1 the reverse."
        )
    if any(not is_ranked(one.measure) for one in board.standings):
        yield "Costs are per device class, and not ranked."
    if any(cell.estimate and cell.estimate.provisional for cell in cells):
        yield f"{PROVISIONAL} provisional: fewer than {ENOUGH_SEEDS} seeds; with one, ± speaks of the images alone."
    if any(cell.optimised for cell in cells):
        yield f"{OPTIMISED} trained on this metric: image for image, a term of the loss falls as it gets better."
    if any(cell.few_images or (cell.estimate and cell.estimate.few) for cell in cells):
        yield f"{FEW} from few patients, or from fewer images than the metric needs."
    if any(cell.both for cell in cells):
        yield f"{BOTH} measured on several classes of device; the number is the GPU's."


def _losses(board: Board) -> Iterable[str]:
    """Those that the labels leave out."""
    names: dict[str, list[str]] = defaultdict(list)
    for entrant in board.entrants:
        if board.role(entrant) != "newcomer" and board.label(entrant) == entrant.model:
            names[entrant.loss].append(clean(entrant.model))
    told = [f"{clean(loss)}: {', '.join(sorted(own))}" for loss, own in sorted(names.items()) if loss]
    if told:
        yield f"Reconstruction losses, where a row names none: {'; '.join(told)}."


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
        where = f"{clean(failure.dataset)}, trained on {clean(failure.regime)}"
        numbers = f"seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}"
        yield f"{name(board, failure.entrant)} on {where}, {numbers}: {clean(failure.kind)}: {clean(failure.message)}"


def _dashes(board: Board) -> Iterable[str]:
    for dash, who in board.dashes.items():
        models = "all models" if set(who) == set(board.entrants) else _names(board, who)
        yield f"{clean(dash.metric)} on {clean(dash.dataset)}, {models}: {clean(dash.reason)}"


def _hidden(board: Board) -> Iterable[str]:
    for key, count in board.hidden.items():
        where = f" of {clean(key.dataset)}" if key.dataset else ""
        remedy = f"; {REMEDIES[key.remedy].format(_options(board))}" if key.remedy in REMEDIES else ""
        yield f"{count} {key.what if count > 1 else key.what[:-1]}{where}: {clean(key.reason)}{remedy}"


def _options(board: Board) -> str:
    suite = board.suite.rpartition("@")[0]
    return clean(f"--suite {suite} --preset {board.preset} --source {board.source}")


def _other_seeds(board: Board) -> Iterable[str]:
    for one, seeds in board.other_seeds.items():
        where = f"{clean(one.dataset)}, trained on {clean(one.regime)}"
        yield f"{name(board, one.entrant)} on {where}: seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}"


def _names(board: Board, who: Iterable[Entrant]) -> str:
    return ", ".join(sorted(name(board, entrant) for entrant in who))
