"""The temporary folder of a run: it ends with its process, or with the next run if that was killed."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from vaebench.running import processes, scratch

MAKE = "import tempfile; from vaebench.running import scratch; made = scratch.folder(); print(made, flush=True);"


def make(temporary: Path, then: str) -> Path:
    environment = {**os.environ, "TMPDIR": str(temporary)}
    done = subprocess.run([sys.executable, "-c", MAKE + then], env=environment, stdout=subprocess.PIPE, text=True)
    return Path(done.stdout.strip())


def test_it_is_gone_when_its_process_has_ended(tmp_path: Path) -> None:
    made = make(tmp_path, "assert made.is_dir()")
    assert made.parent == tmp_path
    assert not made.exists()


def test_what_a_killed_process_left_is_removed_by_the_next_and_nothing_else(tmp_path: Path) -> None:
    kill = "import os, signal; (made / 'file').write_text('left'); os.kill(os.getpid(), signal.SIGKILL)"
    left = make(tmp_path, kill)
    assert (left / "file").read_text() == "left"
    born = processes.born(os.getpid())
    others = {
        "living": f"{processes.host()} {os.getpid()} {born}",
        "of-another-machine": f"0123456789ab {2**22 + 1} 5",
        "spoiled": "not what is expected",
        "binary": "\x00\x00",
    }
    for name, owner in others.items():
        (tmp_path / f"vaebench-{name}").mkdir()
        (tmp_path / f"vaebench-{name}" / "owner").write_text(owner)
    (tmp_path / "vaebench-without").mkdir()
    (tmp_path / "vaebench-link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "owner").write_text(f"{processes.host()} {2**22 + 1} 5")
    make(tmp_path, "")
    assert not left.exists()
    expected = [*(f"vaebench-{name}" for name in (*others, "without", "link")), "elsewhere"]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(expected)


def test_a_trial_writes_its_temporary_files_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scratch, "get_temp_dir", lambda: str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", tempfile.tempdir)
    monkeypatch.setenv("TMPDIR", "elsewhere")
    scratch.inherit()
    with tempfile.NamedTemporaryFile() as file:
        assert Path(file.name).parent == tmp_path
    assert os.environ["TMPDIR"] == str(tmp_path)
