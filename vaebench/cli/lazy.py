"""A group of commands that imports a command's module only when that command is used."""

from __future__ import annotations

from collections import UserDict
from importlib import import_module
from typing import Any

import click


class LazyCommands(UserDict[str, Any]):
    """A table of name -> (module, summary) that reads as name -> command.

    The module's click command is called `command`; it gets its name and its short help from the table.
    """

    def __init__(self, table: dict[str, tuple[str, str]]) -> None:
        self.data = table

    def __getitem__(self, name: str) -> click.Command:
        module, summary = self.data[name]
        command: click.Command = import_module(module).command
        command.name, command.short_help = name, summary
        return command


class LazyGroup(click.Group):
    """A group whose help comes from its table."""

    def __init__(self, *, table: dict[str, tuple[str, str]], **options: Any) -> None:
        super().__init__(commands=LazyCommands(table), **options)
        self.table = table

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, self.table[name][1]) for name in self.list_commands(ctx)])
