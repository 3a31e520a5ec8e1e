"""README shows a board that is there, and commands that exist."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

from vaebench.cli import main

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_tables_in_readme_and_models_are_of_the_committed_board() -> None:
    script = runpy.run_path(str(ROOT / "benchmarks/scripts/quoted_boards.py"))
    for path, text in script["quoted"]().items():
        assert text == path.read_text(encoding="utf-8"), f"{path.name}: python benchmarks/scripts/quoted_boards.py"
    shown = README.split("## One board")[1].split("## Set up")[0]
    for name, cells in script["summary"]().items():
        assert all(f"| {cell} |" in shown for cell in cells[1:]) or name not in shown


def test_every_command_in_readme_exists() -> None:
    named = set(re.findall(r"vaebench ([a-z-]+)", README)) - {"trains", "finds"}
    assert {"run", "leaderboard", "score", "check"} <= named
    assert named <= set(main.commands)


def test_every_link_is_there() -> None:
    links = re.findall(r"\]\((?!http|#)([^)#]+)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_project_layout_names_what_is_there_and_nothing_else() -> None:
    """CONTRIBUTING.md: the files of the rooms, and the rooms."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    layout = text.split("## Project layout")[1].split("    plugins/")[0]
    named = set(re.findall(r"\b([a-z_]+\.py)\b", layout))
    named |= {f"{name}.py" for name in ("picture_sheet", "code_walk", "plot_data", "plots") if name in layout}
    named |= {f"{name}.py" for name in ("terminal", "markdown", "latex", "export") if name in layout}
    closed = ("checks", "cli", "verification")  # told as a whole
    rooms = {path.parent.name for path in (ROOT / "vaebench").glob("*/__init__.py")}
    assert all(f"      {room}/" in layout for room in rooms)
    files = {path.name for room in rooms - set(closed) for path in (ROOT / "vaebench" / room).glob("*.py")}
    files |= {path.name for path in (ROOT / "vaebench").glob("*.py")}
    assert files - {"__init__.py"} == named
