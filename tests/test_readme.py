"""README shows a board that is there, and commands that exist."""

from __future__ import annotations

import re
from pathlib import Path

from vaebench.cli import main

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_board_in_readme_is_the_committed_one() -> None:
    committed = (
        (ROOT / "results/reference/medical@1/compact/real/leaderboard.md").read_text(encoding="utf-8").splitlines()
    )
    shown = README.split("## One board")[1].split("## Set up")[0]
    rows = [line for line in shown.splitlines() if line.startswith("|")]
    assert len(rows) > 20
    assert [row for row in rows if row not in committed] == []


def test_every_command_in_readme_exists() -> None:
    named = set(re.findall(r"vaebench ([a-z-]+)", README)) - {"trains", "finds"}
    assert {"run", "leaderboard", "score", "check"} <= named
    assert named <= set(main.commands)


def test_every_link_and_every_file_of_the_house_is_there() -> None:
    links = re.findall(r"\]\((?!http|#)([^)#]+)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
    house = README.split("## The house")[1]
    files = set(re.findall(r"\b([a-z_]+\.py)\b", house))
    rooms = [path for place in (".", "leaderboard") for path in (ROOT / "vaebench" / place).glob("*.py")]
    assert files == {path.name for path in rooms} - {"__init__.py"}
