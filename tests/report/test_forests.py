"""Forest plots as files: order, scale, floors and names against known values; text stays text."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from records_made import EVIL, field, made

from vaebench.leaderboard.board import Board
from vaebench.leaderboard.runs import Entrant
from vaebench.report import files
from vaebench.report.forests import forest

SVG = "{http://www.w3.org/2000/svg}"


def judged(
    low: float = 0.6, names: tuple[str, ...] = ("vae", "ae", "low"), datasets: tuple[str, ...] = ("chest",)
) -> Board:
    values = dict(zip(names, (0.9, 0.7, low), strict=True))
    records = [one for dataset in datasets for one in field(values, dataset=dataset)]
    references = tuple(Entrant(name, "bce") for name in names[:2])
    return made(records, references=references, floors=(Entrant(names[2], "bce"),))


def drawn(board: Board) -> ElementTree.Element:
    return ElementTree.fromstring(forest(board, board.standings[0]))


def test_the_best_stands_on_top_and_floors_below_in_scale() -> None:
    board = judged()
    root, (column,) = drawn(board), board.standings[0].main
    names = [one.text for one in root.iter(f"{SVG}text") if one.get("text-anchor") == "end"]
    assert names == ["vae", "ae", "low (floor)"]
    (vae, ae), (low,) = root.iter(f"{SVG}circle"), root.iter(f"{SVG}rect")
    places = [float(vae.get("cx")), float(ae.get("cx")), float(low.get("x")) + 4]
    means = [board.cell(Entrant(name, "bce"), column).estimate.mean for name in ("vae", "ae", "low")]
    assert (places[0] - places[1]) / (places[1] - places[2]) == pytest.approx(
        (means[0] - means[1]) / (means[1] - means[2]), rel=0.02
    )
    kinds = [one.get("class") for one in root.iter(f"{SVG}line")]
    assert kinds.count("span") == 2 and kinds.count("reference") == 1
    assert [one.text for one in root.iter(f"{SVG}text") if one.get("class") == "best"][1:] == ["vae"]


def test_a_floor_far_away_stands_at_the_edge_with_its_number() -> None:
    root = drawn(judged(low=-30.0))
    assert not list(root.iter(f"{SVG}rect"))
    (far,) = (one.text for one in root.iter(f"{SVG}text") if one.get("class") == "far")
    assert far.startswith("‹ -30.0")


def test_there_is_a_panel_for_each_dataset_and_a_file_for_each_verdict_that_ranks() -> None:
    board = judged(datasets=("chest", "knee", "skin"))
    root = drawn(board)
    titles = [one.text for one in root.iter(f"{SVG}text") if one.get("class") == "best" and one.get("x") == "8.0"]
    assert titles == [f"{name} (phantom)" for name in ("chest", "knee", "skin")]
    moved = [one.get("transform") for one in root.iter(f"{SVG}g")]
    assert moved[:2] == ["translate(0 0)", "translate(420 0)"] and moved[2].startswith("translate(0 ")
    texts = dict(files.texts(board))
    assert texts["boards/reconstruction.svg"] == forest(board, board.standings[0])
    assert "boards/cost.svg" not in texts and forest(made([]), board.standings[0]) == ""


@pytest.mark.parametrize("name", EVIL[:9])
def test_a_strangers_name_is_text(name: str) -> None:
    root = drawn(judged(names=(name, "ae", "low")))
    tags = {one.tag.partition("}")[2] for one in root.iter()}
    assert tags == {"svg", "style", "g", "path", "text", "circle", "rect", "line"}
    assert all(not key.startswith("on") and key != "href" for one in root.iter() for key in one.attrib)
