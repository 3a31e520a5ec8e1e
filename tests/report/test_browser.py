"""The page in a real browser: what a reader does with it works, and nothing from a record does anything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import records_made
from browsing import CHEST, KNEE, PAINTED, WIDTHS, choose, heads, models, open_run, section, visiting, wait_until
from page_made import EVIL, field, lay_down, track

from vaebench.report import page as pages
from vaebench.report.page import write_page


def test_a_head_sorts_and_turns(page: Any) -> None:
    assert models(page)[0] == "vae" and page.locator("#board thead th").nth(1).get_attribute("aria-sort") == "ascending"
    page.locator("#board thead button").first.click()
    assert page.locator("#board thead th").first.inner_text() == "Model\u00a0▲", (
        "an arrow is a direction that is better"
    )
    assert models(page) == [EVIL, "gan", "pca", "vae", "zebra[latent=4]"]
    assert page.locator("#count").inner_text().startswith("5 of 6 rows. Floors have no mean rank: choose a dataset")
    choose(page, "metric", "PSNR (dB) ↑")
    assert heads(page) == ["Model", CHEST, KNEE]
    assert models(page) == [EVIL, "zebra[latent=4]", "pca", "vae", "gan"], "a row without a number is not shown"
    assert (
        page.locator("#count")
        .inner_text()
        .startswith("5 of 6 rows. Without a number here: best shortcut (floor). Open a model")
    )
    page.locator("#board thead button").nth(1).click()
    assert models(page) == ["vae", "pca", "zebra[latent=4]", EVIL, "gan"], "no number: last"
    assert page.locator("#board thead th").nth(1).get_attribute("aria-sort") == "ascending"
    page.locator("#board thead button").first.click()
    assert models(page)[1:] == ["gan", "pca", "vae", "zebra[latent=4]"]
    choose(page, "metric", "KID ↓ ★")
    assert page.locator("#board thead th").nth(1).get_attribute("aria-sort") == "ascending", "less is better"


def test_models_are_filtered_by_name(page: Any) -> None:
    page.locator("#filter").fill("LATENT zeb")
    assert models(page) == ["zebra[latent=4]"]
    assert page.locator("#count").inner_text().startswith("1 of 6 rows")
    charts = {name: page.locator(f"#{name} svg").first for name in ("forests", "scatters")}
    assert charts["forests"].locator("path title").first.text_content().startswith("zebra[latent=4]: 0.7")
    assert [chart.locator("path title").count() for chart in charts.values()] == [1, 1]
    page.locator("#filter").fill("no such")
    assert models(page) == []
    assert [chart.count() for chart in charts.values()] == [0, 0] and not page.locator("#matrix table tbody tr").count()
    page.locator("#filter").fill("")
    assert len(models(page)) == 5


def test_metrics_and_datasets_are_picked(page: Any) -> None:
    verdicts = ["Model", "Reconstruction", "Representation", "Anomaly", "Generation"]
    assert sorted(heads(page)) == sorted(verdicts)
    choose(page, "dataset", KNEE)
    assert sorted(heads(page)) == sorted(verdicts)
    assert "0.900" in page.locator("#board tbody tr", has_text="vae").first.inner_text(), "one dataset: the numbers"
    choose(page, "metric", "every reconstruction metric")
    assert heads(page) == ["Model", "MS-SSIM", "PSNR (dB)"]
    choose(page, "metric", "Every metric")
    assert {"AUROC", "KID", "MS-SSIM", "PSNR (dB)", "SVC balanced accuracy"} < set(heads(page))
    choose(page, "metric", "AUROC ↑ ★")
    assert "0.800 sharpness" in page.locator("#board tbody tr.floor").inner_text()
    assert page.locator("#board tbody tr.floor button").count() == 0, "it has no run to open"


def test_all_datasets_come_back_after_every_metric(page: Any) -> None:
    dataset = page.locator("#dataset")
    for metric, shown in (("Every metric", "0"), ("Summary", "0"), ("PSNR (dB) ↑", "all"), ("Overall", "all")):
        if metric in page.locator("#metric option").all_inner_texts():
            choose(page, "metric", metric)
            assert dataset.input_value() == shown, metric
    choose(page, "metric", "Every metric")
    page.evaluate("history.back()")
    wait_until(page, "location.hash.includes('metric=ranks')")
    assert dataset.input_value() == "all"
    page.evaluate("history.forward()")
    wait_until(page, "location.hash.includes('metric=all')")
    open_run(page, "vae")
    page.keyboard.press("Escape")
    assert dataset.input_value() == "0", "as before the run was opened"
    choose(page, "metric", "Overall")
    assert dataset.input_value() == "all"
    choose(page, "metric", "Every metric")
    choose(page, "dataset", KNEE)
    choose(page, "metric", "Overall")
    assert dataset.input_value() == "1", "a dataset that the reader chose stays"


def test_intervals_are_drawn_to_scale(page: Any) -> None:
    choose(page, "metric", "MS-SSIM ↑ ★")
    choose(page, "dataset", CHEST)
    parts = "[b.querySelector('.span').x1, b.querySelector('circle').cx, b.querySelector('.span').x2]"
    found = [bar.evaluate(f"b => {parts}.map(one => one.baseVal.value)") for bar in page.locator("#board .bar").all()]
    assert len(found) == 4 and all(low < dot < high for low, dot, high in found)
    dots = [dot for _, dot, _ in found]
    assert dots == sorted(dots, reverse=True) and dots[0] > dots[-1], "the best first, and more lies to the right"


def test_ranks_floors_and_newcomers_are_shown(browser: Any, judged: Path) -> None:
    with visiting(browser, judged) as page:
        names = ("vae", "twin", "far (floor)", "new + bce (new)")
        row = {name: page.locator("#board tbody tr", has=page.get_by_text(name, exact=True)) for name in names}
        told = [row[name].locator("td").inner_text().strip() for name in names if "floor" not in name]
        assert sorted(told[:2]) == ["1.0 (1.0–2.0)", "2.0 (1.0–2.0)"] and told[2] == "(1.0–1.0)"
        assert row["far (floor)"].count() == 0, "floors have no mean rank"
        choose(page, "metric", "MS-SSIM ↑ ★")
        assert heads(page) == ["Model", "Mean rank", CHEST, KNEE, "Beats floors"]
        page.locator("#board thead button").nth(2).click()
        assert models(page)[0] == "new + bce (new)" and models(page)[-1] == "far (floor)"
        assert page.locator("#board tbody td strong").count() == 2, "the best mean of each dataset"
        ranks = [row[name].locator(".rank").all_inner_texts() for name in names]
        assert ranks == [["1–2"] * 2, ["1–2"] * 2, [], ["1"] * 2]
        assert page.locator("#board tbody").inner_text().count("≈") == 2, "the light mark, on the other one"
        assert row["vae"].locator("td").last.inner_text() == "2 of 2"
        assert "smallest gap" in page.locator("#board tfoot").inner_text()
        assert row["far (floor)"].get_attribute("class") == "floor"
        choose(page, "dataset", KNEE)
        assert heads(page) == ["Model", KNEE, "Beats floors"]
        choose(page, "metric", "Summary")
        assert heads(page) == ["Model", "MS-SSIM"]


def test_a_row_opens_its_run(page: Any) -> None:
    page.locator("#board tbody tr", has_text="zebra").locator("td").nth(2).click()
    assert page.locator("#run-title").inner_text() == "zebra[latent=4] on chest (phantom)"
    shown = section(page, "Reconstructions of test images")
    rows = [
        "original",
        "truth: where the disease is",
        "reconstruction",
        "residual (white: 0.25 or more), truth outlined",
    ]
    assert shown.locator(".strip > span:first-child").all_inner_texts()[1:] == [*rows, "drawn from the posterior"]
    assert shown.locator("canvas").count() == 5 * 8
    assert section(page, "Samples from the prior").locator("canvas").count() == 25 + 5 + 5
    assert section(page, "Reconstructions during training").locator("canvas").count() == 8 + 2 * 8
    assert section(page, "Losses").locator("figcaption").all_inner_texts() == ["kl", "reconstruction"]
    assert section(page, "t-SNE of pixels and of codes").locator("figcaption").all_inner_texts() == ["pixels", "codes"]
    assert "vaebench run results/demo@1/quick/phantom/cpu/chest/zebra" in section(page, "Repeat this run").inner_text()
    section(page, "Repeat this run").locator("summary").click()
    assert "zebra" in section(page, "Repeat this run").locator("table").inner_text()
    section(page, "Anomaly scores").get_by_role("button").click()
    assert page.locator("#run-regime").input_value() == "healthy"
    curve = section(page, "Anomaly scores").get_by_role("img", name="ROC curves")
    assert curve.locator("path").last.get_attribute("d").count("L") == 2
    assert section(page, "Anomaly scores").get_by_role("img", name="Histogram of residual").count() == 1
    choose(page, "run-dataset", KNEE)
    choose(page, "run-seed", "1")
    assert page.locator("#run-title").inner_text() == "zebra[latent=4] on knee (phantom)"
    page.locator("#close").click()
    assert not page.locator("#run").is_visible()


def test_sliders_walk_through_the_latent_space(page: Any) -> None:
    open_run(page, "vae")
    walk = section(page, "Through the latent space")
    canvas, sliders = walk.locator("canvas"), walk.locator("input")
    assert sliders.count() == 2 and canvas.evaluate(PAINTED) == pytest.approx(128, abs=3)
    sliders.first.press("End")
    assert canvas.evaluate(PAINTED) > 250 and "dimension 7 at 2," in walk.inner_text()
    sliders.nth(1).press("End")
    assert canvas.evaluate(PAINTED) < 5 and "dimension 3 at 2," in walk.inner_text()
    assert sliders.first.input_value() == "4", "the others are at their mean again"
    between = section(page, "Between two images")
    assert between.locator(".views canvas").evaluate(PAINTED) < 5
    between.locator("input").press("ArrowRight")
    assert between.locator(".views canvas").evaluate(PAINTED) == pytest.approx(255 / 8, abs=3)


def test_two_models_stand_beside_each_other(page: Any) -> None:
    open_run(page, "vae")
    choose(page, "run-beside", "pca")
    assert page.locator("#run-title").inner_text() == "vae and pca on chest (phantom)"
    rows = section(page, "Reconstructions of test images").locator(".strip")
    greys = {
        row.locator("span").first.inner_text(): row.locator("canvas").first.evaluate(PAINTED)
        for row in rows.all()
        if row.locator("canvas").count()
    }
    assert {"original", "vae: reconstruction", "pca: reconstruction"} < set(greys)
    assert greys["vae: reconstruction"] != greys["pca: reconstruction"]
    walk = section(page, "Through the latent space")
    walk.locator("input").first.press("Home")
    painted = [canvas.evaluate(PAINTED) < 5 for canvas in walk.locator("canvas").all()]
    assert painted == [True, False], "dimensions of two models have nothing to do with each other"
    section(page, "Between two images").locator("input").press("End")
    ends = [
        canvas.evaluate(PAINTED) > 250 for canvas in section(page, "Between two images").locator(".views canvas").all()
    ]
    assert ends == [True, True], "the two images are the same for both"
    psnr = section(page, "Metrics of this run").locator("tr", has_text="PSNR").locator("td").all_inner_texts()
    assert [text.split(" ±")[0] for text in psnr] == ["20", "21", "−1; better: pca"]
    ssim = section(page, "Metrics of this run").locator("tr", has_text="MS-SSIM").locator("td").all_inner_texts()
    assert [text.split()[-1] for text in ssim] == ["L3", "L3", "vae"], "what was measured stands by the number"
    headline = section(page, "Headline numbers").locator("tbody tr", has_text="MS-SSIM").locator("td").all_inner_texts()
    assert headline[0] == "vae (significant)" and headline[1].startswith("0.900")
    assert headline[3] == "+0.1"


def test_all_of_it_goes_by_keyboard(page: Any) -> None:
    page.locator("#board thead button").first.click()
    page.locator("#filter").focus()
    for _ in range(len(heads(page)) + 2):  # over the columns and the heads, to the first model
        page.keyboard.press("Tab")
    for _ in range(2):
        page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.textContent") == "pca"
    page.keyboard.press("Enter")
    assert page.locator("#run-title").inner_text() == "pca on chest (phantom)"
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.type === 'range'"):
            break
    page.keyboard.press("End")
    assert section(page, "Through the latent space").locator("canvas").evaluate(PAINTED) > 250
    page.keyboard.press("Escape")
    assert not page.locator("#run").is_visible()
    assert page.evaluate("document.activeElement.textContent") == "pca", "back where it was"


def test_what_records_say_stays_text(page: Any) -> None:
    assert EVIL in models(page)
    open_run(page, EVIL)
    assert EVIL in page.locator("#run-title").inner_text()
    assert EVIL in section(page, "Reconstructions of test images").inner_text()
    choose(page, "run-model", "gan")
    assert EVIL in page.get_by_role("alert").inner_text()
    assert "the run failed" in section(page, "Pictures").inner_text(), "one line, not one in each section"
    assert section(page, "Samples from the prior").count() == 0
    assert page.locator("img, b, iframe, object, embed, svg script, a").count() == 0


def test_code_that_gets_in_does_not_run(browser: Any, made: Path, tmp_path: Path) -> None:
    """The policy holds even where an escape would be forgotten."""
    broken = tmp_path / "leaderboard.html"
    broken.write_text(made.read_text().replace("</main>", "<script>document.title = 'broken'</script></main>"))
    refused = pytest.raises(AssertionError, match="violates the following Content Security Policy")
    with refused, visiting(browser, broken) as page:
        assert page.title() != "broken"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_theme_follows_the_system_and_turns(browser: Any, made: Path, scheme: str) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    with visiting(browser, made, scheme=scheme) as page:
        before = page.evaluate(ground)
        assert (before == "rgb(255, 255, 255)") == (scheme == "light")
        for kind, enough in {"ink": 7, "quiet": 4.5, "one": 4.5, "other": 4.5}.items():
            assert contrast(page, kind) >= enough, kind
        page.locator("#theme").click()
        assert page.evaluate(ground) != before
        page.locator("#theme").click()
        assert page.evaluate(ground) == before


def contrast(page: Any, name: str) -> float:
    """Of a colour against the ground, as WCAG has it."""
    get = "name => getComputedStyle(document.documentElement).getPropertyValue(name).trim()"
    light = sorted(map(luminance, (page.evaluate(get, f"--{name}"), page.evaluate(get, "--ground"))))
    return (light[1] + 0.05) / (light[0] + 0.05)


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_nothing_is_wider_than_a_phone(browser: Any, made: Path) -> None:
    with visiting(browser, made, width=390) as page:
        for option in page.locator("#metric option").all_inner_texts():
            choose(page, "metric", option)
            assert max(page.evaluate(WIDTHS)) <= 390, option
        open_run(page, "vae")
        choose(page, "run-regime", "healthy images")
        choose(page, "run-beside", EVIL)
        assert max(page.evaluate(WIDTHS)) <= 390
        choose(page, "run-beside", "pca")
        better = section(page, "Headline numbers").locator("tbody tr", has_text="MS-SSIM").locator("td").first
        box = better.bounding_box()
        assert better.inner_text().startswith("vae (") and box["x"] + box["width"] <= 390, "it needs no scrolling"


def test_pictures_beside_the_page_are_found(
    browser: Any, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "LARGEST", made.stat().st_size - 1)
    path, folder = write_page(tmp_path / "leaderboard.html", lay_down(tmp_path, field()), track(tmp_path))
    with visiting(browser, path) as page:
        assert folder.name in page.locator("#notes").inner_text()
        open_run(page, "vae")
        wait_until(page, "[...sheets.values()].every(image => image.naturalWidth > 0)")
        assert page.evaluate("sheets.size") == 1


def test_a_board_without_records_opens(browser: Any, tmp_path: Path) -> None:
    path = tmp_path / "leaderboard.html"
    path.write_text(pages.page(records_made.made([])))
    with visiting(browser, path) as page:
        assert "This track has no records yet" in page.locator("#notes").text_content()
