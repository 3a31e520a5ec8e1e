"""Log a sweep to TensorBoard: one run per trial, with its losses during training and its metrics at the end.

pip install "vaebench[tensorboard]"
VAEBENCH_TENSORBOARD=logs vaebench run        and in another terminal:  tensorboard --logdir logs
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaebench import hookimpl

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

    from vaebench.trial import Trial

FOLDER = "VAEBENCH_TENSORBOARD"
"""The environment variable that names the log folder; if it is not set, no logs are written."""


@hookimpl
def vaebench_progress(trial: Trial, step: int, logs: Mapping[str, float]) -> None:
    if os.environ.get(FOLDER):
        for name, value in logs.items():
            _writer(trial.track, trial.id, str(trial)).add_scalar(f"training/{name}", value, step)


@hookimpl
def vaebench_record(record: Mapping[str, Any]) -> None:
    from vaebench.trial import Trial

    if os.environ.get(FOLDER):
        trial = Trial.from_json(record["trial"])
        writer = _writer(trial.track, trial.id, str(trial))
        for name, cell in record["metrics"].items():
            if cell["value"] is not None:
                writer.add_scalar(f"{cell['verdict']}/{name}", cell["value"], record["settings"]["steps"])
        if record["status"] != "ok":
            writer.add_text("failed", f"{record['error']['kind']}: {record['error']['message']}")
        writer.close()  # the writer reopens if more is logged


@cache
def _writer(track: str, trial: str, title: str) -> SummaryWriter:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise RuntimeError(
            f"{FOLDER} is set, but TensorBoard is not installed: pip install 'vaebench[tensorboard]'"
        ) from error
    from vaebench.trial import slug

    return SummaryWriter(str(Path(os.environ[FOLDER]) / slug(track) / slug(f"{title} {trial}")))
