"""Tables that compare two models of a board, and look-up of models by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from vaebench.errors import UserError, did_you_mean
from vaebench.leaderboard.board import Board
from vaebench.leaderboard.pairs import Pair
from vaebench.leaderboard.ranks import is_ranked
from vaebench.leaderboard.runs import Entrant
from vaebench.records.clean import clean
from vaebench.report.numbers import DASH, decimals_in, plain
from vaebench.report.tables import ARROWS, Table, dataset_name, heading, name

APART = {True: "yes", False: "no", None: "not tested"}
LEGEND = (
    "Significant: according to the test behind the ranks, with Holm's correction over all pairs of the suite's models. "
    "If one of the two is a floor or a newcomer, the 95 % interval of their difference is used instead. ± is half the "
    "width of this interval."
)


def called(board: Board, text: str) -> Entrant:
    """Return the entrant whose row has this name or, if a model has this name, that model's only entrant."""
    models = Counter(entrant.model for entrant in board.entrants)
    known = {entrant.model: entrant for entrant in board.entrants if models[entrant.model] == 1}
    known |= {clean(board.label(entrant)): entrant for entrant in board.entrants}
    known |= {name(board, entrant): entrant for entrant in board.entrants}
    if text not in known:
        labels = [clean(board.label(entrant)) for entrant in board.entrants]
        raise UserError(f"There is no model {text!r} on the board {board.track}.{did_you_mean(text, labels)}")
    return known[text]


def beside(board: Board, one: Entrant, other: Entrant, pairs: Sequence[Pair]) -> list[Table]:
    """Return a table per dataset with a row per verdict: both means, the better model, and significance."""
    names, found = (clean(board.label(one)), clean(board.label(other))), []
    for dataset in board.datasets:
        own = [pair for pair in pairs if pair.column.dataset == dataset]
        rows = [_row(board, pair, (one, other), names) for pair in own]
        header = ("Verdict", *names, "Better", "Significant")
        found.append(Table(f"On {dataset_name(board, dataset)}", header, tuple(rows), len(rows)))
    return found


def headlines(board: Board) -> str:
    """Return a sentence that names the headline metric of each verdict."""
    measures = [one.measure for one in board.standings if is_ranked(one.measure)]
    told = [f"{measure.verdict}: {heading(measure, '')} {ARROWS[measure.better]}" for measure in measures]
    return f"Means over seeds; {'; '.join(told)}."


def _row(board: Board, pair: Pair, both: tuple[Entrant, Entrant], names: tuple[str, str]) -> tuple[str, ...]:
    column, decimals = pair.column, decimals_in(board, pair.column)
    estimates = [board.cell(entrant, column).estimate for entrant in both]
    means = [plain(estimate.mean, decimals) if estimate else DASH for estimate in estimates]
    return (column.measure.verdict.capitalize(), *means, _better(pair, names, decimals), APART[pair.apart])


def _better(pair: Pair, names: tuple[str, str], decimals: int) -> str:
    """Return the better model and its lead, such as `vae by 0.012 ±0.008`."""
    by = pair.better_by
    if by is None:
        return DASH
    half = f" ±{plain((by.high - by.low) / 2, decimals)}" if by.low is not None and by.high is not None else ""
    if not by.mean:
        return f"equal{half}"
    return f"{names[0] if by.mean > 0 else names[1]} by {plain(abs(by.mean), decimals)}{half}"
