"""The reference of the command line, from the commands themselves; MkDocs calls it when it collects docs/."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import cleandoc

import click
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from vaebench.cli import main

WIDTH = 96
"""Characters of a line, whatever the terminal in which the site is built."""

INTRODUCTION = """# Commands

Every command with its options, as `--help` prints them. [Command line](../command-line.md) has exit codes, environment
variables and completion."""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    text = "\n\n".join([INTRODUCTION, *sections(main, None)])
    files.append(File.generated(config, "reference/commands.md", content=text + "\n"))
    return files


def sections(command: click.Command, parent: click.Context | None) -> Iterator[str]:
    """A command's section, then those of its subcommands."""
    name = "vaebench" if parent is None else command.name
    settings = {**command.context_settings, "terminal_width": WIDTH}
    with click.Context(command, parent=parent, info_name=name, **settings) as context:
        yield f"{'#' * (2 if parent is None else 3)} {context.command_path}"
        yield from (block(part) for part in cleandoc(command.help or "").split("\n\n"))
        yield fenced(command.get_usage(context).removeprefix("Usage: "))
        formatter = context.make_formatter()
        command.format_options(context, formatter)
        yield fenced(formatter.getvalue())
        if isinstance(command, click.Group):
            for inner in command.list_commands(context):
                if (found := command.get_command(context, inner)) and not found.hidden:
                    yield from sections(found, context)


def block(text: str) -> str:
    """A paragraph, or lines that click is told to leave as they are: a title, then examples."""
    if not text.startswith("\b\n"):
        return text
    title, *lines = text.removeprefix("\b\n").split("\n")
    return f"{title}\n\n{fenced(cleandoc(chr(10) + chr(10).join(lines)))}"


def fenced(text: str) -> str:
    return f"```text\n{text.strip(chr(10))}\n```"
