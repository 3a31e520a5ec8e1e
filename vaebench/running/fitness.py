"""Whether a machine is fit for a job: the same components, in the same code, and a device of the same class."""

from __future__ import annotations

from multiprocessing.connection import Connection

from vaebench.components.registry import registry
from vaebench.errors import UserError
from vaebench.planning.jobs import Job
from vaebench.records.provenance import device_class
from vaebench.running.executors.forked import Forked
from vaebench.training.build import code_of, versions_of

LONGEST_WAIT = 300.0
"""Seconds for a machine to load torch and all plugins; a cold network disk needs minutes."""


class Unfit(Exception):
    """This machine cannot do the job as it was planned; the text names what differs."""


def check_fitness(job: Job, device: str, wanted: str) -> None:
    """Raise Unfit unless this machine would do the job as the one that planned it. `wanted` is the class of device."""
    if told := (differences(job) or _of_device(device, wanted)):
        raise Unfit("; ".join(told))


def differences(job: Job) -> list[str]:
    """What a job's components are here and were where it was made, where that is not the same."""
    components = registry().at(job.home)
    try:
        here = versions_of(job.trial, job.settings, components)
        code = code_of(job.trial, job.settings, components)
    except UserError as error:  # a plugin is not installed
        return [str(error)]
    told = []
    for name, version in job.components.items():
        if here.get(name) != version:
            told.append(f"{name} is version {here.get(name)} here and version {version} in the plan")
        elif code.get(name) != job.code.get(name):
            told.append(f"{name} has other code here than in the plan, and the same version {version}")
    return told


def _of_device(device: str, wanted: str) -> list[str]:
    """What is wrong with the device. A process of its own asks: the card is for the trial alone."""
    if device == "cpu":
        return [] if wanted == "cpu" else [f"it has no device of class {wanted}"]
    process = Forked(_tell_class, device)
    try:
        found = process.ear.recv() if process.wait(LONGEST_WAIT) else "none that answers"
    except (EOFError, OSError):
        found = "none that answers"
    finally:
        process.end()
    return [] if found == wanted else [f"its device is {found}, and the plan is for {wanted}"]


def _tell_class(device: str, mouth: Connection) -> None:
    try:
        mouth.send(device_class(device))
    except Exception as error:  # torch's own words for "there is none"
        mouth.send(f"none ({error})"[:300])
