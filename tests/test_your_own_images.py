"""The tutorial on one's own images: its script and its commands are executed as they are written."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from vaebench.cli import main

PAGE = (Path(__file__).parent.parent / "docs" / "your-own-images.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^    vaebench (.+)$", PAGE, re.MULTILINE)
SLOW = [command for command in COMMANDS if "--preset quick" in command and "--dry-run" not in command]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the images that the page draws."""
    monkeypatch.chdir(tmp_path)
    (script,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(compile(script, "draw_images.py", "exec"), {})
    return tmp_path


def said(command: str) -> str:
    done = CliRunner().invoke(main, shlex.split(command), env={"COLUMNS": "200"})
    assert done.exit_code == 0, done.output
    return done.output


def test_the_images_are_audited_planned_and_run(folder: Path) -> None:
    told = [said(command) for command in COMMANDS if command not in SLOW]
    assert len(told) == 3
    audited, ran, planned = told
    assert {"ILL", "NORMAL"} == {path.name for path in (folder / "my-images").iterdir()}
    for line in ("train and test: 0 shared groups", "twins: 0 pairs", "all shortcuts together"):
        assert f"`{line}`" in PAGE and f"\n{line}" in audited
    assert "18 trials" in planned and "18 trials" in PAGE
    assert "Failed: none of 6 trials" in ran and "there are too few seeds or patients for ranks" in ran


@pytest.mark.long
def test_the_board_is_made(folder: Path) -> None:
    ran, shown = (said(command) for command in SLOW)
    assert "Failed: none of 18 trials" in ran
    told = re.findall(r"^    (\w+): (?:[\w-]+ has the best mean|No winner)", PAGE, re.MULTILINE)
    assert len(told) == 4
    for verdict in told:
        assert re.search(rf"^{verdict}: ([\w-]+ has the best mean|No winner: )", shown, re.MULTILINE), verdict
