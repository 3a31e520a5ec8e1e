"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from vaebench import running
from vaebench.cli import completion
from vaebench.errors import UserError
from vaebench.records import urls

FOLDER = click.Path(file_okay=False, path_type=Path)


class ResultsFolder(click.Path):
    """A results folder. A URL stands for its mirror, which the command brings up to date."""

    name = "folder or url"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if urls.is_url(str(value)):
            from vaebench.running.mirrors import folder_of

            return folder_of(value)
        return super().convert(value, param, ctx)


RESULTS_FOLDER = ResultsFolder(file_okay=False, path_type=Path)
KNOWN_RESULTS_FOLDER = ResultsFolder(exists=True, file_okay=False, path_type=Path)
SPEC = "NAME[param=value,...]"
SUITE = click.option("--suite", default="medical", show_default=True, shell_complete=completion.suites,
                     help="Name of a suite, or path of a .toml file.")  # fmt: skip
PRESET = click.option("--preset", default="auto", show_default=True, shell_complete=completion.presets,
                      help="Size of the experiment: quick, compact, standard or full; auto chooses one for the "
                      "device.")  # fmt: skip
SOURCE = click.option(
    "--source", type=click.Choice(["auto", "real", "phantom"]), default="auto", show_default=True,
    help="auto: real images if any are present, otherwise phantoms for all datasets. Never downloads.",
)  # fmt: skip
DEVICE = click.option(
    "--device", default="auto", show_default=True, metavar="auto|cpu|cuda|cuda:1", help="Device to compute on."
)
DEVICE_CLASS = click.option("--device-class", default="", metavar="CLASS",
                            help="Class of the devices on which the executor runs trials; `vaebench doctor` on such a "
                            "machine shows its class.")  # fmt: skip
EXECUTOR = click.option("--executor", default="local", show_default=True, metavar=SPEC,
                        shell_complete=completion.specs("executors"),
                        help="Where trials run; see `vaebench list executors`.")  # fmt: skip
DRY_RUN = click.option("--dry-run", is_flag=True, help="Show the plan and the estimated time; train nothing.")
SLOTS = click.option("-j", "--slots", type=click.IntRange(min=1),
                     help="Number of trials that train at once [default: set by the executor; "
                     "local: one per CPU core, up to 4 per GPU].")  # fmt: skip
PATIENCE = click.option("--patience", type=click.FloatRange(min=1), default=running.PATIENCE, show_default=True,
                        metavar="SECONDS", help="Stop a trial, or the preparation of a dataset, after this time "
                        "without a training step, a metric or printed output.")  # fmt: skip
RESULTS = click.option("--results", type=RESULTS_FOLDER, default=Path("results"), show_default=True,
                       envvar="VAEBENCH_RESULTS", metavar="FOLDER|URL",
                       help="Folder with records and leaderboards, or its URL (s3://bucket/folder).")  # fmt: skip
DATA_HELP = "Folder with real datasets [default: $VAEBENCH_DATA or your data folder]."


def _there(context: click.Context, option: click.Parameter, folder: Path | None) -> Path | None:
    """Raise a UserError if the folder does not exist: otherwise, a mistyped path would look like a folder without
    data."""
    if folder is not None and not folder.exists():
        raise UserError(f"--data {folder}: there is no such folder. Correct the path, or create the folder.")
    return folder


DATA = click.option("--data", type=FOLDER, callback=_there, help=DATA_HELP)
DOWNLOADS = click.option("--data", type=FOLDER, help=DATA_HELP)
"""The option `--data` for commands that may create the folder"""
