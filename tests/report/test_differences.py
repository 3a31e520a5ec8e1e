"""Critical differences: as the books have them; who is one source; and a picture that is the same every time."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from records_made import record
from scipy.stats import f, friedmanchisquare, rankdata

from vaebench.leaderboard.board import Board, board
from vaebench.leaderboard.runs import Entrant
from vaebench.records.record import Record
from vaebench.report import differences as module
from vaebench.report import files
from vaebench.report.differences import Differences, differences, why_not

SHOWN = np.round(np.random.default_rng(3).normal((0.5, 0.55, 0.6, 0.9), 0.1, (14, 4)), 6)
TABLE = {name: " ".join(map(str, own)) for name, own in zip(("a", "b", "c", "d"), SHOWN.T, strict=True)}
"""Four models on fourteen sets, no two alike"""


def made(table: dict[str, str], source: str = "real", origins: dict[str, str] | None = None) -> Board:
    records: list[Record] = []
    for model, row in table.items():
        for number, value in enumerate(map(float, row.split())):
            one = record(model, {"ms-ssim": value}, dataset=f"set-{number:02}")
            origin = (origins or {}).get(f"set-{number:02}")
            records.append(one | {"inputs": one.inputs | ({"origin": origin} if origin else {})})
    for one in records:
        one.trial["source"] = source
    return board(records, suite="demo@1", preset="quick", source=source)


def test_ranks_and_tests_are_those_of_the_books() -> None:
    found = differences(made(TABLE), made(TABLE).standings[0])
    assert found is not None and found.sources == 14
    assert found.critical == pytest.approx(1.25, abs=0.005), "Demšar's example of four models on fourteen sets"
    ranks = dict(zip("abcd", rankdata(-SHOWN, axis=1).mean(0), strict=True))
    assert {e.model: r for e, r in zip(found.entrants, found.ranks, strict=True)} == pytest.approx(ranks)
    chi = friedmanchisquare(*SHOWN.T).statistic
    assert found.p == pytest.approx(f.sf(13 * chi / (14 * 3 - chi), 3, 39)) and 0 < found.p < 0.05


def test_bars_join_who_cannot_be_told_apart() -> None:
    entrants = tuple(Entrant(name, "") for name in "abcd")
    assert Differences(entrants, (1.0, 1.5, 3.0, 4.0), 2.0, 10, 0.01).alike() == [(0, 2), (2, 3)]
    assert Differences(entrants, (1.0, 1.5, 3.0, 4.0), 3.0, 10, 0.01).alike() == [(0, 3)]
    assert Differences(entrants, (1.0, 1.5, 3.0, 4.0), 1.2, 10, 0.01).alike() == [(0, 1), (2, 3)]
    assert Differences(entrants, (1.0, 1.5, 3.0, 4.0), 1.2, 10, 0.20).alike() == [(0, 3)], "Friedman's test comes first"
    assert Differences(entrants, (1.0, 2.0, 3.0, 4.0), 0.5, 10, 0.01).alike() == []


def test_few_sources_have_no_picture_and_a_reason() -> None:
    nine = {name: " ".join(row.split()[:9]) for name, row in TABLE.items()}
    assert "here is 9" in why_not(made(nine)) and differences(made(nine), made(nine).standings[0]) is None
    phantoms = made(TABLE, source="phantom")
    assert why_not(phantoms).endswith("here is 1; phantoms of one generator are one source")
    shared = made(TABLE, origins={f"set-{number:02}": "one hospital" for number in range(6)})
    assert "here is 9" in why_not(shared)
    for few in (made(nine), phantoms, shared):
        text = dict(files.texts(few))
        assert not any(name.endswith(".svg") for name in text) and why_not(few) in text["leaderboard.md"]


def test_a_source_of_several_sets_counts_once() -> None:
    found = differences(made(TABLE, origins={"set-00": "x", "set-01": "x"}), made(TABLE).standings[0])
    assert found is not None and found.sources == 13


def test_the_picture_is_the_same_every_time_and_holds_no_markup() -> None:
    table = {"<script>$x$": TABLE["a"], **{name: row for name, row in TABLE.items() if name != "a"}}
    text = dict(files.texts(made(table)))
    svg = text["boards/reconstruction.svg"]
    assert svg == module.draw(made(table), made(table).standings[0])
    assert "![Critical differences](reconstruction.svg)" in text["boards/reconstruction.md"]
    assert "No picture" not in text["leaderboard.md"] and "boards/cost.svg" not in text
    assert "<script" not in svg and not re.search(r"<dc:date|[Mm]atplotlib v", svg)
    assert ElementTree.fromstring(svg).tag.endswith("svg")
