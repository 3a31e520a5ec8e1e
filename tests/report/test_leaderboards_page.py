"""What docs/leaderboards.md says is so."""

from __future__ import annotations

import re
from pathlib import Path

from records_made import field

from vaebench.components.discovery import installed
from vaebench.leaderboard.board import board
from vaebench.leaderboard.runs import read
from vaebench.planning.suite import find
from vaebench.records import store
from vaebench.report import export, files, numbers
from vaebench.report.track import Track

TEXT = (Path(__file__).parents[2] / "docs" / "leaderboards.md").read_text()


def test_the_example_prints_the_board(tmp_path, monkeypatch, capsys):
    made = field({"vae": 0.9, "pca": 0.7}, suite="medical@1")
    for record in made:
        store.write(store.path_of(tmp_path / "results", record.trial, "cpu"), record)
    monkeypatch.chdir(tmp_path)
    rules = Track(find("medical", installed()), "quick", "phantom", tmp_path / "results").rules
    exec(re.search(r"```python\n(.*?)```", TEXT, re.DOTALL)[1], {})
    expected = files.render(board(read(made, rules.track), rules), "md")
    assert capsys.readouterr().out == expected + "\n"


def test_it_names_the_columns_and_the_marks():
    assert ", ".join(export.KINDS) in TEXT.replace("\n", " ")
    assert all(f"`{mark}`" in TEXT for mark in numbers.MARKS)
    assert export.SCHEMA in TEXT and all(f".{form}`" in TEXT for form in (*files.WHOLE, *files.SHEETS))
