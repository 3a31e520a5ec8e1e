"""What a trial leaves for people: which pictures, of which images, and the numbers of the plots."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image
from sklearn.metrics import auc, roc_auc_score
from torch import Tensor

from vaebench.evidence import Evidence
from vaebench.interfaces import Model, Split, Splits
from vaebench.judging import code_walk, colours, plot_data
from vaebench.judging.pictures import FILM, GAIN, NUMBERS, SHEET, write_pictures
from vaebench.judging.plots import _roc, plots
from vaebench.report import page


class Bars(Model):
    """Its code is the brightness of four quarters, each of which matters more than the one before."""

    name, version = "bars", 1

    def __init__(self) -> None:
        super().__init__((1, 8, 8), None)
        self.register_buffer("weight", torch.tensor([0.1, 0.2, 0.3, 1.0]))

    def encode(self, x: Tensor) -> Tensor:
        return x.reshape(len(x), 4, 16).mean(2)

    def decode(self, code: Tensor) -> Tensor:
        return (code * self.weight).repeat_interleave(16, dim=1).reshape(-1, 1, 8, 8).clamp(0, 1)

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        return self.decode(torch.rand((n, 4), generator=generator))


def split(n: int, seed: int) -> Split:
    random, healthy = np.random.default_rng(seed), np.arange(n) % 2 == 0
    images = random.integers(0, 200, (n, 1, 8, 8), dtype=np.uint8)
    images[~healthy] += 40
    return Split(images, (~healthy).astype(int), np.arange(n), healthy)


@pytest.fixture
def evidence() -> Evidence:
    splits = Splits(train=split(60, 1), test=split(40, 2), val=split(8, 3))
    return Evidence(Bars(), splits, samples=30, dataset="xray", classes=("clear", "<b>cloudy</b>"))


@pytest.fixture
def told(evidence: Evidence, tmp_path: Path) -> dict:
    write_pictures(evidence, tmp_path)
    return json.loads((tmp_path / NUMBERS).read_text())


def tile(folder: Path, told: dict, name: str, number: int) -> np.ndarray:
    sheet, where = np.asarray(Image.open(folder / SHEET).convert("L"), np.float32) / 255, told["tiles"]
    row, column = divmod(where["where"][name][0] + number, where["columns"])
    high, wide = where["height"], where["width"]
    return sheet[row * high : (row + 1) * high, column * wide : (column + 1) * wide]


def test_health_and_label_of_what_is_shown_are_told(told: dict) -> None:
    assert told["shown"] == 4 * [
        {"label": "clear", "health": "healthy"},
        {"label": "<b>cloudy</b>", "health": "diseased"},
    ]


def test_the_sheet_shows_the_same_images_again(evidence: Evidence, told: dict, tmp_path: Path) -> None:
    for number, row in enumerate((0, 1, 2, 3)):
        original = evidence.images("test")[row, 0]
        residual = np.abs(original - evidence.reconstructions("test")[row, 0])
        assert abs(tile(tmp_path, told, "originals", number).mean() - original.mean()) < 0.02
        assert abs(tile(tmp_path, told, "residuals", number).mean() - (residual * GAIN).clip(0, 1).mean()) < 0.02


def test_what_cannot_be_shown_has_a_reason_and_takes_nothing_else(told: dict) -> None:
    assert set(told["without"]) == {"masks", "variations", "along", "maps"}
    assert told["without"]["masks"] == "the dataset has no anomaly masks"


def test_a_model_that_breaks_keeps_its_other_pictures(evidence: Evidence, tmp_path: Path) -> None:
    def broken(code: Tensor) -> Tensor:
        raise RuntimeError(f"of {Path.home()}")

    evidence.reconstructions("test"), evidence.samples()
    evidence.model.decode = broken  # type: ignore[method-assign]
    write_pictures(evidence, tmp_path)
    told = json.loads((tmp_path / NUMBERS).read_text())
    assert told["without"]["dimensions"] == "failed with RuntimeError"
    assert "reconstructions" in told["tiles"]["where"] and (tmp_path / "samples.png").exists()


def test_the_same_evidence_leaves_the_same_bytes(evidence: Evidence, tmp_path: Path) -> None:
    content = []
    for name in ("one", "other"):
        write_pictures(evidence, tmp_path / name)
        content.append({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()})
    assert content[0] == content[1] and len(content[0]) == 4


def test_the_film_of_a_training_is_shown(evidence: Evidence, tmp_path: Path) -> None:
    frames = np.linspace(0, 255, 3 * 8).astype(np.uint8).reshape(3, 8, 1, 1, 1).repeat(8, 3).repeat(8, 4)
    with (tmp_path / FILM).open("wb") as file:
        np.savez(file, images=frames, steps=np.array([1, 5, 10]))
    write_pictures(evidence, tmp_path)
    told = json.loads((tmp_path / NUMBERS).read_text())
    assert told["along"] == [1, 5, 10]
    assert abs(tile(tmp_path, told, "along", 23).mean() - 1) < 0.02


def test_dimensions_come_by_how_much_they_change_the_picture(evidence: Evidence) -> None:
    which, values, frames = code_walk.dimensions(evidence)
    assert which == [3, 2, 1, 0]
    codes = evidence.codes("test")
    np.testing.assert_allclose(values[0, [0, -1]], np.quantile(codes[:, 3], code_walk.SWING), rtol=1e-5)
    centre = codes.mean(axis=0)
    centre[3] = values[0, -1]
    np.testing.assert_allclose(frames[code_walk.FRAMES - 1], code_walk.decoded(evidence, centre[None])[0], atol=1e-6)


def test_a_line_between_two_images_ends_at_their_reconstructions(evidence: Evidence) -> None:
    frames, ends = code_walk.between(evidence, 4, 7), evidence.reconstructions("test")[[4, 7]]
    np.testing.assert_allclose(frames[[0, -1]], ends, atol=1e-6)
    np.testing.assert_allclose(frames[code_walk.FRAMES // 2], ends.mean(axis=0), atol=1e-5)


def test_the_roc_curve_has_scikit_learns_area(evidence: Evidence) -> None:
    found, test = plot_data.scores(evidence)["residual"], evidence.split("test")
    area = roc_auc_score(test.diseased, evidence.residuals("test"))
    assert auc(*found["roc"]) == pytest.approx(area, abs=1e-3)
    assert found["auroc"] == pytest.approx(area, abs=5e-5)
    assert found["roc"][0][0] == found["roc"][1][0] == 0 and found["roc"][0][-1] == found["roc"][1][-1] == 1
    assert sum(found["healthy"]) == pytest.approx(1, abs=0.01) and sum(found["diseased"]) == pytest.approx(1, abs=0.01)


def test_the_nearest_training_image_is_found(evidence: Evidence) -> None:
    train = evidence.images("train")
    near, distances = plot_data.nearest(evidence, (train[[5, 41]] + 0.01).astype(np.float32))
    np.testing.assert_array_equal(near, train[[5, 41]])
    assert distances == pytest.approx([0.01, 0.01], rel=0.01)


def test_principal_components_keep_distances() -> None:
    values = np.random.default_rng(0).normal(size=(30, 200)).astype(np.float32)
    found = plot_data.principal(values)
    np.testing.assert_allclose(found @ found.T, (c := values - values.mean(0)) @ c.T, atol=1e-2)


@pytest.fixture(scope="module")
def drawn() -> dict[str, bytes]:
    residual = {"auroc": 0.7, "roc": [[0, 0.5, 1], [0, 0.8, 1]], "edges": [0, 1], "healthy": [1, 0], "diseased": [0, 1]}
    maps = {"labels": ["$a", "_b", "$a"], "pixels": [[0, 0], [1, 1], [2, 0]], "codes": [[0, 1], [1, 0], [3, 0]]}
    curve = {"main": {"step": [0.0, 1.0], "k_l$": [2.0, 1.0]}, "prior": {"step": [0.0, 1.0], "nll": [1.0, 0.5]}}
    told = {"scores": {"residual": residual}, "maps": maps, "shown": [{"label": "$a"}, {"label": "_b" * 20}]}
    told["tiles"] = {"where": {"originals": [0, 2], "reconstructions": [4, 2], "residuals": [2, 2]}}
    images = [np.full((3, 8, 8), i / 6, np.float32) for i in range(6)]
    return dict(plots(told, curve, images))


def test_plots_are_png_and_svg_without_a_date(drawn: dict[str, bytes]) -> None:
    assert set(drawn) == {
        f"{name}.{form}" for name in ("losses", "roc", "scores", "sheet", "t-sne") for form in ("png", "svg")
    }
    for name, content in drawn.items():
        if name.endswith("png"):
            image = Image.open(io.BytesIO(content))
            assert image.text == {} and np.asarray(image).std() > 0
            assert image.info["dpi"] == pytest.approx((300, 300), abs=0.1)
        else:
            assert b"<svg" in content and b"date" not in content


def test_a_labelled_sheet_has_rows_in_their_order(drawn: dict[str, bytes]) -> None:
    pixels = np.asarray(Image.open(io.BytesIO(drawn["sheet.png"])).convert("L")).astype(int)
    column = pixels[:, round(0.3 * pixels.shape[1])]
    greys = [round(i / 6 * 255) for i in (0, 4, 2)]
    places = [np.flatnonzero(abs(column - grey) <= 1).mean() for grey in greys]
    assert places == sorted(places), "original, reconstruction, residual"


def test_the_legend_of_a_roc_curve_has_the_area() -> None:
    axes = Figure().add_subplot()
    _roc(axes, {"residual $x$": {"roc": [[0, 1], [0, 1]], "auroc": 0.5}})
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["residual $x$, AUROC 0.500"]


def test_figures_have_the_colours_of_the_page() -> None:
    assets = Path(page.__file__).parent / "assets"
    root = (assets / "page.css").read_text().split("@media")[0]
    assert f"--one: {colours.BLUE};" in root and f"--other: {colours.ORANGE};" in root
    listed = (assets / "plots.js").read_text().split("COLOURS = [")[1].split("]")[0]
    assert listed.replace('"', "").split(", ") == [colour.lower() for colour in colours.COLOURS]


def test_a_plot_has_the_same_bytes_again(drawn: dict[str, bytes]) -> None:
    def again() -> Iterator[tuple[str, bytes]]:
        return plots({}, {"main": {"step": [0, 1], "a": [2.0, 1.0]}})

    assert dict(again()) == dict(again())


@pytest.mark.parametrize("regime", ["all", "healthy"])
def test_anomaly_scores_are_drawn_of_models_trained_on_healthy_images(
    evidence: Evidence, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, regime: str
) -> None:
    monkeypatch.setattr(plot_data, "MAPPED", (30, 40))  # so that plots are drawn of so few images
    write_pictures(evidence, tmp_path, regime=regime)
    told = json.loads((tmp_path / NUMBERS).read_text())
    drawn = {path.name for path in tmp_path.iterdir()} & {"roc.png", "roc.svg", "scores.png", "scores.svg"}
    assert (len(drawn) == 4) == ("scores" in told) == (regime == "healthy")
    assert ("not trained on healthy images only" in told["without"].get("scores", "")) == (regime == "all")
