"""The sentences on each verdict: which model is best, or that there is no winner, and which floors are beaten."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from vaebench.leaderboard.board import Board
from vaebench.leaderboard.ranks import Column
from vaebench.leaderboard.runs import CODE_SIZE, Entrant, Measure
from vaebench.records.clean import clean
from vaebench.report.numbers import decimals_in, plain, short
from vaebench.report.order import by_means, has_every_seed, main_column
from vaebench.report.outcomes import Outcome, outcomes, worse_than_chance
from vaebench.report.tables import dataset_name, name

NAMED = 3
"""The largest number of models or datasets that a sentence names. From a longer list of models, it names fewer and
counts the rest."""


class Paragraph(NamedTuple):
    """The sentences on a verdict."""

    lead: str
    """which model is first, or that there is no winner, and whether floors are beaten"""
    more: str
    """further floors, what the result cost, and the gap; may be empty"""


def sentences(board: Board) -> Iterator[str]:
    """Yield the sentences on each verdict as one text."""
    return (" ".join(filter(None, paragraph)) for paragraph in paragraphs(board))


def paragraphs(board: Board) -> Iterator[Paragraph]:
    for one in outcomes(board):
        floors = _floors(board, one)
        lead = [_first(board, one), *_below_chance(board, one), *islice(floors, 1)]
        more = [
            *floors,
            *_unsteady(board, one),
            *_optimised(board, one),
            *_code_sizes(board, one),
            *_gap(board, one),
            *_unranked(board, one),
        ]
        where = f" on {_datasets(board, one.columns)}" if one.unranked else ""
        yield Paragraph(f"{one.verdict.capitalize()}{where}: {' '.join(lead)}", " ".join(more))


def _unsteady(board: Board, one: Outcome) -> Iterator[str]:
    """Name models that could be first although a model that could not has a better mean."""
    for column, rivals in one.rivals.items():
        excluded = [e for e in by_means(board, [column], one.ranked) if e not in (one.best, *rivals)]
        if not excluded:
            continue
        order = by_means(board, [column], [excluded[0], *rivals])
        if behind := order[order.index(excluded[0]) + 1 :]:
            where = f"On {dataset_name(board, column.dataset)}, " if len(one.columns) > 1 else ""
            whose = "whose mean is" if len(behind) == 1 else "whose means are"
            yield (
                f"{where}{_some(board, behind)}, {whose} worse than that of {name(board, excluded[0])}, could "
                f"rank first and {name(board, excluded[0])} could not: if the results of a model vary strongly between "
                "seeds or patients, less can be ruled out."
            )


def _optimised(board: Board, one: Outcome) -> Iterator[str]:
    """Say which of the models that the other sentences praise were trained on the metric itself."""
    named = [rival for rivals in one.rivals.values() for rival in rivals] if len(one.columns) > 1 else []
    praised = dict.fromkeys((one.best, *one.above, *named))
    own = [e for e in praised if any(board.cell(e, column).optimised for column in one.columns)]
    if own:
        who = _joined([name(board, entrant) for entrant in own], "and")
        yield f"{who} {'was' if len(own) == 1 else 'were'} trained on this metric."


def _unranked(board: Board, one: Outcome) -> Iterator[str]:
    if one.unranked:
        yield f"On {_datasets(board, one.unranked)}, there are too few seeds or patients for ranks."


def _datasets(board: Board, columns: Sequence[Column]) -> str:
    if len(columns) > NAMED:
        return f"{len(columns)} datasets"
    return _joined([dataset_name(board, column.dataset) for column in columns], "and")


def _first(board: Board, one: Outcome) -> str:
    """Say which model is first or, if others could be first too, begin with that."""
    if len(one.columns) > 1:
        return _first_of_several(board, one)
    best, models, (column,) = name(board, one.best), len(one.ranked), one.columns
    value, tied = _value(board, column, one.best), 1 + len(one.rivals.get(column, ()))
    if tied > 1:
        who = f"{tied} of {models} models"
        if tied == models:
            who = "either model" if models == 2 else f"any of the {models} models"
        return f"No winner: {who} could rank first; the best mean is {best}'s ({value})."
    if models == 1:
        return f"{best} is the only ranked model ({value})."
    rest = ", and no other model could rank first" if models else "; there are too few seeds or patients for ranks"
    return f"{best} has the best mean ({value}){rest}."


def _first_of_several(board: Board, one: Outcome) -> str:
    """Say which model has the best mean rank over the datasets, and which others could be first on some of them."""
    best, datasets, title = name(board, one.best), len(one.columns), clean(one.standing.measure.title)
    ahead = sum(one.standing.best.get(column) == one.best for column in one.columns)
    if datasets <= NAMED:
        own = (f"{_number(board, column, one.best)} on {dataset_name(board, column.dataset)}" for column in one.columns)
        title = f"{title} {', '.join(own)}"
    title += _direction(one.standing.measure)
    told = f"{best} has the best mean rank over {datasets} datasets ({title}; best mean on {ahead} of {datasets})"
    if len(one.ranked) == 1:
        return f"{best} is the only ranked model ({title})."
    if not one.ranked:
        return f"{told}; there are too few seeds or patients for ranks."
    if not one.rivals:
        return f"{told}, and no other model could rank first on any dataset."
    known = len(one.ranked) - 1
    listed = "; ".join(
        f"{f'all {known} others' if len(rivals) == known > NAMED else _some(board, rivals)} on "
        f"{dataset_name(board, column.dataset)}"
        for column, rivals in one.rivals.items()
    )
    if len(one.rivals) > NAMED:
        listed = f"up to {max(map(len, one.rivals.values()))} on {len(one.rivals)} of the datasets"
    also = ", too" if all(one.standing.places[one.best, column].low == 1 for column in one.rivals) else ""
    return f"No winner: {told}, but others could rank first{also}: {listed}."


def _value(board: Board, column: Column, entrant: Entrant) -> str:
    """Return the metric's title and the mean of an entrant."""
    return f"{clean(column.measure.title)} {_number(board, column, entrant)}".strip() + _direction(column.measure)


def _direction(measure: Measure) -> str:
    return ", lower is better" if measure.better == "lower" else ""


def _number(board: Board, column: Column, entrant: Entrant) -> str:
    estimate = board.cell(entrant, column).estimate
    return plain(estimate.mean, decimals_in(board, column)) if estimate else ""


def _below_chance(board: Board, one: Outcome) -> Iterator[str]:
    """Say on which datasets ranked models are significantly worse than a method without any information."""
    known = len(one.ranked)
    for column in one.columns:
        if not (worse := worse_than_chance(board, column, one.ranked)):
            continue
        ordered = sorted(worse, key=worse.__getitem__)
        values = dict.fromkeys(_number(board, column, entrant) for entrant in (ordered[0], ordered[-1]))
        where = f"On {dataset_name(board, column.dataset)}, " if len(one.columns) > 1 else ""
        who = f"{len(worse)} of the {known} models are" if len(worse) > 1 else f"{name(board, ordered[0])} is"
        if len(worse) == known > 1:
            every = f"all {known} models are" if known > 2 else "both models are"
            who = every if where else _sentence(every)
        chance = board.rules.chance[column.measure.name]
        yield f"{where}{who} worse than chance ({' to '.join(values)}; chance is {chance:g})."


def _floors(board: Board, one: Outcome) -> Iterator[str]:
    if not one.beaten:
        return
    models, above = len(one.ranked), len(one.above)
    where = _everywhere(one)
    if above == models:
        yield f"{({1: 'It beats', 2: 'Both models beat'}).get(models, 'All models beat')} every floor{where}."
        return
    if above:
        yield f"{_some(board, one.above)} beat{'s' * (above == 1)} every floor{where}."
    if where:
        yield _strongest(board, one)
        return
    by_count: dict[int, list[str]] = defaultdict(list)
    for floor, count in one.beaten[one.columns[0]].items():
        if count < models:
            by_count[count].append(floor)
    if models == 1:
        yield f"It is not shown to beat {_joined(by_count[0], 'or')}."
        return
    told = [
        f"{_of(count, models)} {_joined(names, 'and' if count else 'or')}"
        for count, names in sorted(by_count.items())
        if count != above or not above  # else these models have just been named
    ]
    nobody = "Neither model is" if models == 2 else "No model is"
    if told:
        yield f"{_sentence('; '.join(told))}." if above else f"{nobody} shown to beat every floor: {'; '.join(told)}."


def _strongest(board: Board, one: Outcome) -> str:
    """Say for each dataset how many models beat its strongest floor; for many datasets, give the range."""
    models, told, counts = len(one.ranked), [], []
    for column, beaten in one.beaten.items():
        floor = by_means(board, [column], [e for e in board.floors if board.cell(e, column).estimate])[0]
        counts.append(beaten[clean(floor.floor or floor.model)])
        which = f"{clean(board.label(floor))}, {_number(board, column, floor)}"
        told.append((dataset_name(board, column.dataset), which, _of(counts[-1], models)))
    if not any(counts):
        nobody = {1: "It", 2: "Neither model"}.get(models, "No model")
        which = "; ".join(f"{dataset}: {which}" for dataset, which, _ in told)
        listed = f" ({which})" if len(told) <= NAMED else ""
        return f"{nobody} is {'not ' * (models == 1)}shown to beat the strongest floor on any dataset{listed}."
    if len(told) <= NAMED:
        listed = "; ".join(f"on {dataset}, {who} the strongest floor ({which})" for dataset, which, who in told)
        return f"{_sentence(listed)}."
    low, high = min(counts), max(counts)
    if low < high:
        return f"Depending on the dataset, {low} to {high} of the {models} models beat the strongest floor."
    return f"On each dataset, {_of(high, models)} the strongest floor."


def _everywhere(one: Outcome) -> str:
    if len(one.columns) == 1:
        return ""
    return " on every dataset" if len(one.beaten) == len(one.columns) else " on every dataset with floors"


def _of(count: int, models: int) -> str:
    """Return how many of the models beat something, in words: `1 of the 10 models beats`."""
    if models == 1:
        return "it beats" if count else "it is not shown to beat"
    if models == 2:
        return ("neither of the two models is shown to beat", "one of the two models beats", "both models beat")[count]
    if count == 0:
        return f"none of the {models} models is shown to beat"
    return f"{count} of the {models} models beat{'s' * (count == 1)}"


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]


def _code_sizes(board: Board, one: Outcome) -> Iterator[str]:
    """Yield the price of the best reconstruction and of the strongest floor that is a model, if that is smaller.

    Bits per image say more than the size of the code, whose entries may be indices into a codebook."""
    models = [e for e in board.floors if not e.floor and has_every_seed(board, e, one.columns)]
    if one.verdict != "reconstruction" or not models:
        return
    best, floor = one.best, by_means(board, one.columns, models)[0]
    measures = {column.measure.name: column.measure for column in board.columns}
    prices = (*board.rules.prices.get("reconstruction", ()), CODE_SIZE)
    for price in (measures[price] for price in prices if price in measures):
        own, other = (_over_datasets(board, one, price, entrant) for entrant in (best, floor))
        if not own or not other:
            continue
        if min(own) > max(other):
            told = [" to ".join(dict.fromkeys(f"{end:,}" for end in (min(s), max(s)))) for s in (own, other)]
            what = "numbers in its code" if price.name == CODE_SIZE else clean(price.title)
            yield f"{name(board, best)} needs more {what} ({told[0]}) than {clean(board.label(floor))} ({told[1]})."
        return


def _over_datasets(board: Board, one: Outcome, measure: Measure, entrant: Entrant) -> list[int]:
    """Return the rounded means of another metric on the datasets of an outcome."""
    columns = (main_column(board, column.dataset, measure) for column in one.columns)
    found = (board.cell(entrant, column).estimate for column in columns if column)
    return [round(estimate.mean) for estimate in found if estimate]


def _gap(board: Board, one: Outcome) -> Iterator[str]:
    gaps = {column: gap for column, gap in one.standing.gaps.items() if column in one.columns}
    if not gaps:
        return
    own = [f"{short(gap)} on {dataset_name(board, column.dataset)}" for column, gap in gaps.items()]
    which = short(*gaps.values()) if len(one.columns) == 1 else _joined(own, "or")
    if len(gaps) > NAMED:
        ends = dict.fromkeys(short(end) for end in (min(gaps.values()), max(gaps.values())))
        which = f"{' to '.join(ends)}, depending on the dataset,"
    yield f"A true difference below {which} between two models would usually not be detected."


def _some(board: Board, who: Sequence[Entrant]) -> str:
    """Return the names in words; of a long list, the first names and the number of the others."""
    names = [name(board, entrant) for entrant in who]
    if len(names) > NAMED:
        names = [*names[: NAMED - 1], f"{len(names) - NAMED + 1} more"]
    return _joined(names, "and")


def _joined(names: Sequence[str], last: str) -> str:
    return f" {last} ".join(filter(None, (", ".join(names[:-1]), names[-1])))
