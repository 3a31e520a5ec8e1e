"""A group of commands that imports a command's module only when that command is used."""

from __future__ import annotations

from collections import UserDict
from importlib import import_module
from typing import Any

import click


class LazyCommands(UserDict[str, Any]):
    """A mapping from names to commands, made from a table of name -> (module, summary).

    The click command of each module is called `command`; its name and short help come from the table.
    """

    def __init__(self, table: dict[str, tuple[str, str]]) -> None:
        self.data = table

    def __getitem__(self, name: str) -> click.Command:
        module, summary = self.data[name]
        command: click.Command = import_module(module).command
        command.name, command.short_help = name, summary
        return command


class LazyGroup(click.Group):
    """A command group whose help text comes from its table."""

    def __init__(self, *, table: dict[str, tuple[str, str]], **options: Any) -> None:
        super().__init__(commands=LazyCommands(table), **options)
        self.table = table

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, self.table[name][1]) for name in self.list_commands(ctx)])
