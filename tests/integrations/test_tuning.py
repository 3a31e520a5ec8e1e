"""The search itself, with Optuna."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from shutil import copy

import pytest
from click.testing import CliRunner
from laboratory import Lab, suite

from vaebench.cli import main
from vaebench.components.registry import forget
from vaebench.data.prepare import about, lay_down, open_splits
from vaebench.interfaces import Splits
from vaebench.planning.plan import Plan, Request
from vaebench.planning.suite import load
from vaebench.running import sweep
from vaebench.tuning.contender import contenders
from vaebench.tuning.question import Question, on_validation, question
from vaebench.tuning.search import Result, search
from vaebench.tuning.trying import Sweep

pytestmark = pytest.mark.integrations


def ready(lab: Lab, results: str) -> Question:
    request = Request(lab.folder / results, lab.folder, models=["shifted[lr=0.01,schedule=constant,average=0]"])
    asked = question(suite(), request, "reconstruction", 1)
    return replace(asked, plan=sweep.make_ready(asked.plan))


def do(plan: Plan) -> list[object]:
    return list(sweep.run(plan, 2))


def tuned(asked: Question, budget: int, free_rate: bool = False, do: Sweep = do) -> Result:
    asked = on_validation(asked)
    (result,) = search(asked, contenders(asked.plan, free_rate), budget, 2, free_rate, do)
    return result


def tried(result: Result) -> list[tuple[str, float | None]]:
    return [(str(one.model), one.outcome.value) for one in result.tried]


def test_it_finds_the_optimum_goes_on_and_no_test_image_matters(lab: Lab) -> None:
    """Three searches: one in a go; one that is cut off, and gone on with; one of poisoned test images."""
    whole = tuned(ready(lab, "whole"), 14)
    default, best = whole.tried[0], whole.best
    assert len(whole.tried) == 14
    assert default.values == {}
    assert best.outcome.value is not None and default.outcome.value is not None
    assert abs(float(best.values["shift"]) - 0.3) < 0.15
    assert best.outcome.value < default.outcome.value / 10

    rounds = 0

    def cut_off(plan: Plan) -> list[object]:
        nonlocal rounds
        rounds += 1
        if rounds == 2:
            next(iter(sweep.run(plan, 2)))
            raise KeyboardInterrupt
        return do(plan)

    with pytest.raises(KeyboardInterrupt):
        tuned(ready(lab, "cut"), 5, do=cut_off)
    assert tried(tuned(ready(lab, "cut"), 5)) == tried(whole)[:5]

    def refuse(plan: Plan) -> None:
        raise AssertionError(f"{len(plan.todo)} trials are done again")

    assert tried(tuned(ready(lab, "cut"), 5, do=refuse)) == tried(whole)[:5]
    assert tried(tuned(ready(lab, "cut"), 3, do=refuse)) == tried(whole)[:3], "a smaller budget counts the first ones"

    asked = ready(lab, "poisoned")
    (original,) = asked.plan.ready.values()
    known = open_splits(original.folder)
    poison = replace(known.test, images=255 - known.test.images, labels=1 - known.test.labels)
    lay_down(Splits(known.train, poison, known.val), lab.folder / "poisoned-data")
    bad = about(lab.folder / "poisoned-data")
    assert bad.digest != original.digest
    asked = replace(asked, plan=replace(asked.plan, ready={"lab-xray": bad}))
    assert tried(tuned(asked, 5)) == tried(whole)[:5]


def test_failures_count_and_the_code_keeps_its_size(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    from vaebench_lab import Shifted

    from vaebench.interfaces import Choice

    monkeypatch.setattr(Shifted, "tunable", {"shift": Choice(0.95, 0.5), "width": Choice(2, 4)})
    result = tuned(ready(lab, "failing"), 8)
    reasons = {str(one.model).partition("shift=")[2]: one.outcome.reason for one in result.tried[1:]}
    assert len(result.tried) == 8
    assert any("shifted too far" in reason for reason in reasons.values())
    assert any("the code has 2 numbers, but 4 by default" in reason for reason in reasons.values())
    chosen = result.best.model.params
    assert (chosen.get("shift"), chosen.get("width", 4)) == (0.5, 4)


@pytest.mark.long
def test_trials_run_where_the_executor_says_and_give_the_numbers_of_this_machine(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the executor of the docs, whose processes share no folder with this one."""
    package, site = Path(__file__).parents[1] / "outside/pool", tmp_path / "site"
    (site / "vaebench_pool-1.0.dist-info").mkdir(parents=True)
    copy(package / "vaebench_pool.py", site)
    (site / "vaebench_pool-1.0.dist-info/METADATA").write_text("Name: vaebench-pool\nVersion: 1.0\n")
    (site / "vaebench_pool-1.0.dist-info/entry_points.txt").write_text("[vaebench]\nmain = vaebench_pool\n")
    monkeypatch.syspath_prepend(site)
    monkeypatch.setenv("PYTHONPATH", str(site), prepend=os.pathsep)
    forget()
    import vaebench_pool

    sent: list[object] = []

    def send(errand: object, *more: object, plainly: Callable[..., Path] = vaebench_pool.send) -> Path:
        sent.append(errand)
        return plainly(errand, *more)

    monkeypatch.setattr(vaebench_pool, "send", send)
    tables = {}
    for executor in ("pool", "local"):
        to = tmp_path / f"{executor}.toml"
        asked = ["--suite", "lab", "--preset", "tiny", "--for", "reconstruction", "-m", "shifted", "--budget", "2"]
        where = ["--results", str(tmp_path / executor), "--to", str(to), "-j", "2", "--executor", executor]
        said = CliRunner().invoke(main, ["tune", *asked, *where, "--steps", "1"])
        assert said.exit_code == 0, said.output
        tables[executor] = to.with_suffix(".md").read_text().replace(str(to), "")
        assert len(sent) == 2
    assert "| default |" in tables["pool"]
    assert tables["pool"] == tables["local"].replace("local.toml", "pool.toml")


def test_the_command_writes_a_suite_that_runs(lab: Lab, tmp_path: Path) -> None:
    where = ["--results", str(tmp_path / "results"), "--preset", "tiny", "-j", "2", "--device", "cpu"]
    to = tmp_path / "tuned.toml"
    words = ["--for", "reconstruction", "--budget", "3", "-m", "shifted", "--to", str(to), "--steps", "1"]
    said = CliRunner().invoke(main, ["tune", "--suite", "lab", *words, *where])
    assert said.exit_code == 0, said.output
    made = load(to)
    (model,) = made.presets["tiny"].models
    assert model.startswith("shifted")
    said = CliRunner().invoke(main, ["run", "--suite", str(to), *where])
    assert said.exit_code == 0, said.output
    track = tmp_path / "results/tuned@1/tiny/phantom"
    board = (track / "leaderboard.md").read_text()
    assert board.startswith(
        "# tuned@1 / tiny / phantom: 1 of 1 datasets; tuned for reconstruction with 3 trials of 1 step"
    )
    assert model in (track / "leaderboard.json").read_text()
