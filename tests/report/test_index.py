"""The index of a track where pyarrow is missing (with it: tests/integrations/test_index.py)."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from page_made import lay_down, track
from records_made import record

from vaebench.cli import main
from vaebench.records import store
from vaebench.report import index


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.delitem(sys.modules, "vaebench.report.indexed", raising=False)
    lay_down(tmp_path, [record("vae", {"svc": 0.5})])
    return tmp_path


def test_the_command_says_what_to_install(results: Path) -> None:
    said = CliRunner().invoke(main, ["index", "--results", str(results)])
    assert said.exit_code == 2 and 'pip install "vaebench[index]"' in said.output
    assert len(said.output.strip().splitlines()) == 1


def test_boards_read_the_records(results: Path) -> None:
    (results / "demo@1/quick/phantom" / index.NAME).write_bytes(b"PAR1")
    assert len(track(results).runs) == 1
    assert "index is not used here" in CliRunner().invoke(main, ["status", "--results", str(results)]).output


def test_a_folder_without_records_has_nothing_to_index(tmp_path: Path) -> None:
    said = CliRunner().invoke(main, ["index", "--results", str(tmp_path)])
    assert said.exit_code == 2 and "There are no records in" in said.output


def test_a_stamp_is_another_one_after_every_edit(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    assert index.stamp_of(str(path)) == ""
    stamps = set()
    for text in ("{}", "[]"):
        store.write_atomically(path, text.encode())
        stamps.add(index.stamp_of(str(path)))
    path.chmod(0o600)
    assert len({*stamps, index.stamp_of(str(path))}) == 3
