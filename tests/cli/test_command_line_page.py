"""docs/command-line.md names every environment variable and every exit code, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from vaebench.cli import Commands, main
from vaebench.errors import UserError

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
ENDS: dict[int, BaseException | int] = {0: 0, 1: 1, 2: UserError("no"), 130: KeyboardInterrupt("3 of 4 trials ended")}


def first_cells(title: str) -> set[str]:
    part = TEXT.split(f"## {title}\n")[1].split("\n## ")[0]
    return {cell.strip(" `") for cell in re.findall(r"^\| ([^|]+) \|", part, re.MULTILINE)} - {"code", "variable"}


def test_every_variable_is_named() -> None:
    files = [file for room in ("vaebench", "plugins") for file in (ROOT / room).rglob("*.py")]
    text = "\n".join(file.read_text(encoding="utf-8") for file in files)
    found = set(re.findall(r"\bVAEBENCH_[A-Z]+\b", text))
    assert found and first_cells("Environment variables") == found


def test_every_exit_code_is_named() -> None:
    assert first_cells("Exit codes") == {str(code) for code in ENDS}


@pytest.mark.parametrize("code", ENDS)
def test_commands_end_with_them(code: int) -> None:
    @click.command
    @click.option("--seeds")
    def ending(seeds: str) -> int:
        end = ENDS[code]
        if isinstance(end, BaseException):
            raise end
        return end

    group = Commands(table={}, name="vaebench")
    group.commands = {"ending": ending}
    done = CliRunner().invoke(group, ["ending", "--seeds", "0 1"], prog_name="vaebench")
    assert done.exit_code == code
    if code == 130:
        assert (
            "Interrupted: 3 of 4 trials ended. Finished work is kept. To continue, run the same command:" in done.stderr
        )
        assert "\n  vaebench ending --seeds '0 1'\n" in done.stderr


def test_the_last_lines_are_named() -> None:
    from vaebench.cli import steps
    from vaebench.report import closing

    sources = "".join(Path(module.__file__ or "").read_text() for module in (steps, closing))
    assert all(f'"{line}: ' in sources for line in first_cells("The last lines of a run") - {"line"})


def test_its_commands_of_the_shell_are_understood() -> None:
    for shell in re.findall(r"_VAEBENCH_COMPLETE=(\w+)_source", TEXT):
        done = CliRunner().invoke(main, [], prog_name="vaebench", env={"_VAEBENCH_COMPLETE": f"{shell}_source"})
        assert "_VAEBENCH_COMPLETE" in done.stdout and "vaebench" in done.stdout
