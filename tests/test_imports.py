"""Arrows point one way, and nothing heavy is loaded before it is needed."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from vaebench.cli import COMMANDS

ROOT = Path(__file__).parent.parent
PLUGINS = sorted(path.name for path in (ROOT / "plugins").iterdir() if (path / "__init__.py").exists())
PUBLIC = {
    "vaebench",
    "vaebench.interfaces",
    "vaebench.evidence",
    "vaebench.trial",
    "vaebench.executing",
    "vaebench.patients",
    "vaebench.twins",
    "vaebench.traits",
}
"""What a stranger's plugin may use as well: the mark of a hook, the contracts, what a metric is asked of, what a
listener hears of and finds, what an executor needs, the draws of patients, the search for twins where no patients are
named, and what is trivial about an image."""

SHARED = {("vaebench_measures", "vaebench_reconstruction.ms_ssim")}
"""What one plugin has from another: MS-SSIM is one function, whether it is minimised or measured."""


def imported(file: Path) -> Iterator[str]:
    """Every module that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file} imports relatively"
            yield str(node.module)


def arrows(folder: Path) -> Iterator[tuple[str, str]]:
    files = sorted(folder.rglob("*.py"))
    assert files
    for file in files:
        for module in imported(file):
            yield str(file.relative_to(ROOT)), module


def test_nothing_in_the_harness_imports_a_plugin() -> None:
    names = "diffusers measures medical mlflow monai ray reconstruction tensorboard vaes"
    assert [f"vaebench_{name}" for name in names.split()] == PLUGINS
    known = (*PLUGINS, "vaebench_suites")
    assert [arrow for arrow in arrows(ROOT / "vaebench") if arrow[1].startswith(known)] == []


@pytest.mark.parametrize("plugin", PLUGINS)
def test_a_plugin_uses_what_a_strangers_could_use(plugin: str) -> None:
    foreign = [
        (file, module)
        for file, module in arrows(ROOT / "plugins" / plugin)
        if module.split(".")[0].startswith("vaebench")
        and module.split(".")[0] != plugin
        and module not in PUBLIC
        and (plugin, module) not in SHARED
    ]
    assert foreign == []


@pytest.mark.parametrize("plugin", PLUGINS)
def test_a_plugins_door_imports_nothing_until_a_hook_is_called(plugin: str) -> None:
    tree = ast.parse((ROOT / "plugins" / plugin / "__init__.py").read_text())
    at_once = {str(node.module) for node in tree.body if isinstance(node, ast.ImportFrom)}
    assert {name for name in at_once if name.split(".")[0] not in sys.stdlib_module_names} <= {"vaebench"}


def loaded(*words: str) -> set[str]:
    """The modules a command has loaded when it ends."""
    code = (
        "import json, sys\n"
        "from vaebench.cli import main\n"
        "try: main(sys.argv[1:], prog_name='vaebench')\n"
        "except SystemExit as end: assert end.code in (0, None, 2), end.code\n"
        "sys.stderr.write('\\n' + json.dumps(sorted(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True)
    return set(json.loads(done.stderr.splitlines()[-1]))


@pytest.mark.parametrize("words", ["--help", "run --help", "plugins", "list suites", "leaderboard --suite smoke"])
def test_light_commands_stay_light(words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    modules = loaded(*words.split())
    assert not modules & {"torch", "sklearn", "matplotlib", "scipy"}
    assert words != "--help" or not modules & {module for module, _ in COMMANDS.values()}
    plugins = modules & {*PLUGINS, "vaebench_suites"}
    assert bool(plugins) != words.endswith("--help"), "help loads no plugin; the others ask for them"


def test_a_board_of_records_is_made_without_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from records_made import record

    from vaebench.records import store

    monkeypatch.chdir(tmp_path)
    made = record(metrics={"psnr": 20.0}, dataset="kermany-cxr", suite="medical@1")
    store.write(store.path_of(tmp_path / "results", made.trial, "cpu"), made)
    modules = loaded("leaderboard", "--suite", "medical")
    assert (tmp_path / "results/medical@1/quick/phantom/leaderboard.md").exists()
    assert not modules & {"torch", "sklearn"}
