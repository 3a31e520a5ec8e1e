"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path

import click

from vaebench import running
from vaebench.cli import completion
from vaebench.errors import UserError

FOLDER = click.Path(file_okay=False, path_type=Path)
SPEC = "NAME[param=value,...]"
SUITE = click.option("--suite", default="medical", show_default=True, shell_complete=completion.suites,
                     help="Name of a suite, or path of a .toml file.")  # fmt: skip
PRESET = click.option("--preset", default="auto", show_default=True, shell_complete=completion.presets,
                      help="Effort: quick, compact, standard or full; auto chooses one for the device.")  # fmt: skip
SOURCE = click.option(
    "--source", type=click.Choice(["auto", "real", "phantom"]), default="auto", show_default=True,
    help="auto: real images if any are present, otherwise phantoms for all datasets. Never downloads.",
)  # fmt: skip
DEVICE = click.option(
    "--device", default="auto", show_default=True, metavar="auto|cpu|cuda|cuda:1", help="Device to compute on."
)
DEVICE_CLASS = click.option("--device-class", default="", metavar="CLASS",
                            help="Plan for this kind of device, which an executor has on other machines; `vaebench "
                            "doctor` on one of them names it.")  # fmt: skip
EXECUTOR = click.option("--executor", default="local", show_default=True, metavar=SPEC,
                        shell_complete=completion.specs("executors"),
                        help="Where trials run; `vaebench list executors` names them.")  # fmt: skip
DRY_RUN = click.option("--dry-run", is_flag=True, help="Show what would be done and estimate the time; train nothing.")
SLOTS = click.option("-j", "--slots", type=click.IntRange(min=1),
                     help="Trials that train at once [default: the executor's; "
                     "local: one per CPU core, up to 4 per GPU].")  # fmt: skip
PATIENCE = click.option("--patience", type=click.FloatRange(min=1), default=running.PATIENCE, show_default=True,
                        metavar="SECONDS", help="Give up a trial, or preparing a dataset, after this time without a "
                        "training step, a metric or printed output.")  # fmt: skip
RESULTS = click.option("--results", type=FOLDER, default=Path("results"), show_default=True, envvar="VAEBENCH_RESULTS",
                       help="Folder with records and leaderboards.")  # fmt: skip
DATA_HELP = "Folder with real datasets [default: $VAEBENCH_DATA or your data folder]."


def _there(context: click.Context, option: click.Parameter, folder: Path | None) -> Path | None:
    """A mistyped folder would look like one without data."""
    if folder is not None and not folder.exists():
        raise UserError(f"--data {folder}: there is no such folder. Correct the path, or create the folder.")
    return folder


DATA = click.option("--data", type=FOLDER, callback=_there, help=DATA_HELP)
DOWNLOADS = click.option("--data", type=FOLDER, help=DATA_HELP)
"""The same for a command that may create the folder"""
