"""docs/findings.md follows from the committed records, and every number on it is found where it says it comes from."""

from __future__ import annotations

import importlib
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any
from xml.etree import ElementTree as xml

import pytest
import records_made

import vaebench
from vaebench.components.declared import Declared
from vaebench.components.discovery import installed
from vaebench.leaderboard.runs import Entrant

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "results" / "reference"
AGAIN = "make it again: python benchmarks/scripts/findings.py"
FIXED = ("95 % interval", "(1 means the same order, 0 no relation)", "64 px, codes of 16 numbers", "PCA-16", "PCA-64")
"""What the page says of no board."""


@pytest.fixture(scope="module")
def script() -> Iterator[ModuleType]:
    sys.path.insert(0, str(ROOT / "benchmarks" / "scripts"))
    yield importlib.import_module("findings")
    sys.path.pop(0)


@pytest.fixture(scope="module")
def made(script: ModuleType) -> tuple[str, dict[str, str], list[Any]]:
    page: tuple[str, dict[str, str], list[Any]] = script.made()
    return page


def test_the_page_and_its_pictures_are_the_committed_ones(made: tuple[str, dict[str, str], list[Any]]) -> None:
    text, pictures, _ = made
    docs = ROOT / "docs"
    assert (docs / "findings.md").read_text(encoding="utf-8") == text, AGAIN
    assert {path.name for path in docs.glob("findings-*.svg")} == pictures.keys(), AGAIN
    for name, picture in pictures.items():
        assert (docs / name).read_text(encoding="utf-8") == picture, AGAIN
        assert f"]({name})" in text


def test_it_tells_of_every_committed_board_of_real_images(script: ModuleType) -> None:
    found = {path.relative_to(REFERENCE).parts for path in REFERENCE.glob("*/*/real")}
    known = {(suite, preset, source) for suite, preset, source in script.TRACKS}
    assert {(suite.partition("@")[0], preset, source) for suite, preset, source in found} <= known


def test_every_number_on_it_is_quoted(made: tuple[str, dict[str, str], list[Any]]) -> None:
    """And none more often than it stands there: a number that was typed in would be left over."""
    text, _, quoted = made
    prose = re.sub(r"^    .*$|`[^`\n]*`|\]\([^)]*\)", " ", text, flags=re.MULTILINE).replace("\n", " ")
    for fixed in FIXED:
        assert fixed in prose
        prose = prose.replace(fixed, " ")
    on_page, told = Counter(numbers(prose)), Counter(n for one in quoted for n in numbers(one.text))
    assert sum(on_page.values()) > 80
    assert on_page - told == Counter()


def test_each_quoted_number_is_found_in_its_source(made: tuple[str, dict[str, str], list[Any]]) -> None:
    seen = Counter(one.kind for one in made[2])
    assert seen.keys() >= {"mean", "half", "gap", "beat", "ranked", "above", "tau", "finding", "row"}
    for one in made[2]:
        if one.source.startswith("docs/"):
            rows = (ROOT / one.source).read_text(encoding="utf-8").splitlines()
            (row,) = (row for row in rows if row.startswith(f"| `{one.who}`"))
            assert one.text in re.split(r"[|, ]+", row), one
        elif one.source != "published":
            assert looked_up(one) == one.text, one


def test_means_are_those_of_the_records(made: tuple[str, dict[str, str], list[Any]]) -> None:
    """Computed again from the records, without a board."""
    means = [one for one in made[2] if one.kind == "mean" and row(one)["model"]]
    for track in {one.source for one in means}:
        frame = vaebench.load(REFERENCE / track)
        frame = frame[(frame.status == "ok") & ((frame.regime == frame.metric_regime) | (frame.verdict == "cost"))]
        for one in (one for one in means if one.source == track):
            seeds = board(track)["seeds"][row(one)["regime"]]
            own = frame[(frame.dataset == one.dataset) & (frame.metric == one.metric) & (frame.model == one.who)]
            own = own[own.seed.isin(seeds) & (own.regime == row(one)["regime"])]
            assert len(own) == row(one)["seeds"] and shown(own.value.mean(), one.text) == one.text, one


def test_its_colours_are_those_of_the_page(made: tuple[str, dict[str, str], list[Any]]) -> None:
    css = (ROOT / "vaebench/report/page/assets/page.css").read_text(encoding="utf-8")
    for picture in made[1].values():
        assert set(re.findall(r"#[0-9a-f]{3,6}\b", picture)) <= set(re.findall(r"#[0-9a-f]{3,6}\b", css))


RAW = Entrant("raw", "bce")


@pytest.mark.parametrize(
    ("values", "seeds", "words"),
    [
        ({"vae": 0.9, "gan": 0.5, "raw": 0.7}, 5, ["`vae`; only `vae` beats the strongest floor (`raw`)", "is `vae`,"]),
        ({"vae": 0.6, "gan": 0.6, "raw": 0.9}, 5,
         ["any of the 2 models; no model is shown", "No two of the 2", "none of the 2"]),
        ({"a": 0.9, "b": 0.9, "c": 0.9, "d": 0.9, "e": 0.5}, 5,
         ["one of the 4 models listed below.", "4 of the 5 models could each be the best: "]),
        ({"a": 0.9, "b": 0.9, "c": 0.5}, 5, ["`b` or `a`.", "2 of the 3 models could each be the best: "]),
        ({"vae": 0.9, "gan": 0.5}, 2, ["too few seeds or patients for ranks"]),
    ],
)  # fmt: skip
def test_words_follow_from_the_numbers(
    script: ModuleType, values: dict[str, float], seeds: int, words: list[str]
) -> None:
    references = tuple(Entrant(name, "bce") for name in values if name != "raw")
    board = records_made.made(records_made.field(values, seeds, "svc"), references=references, floors=(RAW,))
    part = script.Part(board, "chest")
    answers = [script.answer(part, standing, column) for standing, column in part.leads]
    told = " ".join([script.in_short(part), *answers])
    assert all(word in told for word in words), told


def test_a_picture_has_a_panel_with_every_model_and_a_line_for_every_floor(script: ModuleType) -> None:
    records = records_made.field({"vae": 0.9, "<gan>": 0.88, "raw": 0.87})
    board = records_made.made(records, references=(Entrant("vae", "bce"), Entrant("<gan>", "bce")), floors=(RAW,))
    drawn = xml.fromstring(script.forest(board, "chest"))  # is XML, whatever names say
    told = [one.text for one in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert {"Reconstruction: MS-SSIM ↑", "vae", "<gan>", "raw"} <= set(told)
    kinds = Counter(one.get("class") for one in drawn.iter() if one.tag.endswith("line") or one.tag.endswith("circle"))
    assert (kinds["span"], kinds["mean"], kinds["floor"]) == (2, 2, 1)


def numbers(text: str) -> list[str]:
    return re.findall(r"(?<![\w.])-?\d[\d,]*(?:\.\d+)?(?!\w)", text.replace(", ", " , "))


def shown(value: float, like: str) -> str:
    """With as many decimals as the page has."""
    return f"{value:,.{len(like.partition('.')[2])}f}"


@cache
def board(track: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((REFERENCE / track / "leaderboard.json").read_text(encoding="utf-8"))
    return document


def rows(one: Any, metric: str) -> list[dict[str, Any]]:
    return [row for row in board(one.source)["rows"] if (row["dataset"], row["metric"]) == (one.dataset, metric)]


def row(one: Any) -> dict[str, Any]:
    found = [
        row for row in rows(one, one.metric) if one.who in (row["model"], row["floor"]) and row["value"] is not None
    ]
    assert len(found) == 1, one
    return found[0]


def looked_up(one: Any) -> str:
    """A quoted number as the committed board has it, or its records, or its suite."""
    kind, document = one.kind, board(one.source)
    ranked = [row for row in rows(one, one.metric) if row["role"] == "reference" and row["rank_low"]]
    counts = {
        "ranked": lambda: len(ranked),
        "first": lambda: sum(row["rank_low"] == 1 for row in ranked),
        "worse": lambda: sum(row["high"] < 0.5 for row in ranked),
        "beat": lambda: sum(one.who in row["beats"].split("; ") for row in ranked),
        "models": lambda: len({row["model"] for row in document["rows"] if row["role"] == "reference"}),
        "images": lambda: max(row["n"] or 0 for row in rows(one, one.metric)),
        "both": lambda: len(pairs(one)),
        "above": lambda: sum(one["high"] < two["low"] for one, two in pairs(one)),
    }
    if kind in counts:
        return str(counts[kind]())
    if kind == "mean":
        return shown(row(one)["value"], one.text)
    if kind == "half":
        return shown((row(one)["high"] - row(one)["low"]) / 2, one.text)
    if kind == "chance":
        return f"{Declared(installed()).get('metrics', one.metric)['chance']}"
    if kind == "gap":
        (gap,) = (g["gap"] for g in document["gaps"] if (g["dataset"], g["metric"]) == (one.dataset, one.metric))
        return shown(gap, one.text)
    if kind == "tau":
        metrics = one.metric.split()
        found = [
            a
            for a in document["agreements"]
            if a["dataset"] == one.dataset and {a["metric"], a["with"]} == set(metrics)
        ]
        return shown(found[0]["tau"], one.text)
    if kind in ("by size", "by method"):
        return shown(largest_difference(one), one.text)
    if kind == "finding":
        return next(line for line in document["findings"] if line == one.text)
    if kind == "seeds":
        return ", ".join(map(str, document["seeds"]["all"]))
    return asked(one)


def largest_difference(one: Any) -> float:
    """Between two models that have the same method, or the same size of code."""
    sized = [row for row in rows(one, one.metric) if "[" in row["model"] and row["value"] is not None]
    models = [(row["model"].partition("[")[:3:2], row["value"]) for row in sized]
    same = 0 if one.kind == "by size" else 1
    return max(x - y for a, x in models for b, y in models if a[same] == b[same])


def pairs(one: Any) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """The rows of the suite's models in both of its metrics."""
    first, second = (
        {row["model"]: row for row in rows(one, name) if row["role"] == "reference"} for name in one.metric.split()
    )
    return [(first[model], second[model]) for model in first.keys() & second.keys()]


def asked(one: Any) -> str:
    """What the suite asks for."""
    import tomllib

    suite, preset, _ = one.source.split("/")
    text = (ROOT / "benchmarks" / f"{suite.partition('@')[0]}.toml").read_text(encoding="utf-8")
    told = tomllib.loads(text)["presets"][preset]
    return str(len(told["seeds"]) if one.kind == "preset seeds" else told[one.metric])
