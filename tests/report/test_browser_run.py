"""A run in a real browser: headline numbers, links to sections, what is missing, and the truth over residuals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import records_made
from browsing import CHEST, choose, open_run, section, visiting, wait_until
from page_made import track, written

from vaebench.records import store
from vaebench.report.page import write_page

PIXEL = """(canvas, [x, y]) => {
    const pixel = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d");
    pixel.drawImage(canvas, 0, 0);
    return [...pixel.getImageData(x, y, 1, 1).data].slice(0, 3);
}"""


def test_a_run_begins_with_its_headlines_beside_rank_floors_and_best(browser: Any, judged: Path) -> None:
    with visiting(browser, judged) as page:
        open_run(page, "twin")
        assert page.locator("#run-body h3").first.inner_text() == "Headline numbers"
        seed, mean, floors, best = section(page, "Headline numbers").locator("tbody td").all_inner_texts()
        assert abs(float(seed) - 0.9) < 0.05 and "±" in mean and mean.endswith("1–2")
        assert floors == "1 of 1" and best.startswith(("vae: 0.9", "twin: 0.9"))
        choose(page, "run-beside", "far (floor)")
        pair = section(page, "Headline numbers").locator("tbody td").all_inner_texts()
        assert pair[3].startswith("+0.4") and pair[0] == "twin (beats this floor)"
        page.locator("#close").click()
        choose(page, "dataset", CHEST)
        open_run(page, "far (floor)")
        own = section(page, "Headline numbers").locator("tbody td").all_inner_texts()
        assert own[2] == "–" and "0.497" in own[1], "a floor has no rank and beats no floor"


def test_a_number_is_found_under_an_older_title_of_its_metric(browser: Any, tmp_path: Path) -> None:
    made = records_made.field({"vae": 0.9, "ae": 0.5}, seeds=3)
    for one in made:
        if one.trial.model.name == "vae":
            one.metrics["ms-ssim"].title = "similarity <b>before</b>"
    with visiting(browser, written(tmp_path, made)) as page:
        open_run(page, "vae")
        seed = section(page, "Headline numbers").locator("tbody td").first.inner_text()
        assert abs(float(seed) - 0.9) < 0.05
        choose(page, "run-beside", "ae")
        (row,) = section(page, "Metrics of this run").locator("tbody tr", has=page.locator("td")).all()
        assert row.inner_text().startswith("MS-SSIM") and row.inner_text().endswith("better: vae")


def test_two_models_are_told_apart_by_their_test_and_not_by_their_ranks(browser: Any, tmp_path: Path) -> None:
    made = records_made.field({"vae": 0.9, "mid": 0.876, "ae": 0.868}, seeds=3)
    with visiting(browser, written(tmp_path, made)) as page:
        open_run(page, "vae")
        told = {}
        for other in ("ae", "mid"):
            choose(page, "run-beside", other)
            told[other] = section(page, "Headline numbers").locator("tbody td").all_inner_texts()
        assert told["ae"][0] == "vae (significant)" and told["mid"][0] == "vae (not significant)"
        assert told["ae"][1].endswith("1–2") and told["ae"][2].endswith("2–3"), "their rank intervals overlap"
        choose(page, "run-model", "ae")
        choose(page, "run-beside", "vae")
        assert section(page, "Headline numbers").locator("tbody td").first.inner_text() == "vae (significant)"
        assert "seed and “Trained on” above change nothing" in section(page, "Headline numbers").inner_text()


def test_on_a_phone_nothing_lies_over_the_run(browser: Any, judged: Path) -> None:
    with visiting(browser, judged, width=390) as page:
        open_run(page, "twin")
        page.evaluate("find('run').scrollTop = 500")
        close, bar = (page.locator(one).bounding_box() for one in ("#close", ".run-name"))
        assert bar["y"] == 0 and bar["width"] == 390 and close["y"] + close["height"] <= bar["height"]
        assert (
            section(page, "Headline numbers").locator(".scrolls").inner_text().startswith("Scroll this table sideways")
        )


def test_links_lead_to_sections_and_keep_the_address(page: Any) -> None:
    open_run(page, "vae")
    here = page.evaluate("location.hash")
    links = page.locator("#run-body nav button")
    assert links.all_inner_texts() == page.locator("#run-body h3").all_inner_texts()
    links.filter(has_text="Metrics of this run").click()
    title = section(page, "Metrics of this run").locator("h3")
    assert page.evaluate("document.activeElement.textContent") == "Metrics of this run" == title.inner_text()
    below = page.locator(".run-top").bounding_box()
    assert below["y"] + below["height"] <= title.bounding_box()["y"] < 900 and page.evaluate("location.hash") == here


def test_pictures_that_are_missing_are_one_line(browser: Any, tmp_path: Path) -> None:
    board = records_made.made(one := [records_made.record("vae", {"ms-ssim": 0.9})])
    path = written(tmp_path, one)
    (numbers,) = tmp_path.rglob("pictures.json")
    told = json.loads(numbers.read_text())
    for name in ("dimensions", "between", "maps", "along"):
        told.pop(name)
        told["without"][name] = f"no {name} <b>here</b>"
    store.write_atomically(numbers, json.dumps(told).encode())
    write_page(path, board, track(tmp_path))
    with visiting(browser, path) as page:
        open_run(page, "vae")
        titles = page.locator("#run-body h3").all_inner_texts()
        assert "Through the latent space" not in titles and "t-SNE of pixels and of codes" not in titles
        (line,) = section(page, "Not shown").locator("p").all_inner_texts()
        assert "Through the latent space: no dimensions <b>here</b>. Between two images: no between" in line
        assert "Anomaly scores: the model was not trained on healthy images only" in line


def test_the_truth_is_outlined_on_residuals(page: Any) -> None:
    open_run(page, "vae")
    rows = section(page, "Reconstructions of test images").locator(".strip")
    names = [row.locator("span").first.inner_text() for row in rows.all()]
    residual, plain = (rows.nth(names.index(name)).locator("canvas").first for name in (names[4], "reconstruction"))
    wait_until(page, "[...sheets.values()].every(image => image.complete)")
    assert names[4] == "residual (white: 0.25 or more), truth outlined"
    ground = plain.evaluate(PIXEL, [8, 8])
    inside, outside = (residual.evaluate(PIXEL, at) for at in ([8, 8], [1, 1]))
    edge = residual.evaluate(PIXEL, [8, 3])
    assert max(abs(a - b) for a, b in zip(inside + outside, ground + ground, strict=True)) < 12, "as it was"
    assert edge[0] > 150 and edge[0] > edge[2] + 60, "orange"


def test_metrics_without_a_number_are_told_by_their_reason(browser: Any, tmp_path: Path) -> None:
    cells = {"psnr": 20.0, **{name: records_made.metric(name, None, "no prior") for name in ("kid", "auroc")}}
    with visiting(browser, written(tmp_path, [records_made.record("vae", cells)])) as page:
        open_run(page, "vae")
        shown = section(page, "Metrics of this run")
        assert shown.locator("tbody th[scope=row]").all_inner_texts() == ["PSNR"]
        shown.locator("summary").click()
        assert shown.locator("li").all_inner_texts() == ["AUROC, KID: no prior"]
