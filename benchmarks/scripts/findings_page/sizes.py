"""The effect of the code size, from a board whose models differ in `latent`."""

from __future__ import annotations

from collections.abc import Iterator

from vaebench.components.parameters import split_spec
from vaebench.leaderboard.ranks import Column
from vaebench.leaderboard.runs import Entrant
from vaebench.report.numbers import decimals_in, plain

from .answers import FOR
from .quoted import Part, listed, named

Table = dict[str, dict[int, Entrant]]
"""Method -> code size -> model."""


def by_size(part: Part) -> Table:
    """Return the suite's models by method and size if they differ only in `latent`; otherwise an empty table."""
    found: Table = {}
    for entrant in part.board.entrants:
        if part.board.role(entrant) == "reference":
            method, parameters = split_spec(entrant.model)
            if parameters.keys() != {"latent"}:
                return {}
            found.setdefault(method, {})[int(parameters["latent"])] = entrant
    return {method: dict(sorted(sizes.items())) for method, sizes in found.items()}


def sizes(part: Part, table: Table) -> Iterator[str]:
    leads = [column for _, column in part.leads]
    methods = [f"`{method}`" for method in table]
    yield f"## Effect of the code size on `{part.dataset}`"
    yield (
        f"The suite `{part.board.suite}` (preset `{part.board.preset}`) trains {listed(methods)} with codes of several "
        "sizes. With a single seed, there are no ranks, and ± includes only the variation over images. "
        f"The board is in `results/reference/{part.board.rules.track}`."
    )
    heads = [f"{column.measure.title} ({column.measure.better} is better)" for column in leads]
    rows = [f"| model | {' | '.join(heads)} |", "| --- " * (len(leads) + 1) + "|"]
    for entrant in (entrant for own in table.values() for entrant in own.values()):
        rows.append(f"| {named(entrant)} | {' | '.join(part.number(column, entrant) for column in leads)} |")
    yield "\n".join(rows)
    yield "\n".join(
        f"- {FOR[standing.measure.verdict].capitalize()}, {told}"
        for standing, column in part.leads
        if (told := compared(part, table, column))
    )


def compared(part: Part, table: Table, column: Column) -> str:
    """Return the best size of each method, and how much the value changes with the size and with the method."""
    own = {method: found for method, sizes in table.items() if (found := means(part, sizes, column))}
    if len(own) < 2:
        return ""
    better = max if column.measure.better == "higher" else min
    best = [f"`{method}[latent={better(found, key=lambda size: found[size])}]`" for method, found in own.items()]
    size, method = by_size_alone(own), by_method_alone(own)
    digits, metric = decimals_in(part.board, column), column.measure.name
    told = part.quote(plain(size, digits), "by size", metric), part.quote(plain(method, digits), "by method", metric)
    return (
        f"the best sizes are {listed(best)}. The largest difference is {told[0]} between two sizes of one method, and "
        f"{told[1]} between two methods at one size ({column.measure.title})."
    )


def means(part: Part, sizes: dict[int, Entrant], column: Column) -> dict[int, float]:
    found = {size: part.board.cell(entrant, column).estimate for size, entrant in sizes.items()}
    return {size: one.mean for size, one in found.items() if one}


def by_size_alone(own: dict[str, dict[int, float]]) -> float:
    """Return the largest difference between two sizes of one method."""
    return max(max(found.values()) - min(found.values()) for found in own.values())


def by_method_alone(own: dict[str, dict[int, float]]) -> float:
    """Return the largest difference between two methods at one size."""
    at = [[found[size] for found in own.values() if size in found] for size in {s for f in own.values() for s in f}]
    return max(max(values) - min(values) for values in at)
