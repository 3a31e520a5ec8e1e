"""The executor `ray`."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Sequence

from vaebench.executing import Errand, Job, Outbox, Returned, Site, UserError, place_of
from vaebench.interfaces import Event, Executor
from vaebench_ray.cluster import Cluster, connect
from vaebench_ray.tasks import Gone, Said, Tasks

SPARE = 1
"""The number of trials that are submitted beyond those for which the cluster has room. They wait in Ray's queue, so
that a node never waits for this process, and so that a cluster with autoscaling adds nodes."""


class Room(int):
    """The number of trials for which the cluster has room at the moment. Unlike a number that the user sets, it changes
    as nodes join and leave the cluster."""


class Ray(Executor):
    """Runs trials as tasks on an existing Ray cluster. The machines of the cluster need no shared disk.

    `address` is HOST:PORT of the cluster's head node; this machine must be part of the cluster. Each trial gets `cpus`
    cores and the share `gpus` of a GPU. If the node of a trial is lost, the trial is repeated, at most `retries` times.
    A repeated trial resumes from its checkpoint if `keep` is a folder, or a URL such as s3://bucket/folder, that all
    nodes can access."""

    name = "ray"
    version = 1
    remote = True

    def __init__(self, address: str, cpus: float = 1.0, gpus: float = 0.0, retries: int = 2, keep: str = "") -> None:
        host, _, port = address.rpartition(":")
        if not host or "/" in address or not port.isdecimal():
            raise ValueError(f"address must be HOST:PORT of the cluster's head node, not {address!r}")
        if cpus < 0.01 or not 0 <= gpus <= 1 or retries < 0:
            raise ValueError("cpus must be 0.01 or more, gpus from 0 to 1, and retries 0 or more")
        self.address, self.retries, self.keep = address, retries, place_of(keep)
        self.need = {"CPU": cpus, "GPU": gpus}

    @classmethod
    def missing(cls) -> str:
        return "" if importlib.util.find_spec("ray") else 'Ray is not installed: pip install "vaebench[ray]"'

    def slots(self, devices: Sequence[str]) -> int:
        return Room(max(1, Cluster(connect(self.address), self.need).room()))

    def run(self, jobs: Sequence[Job], site: Site, stop_on_failure: bool = False) -> Iterator[Event]:
        check_device(site.sink.device_class, self.need["GPU"])
        cluster = Cluster(connect(self.address), self.need)
        tasks = Tasks(cluster, self.keep)
        with Outbox(jobs, site, stop_on_failure, self.retries + 1) as outbox:
            try:
                while outbox:
                    most = cluster.room() + SPARE if isinstance(site.slots, Room) else site.slots
                    while len(tasks.running) < most and (errand := (yield from outbox.take())):
                        tasks.send(errand, site.ready[errand.job.data])
                    for errand, said in tasks.hear():
                        yield from _answer(outbox, cluster, errand, said)
            finally:
                tasks.stop()


def _answer(outbox: Outbox, cluster: Cluster, errand: Errand, said: Said) -> Iterator[Event]:
    """Process a message from a task; yield the resulting events."""
    if isinstance(said, Returned):
        yield from outbox.returned(errand, said)
    elif isinstance(said, Gone):
        yield from outbox.lost(errand, said.why)
    elif said["phase"] == "unfit":
        cluster.leave_out(said["node"], said["why"])
        text = f"node {said['node'][:8]} is left out: {said['why']}"
        yield outbox.told(errand, {"phase": "note", "text": text})
        outbox.refused(errand)
    else:
        yield outbox.told(errand, said)


def check_device(device_class: str, gpus: float) -> None:
    """Raise UserError if trials are planned for a GPU but get none, or would occupy a GPU that they do not use."""
    if device_class != "cpu" and not gpus:
        raise UserError(f"The trials are planned for {device_class}, but get no GPU: use ray[...,gpus=1].")
    if device_class == "cpu" and gpus:
        raise UserError(
            f"The trials are planned for CPUs, but gpus={gpus:g} would reserve GPUs for them. Omit gpus, or give the "
            "device class of the nodes with --device-class (`vaebench doctor` on a node prints it)."
        )
