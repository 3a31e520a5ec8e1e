"""`vaebench new plugin`: create a plugin package from the files in `template/`."""

from __future__ import annotations

import re
from pathlib import Path
from string import Template

import click
from rich.console import Console
from rich.markup import escape

from vaebench.errors import UserError

TEMPLATE = Path(__file__).parent / "template"
"""Files ending in `.in`, with the placeholders `$name` and `$package`; the folder `package` contains the code"""
NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


@click.command
@click.argument("name")
@click.option("--into", type=click.Path(file_okay=False, path_type=Path), default=".", show_default=True,
              help="Folder in which the package's folder is created.")  # fmt: skip
def command(name: str, into: Path) -> None:
    """Create a plugin: a package with a model, a dataset, a loss, a metric, a suite and tests that pass. The names
    of its components begin with NAME, for example `my-lab`.

    \b
    Example:
      vaebench new plugin my-lab
      cd vaebench-my-lab && pip install -e . && pytest
    """
    folder, written = into / f"vaebench-{name}", write_plugin(name, into)
    console = Console(highlight=False, soft_wrap=True)
    for path in written:
        console.print(f"Wrote {escape(str(path))}")
    console.print(
        f"Next: cd {escape(str(folder))} && pip install -e . && pytest, then vaebench run --suite {escape(name)}"
    )


def write_plugin(name: str, into: Path) -> list[Path]:
    """Write a plugin package into a folder, and return its files."""
    if not NAME.fullmatch(name):
        raise UserError(
            f"{name!r} cannot be a plugin's name: use lower-case letters, digits and single hyphens, as in 'my-lab'."
        )
    folder, package = into / f"vaebench-{name}", f"vaebench_{name.replace('-', '_')}"
    if folder.exists():
        raise UserError(f"{folder} exists already. Choose another name, or another folder with --into.")
    written = []
    for source in sorted(TEMPLATE.rglob("*.in")):
        inside = source.relative_to(TEMPLATE).as_posix().removesuffix(".in")
        path = folder / inside.replace("package/", f"{package}/").replace("NAME", name).replace("PACKAGE", package)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(Template(source.read_text(encoding="utf-8")).substitute(name=name, package=package))
        written.append(path)
    return written
