"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path

import click

from vaebench import running

FOLDER = click.Path(file_okay=False, path_type=Path)
SPEC = "NAME[param=value,...]"
SUITE = click.option("--suite", default="medical", show_default=True, help="Name of a suite, or path of a .toml file.")
PRESET = click.option("--preset", default="auto", show_default=True,
                      help="Effort: quick, compact, standard or full; auto chooses one for the device.")  # fmt: skip
SOURCE = click.option(
    "--source", type=click.Choice(["auto", "real", "phantom"]), default="auto", show_default=True,
    help="auto: real images if any are present, otherwise phantoms for all datasets. Never downloads.",
)  # fmt: skip
DEVICE = click.option(
    "--device", default="auto", show_default=True, metavar="auto|cpu|cuda|cuda:1", help="Device to compute on."
)
EXECUTOR = click.option("--executor", default="local", show_default=True, metavar=SPEC,
                        help="Where trials run; `vaebench list executors` names them.")  # fmt: skip
SLOTS = click.option("-j", "--slots", type=click.IntRange(min=1),
                     help="Trials that train at once [default: the executor's; "
                     "local: one per CPU core, up to 4 per GPU].")  # fmt: skip
PATIENCE = click.option("--patience", type=click.FloatRange(min=1), default=running.PATIENCE, show_default=True,
                        metavar="SECONDS", help="Give up a trial, or preparing a dataset, after this time without a "
                        "training step, a metric or printed output.")  # fmt: skip
RESULTS = click.option("--results", type=FOLDER, default=Path("results"), show_default=True, envvar="VAEBENCH_RESULTS",
                       help="Folder with records and leaderboards.")  # fmt: skip
DATA = click.option("--data", type=FOLDER,
                    help="Folder with real datasets [default: $VAEBENCH_DATA or your data folder].")  # fmt: skip
