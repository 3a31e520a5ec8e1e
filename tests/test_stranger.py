"""A stranger's plugin from `pip install` to the leaderboard, beside three broken ones that must not disturb it."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

OUTSIDE = Path(__file__).parent / "outside"
DOCUMENT = Path(__file__).parents[1] / "docs" / "write-a-plugin.md"
PACKAGES = ("stranger", "network", "pool", "broken-import", "misspelt-hook", "name-clash")
RINGS = str(OUTSIDE / "rings.toml")

BROKEN = "vaebench-broken-import 0.1 (main): ModuleNotFoundError: No module named 'a_module_that_nobody_has'"
MISSPELT = "vaebench-misspelt-hook 0.1 (main): unknown hook 'vaebench_model'. Did you mean 'vaebench_models'"
CLASH = (
    "vaebench-name-clash 0.1 (main): its model 'vae' has the same name as one from vaebench {version}; "
    "use 'vaebench-name-clash:vae' or 'vaebench:vae'"
)

FORKING = """
import importlib, json, os, sys
import scipy.stats, sklearn.svm, torch._dynamo  # seconds, which every command would need again

for line in sys.stdin:
    program, words, *files = json.loads(line)
    child = os.fork()
    if not child:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for number, path in enumerate(files, start=1):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        sys.argv[1:] = words
        sys.exit(importlib.import_module(program).main())
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""

Vaebench = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment to throw away: what is installed here, and on top of it these packages, built by pip."""
    folder = tmp_path_factory.mktemp("stranger")
    for name in PACKAGES:
        shutil.copytree(OUTSIDE / name, folder / "src" / name)  # building leaves files beside the sources
    options = ["--quiet", "--no-build-isolation", "--no-index", "--no-deps", "--disable-pip-version-check"]
    sources = [str(folder / "src" / name) for name in PACKAGES]
    command = [sys.executable, "-m", "pip", "install", *options, "--target", str(folder / "site"), *sources]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def vaebench(folder: Path) -> Iterator[Vaebench]:
    """The command, as it runs in that environment: each time in a process of its own."""
    path = os.pathsep.join(filter(None, (str(folder / "site"), os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, "PYTHONPATH": path, "NO_COLOR": "1", "COLUMNS": "200", "OMP_NUM_THREADS": "1"}

    with subprocess.Popen(
        [sys.executable, "-c", FORKING], stdin=-1, stdout=-1, text=True, cwd=folder, env=environment
    ) as forking:
        assert forking.stdin and forking.stdout

        def run(*arguments: str, program: str = "vaebench.cli") -> subprocess.CompletedProcess[str]:
            told = folder / "stdout", folder / "stderr"
            print(json.dumps([program, arguments, *map(str, told)]), file=forking.stdin, flush=True)
            code = int(forking.stdout.readline())
            return subprocess.CompletedProcess(arguments, code, *(path.read_text() for path in told))

        yield run
        forking.stdin.close()


def test_plugins_lists_the_stranger_and_says_once_what_is_wrong_with_the_broken(vaebench: Vaebench):
    done = vaebench("plugins")
    told = " ".join((done.stdout + done.stderr).split())
    assert done.returncode == 0
    assert "vaebench-rings 1.0 rings datasets, metrics, models" in told
    for complaint in (BROKEN, MISSPELT):
        assert told.count(complaint) == 1
    assert "Traceback" not in told


def test_a_clash_is_told_once_and_both_go_on_being_offered(vaebench: Vaebench):
    from importlib.metadata import version

    done = vaebench("list", "models")
    assert done.returncode == 0
    assert done.stderr.count(CLASH.format(version=version("vaebench"))) == 1
    assert "linear-vae" in done.stdout and "pca" in done.stdout


@pytest.mark.long
def test_the_bare_name_of_a_clash_is_refused_and_the_prefix_understood(vaebench: Vaebench):
    options = ("--suite", "smoke", "--source", "phantom", "--dry-run", "--results", "nowhere")
    refused = vaebench("run", "-m", "vae", *options)
    assert refused.returncode == 2
    assert "'vaebench:vae'" in refused.stderr and "'vaebench-name-clash:vae'" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert vaebench("run", "-m", "vaebench:vae", *options).returncode == 0


@pytest.mark.long
def test_a_suite_of_the_built_ins_means_its_own_vae_still(vaebench: Vaebench):
    done = vaebench("run", "--suite", "smoke", "--source", "phantom", "--dry-run", "--results", "nowhere")
    assert done.returncode == 0, done.stderr
    assert "vaebench-name-clash:" not in done.stdout


@pytest.mark.long
def test_an_executor_of_the_stranger_is_listed_chosen_and_checked(folder: Path, vaebench: Vaebench):
    """It uses public names only, and its processes, which share nothing, do what this machine does."""
    modules = re.findall(r"^from (vaebench\S*) import", (OUTSIDE / "pool" / "vaebench_pool.py").read_text(), re.M)
    assert set(modules) == {"vaebench", "vaebench.executing", "vaebench.interfaces"}
    listed = vaebench("list", "executors").stdout
    assert "pool" in listed and "vaebench-pool" in listed
    done = vaebench("check", "pool")
    assert done.returncode == 0 and "5 passed, 0 failed, 0 skipped" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["linear-vae", "rings", "worst-pixel", "patches"])
def test_what_strangers_bring_passes_the_conformance_kit(vaebench: Vaebench, name: str):
    done = vaebench("check", name)
    assert done.returncode == 0, done.stdout
    assert f"vaebench-{'patches' if name == 'patches' else 'rings'}:{name}" in done.stdout
    assert " 0 failed" in done.stdout


@pytest.mark.long
def test_the_stranger_s_network_is_listed_shown_and_taken_by_a_built_in_model(vaebench: Vaebench):
    assert "patches" in vaebench("list", "networks").stdout
    assert "patches (network, version 1, from vaebench-patches 1.0)" in vaebench("show", "patches").stdout
    options = ("--suite", "smoke", "--source", "phantom", "--dry-run", "--results", "nowhere")
    planned = vaebench("run", "-m", "vaebench:vae[net=patches]", *options)
    assert planned.returncode == 0, planned.stderr
    refused = vaebench("run", "-m", "vaebench:vae[net=patchs]", *options)
    assert refused.returncode == 2 and "There is no network 'patchs'. Did you mean 'patches'" in refused.stderr


def test_a_real_run_ends_on_the_leaderboard(vaebench: Vaebench):
    done = vaebench("run", "--suite", RINGS, "--results", "results", "--device", "cpu")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "linear-vae" in done.stdout and "worst pixel" in done.stdout

    board = vaebench("leaderboard", "--suite", RINGS, "--results", "results", "--format", "csv")
    rows = csv.DictReader(io.StringIO(board.stdout))
    worst = {row["model"]: float(row["value"]) for row in rows if row["metric"] == "worst-pixel"}
    assert set(worst) == {"mean-image", "linear-vae"}
    assert all(math.isfinite(value) for value in worst.values())
    assert worst["linear-vae"] < worst["mean-image"]


def test_the_plugin_is_short():
    files = [OUTSIDE / "stranger" / name for name in ("pyproject.toml", "vaebench_rings.py")]
    lines = [line for file in files for line in file.read_text().splitlines() if line.strip()]
    assert len(lines) < 80


def test_the_stranger_tests_itself_with_pytest(folder: Path, vaebench: Vaebench):
    path = str(folder / "src" / "stranger" / "tests" / "test_rings.py")
    done = vaebench(path, "-q", "-p", "no:cacheprovider", "-k", "WorstPixel", program="pytest")
    assert done.returncode == 0, done.stdout
    assert re.search(r"\b8 passed, \d+ deselected", done.stdout)


class TestDocument:
    """`docs/write-a-plugin.md` says what is."""

    text = DOCUMENT.read_text()

    @pytest.mark.parametrize(
        "file",
        [
            "stranger/pyproject.toml",
            "stranger/vaebench_rings.py",
            "stranger/tests/test_rings.py",
            "network/vaebench_patches.py",
            "rings.toml",
        ],
    )
    def test_it_quotes_the_package_word_for_word(self, file: str):
        kind = "python" if file.endswith(".py") else "toml"
        assert f"```{kind}\n{(OUTSIDE / file).read_text()}```" in self.text

    def test_the_page_on_clusters_quotes_the_executor_word_for_word(self):
        text = (DOCUMENT.parent / "cluster.md").read_text()
        assert f"```python\n{(OUTSIDE / 'pool' / 'vaebench_pool.py').read_text()}```" in text

    def test_all_its_python_is_code_that_tests_run(self):
        files = [*OUTSIDE.glob("stranger/**/*.py"), *OUTSIDE.glob("network/*.py"), Path(__file__).parent / "shapes.py"]
        sources = "\n".join(file.read_text() for file in files)
        blocks = re.findall(r"^ *```python\n(.*?)```", self.text, re.DOTALL | re.MULTILINE)
        blocks = [textwrap.dedent(block).rstrip(" ") for block in blocks]
        assert len(blocks) == 7
        for block in blocks:
            assert block in sources or textwrap.indent(block, "    ") in sources

    def test_it_lists_every_check_in_order(self):
        from vaebench.checks import datasets, executors, losses, metrics, networks, on_card, trained_model, training

        lists = {
            "Models": (training.CHECKS, trained_model.CHECKS, trained_model.ONE_STEP),
            "Networks": (networks.SIZES, networks.CHECKS),
            "Datasets": (datasets.CHECKS, datasets.PHANTOM),
            "Losses": (losses.CHECKS,),
            "Metrics": (metrics.CHECKS,),
            "Executors": (executors.CHECKS,),
        }
        for title, checklists in lists.items():
            expected = [f"- `{name}`: {says}" for checklist in checklists for name, says, _ in checklist.checks]
            written = self.text.partition(f"\n### {title}\n\n")[2].split("\n\n")[0].splitlines()
            assert [line for line in written if line.startswith("- ")] == expected
        for name, says, _ in on_card.CHECKS.checks:
            assert f"\n- `{name}`: {says}\n" in self.text
