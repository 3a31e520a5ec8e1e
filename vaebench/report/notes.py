"""What stands under the tables: how to read them, who does not rank, what failed, has no answer, or is hidden."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from vaebench.leaderboard.board import Board
from vaebench.leaderboard.ranks import is_ranked
from vaebench.leaderboard.runs import Entrant
from vaebench.leaderboard.statistics import ENOUGH_SEEDS
from vaebench.records.clean import clean
from vaebench.report.tables import BOTH, OPTIMISED, PROVISIONAL, name


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
        Notes("Not ranked", tuple(_unranked(board))),
        Notes(f"Failed: {failed} trial{'s' if failed != 1 else ''}", tuple(_failures(board))),
        Notes("No answer", tuple(_dashes(board))),
        Notes(f"Hidden: {' and '.join(what)}", tuple(_hidden(board))),
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
    if any(one.ranks for one in board.standings):
        yield (
            "Rank (in brackets): one plus the number of models that are significantly better, paired over patients and "
            "seeds, Holm-adjusted within the column; = marks a tie. Only who covers every dataset and seed ranks."
        )
    if any(one.spread for one in board.standings):
        yield "± of a mean rank: half a 95 % interval over datasets, from their variance pooled over models."
    if any(board.shortcut(column) for column in board.columns):
        yield (
            "Best shortcut: no model, and not ranked. How well one trivial thing about a test image (how bright, sharp "
            "or large it was), or all together, tell healthy from diseased: an AUROC, the median over seeds. An "
            "anomaly score that does not beat it has not shown that it sees anatomy."
        )
    if board.agreements:
        yield (
            "Kendall's tau, below a metric that does not rank: how alike it and the one that does order the models (in "
            "brackets: how many), those who rank, by means alone: 1 the same order, 0 as by chance, -1 the reverse."
        )
    if any(not is_ranked(one.measure) for one in board.standings):
        yield "Costs are per device class, and not ranked."
    if any(cell.estimate and cell.estimate.provisional for cell in cells):
        yield f"{PROVISIONAL} provisional: fewer than {ENOUGH_SEEDS} seeds; with one, ± speaks of the images alone."
    if any(cell.optimised for cell in cells):
        yield f"{OPTIMISED} trained on this metric: image for image, a term of the loss falls as it gets better."
    if any(cell.both for cell in cells):
        yield f"{BOTH} measured on several classes of device; the number is the GPU's."


def _losses(board: Board) -> Iterable[str]:
    """Those that the labels leave out."""
    names: dict[str, list[str]] = defaultdict(list)
    for model, losses in board.losses.items():
        if len(losses) == 1:
            names[next(iter(losses))].append(clean(model))
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
        yield f"{count} {key.what if count > 1 else key.what[:-1]}{where}: {clean(key.reason)}"


def _names(board: Board, who: Iterable[Entrant]) -> str:
    return ", ".join(sorted(name(board, entrant) for entrant in who))
