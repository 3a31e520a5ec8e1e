"""Describe one dataset of a board: the best models, the values of the floors, and the effect of an official split."""

from __future__ import annotations

from collections.abc import Iterator

from vaebench.leaderboard.cells import Cell
from vaebench.leaderboard.ranks import Column, Standing
from vaebench.leaderboard.runs import Entrant
from vaebench.report.findings import findings
from vaebench.report.numbers import plain, short
from vaebench.report.outcomes import worse_than_chance

from .quoted import Part, listed, named, title

ASKED = {
    "reconstruction": "Which variant reconstructs images best?",
    "representation": "Which variant's codes are most useful to a classifier?",
    "anomaly": "Which variant detects disease best after training on healthy images only?",
    "generation": "Which variant's samples are closest to real images?",
}
OFFICIAL = {"kermany-cxr": "Kermany et al."}
"""Dataset with a published test split -> the authors of the split."""
SPLITS = (
    ("SVC on pixels", "svc-pixels-balanced-accuracy", "svc-pixels-grouped-balanced-accuracy"),
    ("SVC on codes", "svc-balanced-accuracy", "svc-grouped-balanced-accuracy"),
    ("Anomaly score", "anomaly-auroc-combined", "anomaly-auroc-held-out"),
)
"""A title, the metric on the official test split, and the metric on held-out patients of the training split."""
FOR = {
    "reconstruction": "for reconstruction",
    "representation": "for classification from codes",
    "anomaly": "for anomaly detection",
    "generation": "for generation",
}
FEW = 3
"""The largest number of models that are listed by name."""


def in_short(part: Part) -> str:
    """Return the recommended variants, with a sentence for each verdict."""
    lines = []
    for standing, column in part.leads:
        if ranked := part.ranked(column):
            metric, first = column.measure.name, [named(e) for e, cell in ranked if may_be_first(cell)]
            if all_alike(ranked):
                choice = f"may be any of the {part.quote(len(ranked), 'ranked', metric)} models"
            elif len(first) > FEW:
                choice = f"is one of the {part.quote(len(first), 'first', metric)} models listed below"
            else:
                choice = f"is {listed(first, 'or')}"
            said = f"{FOR[standing.measure.verdict].capitalize()}, the best model {choice}"
            if floors := part.floors(column):
                beat = [named(e) for e, cell in ranked if title(floors[0]) in cell.beats]
                who = "no model is shown to beat" if not beat else "only " * (len(beat) <= FEW) + f"{listed(beat)} beat"
                said += f"; {who}{'s' * (len(beat) == 1)} the strongest floor ({named(floors[0])})"
            lines.append(f"- {said}.")
    return "**Which variant to use** according to these records:\n\n" + "\n".join(lines) if lines else ""


def answer(part: Part, standing: Standing, column: Column) -> str:
    """Return the best models, the value of the strongest floor, and the smallest difference that can be detected."""
    metric, ranked, floors = column.measure.name, part.ranked(column), part.floors(column)
    said = [f"- **{ASKED[standing.measure.verdict]}** ({column.measure.title}, {column.measure.better} is better.)"]
    if not ranked:
        return f"{said[0]} There are too few seeds or patients for ranks."
    models, best = part.quote(len(ranked), "ranked", metric), ranked[0][0]
    first, mean = [named(e) for e, cell in ranked if may_be_first(cell)], part.number(column, best)
    if all_alike(ranked):
        said.append(f"No two of the {models} models differ significantly; the best mean is {mean} ({named(best)}).")
    elif len(first) == 1:
        said.append(f"The best of the {models} models is {first[0]}, with {mean}.")
    else:
        count = part.quote(len(first), "first", metric)
        said.append(
            f"{count} of the {models} models could each be the best: {listed(first)}. "
            f"The best mean is {mean} ({named(best)})."
        )
    if worse := worse_than_chance(part.board, column, [entrant for entrant, _ in ranked]):
        count = part.quote(len(worse), "worse", metric)
        chance = part.quote(f"{part.board.rules.chance[metric]:g}", "chance", metric)
        who = f"All {count} models are" if count == models else f"{count} of the {models} models are"
        said.append(f"{who} significantly worse than chance ({chance}).")
    if floors:
        said.append(strongest(part, column, floors[0]))
        said += [code_sizes(part, best, floors[0])] if standing.measure.verdict == "reconstruction" else []
    if column in part.board.gaps:
        gap = part.quote(short(part.board.gaps[column]), "gap", metric)
        said.append(f"A true difference below {gap} between two models would usually not be detected.")
    return " ".join(filter(None, said))


def once(part: Part) -> str:
    """Describe a board without ranks: the best mean of each verdict and the strongest floor, with a caveat."""
    rules = part.board.rules
    models = part.quote(sum(part.board.role(e) == "reference" for e in part.board.entrants), "models")
    lines = [
        f"## `{part.board.suite}` on `{part.dataset}`, without ranks",
        f"This board has {models} models of the suite (preset `{part.board.preset}`). There are too few seeds or "
        "patients for ranks, so the board provides little evidence about a method. The list shows the best means; ± "
        f"includes only the variation over images. The board is in `results/reference/{rules.track}`.",
    ]
    for standing, column in part.leads:
        if models_here := part.by_mean(column, "reference"):
            floors, best = part.floors(column), models_here[0]
            told = f"The best mean is {part.number(column, best)} ({named(best)})"
            if floors:
                told += f"; the strongest floor ({labelled(part, column, floors[0])}) reaches "
                told += part.number(column, floors[0])
            lines.append(f"- **{ASKED[standing.measure.verdict]}** ({column.measure.title}) {told}.")
    return "\n\n".join([*lines[:2], "\n".join(lines[2:])])


def may_be_first(cell: Cell) -> bool:
    return bool(cell.place and cell.place.low == 1)


def all_alike(ranked: list[tuple[Entrant, Cell]]) -> bool:
    """Return whether the rank intervals of all models range from the first rank to the last."""
    return all(cell.place and (cell.place.low, cell.place.high) == (1, len(ranked)) for _, cell in ranked)


def strongest(part: Part, column: Column, floor: Entrant) -> str:
    metric, ranked = column.measure.name, part.ranked(column)
    beat = [named(e) for e, cell in ranked if title(floor) in cell.beats]
    models = f"of the {part.quote(len(ranked), 'ranked', metric)} models"
    told = f"The strongest floor ({labelled(part, column, floor)}) reaches {part.number(column, floor)}"
    if not beat:
        return f"{told}; none {models} is shown to beat it."
    who = f": {listed(beat)}" if len(beat) <= FEW else ""
    return (
        f"{told}; {part.quote(len(beat), 'beat', metric, title(floor))} {models} beat{'s' * (len(beat) == 1)} it{who}."
    )


def labelled(part: Part, column: Column, floor: Entrant) -> str:
    """Return the name of a floor; for the best shortcut, also the properties that it uses."""
    detail = part.board.cell(floor, column).detail
    used = "all properties together" if detail == "all together" else detail
    return f"{named(floor)}: {used}" if used else named(floor)


def code_sizes(part: Part, best: Entrant, floor: Entrant) -> str:
    column = part.column("bits-per-image") or part.column("code_size")
    if not column or floor.floor or not all(part.board.cell(e, column).estimate for e in (best, floor)):
        return ""
    what = "bits per image" if column.measure.name == "bits-per-image" else "numbers in its code"
    needs = f"{named(best)} needs {part.number(column, best)} {what}"
    return f"{needs}, and {named(floor)} needs {part.number(column, floor)}."


def floors(part: Part) -> str:
    """Return a table of the floors: the value of each, and how many models beat it."""
    leads = list(part.leads)
    own = {column: part.floors(column) for _, column in leads}
    rows = [["floor", *(f"{standing.measure.verdict}: {column.measure.title}" for standing, column in leads)]]
    rows.append(["---"] * len(rows[0]))
    for floor in part.board.entrants:
        if any(floor in one for one in own.values()):
            cells = (reached(part, column, floor) if floor in own[column] else "–" for _, column in leads)
            rows.append([named(floor), *cells])
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    head = "The table gives the value of each floor and, in brackets, the number of ranked models shown to beat it:"
    return f"{head}\n\n{table}"


def reached(part: Part, column: Column, floor: Entrant) -> str:
    metric, ranked = column.measure.name, part.ranked(column)
    beat = part.quote(sum(title(floor) in cell.beats for _, cell in ranked), "beat", metric, title(floor))
    return f"{part.number(column, floor)} ({beat} of {part.quote(len(ranked), 'ranked', metric)})"


def added(part: Part) -> str:
    """Return the models that beat every floor, and the average gain from training."""
    above: dict[str, list[str]] = {}
    for standing, column in part.leads:
        every = {title(floor) for floor in part.floors(column)}
        above[standing.measure.verdict] = [named(e) for e, cell in part.ranked(column) if every <= set(cell.beats)]
    lines = [
        f"In {verdict}, {listed(who)} beat{'s' * (len(who) == 1)} every floor." for verdict, who in above.items() if who
    ]
    if none := [verdict for verdict, who in above.items() if not who]:
        lines.append(f"In {listed(none)}, no model is shown to beat every floor.")
    said = findings(part.board)[-len(part.board.added) :] if part.board.added else []  # those on what training adds
    lines += [part.quote(one, "finding") for one in said if f" on {part.dataset}:" in one]
    return "\n".join(f"- {one}" for one in lines)


def splits(part: Part) -> Iterator[str]:
    """Yield a comparison of the official test split with held-out patients."""
    rows = ["| metric | model | official test split | held-out patients |", "| --- | --- | --- | --- |"]
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
        f"The table compares metrics on the test split published by {OFFICIAL[part.dataset]} with the same metrics on "
        "held-out patients of the training split ([definitions](metrics.md)):\n\n" + "\n".join(rows)
    )
    yield "\n".join(told)
    if apart and all(apart):
        yield (
            "The official test split is therefore not from the same population as the training split. Results on the "
            "official test split show how well a model transfers to other images; do not compare them with results on "
            "a random split."
        )


def compared(part: Part, question: str, official: Column, held: Column) -> tuple[str, bool]:
    """Return a sentence, and whether most models' intervals on held-out patients are above those on the test split."""
    metrics = f"{official.measure.name} {held.measure.name}"
    models = [entrant for entrant in part.board.entrants if part.board.role(entrant) == "reference"]
    found = [(part.board.cell(e, official).estimate, part.board.cell(e, held).estimate) for e in models]
    both = [(one, two) for one, two in found if one and two]
    above = sum(one.high is not None and two.low is not None and one.high < two.low for one, two in both)
    text = (
        f"- {question}: for {part.quote(above, 'above', metrics)} of {part.quote(len(both), 'both', metrics)} models, "
        "the interval on held-out patients is entirely above that on the official test split."
    )
    alike = part.board.agreements.get(official) or part.board.agreements.get(held)
    if alike:
        tau = part.quote(plain(alike.tau, 2), "tau", metrics)
        text += f" Kendall's tau between the two rankings of the models is {tau} "
        text += "(1 means the same order, 0 no relation)."
    return text, 2 * above > len(both)
