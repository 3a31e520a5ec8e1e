"""After a plugin is gone, the boards of its suite can still be made."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from vaebench.cli import main
from vaebench.planning.kept import DECLARED, declarations, kept

pytestmark = pytest.mark.usefixtures("lab")


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(text.splitlines()))


def without_plugin(results: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-c", "from vaebench.cli import main; main()", *words, "--results", str(results)]
    environment = {**os.environ, "VAEBENCH_PLUGINS": "vaebench", "NO_COLOR": "1", "COLUMNS": "200"}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=results.parent)


@pytest.mark.long
def test_the_board_of_a_suite_whose_plugin_is_gone_is_what_it_was(tmp_path: Path) -> None:
    results = tmp_path / "results"
    words = ["run", "--suite", "lab", "--source", "phantom", "--device", "cpu", "--results", str(results)]
    assert CliRunner().invoke(main, words).exit_code == 0
    board = ["leaderboard", "--suite", "lab", "--format", "csv"]
    before = rows(CliRunner().invoke(main, [*board, "--results", str(results)]).stdout)
    after = without_plugin(results, *board)
    assert after.returncode == 0, after.stderr
    assert "The suite lab@1 is not installed; using the copy next to its records." in after.stderr
    assert len(before) > 4 and rows(after.stdout) == before
    (results / "lab@1" / DECLARED).write_text('{"models": {"steady": {"version": "1"}}, "metrics": 7}')
    assert declarations(results / "lab@1") == {}
    assert without_plugin(results, *board).returncode == 0


def test_a_suite_that_is_nowhere_is_an_error_as_before(tmp_path: Path) -> None:
    for name in ("none", "../lab", "*"):
        assert kept(name, tmp_path) is None
    done = without_plugin(tmp_path / "results", "leaderboard", "--suite", "lab")
    assert done.returncode == 2 and "There is no suite 'lab'" in done.stderr
