"""The wheel: everything that must be in it is, and nothing else."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LATE = {"vaebench/report/indexed.py"}
"""Modules that are imported within functions only, where what they need is known to be there"""


def bare(requirement: str) -> str:
    return re.split(r"[<>=!~; \[]", requirement)[0]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """Built from a copy of the tree, by the build tools that are here, without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    tree = folder / "tree"
    tree.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tree)
    for name in ("vaebench", "plugins", "benchmarks", "tests"):
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index", "-w", folder, tree],
        check=True, capture_output=True,
    )  # fmt: skip
    return zipfile.ZipFile(next(folder.glob("*.whl")))


def sources(folder: str, package: str, pattern: str = "*.py") -> set[str]:
    """The files of a folder of the tree under the names they should have in the wheel."""
    return {str(package / path.relative_to(ROOT / folder)) for path in (ROOT / folder).rglob(pattern)}


def test_every_module_is_in_the_wheel_and_no_other(wheel: zipfile.ZipFile) -> None:
    wanted = sources("vaebench", "vaebench") | {"vaebench_suites/__init__.py"}
    for plugin in (ROOT / "plugins").glob("vaebench_*"):
        wanted |= sources(f"plugins/{plugin.name}", plugin.name)
    assert {name for name in wheel.namelist() if name.endswith(".py")} == wanted, "no tests, no performance scripts"


def test_every_suite_and_every_data_file_is_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    suites = sources("benchmarks", "vaebench_suites", "*.toml")
    assert {"vaebench_suites/medical.toml", "vaebench_suites/smoke.toml"} <= suites
    names = {name for name in wheel.namelist() if ".dist-info/" not in name and not name.endswith(".py")}
    assert suites <= names

    assets, templates = (sources("vaebench", "vaebench", pattern) for pattern in ("assets/*", "*.in"))
    assert len(templates) == 9 and templates <= names
    assert names - suites - assets - templates == {
        "vaebench/py.typed",
        "vaebench_measures/features/extractor.safetensors",
        *(
            f"vaebench_{name}/components.json"
            for name in ("vaes", "medical", "measures", "reconstruction", "monai", "diffusers")
        ),
    }
    assert assets <= names and {Path(name).suffix for name in assets} == {".html", ".css", ".js"}
    for suite in suites:
        assert wheel.read(suite) == (ROOT / "benchmarks" / Path(suite).name).read_bytes()


def test_the_built_ins_enter_by_entry_points_and_the_licence_is_told(wheel: zipfile.ZipFile) -> None:
    def about(name: str) -> str:
        return wheel.read(next(one for one in wheel.namelist() if one.endswith(f".dist-info/{name}"))).decode()

    points = about("entry_points.txt")
    assert "vaebench = vaebench.cli:main" in points
    for name, module in PROJECT["project"]["entry-points"]["vaebench"].items():
        assert f"{name} = {module}" in points
        assert f"{module.replace('.', '/')}/__init__.py" in wheel.namelist()
    metadata = Parser().parsestr(about("METADATA"))
    assert metadata["License-Expression"] == "Apache-2.0"
    assert any(name.endswith("licenses/LICENSE") for name in wheel.namelist())
    needed = {bare(line) for line in metadata.get_all("Requires-Dist") if "extra" not in line}
    assert {"torch", "torch-fidelity", "pytorch-msssim", "pluggy", "click", "rich", "pandas", "scikit-learn"} <= needed


def test_what_the_code_imports_is_what_the_project_asks_for() -> None:
    """At the top of a module only what is always there; within functions also what an extra brings."""
    names = {"PIL": "pillow", "sklearn": "scikit-learn", "mlflow": "mlflow-skinny"}
    always = {bare(line) for line in PROJECT["project"]["dependencies"]}
    extra = {bare(line) for lines in PROJECT["project"]["optional-dependencies"].values() for line in lines}
    for folder in ("vaebench", "plugins"):
        for file in (ROOT / folder).rglob("*.py"):
            tree = ast.parse(file.read_text())
            for node in ast.walk(tree):
                if isinstance(node, ast.Import):
                    modules = [alias.name for alias in node.names]
                else:
                    modules = [str(node.module)] if isinstance(node, ast.ImportFrom) else []
                for module in {module.partition(".")[0] for module in modules}:
                    if module not in sys.stdlib_module_names and not module.startswith("vaebench"):
                        late = node not in tree.body or file.relative_to(ROOT).as_posix() in LATE
                        allowed = always | extra if late else always
                        assert names.get(module, module).replace("_", "-") in allowed, f"{file} imports {module}"


def test_the_citation_is_of_this_version() -> None:
    """CITATION.cff: what the format asks for, and nothing that contradicts pyproject.toml."""
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    told = dict(re.findall(r'^([a-z-]+): "?([^"\n]+)"?$', text, re.MULTILINE))
    assert {"cff-version", "message", "title"} <= told.keys() and "authors:\n  - name:" in text
    about = PROJECT["project"]
    assert (told["version"], told["license"], told["abstract"]) == (
        about["version"],
        about["license"],
        about["description"],
    )
    assert re.findall(r"^  - ([a-z ]+)$", text, re.MULTILINE) == about["keywords"]
