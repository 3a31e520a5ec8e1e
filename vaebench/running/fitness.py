"""Check that a machine is fit for a job: it needs the same components and code, and a device of the same class."""

from __future__ import annotations

from multiprocessing.connection import Connection

from vaebench.components.registry import registry
from vaebench.errors import UserError
from vaebench.planning.jobs import Job
from vaebench.records.provenance import device_class
from vaebench.running.executors.forked import Forked
from vaebench.training.build import code_of, versions_of

LONGEST_WAIT = 300.0
"""Seconds within which a machine must load torch and all plugins, which takes minutes from a slow network disk"""


class Unfit(Exception):
    """Raised if this machine cannot run the job as planned; the text names the differences."""


def check_fitness(job: Job, device: str, wanted: str) -> None:
    """Raise Unfit unless this machine would run the job exactly as planned. `wanted` is the class of device."""
    if told := (differences(job) or _of_device(device, wanted)):
        raise Unfit("; ".join(told))


def differences(job: Job) -> list[str]:
    """Describe how the job's components on this machine differ from those in the plan."""
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
            told.append(f"{name} has different code here than in the plan, although both have version {version}")
    return told


def _of_device(device: str, wanted: str) -> list[str]:
    """Describe how the device differs from the plan.

    A separate process checks the device, so that the card stays free for the trial."""
    if device == "cpu":
        return [] if wanted == "cpu" else [f"there is no device of class {wanted}"]
    process = Forked(_tell_class, device)
    try:
        found = process.ear.recv() if process.wait(LONGEST_WAIT) else "not responding"
    except (EOFError, OSError):
        found = "not responding"
    finally:
        process.end()
    return [] if found == wanted else [f"the device here is {found}, but the plan is for {wanted}"]


def _tell_class(device: str, mouth: Connection) -> None:
    try:
        mouth.send(device_class(device))
    except Exception as error:  # torch's own message if there is no such device
        mouth.send(f"none ({error})"[:300])
