"""A question, what is tried of it, and what is written: all that needs no Optuna."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from laboratory import Lab, suite

from vaebench.cli import main
from vaebench.components.discovery import installed
from vaebench.components.parameters import tunable_of
from vaebench.components.registry import registry
from vaebench.data.prepare import open_splits
from vaebench.errors import UserError
from vaebench.planning.plan import Request, make_plan
from vaebench.planning.suite import Suite, find, load
from vaebench.running import estimate, sweep
from vaebench.trial import Spec
from vaebench.tuning import tuned_suite
from vaebench.tuning.contender import contenders
from vaebench.tuning.question import Question, on_validation, question
from vaebench.tuning.search import Result
from vaebench.tuning.study import Tried
from vaebench.tuning.trying import Outcome, outcomes


def ask(lab: Lab, *models: str, verdict: str = "reconstruction", of: Suite | None = None) -> Question:
    request = Request(lab.folder / "results", lab.folder, models=models)
    asked = question(of or suite(), request, verdict, 3)  # type: ignore[arg-type]
    return on_validation(replace(asked, plan=sweep.make_ready(asked.plan)))


def test_a_verdict_fixes_metric_and_regime(lab: Lab) -> None:
    asked = {verdict: ask(lab, "steady", verdict=verdict) for verdict in ("reconstruction", "generation", "anomaly")}
    assert {v: one.metric for v, one in asked.items()} == {
        "reconstruction": "lab-residual",
        "generation": "lab-samples",
        "anomaly": "lab-health",
    }
    assert {v: [t.regime for t in one.plan.trials] for v, one in asked.items()} == {
        "reconstruction": ["all"],
        "generation": ["all"],
        "anomaly": ["healthy"],
    }
    assert asked["reconstruction"].plan.settings.steps == 3
    assert len({one.name for one in asked.values()}) == 3, "each has a folder of its own"


def test_a_verdict_without_headline_is_an_error(lab: Lab) -> None:
    with pytest.raises(UserError, match="no headline for representation"):
        ask(lab, "steady", verdict="representation")


def test_floors_are_not_tuned_unless_asked_for(lab: Lab) -> None:
    smoke = find("smoke", installed())
    asked = question(smoke, Request(lab.folder, lab.folder), "reconstruction")
    assert [str(t.model) for t in asked.plan.trials] == ["vae"]


def test_the_plan_is_of_validation_images_and_no_board_counts_its_records(lab: Lab) -> None:
    asked = ask(lab, "steady")
    plain = sweep.make_ready(make_plan(suite(), Request(lab.folder, lab.folder)))
    ready, original = asked.plan.ready["lab-xray"], plain.ready["lab-xray"]
    judged, known = open_splits(ready.folder).test, open_splits(original.folder)
    assert known.val is not None
    assert (judged.images == known.val.images).all()
    assert ready.digest != original.digest
    assert asked.plan.suite.name == "lab-tuning"
    assert asked.plan.request.results.parent == lab.folder / "results" / "tuning"


def test_parameters_are_tried_by_an_ordinary_sweep_once_each(lab: Lab) -> None:
    asked = ask(lab, "shifted")
    wanted = [Spec("shifted", {"shift": 0.2}), Spec("raising"), Spec("shifted", {"shift": 0.2})]
    swept: list[int] = []

    def do(plan: sweep.Plan) -> None:
        swept.append(len(plan.todo))
        assert all(event.job.data == asked.plan.ready["lab-xray"].digest for event in sweep.run(plan, 2))

    one, failed, again = outcomes(asked.plan, [(model, None) for model in wanted], asked.metric, do)
    assert swept == [2]
    assert one.value is not None
    assert one == again
    assert one.sizes == {"lab-xray": 4}
    assert (failed.value, failed.reason.startswith("lab-xray: exception: ValueError")) == (None, True)
    assert outcomes(asked.plan, [(wanted[0], None)], asked.metric, do) == [one]
    assert swept == [2], "read from its record"


def result(asked: Question, *values: float | None) -> Result:
    (contender,) = contenders(asked.plan, False)
    given: list[dict[str, float]] = [{}, *({"shift": 0.1 * number} for number in range(1, len(values)))]
    told = [Outcome({"lab-xray": value}) if value else Outcome(reason="it | died") for value in values]
    tried = [Tried(params, contender.with_values(params), one) for params, one in zip(given, told, strict=True)]
    return Result(contender, tuple(tried), asked.better)


def test_the_best_is_chosen_and_the_default_where_nothing_is_better(lab: Lab) -> None:
    asked = ask(lab, "shifted")
    assert asked.better == "lower"
    assert str(result(asked, 0.5, None, 0.2, 0.2).best.model) == "shifted[shift=0.2]"
    assert str(result(asked, 0.5, 0.5).best.model) == "shifted"
    assert str(result(asked, None, None).best.model) == "shifted"
    assert str(replace(result(asked, 0.5, 0.7), better="higher").best.model) == "shifted[shift=0.1]"


def test_the_suite_reads_and_says_what_was_tuned(lab: Lab, tmp_path: Path) -> None:
    asked = ask(lab, "shifted")
    path, table = tuned_suite.write(asked, [result(asked, 0.5, None, 0.2)], 3, tmp_path / "tuned.toml")
    made = load(path)
    said = "for reconstruction with 3 trials of 3 steps on validation images of lab-xray"
    assert (made.title, made.tuned) == ("Models of lab, tuned for reconstruction", said)
    preset = made.presets["tiny"]
    assert (preset.models, preset.datasets, preset.regimes) == (("shifted[shift=0.2]",), ("lab-xray",), ("all",))
    assert preset.settings == suite().presets["tiny"].settings, "the finals have the preset's own steps"
    assert made.verdicts.headline == {"reconstruction": "lab-residual"}
    assert [str(t.model) for t in make_plan(made, Request(tmp_path, tmp_path)).trials] == ["shifted[shift=0.2]"]
    assert "# lab-residual on validation images: 0.5 by default, 0.2 with these parameters" in path.read_text()
    rows = [line for line in table.read_text().splitlines() if line.startswith("| ")]
    assert rows[1].startswith("| 0 | -0.8 |") and rows[1].endswith("| 0.5 | default |")
    assert rows[2].endswith("| — | it \\| died |")
    assert "| **0.2** |" in rows[3]


@pytest.mark.parametrize(("name", "preset"), [("medical", "quick"), ("medical-zoo", "compact")])
def test_a_shipped_suite_can_be_written(name: str, preset: str, lab: Lab, tmp_path: Path) -> None:
    shipped = find(name, installed())
    request = Request(lab.folder, lab.folder, preset=preset, source="phantom", datasets=["kermany-cxr"])
    asked = question(shipped, request, "reconstruction")
    found = contenders(asked.plan, False)
    assert {one.model.name for one in found} == {t.model.name for t in asked.plan.trials}
    tried = [Tried({}, one.model, Outcome({"kermany-cxr": 0.5})) for one in found]
    results = [Result(one, (t,), asked.better) for one, t in zip(found, tried, strict=True)]
    path, _ = tuned_suite.write(asked, results, 1, tmp_path / "tuned.toml")
    made = load(path)
    assert set(shipped.verdicts.floor_models) <= set(made.presets[preset].models)
    assert made.verdicts.floor_models == shipped.verdicts.floor_models


def test_a_file_of_the_users_own_is_not_overwritten(tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text("# my suite\n")
    (tmp_path / "README.md").write_text("# mine\n")
    for path, complaint in [
        (mine, "was not written by"),
        (tmp_path / "README.toml", r"README.md was not written by"),
        (tmp_path / "x.txt", "give a .toml file"),
        (tmp_path / "no" / "x.toml", "no folder"),
    ]:
        with pytest.raises(UserError, match=complaint):
            tuned_suite.refuse_foreign(path)
    mine.write_text(f"# {tuned_suite.MARK}\n")
    tuned_suite.refuse_foreign(mine)


def test_without_optuna_the_command_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    said = CliRunner().invoke(main, ["tune", "--for", "reconstruction"])
    assert said.exit_code == 2
    assert "pip install 'vaebench[tune]'" in said.output


def test_a_dry_run_tells_what_would_be_searched_and_trains_nothing(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    monkeypatch.setattr(estimate, "probe", lambda trial, plan: 6.0)
    monkeypatch.chdir(tmp_path)
    before = lab.trained()
    asked = ["--suite", "lab", "--preset", "tiny", "--for", "reconstruction", "--budget", "5", "-j", "2"]
    said = CliRunner().invoke(main, ["tune", *asked, "-m", "shifted[average=0]", "-m", "steady", "--dry-run"])
    assert said.exit_code == 0, said.output
    assert "2 methods, 5 trials each, judged by lab-residual on validation images" in said.output
    assert "Estimated time: 30 s with 2 at once (-j)" in said.output
    (own,) = re.findall(r"^shifted\[average=0\.0\]: ~30 s\n((?:  .*\n)+)", said.output, re.MULTILINE)
    assert own.splitlines() == [
        f"  {name}: {searched}" for name, searched in tunable_of(registry().get("models", "shifted").component).items()
        if name != "average" and not searched.rate
    ]  # fmt: skip
    assert "shift: " in own and "lr: from 0.0002 to 0.005, log scale" in own
    assert said.output.endswith("The suite would be written to lab-for-reconstruction.toml\n")
    assert (list(tmp_path.iterdir()), lab.trained()) == ([], before)


def test_the_executor_s_name_is_that_of_run() -> None:
    said = CliRunner().invoke(main, ["tune", "--for", "reconstruction", "--executor", "slrm", "--dry-run"])
    assert said.exit_code == 2
    assert "Did you mean 'slurm'" in said.output


def test_the_verdict_must_be_named() -> None:
    said = CliRunner().invoke(main, ["tune"])
    assert said.exit_code == 2
    assert "--for" in said.output


DOCUMENT = (Path(__file__).parents[2] / "docs" / "tuning.md").read_text(encoding="utf-8")


def test_show_tells_the_ranges_as_the_docs_say() -> None:
    said = CliRunner().invoke(main, ["show", "beta-vae"]).output
    shown = re.findall(
        r"^    (searched by .*|  .*)$", DOCUMENT.split("    $ vaebench show")[1].split("\n- ")[0], re.MULTILINE
    )
    assert len(shown) == 6
    assert [line for line in shown if line not in said.splitlines()] == []


def test_the_ranges_in_the_docs_are_python() -> None:
    (block,) = re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)
    made: dict[str, Any] = {}
    exec(block, made)
    assert {name: one.rate for name, one in made["MyVAE"].tunable.items()} == {
        "beta": False,
        "dropout": False,
        "levels": True,
    }
