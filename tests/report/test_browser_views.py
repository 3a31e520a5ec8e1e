"""The page in a real browser: addresses and Back, charts, copied commands, print, and what it says at its top."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import records_made
from browsing import CHEST, KNEE, choose, heads, models, open_run, section, visiting, wait_until
from click.testing import CliRunner
from page_made import EVIL, written

from vaebench.cli import main
from vaebench.leaderboard.runs import Entrant
from vaebench.report import page as pages

BACK = "history.back()"
REFERENCE = Path(__file__).parents[2] / "results" / "reference"


def where(page: Any) -> str:
    return page.evaluate("location.hash")


def test_every_view_has_an_address_that_can_be_sent(browser: Any, made: Path, page: Any) -> None:
    choose(page, "metric", "PSNR (dB) ↑")
    choose(page, "dataset", KNEE)
    page.locator("#filter").fill("e")
    open_run(page, "vae")
    choose(page, "run-seed", "2")
    choose(page, "run-beside", EVIL)
    sent = where(page)
    assert "metric=psnr" in sent and "<" not in sent
    with visiting(browser, made, view=sent) as other:
        assert other.locator("#run").is_visible()
        assert other.locator("#run-title").inner_text() == f"vae and {EVIL} on {KNEE}"
        assert other.locator("#run-seed").input_value() == "2" and other.locator("#filter").input_value() == "e"
        other.locator("#close").click()
        assert not other.locator("#run").is_visible() and "run=" not in where(other)
        assert heads(other)[1] == KNEE and "zebra[latent=4]" in models(other) and "pca" not in models(other)


def test_back_closes_what_was_opened(page: Any) -> None:
    start = where(page)
    choose(page, "metric", "KID ↓ ★")
    chosen = where(page)
    for close in ("back", "button", "escape"):
        open_run(page, "pca")
        assert "run=" in where(page)
        if close == "back":
            page.evaluate(BACK)
        elif close == "button":
            page.locator("#close").click()
        else:
            page.keyboard.press("Escape")
        wait_until(page, "!location.hash.includes('run=')")
        assert not page.locator("#run").is_visible() and where(page) == chosen, close
    page.evaluate(BACK)
    wait_until(page, f"location.hash === {start!r}")
    assert page.locator("#metric").input_value() == "ranks"
    page.evaluate("history.forward()")
    wait_until(page, f"location.hash === {chosen!r}")
    assert heads(page)[2:4] == [CHEST, KNEE]


def test_back_keeps_the_order_of_rows(page: Any) -> None:
    page.locator("#board thead button").first.click()
    by_name = models(page)
    open_run(page, "pca")
    page.evaluate(BACK)
    wait_until(page, "!location.hash.includes('run=')")
    assert models(page) == by_name
    assert page.evaluate("document.activeElement.textContent") == "pca"


@pytest.mark.parametrize("view", ["#run=no&metric=<b>&dataset=x", "#%", f"#models={EVIL}", "#&&=&run"])
def test_an_address_that_names_nothing_shows_the_board(browser: Any, made: Path, view: str) -> None:
    with visiting(browser, made, view=view) as page:
        assert heads(page)[0] == "Model" and not page.locator("#run").is_visible()
        assert page.locator("main b").count() == 0


def test_the_top_says_phantoms_and_how_runs_were_made(page: Any) -> None:
    assert "Phantoms, not patients" in page.locator("#phantom").inner_text()
    told = dict(line.split(": ", 1) for line in page.locator("#about div").all_inner_texts())
    assert told["Trained"] == "2026-01-01" and told["Hardware"] == "a processor" and told["Seeds"] == "0–2"
    assert told["Image size"] == "32 px" and told["Training steps"] == "10"
    assert told["Judged on"] == f"{CHEST}: 100 test images; {KNEE}: 100 test images"
    assert told["Verified"] == "none of these results"
    page.locator("#notes details").evaluate_all("all => all.forEach(one => { one.open = true; })")
    text = page.locator("body").inner_text()
    assert all(name.endswith("(phantom)") for name in re.findall(r"\b(?:chest|knee)(?: \(phantom\))?", text))


def test_the_first_view_tells_what_a_floor_is_and_when_a_filter_finds_nothing(browser: Any, judged: Path) -> None:
    with visiting(browser, judged) as page:
        assert page.locator("#floor summary").inner_text() == "A floor is something trivial that a model must beat."
        page.locator("#filter").fill("no such")
        assert page.locator("#count").inner_text() == "0 of 4 rows. No model is called “no such”."
        page.locator("#filter").fill("")
        choose(page, "metric", "MS-SSIM ↑ ★")
        assert "A model with rank 1 in its interval may be best, too." in page.locator("#caption").inner_text()


def test_the_top_says_what_the_images_are_and_floors_are_orange(browser: Any, tmp_path: Path) -> None:
    values, dataset = {"vae": 0.9, "twin": 0.9, "far": 0.88}, "folder[name=mine]"
    made = records_made.field(values, dataset=dataset, seeds=3)
    described = {"folder": {"version": 2, "title": "Knees of <b>my</b> ward"}}
    rules = {
        "references": (Entrant("vae", "bce"), Entrant("twin", "bce")),
        "floors": (Entrant("far", "bce"),),
        "described": described,
    }
    with visiting(browser, written(tmp_path, made, **rules)) as page:
        told = dict(line.split(": ", 1) for line in page.locator("#about div").all_inner_texts())
        assert told["Drawn in place of"] == "mine (phantom): Knees of <b>my</b> ward (folder[name=mine])"
        assert told["Judged on"].startswith("mine (phantom): ")
        assert page.locator("#dataset option").all_inner_texts() == ["mine (phantom)"]
        choose(page, "metric", "MS-SSIM ↑ ★")
        fill = "one => getComputedStyle(one).fill"
        colours = [dot.evaluate(fill) for dot in page.locator("#board tbody .bar circle").all()]
        assert colours[0] == colours[1] != colours[2]
        floor = page.locator("#forests path[stroke='var(--other)']").first
        assert floor.evaluate("one => getComputedStyle(one).stroke") == colours[2], "as in the charts"


def test_a_board_of_patients_has_no_banner(browser: Any, made: Path, tmp_path: Path) -> None:
    path = tmp_path / "real.html"
    path.write_text(made.read_text().replace('"phantom":true', '"phantom":false'))
    with visiting(browser, path) as page:
        assert not page.locator("#phantom").is_visible()


def test_without_ranks_charts_are_of_the_headlines_all_the_same(browser: Any, tmp_path: Path) -> None:
    with visiting(browser, drawn(tmp_path, 0.8, seeds=2)) as page:
        assert page.locator("#metric").input_value() == "summary"
        told = page.locator("#forests figcaption").all_inner_texts()
        assert told == [f"Reconstruction: MS-SSIM on {CHEST}"]


def test_metrics_are_listed_by_verdict_with_direction(page: Any) -> None:
    groups = page.locator("#metric optgroup").evaluate_all("all => all.map(one => one.label)")
    assert groups[:4] == ["Reconstruction", "Representation", "Anomaly", "Generation"]
    assert groups[-1] == "Cost, not ranked"
    costs = page.locator("#metric optgroup").last.locator("option").all_inner_texts()
    assert "Training time (s) ↓" in costs and not any("★" in cost for cost in costs)


def drawn(folder: Path, floor: float, seeds: int = 3) -> Path:
    values = {"vae": 0.9, "ae": 0.85, "low": floor, "new": 0.95}
    rules = {"references": (Entrant("vae", "bce"), Entrant("ae", "bce")), "floors": (Entrant("low", "bce"),)}
    made = [one for name in ("chest", "knee") for one in records_made.field(values, seeds=seeds, dataset=name)]
    return written(folder, made, summary=("ms-ssim",), **rules)


def test_a_chart_per_verdict_has_floors_as_reference_lines(browser: Any, tmp_path: Path) -> None:
    with visiting(browser, drawn(tmp_path, 0.8)) as page:
        charts = page.locator("#forests figure")
        both = [f"Reconstruction: MS-SSIM on {dataset}" for dataset in (CHEST, KNEE)]
        assert charts.locator("figcaption").all_inner_texts() == both
        choose(page, "dataset", CHEST)
        assert charts.locator("figcaption").all_inner_texts() == both[:1]
        names = charts.locator("svg > text[text-anchor=end]").evaluate_all("all => all.map(t => t.firstChild.data)")
        assert names == ["new + bce (new)", "vae", "ae", "low"]
        assert charts.locator(".reference").count() == 1 and charts.locator(".interval").count() == 4
        ends = "all => all.map(one => [one.x1.baseVal.value, one.x2.baseVal.value])"
        assert all(low < high for low, high in charts.locator(".interval").evaluate_all(ends))
        choose(page, "dataset", "All datasets")
        choose(page, "metric", "MS-SSIM ↑ ★")
        assert charts.count() == 2, "one for each dataset"


def test_charts_of_too_many_datasets_are_those_of_the_first_and_say_so(browser: Any, tmp_path: Path) -> None:
    names = [f"organ{number:02}" for number in range(13)]
    made = [one for name in names for one in records_made.field({"vae": 0.9, "ae": 0.5}, seeds=3, dataset=name)]
    path = tmp_path / "leaderboard.html"
    path.write_text(pages.page(records_made.made(made)))
    with visiting(browser, path) as page:
        assert page.locator("#forests figure").count() == page.locator("#scatters figure").count() == 1
        assert page.locator("#forests-told").inner_text() == (
            "Charts: organ00 (phantom); choose another dataset above."
        )
        assert page.locator("#scatters-told").inner_text().startswith("Plots: organ00 (phantom);")
        choose(page, "dataset", "organ05 (phantom)")
        told = page.locator("#forests figcaption").all_inner_texts()
        assert told == ["Reconstruction: MS-SSIM on organ05 (phantom)"]
        assert page.locator("#forests-told").inner_text() == ""


def test_chance_is_a_line_and_what_is_worse_has_no_colour(browser: Any, tmp_path: Path) -> None:
    low, high = {"vae": 0.35, "ae": 0.3, "low": 0.2}, {"vae": 0.65, "ae": 0.6, "low": 0.4}
    made = [
        one
        for dataset, values in (("chest", high), ("knee", low))
        for one in records_made.field(values, seeds=3, name="auroc", dataset=dataset, noise=0.002)
    ]
    with visiting(browser, written(tmp_path, made, chance={"auroc": 0.5})) as page:
        for chart in page.locator("#forests svg").all():
            line = chart.locator(".chance")
            assert line.evaluate("one => getComputedStyle(one).strokeDasharray") != "none"
            assert chart.get_by_text("chance").count() == 1
        dots = "all => all.map(one => one.transform.baseVal[0].matrix.e)"
        for chart, below in zip(page.locator("#forests svg").all(), (1, 3), strict=True):
            at = chart.locator(".chance").evaluate("one => one.x1.baseVal.value")
            assert sum(dot < at for dot in chart.locator("path[transform]").evaluate_all(dots)) == below
        table = page.locator("#matrices table")
        assert "0.5 is chance" in table.locator("caption").inner_text()
        shades = table.locator("tbody tr").evaluate_all(
            "all => all.map(row => [1, 2].map(i => row.cells[i].className))"
        )
        assert shades == [["shade-4", ""], ["shade-2", ""], ["", ""]]


def test_an_interval_much_wider_than_the_others_is_cut_off_with_an_arrow(browser: Any, tmp_path: Path) -> None:
    made = records_made.field({"vae": 0.9, "ae": 0.85, "mid": 0.8}, seeds=3)
    made += records_made.field({"wild": 0.9}, seeds=3, noise=0.5)
    with visiting(browser, written(tmp_path, made)) as page:
        chart = page.locator("#forests svg")
        widths = chart.locator(".interval").evaluate_all(
            "all => all.map(one => one.x2.baseVal.value - one.x1.baseVal.value)"
        )
        assert len(widths) == 4 and min(widths) > 4, "the others can be seen"
        assert chart.locator(".arrow").count() == 2
        choose(page, "metric", "MS-SSIM ↑ ★")
        ends = "all => all.map(one => [one.x1, one.x2].map(end => end.baseVal.valueInSpecifiedUnits))"
        spans = page.locator("#board .bar .span").evaluate_all(ends)
        assert len(spans) == 4 and all(0 <= low < high <= 100 for low, high in spans)


def test_a_floor_far_away_does_not_press_the_models_together(browser: Any, tmp_path: Path) -> None:
    with visiting(browser, drawn(tmp_path, -30.0)) as page:
        choose(page, "dataset", CHEST)
        chart = page.locator("#forests svg")
        assert chart.locator(".far").text_content() == "‹ -30" and chart.locator(".reference").count() == 0
        wide = chart.locator(".interval").first.evaluate("one => one.x2.baseVal.value - one.x1.baseVal.value")
        assert wide > 20
        choose(page, "metric", "MS-SSIM ↑ ★")
        dots = page.locator("#board .bar circle").all()
        at = [one.evaluate("one => one.cx.baseVal.valueInSpecifiedUnits") for one in dots]
        assert len(at) == 3 and at[1] - at[2] > 30, "the same in the table, where the floor has no bar"


def test_roc_and_histograms_are_of_models_trained_on_healthy_images(page: Any) -> None:
    open_run(page, "vae")
    assert page.locator("#run-regime").input_value() == "all"
    scores = section(page, "Anomaly scores")
    assert scores.locator("svg").count() == 0
    scores.get_by_role("button", name="Show that run").click()
    assert scores.get_by_role("img", name="ROC curves").count() == 1 and "regime" not in where(page)


def test_a_command_is_copied(browser: Any, made: Path) -> None:
    with visiting(browser, made, permissions=["clipboard-read", "clipboard-write"]) as page:
        open_run(page, "vae")
        row = section(page, "Repeat this run").locator(".command")
        row.get_by_role("button").click()
        wait_until(page, "[...document.querySelectorAll('.command button')].some(b => b.textContent === 'Copied')")
        assert page.evaluate("navigator.clipboard.readText()") == row.locator("pre").inner_text()


def test_print_gives_the_whole_run(page: Any) -> None:
    board = page.pdf().count(b"/Type /Page\n")
    open_run(page, "vae")
    titles = page.locator("#run-body h3").all_inner_texts()
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    paper = page.locator("#paper")
    assert paper.locator("h3").all_inner_texts() == titles and len(titles) == 11
    assert all(title.is_visible() for title in paper.locator("h3").all())
    assert "zebra" not in paper.inner_text() and "Effective parameters" not in page.locator("main").inner_text()
    assert paper.get_by_text("Configuration and provenance").evaluate("one => one.parentElement.open")
    assert not page.locator("main").is_visible()
    whole = paper.bounding_box()["height"]
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    page.emulate_media(media="screen")
    assert page.locator("#run-body h3").all_inner_texts() == titles and paper.locator("h3").count() == 0
    assert whole > 900, "longer than a screen"
    printed = page.pdf().count(b"/Type /Page\n")
    assert printed >= 2 and board >= 1
    assert page.locator("#run-body h3").count() == 11, "as it was"


def test_verdicts_are_folded_on_the_screen_and_whole_on_paper(browser: Any, judged: Path) -> None:
    with visiting(browser, judged) as page:
        verdict = page.locator("#findings li").first
        assert verdict.inner_text().startswith("Reconstruction: ")
        gap = verdict.locator("details > p")
        assert "would usually not be detected" in gap.text_content() and not gap.is_visible()
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert gap.is_visible()
        page.evaluate("dispatchEvent(new Event('afterprint'))")
        assert not gap.is_visible()
        verdict.locator("summary").click()
        assert gap.is_visible()
        page.evaluate("dispatchEvent(new Event('beforeprint')); dispatchEvent(new Event('afterprint'))")
        assert gap.is_visible(), "printing leaves what the reader has opened"


def test_charts_begin_in_the_first_view_of_the_reference(browser: Any, tmp_path: Path) -> None:
    track = ["--suite", "medical-real", "--preset", "study", "--source", "real", "--format", "html"]
    made = ["--results", str(REFERENCE), "--output", str(tmp_path / "page.html")]
    done = CliRunner().invoke(main, ["leaderboard", *track, *made])
    assert done.exit_code == 0, done.output
    with visiting(browser, tmp_path / "page.html") as page:
        page.set_viewport_size({"width": 1280, "height": 800})
        charts = page.locator("#forests svg")
        assert charts.count() == 8 and charts.first.bounding_box()["y"] < 720


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_charts_can_be_read_on_a_phone(browser: Any, judged: Path, scheme: str) -> None:
    with visiting(browser, judged, width=390, scheme=scheme) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        sizes = "all => all.map(one => one.getBoundingClientRect().height)"
        assert min(page.locator("#forests svg text").evaluate_all(sizes)) >= 10
