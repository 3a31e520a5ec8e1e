"""Prices stand beside what they are the price of, and the picture of both is safe, in scale and the same each time."""

from __future__ import annotations

import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from records_made import EVIL, made, metric, record

from vaebench.leaderboard.board import Board
from vaebench.leaderboard.runs import Entrant
from vaebench.report import files
from vaebench.report.page.boards import board_data
from vaebench.report.rates import pictures, svg

BITS = {"title": "bits per image", "verdict": "other", "better": "lower", "unit": "bits"}
PRICED = {"prices": {"reconstruction": ("bits",)}}
VALUES = {"vae": (100.0, 0.8), "vq": (400.0, 0.9), "pca": (130.0, 0.7)}


def drawn(names: tuple[str, ...] = ("vae", "vq", "pca"), priced: bool = True, **given) -> Board:
    records = [record("ae", {"ms-ssim": 0.85, "bits": metric("bits", None, "no prior", **BITS)}, loss=None)]
    for name, (bits, quality) in zip(names, VALUES.values(), strict=True):
        records.append(record(name, {"ms-ssim": quality, "bits": metric("bits", bits, **BITS)}, loss=None))
    floors = (Entrant(names[2], ""),)
    references = tuple(Entrant(name, "") for name in ("ae", *names[:2]))
    return made(records, floors=floors, references=references, **(PRICED if priced else {}), **given)


def marks(text: str, kind: str) -> list[tuple[float, float]]:
    """Where circles or squares stand."""
    found = ElementTree.fromstring(text).iter(f"{{http://www.w3.org/2000/svg}}{kind}")
    places = (("cx", "cy") if kind == "circle" else ("x", "y"), 0 if kind == "circle" else 4)
    return [(float(one.get(places[0][0])) + places[1], float(one.get(places[0][1])) + places[1]) for one in found]


def test_models_are_circles_and_floors_squares_in_scale():
    (picture,) = pictures(drawn())
    text = svg(drawn(), picture)
    (vq, vae), (pca,) = marks(text, "circle"), marks(text, "rect")
    assert (pca[0] - vae[0]) / (vq[0] - vae[0]) == pytest.approx(0.1, abs=0.01)
    assert vq[1] < vae[1] < pca[1] and (pca[1] - vae[1]) == pytest.approx(vae[1] - vq[1], abs=0.2)
    assert len(picture.points) == 3, "what has no price has no place"
    assert text == svg(drawn(), picture)


def test_labels_do_not_lie_on_each_other():
    (picture,) = pictures(drawn())
    crowded = picture._replace(points=tuple(one._replace(quality=0.8) for one in picture.points))
    labels = [
        one for one in re.findall(r'<text x="([\d.]+)" y="([\d.]+)"', svg(drawn(), crowded)) if float(one[0]) > 460
    ]
    heights = sorted(float(y) for _, y in labels)
    assert len(heights) == 3 and all(b - a > 11 for a, b in pairwise(heights))


@pytest.mark.parametrize("name", EVIL[:9])
def test_a_strangers_name_is_text(name: str):
    board = drawn(names=(name, "vq", "pca"))
    (picture,) = pictures(board)
    root = ElementTree.fromstring(svg(board, picture))
    assert {one.tag.partition("}")[2] for one in root.iter()} == {
        "svg",
        "style",
        "path",
        "text",
        "circle",
        "rect",
        "line",
    }
    assert all(not key.startswith("on") and key != "href" for one in root.iter() for key in one.attrib)


def test_there_is_a_file_for_each_dataset_and_the_page_has_the_same_points():
    made_files = dict(files.texts(drawn()))
    assert made_files["boards/chest-reconstruction.svg"].startswith("<svg ")
    *_, told = board_data(drawn())["scatters"]
    assert sorted(point[1:] for point in told["points"]) == sorted(map(list, VALUES.values()))
    without = drawn(priced=False)
    assert not list(pictures(without)) and not any(
        name == "boards/chest-reconstruction.svg" for name, _ in files.texts(without)
    )


def test_prices_stand_beside_reconstruction():
    texts = dict(files.texts(drawn()))
    own = texts["boards/chest.md"].split("## Reconstruction on chest")[1].split("##")[0]
    assert "bits per image (bits)" in own and "Code size" in own
    assert "bits per image" in texts["boards/reconstruction.md"] and "Code size" in texts["boards/reconstruction.md"]
    plain = dict(files.texts(drawn(priced=False)))
    assert "bits per image" not in plain["boards/reconstruction.md"]
