"""`vaebench work`: run trials of a submitted run on this machine, alongside other machines."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import click

from vaebench.errors import UserError


class TimeIsUp(BaseException):
    """Raised when the scheduler signals that the time limit is near."""


@click.command
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
def command(folder: Path) -> int:
    """Run trials for `vaebench run --executor slurm`, until all are done or claimed by other machines.

    Slurm starts this command; you do not need to. FOLDER contains the description of the run. SIGUSR1 signals that the
    time limit is near: the command then saves checkpoints, releases its trials and submits itself again.

    \b
    Example:
      vaebench work results/medical@1/full/real/.runs/slurm/20260101T120000-0123abcd
    """
    from vaebench.running import order, pilot, sweep
    from vaebench.running.batch import Batch
    from vaebench.running.progress import ProgressFile

    signal.signal(signal.SIGUSR1, _raise)
    ended, training = False, set[str]()
    try:
        told, jobs = order.read(folder)
        track = folder.parents[2]
        with ProgressFile(track, len(jobs)) as progress:
            for event in sweep.heard(pilot.work(told, jobs)):
                progress.hear(event, None)
                if event.kind == "start":
                    training.add(event.job.trial.id)
                elif event.kind == "end" or event.data.get("phase") == "measure":
                    training.discard(event.job.trial.id)
                if event.kind == "end":
                    ended = True
                    click.echo(f"{event.job.trial}: {event.data['record'].status}")
    except TimeIsUp as up:
        if not ended and not training:  # measuring saves no checkpoint, so the next pilot would get no further
            raise UserError(
                "This pilot measured no trial within its time limit and has none in training, so it does not submit "
                "itself again. Increase the executor's parameter `minutes`."
            ) from up
        Batch(folder).submit(os.environ.get("SLURM_ARRAY_TASK_ID", "0"))
        click.echo("The time limit is near: this pilot was submitted again.")
    return 0


def _raise(*_: Any) -> None:
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)  # once is enough
    raise TimeIsUp
