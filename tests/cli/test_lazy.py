"""The tables of commands: each line has its file, and only a command that is used is imported."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import pytest
from click.testing import CliRunner

from vaebench.cli import COMMANDS, main
from vaebench.cli.lazy import LazyGroup

ROOT = Path(__file__).parents[2]
GROUPS = pytest.mark.parametrize("package", ["vaebench.cli", "vaebench.cli.data"])


def group(package: str) -> LazyGroup:
    return main if package == "vaebench.cli" else cast(LazyGroup, main.commands["data"])


def test_a_new_command_is_one_file_and_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = 'import click\n\n@click.command\ndef command():\n    """Say it."""\n    click.echo("hello")\n    return 3\n'
    (tmp_path / "hello_command.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(cast(Any, COMMANDS), "hello", ("hello_command", "Say hello"))
    assert "  hello           Say hello\n" in CliRunner().invoke(main, ["--help"]).stdout
    assert "hello_command" not in sys.modules, "help imports no command"
    done = CliRunner().invoke(main, ["hello"])
    assert (done.stdout, done.exit_code) == ("hello\n", 3)
    assert "Usage: vaebench hello " in CliRunner().invoke(main, ["hello", "-h"], prog_name="vaebench").stdout
    assert "Did you mean 'hello'" in CliRunner().invoke(main, ["helo"]).stderr


@GROUPS
def test_the_table_and_the_files_agree(package: str) -> None:
    folder = ROOT.joinpath(*package.split("."))
    files = [file for file in (*folder.glob("*.py"), *folder.glob("*/__init__.py")) if file != folder / "__init__.py"]
    found = {
        ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for file in files
        if "\n@click." in file.read_text(encoding="utf-8")
    }
    assert found == {module for module, _ in group(package).table.values()}


@GROUPS
def test_short_help_is_the_summary_in_the_table(package: str) -> None:
    commands, table = group(package).commands, group(package).table
    assert {name: command.get_short_help_str() for name, command in commands.items()} == {
        name: summary for name, (_, summary) in table.items()
    }
    assert [name for name, command in commands.items() if command.name != name] == []


def test_no_command_imports_torch_or_numpy_before_it_runs() -> None:
    code = (
        "import sys; from vaebench.cli import main; "
        "everything = [*main.commands.values(), *main.commands['data'].commands.values()]; "
        "print(len(everything), *{'torch', 'numpy', 'pandas', 'scipy', 'matplotlib'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(len(COMMANDS) + 4)]
