"""Classes and functions for authors of executors, in addition to `vaebench.interfaces.Executor`; docs/cluster.md shows
their use.

On the machine that runs the command, `Outbox` claims trials, packs each into an errand for another machine, and
delivers the results of errands. On the machine that runs the trial, `fulfil` performs an errand with the executor
`Local`, which turns crashes and stalls into records. An executor whose machines all have access to the results folder
needs neither `Outbox` nor `fulfil`: `Queue` and `Claims` distribute the trials, `check_fitness` checks that a machine
can run a job, and `perform` runs a job and delivers its record; `blank` creates the record of a trial that could not
run.
"""

from vaebench.data.by_digest import fetched, files_of
from vaebench.errors import UserError
from vaebench.planning.jobs import Job
from vaebench.running.claims import Claim, Claims
from vaebench.running.errand import Errand, Returned, fulfil
from vaebench.running.executors.local import Local
from vaebench.running.fitness import Unfit, check_fitness
from vaebench.running.keeper import CheckpointKeeper, Keeper, place_of
from vaebench.running.outbox import Outbox
from vaebench.running.queue import ATTEMPTS, Queue
from vaebench.running.sink import Lost, ResultsSink, Sink
from vaebench.running.site import Site
from vaebench.running.worker import blank, perform

__all__ = [
    "ATTEMPTS", "CheckpointKeeper", "Claim", "Claims", "Errand", "Job", "Keeper", "Local", "Lost", "Outbox", "Queue",
    "ResultsSink", "Returned", "Sink", "Site", "Unfit", "UserError", "blank", "check_fitness", "fetched", "files_of",
    "fulfil", "perform", "place_of",
]  # fmt: skip
