"""`vaebench new plugin` writes a package that is found, passes its own tests and needs no change first."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from vaebench.cli import main
from vaebench.cli.new.plugin import write_plugin


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package, with what an installation of it would leave beside."""
    into = tmp_path_factory.mktemp("new")
    write_plugin("my-lab", into)
    folder = into / "vaebench-my-lab"
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    about = folder / "vaebench_my_lab-0.1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    points = "".join(f"{name} = {module}\n" for name, module in project["entry-points"]["vaebench"].items())
    (about / "entry_points.txt").write_text(f"[vaebench]\n{points}")
    return folder


def python(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, "PYTHONPATH": path, "NO_COLOR": "1", "COLUMNS": "200", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env=environment)


def test_its_tests_pass(folder: Path) -> None:
    done = python(folder, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests")
    assert done.returncode == 0 and "failed" not in done.stdout, done.stdout + done.stderr


def test_it_is_found_with_all_that_it_offers(folder: Path) -> None:
    done = python(folder, "-c", "from vaebench.cli import main; main(['plugins'])")
    told = " ".join(done.stdout.split())
    assert "vaebench-my-lab 0.1 my-lab datasets, losses, metrics, models, suites" in told, told
    assert not done.stderr


def test_no_placeholder_is_left_and_every_python_file_compiles(folder: Path) -> None:
    files = [path for path in folder.rglob("*") if path.suffix in (".py", ".toml", ".md")]
    assert len(files) == 9
    for path in files:
        text = path.read_text(encoding="utf-8")
        assert "$" not in text and "NAME" not in str(path.relative_to(folder)), path
        if path.suffix == ".py":
            compile(text, str(path), "exec")


@pytest.mark.parametrize("name", ["My lab", "my_lab", "7", "-x", "a--b", ".."])
def test_names_that_cannot_be(tmp_path: Path, name: str) -> None:
    done = CliRunner().invoke(main, ["new", "plugin", "--into", str(tmp_path), "--", name])
    assert done.exit_code == 2 and "as in 'my-lab'" in done.output
    assert not list(tmp_path.iterdir())


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    words = ["new", "plugin", "mine", "--into", str(tmp_path)]
    assert "Next: cd " in CliRunner().invoke(main, words).output
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 2 and "vaebench-mine exists already" in done.output
