"""No file of a stranger's exhausts memory, starts a program or leads out of its folder: it is refused by name."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from medical import hostile


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """The files; what each reader answers, in a process that may take 2 GiB; and where a `gs` leaves its mark."""
    root = tmp_path_factory.mktemp("hostile")
    folder, ghost = root / "files", root / "bin" / "gs"
    ghost.parent.mkdir()
    ghost.write_text(f"#!/bin/sh\ntouch '{root}/gs-was-here'\n")
    ghost.chmod(0o755)
    environment = os.environ | {"PATH": f"{ghost.parent}{os.pathsep}{os.environ['PATH']}", "OMP_NUM_THREADS": "1"}

    def run(command: str) -> str:
        script = [sys.executable, "-W", "ignore", hostile.__file__, command, str(folder)]
        done = subprocess.run(script, env=environment, cwd=root, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    run("make")
    return root, json.loads(run("read"))


def test_every_hostile_file_is_refused_by_name(corpus):
    root, told = corpus
    bad = {}
    for name, answer in told["answers"].items():
        if "largest" in name:
            expected = answer == "READ tuple"
        else:
            expected = answer.startswith(f"refused: {root / 'files' / name}")
        if not expected:
            bad[name] = answer
    assert not bad and len(told["answers"]) > 60


def test_the_largest_pictures_fit_together(corpus):
    _, told = corpus
    assert told["peak"] < hostile.LIMIT


def test_nothing_else_was_run_or_written(corpus):
    root, _ = corpus
    assert sorted(path.name for path in root.iterdir()) == ["bin", "files"]
    assert not Path("/tmp/x.png").exists()
    assert sorted(path.name for path in (root / "files").iterdir() if path.name != "unpacked") == sorted(hostile.MAKERS)
    assert not [path for path in (root / "files" / "unpacked").iterdir() if path.suffix != ".lock"]


@pytest.mark.parametrize(
    ("name", "claim"),
    [
        ("pictures/bomb.png", "13000 x 13000 pixels, more than the 67,108,864"),
        ("pictures/claims.png", "4294836225 pixels, more than the 67,108,864"),
        ("dicom/claims.dcm", "65535 x 65535"),
        ("archives/rows.npz", "(100000000000000, 0)"),
    ],
)
def test_the_refusal_says_what_is_claimed(corpus, name, claim):
    assert claim in corpus[1]["answers"][name]
