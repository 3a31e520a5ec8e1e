"""One dataset of one board in words: who comes first, what the floors reach, and how far an official split misleads."""

from __future__ import annotations

from collections.abc import Iterator

from vaebench.leaderboard.cells import Cell
from vaebench.leaderboard.ranks import Column, Standing
from vaebench.leaderboard.runs import Entrant
from vaebench.report.findings import findings
from vaebench.report.numbers import plain, short

from .quoted import Part, listed, named, title

ASKED = {
    "reconstruction": "Which variant keeps most of the image?",
    "representation": "Whose codes are most useful to a classifier?",
    "anomaly": "Which detects disease best, trained on healthy images only?",
    "generation": "Whose samples are closest to real images?",
}
OFFICIAL = {"kermany-cxr": "Kermany et al."}
"""Datasets whose test split is a published one, and who published it."""
SPLITS = (
    ("SVC on pixels", "svc-pixels-balanced-accuracy", "svc-pixels-grouped-balanced-accuracy"),
    ("SVC on codes", "svc-balanced-accuracy", "svc-grouped-balanced-accuracy"),
    ("Anomaly score", "anomaly-auroc-combined", "anomaly-auroc-held-out"),
)
"""A question, asked of the official test split and of held-out patients of the training split."""
FOR = {
    "reconstruction": "to reconstruct",
    "representation": "to classify from codes",
    "anomaly": "to find anomalies",
    "generation": "to generate",
}
FEW = 3
"""So many models are named."""


def in_short(part: Part) -> str:
    """Which variant for which question, a sentence for each verdict."""
    lines = []
    for standing, column in part.leads:
        if ranked := part.ranked(column):
            first = [named(e) for e, cell in ranked if may_be_first(cell)]
            count = part.quote(len(first), "first", column.measure.name) if len(first) > FEW else ""
            choice = f"one of {count}" if count else listed(first, "or")
            said = f"{FOR[standing.measure.verdict]}: {'any of them' if all_alike(ranked) else choice}"
            if floors := part.floors(column):
                beat = [named(e) for e, cell in ranked if title(floors[0]) in cell.beats]
                who = "none is shown to beat" if not beat else "only " * (len(beat) <= FEW) + f"{listed(beat)} beat"
                said += f"; {who}{'s' * (len(beat) == 1)} the strongest floor ({named(floors[0])})"
            lines.append(f"- {said}.")
    return "**Which variant to use**, as far as these records tell:\n\n" + "\n".join(lines) if lines else ""


def answer(part: Part, standing: Standing, column: Column) -> str:
    """Who comes first, what the strongest floor reaches, and which differences stay hidden."""
    metric, ranked, floors = column.measure.name, part.ranked(column), part.floors(column)
    said = [f"- **{ASKED[standing.measure.verdict]}** ({column.measure.title}, {column.measure.better} is better.)"]
    if not ranked:
        return f"{said[0]} There are too few seeds or patients for ranks."
    models, best = part.quote(len(ranked), "ranked", metric), ranked[0][0]
    first, mean = [named(e) for e, cell in ranked if may_be_first(cell)], part.number(column, best)
    if all_alike(ranked):
        said.append(f"No two of the {models} models can be told apart; the best mean is {mean} ({named(best)}).")
    elif len(first) == 1:
        said.append(f"The best of {models} models is {first[0]}, with {mean}.")
    else:
        count = part.quote(len(first), "first", metric)
        said.append(
            f"{count} of {models} models may be the best: {listed(first)}. The best mean is {mean} ({named(best)})."
        )
    if floors:
        said.append(strongest(part, column, floors[0]))
        said += [code_sizes(part, best, floors[0])] if standing.measure.verdict == "reconstruction" else []
    if column in part.board.gaps:
        gap = part.quote(short(part.board.gaps[column]), "gap", metric)
        said.append(f"A true difference below {gap} would usually stay hidden.")
    return " ".join(filter(None, said))


def once(part: Part) -> str:
    """A board without ranks: the best mean of each verdict beside the strongest floor, and that this says little."""
    rules = part.board.rules
    models = part.quote(sum(part.board.role(e) == "reference" for e in part.board.entrants), "models")
    lines = [
        f"## `{part.board.suite}` on `{part.dataset}`, without ranks",
        f"{models} models of the suite (preset `{part.board.preset}`). There are too few seeds or patients for ranks, "
        "so this says little about a method: what follows are the best means and the errors of the images alone. "
        f"`results/reference/{rules.track}` has the board.",
    ]
    for standing, column in part.leads:
        if models_here := part.by_mean(column, "reference"):
            floors, best = part.floors(column), models_here[0]
            told = f"{named(best)} {part.number(column, best)}"
            if floors:
                detail = part.board.cell(floors[0], column).detail
                told += f"; the strongest floor, {named(floors[0])}{f' ({detail})' if detail else ''}"
                told += f", {part.number(column, floors[0])}"
            lines.append(f"- **{ASKED[standing.measure.verdict]}** ({column.measure.title}) {told}.")
    return "\n\n".join([*lines[:2], "\n".join(lines[2:])])


def may_be_first(cell: Cell) -> bool:
    return bool(cell.place and cell.place.low == 1)


def all_alike(ranked: list[tuple[Entrant, Cell]]) -> bool:
    """Whether the intervals of all models reach from the first rank to the last."""
    return all(cell.place and (cell.place.low, cell.place.high) == (1, len(ranked)) for _, cell in ranked)


def strongest(part: Part, column: Column, floor: Entrant) -> str:
    metric, ranked, detail = column.measure.name, part.ranked(column), part.board.cell(floor, column).detail
    beat = [named(e) for e, cell in ranked if title(floor) in cell.beats]
    models = f"of {part.quote(len(ranked), 'ranked', metric)} models"
    told = f"The strongest floor ({named(floor)}{f': {detail}' if detail else ''}) reaches {part.number(column, floor)}"
    if not beat:
        return f"{told}; none {models} is shown to beat it."
    who = f": {listed(beat)}" if len(beat) <= FEW else ""
    return (
        f"{told}; {part.quote(len(beat), 'beat', metric, title(floor))} {models} beat{'s' * (len(beat) == 1)} it{who}."
    )


def code_sizes(part: Part, best: Entrant, floor: Entrant) -> str:
    column = part.column("code_size")
    if not column or floor.floor or not part.board.cell(floor, column).estimate:
        return ""
    sizes = f"{part.number(column, best)} numbers, that of {named(floor)} {part.number(column, floor)}"
    return f"The code of {named(best)} has {sizes}."


def floors(part: Part) -> str:
    """A table: what each floor reaches, and how many models beat it."""
    leads = list(part.leads)
    own = {column: part.floors(column) for _, column in leads}
    rows = [["floor", *(f"{standing.measure.verdict}: {column.measure.title}" for standing, column in leads)]]
    rows.append(["---"] * len(rows[0]))
    for floor in part.board.entrants:
        if any(floor in one for one in own.values()):
            cells = (reached(part, column, floor) if floor in own[column] else "–" for _, column in leads)
            rows.append([named(floor), *cells])
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return f"What each floor reaches; in brackets, how many of the ranked models are shown to beat it:\n\n{table}"


def reached(part: Part, column: Column, floor: Entrant) -> str:
    metric, ranked = column.measure.name, part.ranked(column)
    beat = part.quote(sum(title(floor) in cell.beats for _, cell in ranked), "beat", metric, title(floor))
    return f"{part.number(column, floor)} ({beat} of {part.quote(len(ranked), 'ranked', metric)})"


def added(part: Part) -> str:
    """Who beats every floor, and what training adds on average."""
    above: dict[str, list[str]] = {}
    for standing, column in part.leads:
        every = {title(floor) for floor in part.floors(column)}
        above[standing.measure.verdict] = [named(e) for e, cell in part.ranked(column) if every <= set(cell.beats)]
    lines = [f"In {verdict}, every floor is beaten by {listed(who)}." for verdict, who in above.items() if who]
    if none := [verdict for verdict, who in above.items() if not who]:
        lines.append(f"In {listed(none)}, no model is shown to beat every floor.")
    lines += [part.quote(one, "finding") for one in findings(part.board) if f" on {part.dataset}:" in one]
    return "\n".join(f"- {one}" for one in lines)


def splits(part: Part) -> Iterator[str]:
    """The same question on the official test split and on held-out patients."""
    rows = ["| question | asked of | official test split | held-out patients |", "| --- | --- | --- | --- |"]
    best = {column.measure.name: part.ranked(column)[0][0] for _, column in part.leads if part.ranked(column)}
    told, apart = [], []
    for question, official, held in SPLITS:
        one, two = part.column(official), part.column(held)
        lead = best.get(official) or best.get(held)
        if one and two:
            for entrant in [lead, *part.board.rules.untrained] if lead else part.board.rules.references[:1]:
                numbers = f"{part.number(one, entrant)} | {part.number(two, entrant)}"
                rows.append(f"| {question} | {named(entrant) if lead else 'real images'} | {numbers} |")
            if lead:
                text, most = compared(part, question, one, two)
                told.append(text)
                apart.append(most)
    yield (
        f"The same question, asked of the test split that {OFFICIAL[part.dataset]} published, and of patients of the "
        "training split who were held out ([how](metrics.md)):\n\n" + "\n".join(rows)
    )
    yield "\n".join(told)
    if apart and all(apart):
        yield (
            "So the official test split is not of the same population as the rest. A number on it says how well a "
            "model carries over to other images; do not compare it with a number from a random split."
        )


def compared(part: Part, question: str, official: Column, held: Column) -> tuple[str, bool]:
    """A sentence, and whether most models are better on held-out patients, beyond both intervals."""
    metrics = f"{official.measure.name} {held.measure.name}"
    models = [entrant for entrant in part.board.entrants if part.board.role(entrant) == "reference"]
    found = [(part.board.cell(e, official).estimate, part.board.cell(e, held).estimate) for e in models]
    both = [(one, two) for one, two in found if one and two]
    above = sum(one.high is not None and two.low is not None and one.high < two.low for one, two in both)
    text = (
        f"- {question}: for {part.quote(above, 'above', metrics)} of {part.quote(len(both), 'both', metrics)} models, "
        "the interval on held-out patients lies wholly above the one on the official test split."
    )
    alike = part.board.agreements.get(official) or part.board.agreements.get(held)
    if alike:
        tau = part.quote(plain(alike.tau, 2), "tau", metrics)
        text += f" Kendall's tau of the two orders of the models is {tau} (1: the same order, 0: chance)."
    return text, 2 * above > len(both)
