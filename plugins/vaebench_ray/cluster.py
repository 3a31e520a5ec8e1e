"""The Ray cluster that this process belongs to, and how many trials its nodes have room for."""

from __future__ import annotations

import logging
import math
import os
import signal
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from vaebench.executing import UserError

ANSWERS = 10.0
"""Seconds in which the head node must answer."""
PAUSE = 1.0
"""Seconds between two looks at the nodes, which come and go."""


@dataclass
class Cluster:
    """The nodes of a cluster, seen by a run."""

    ray: Any
    """the module, connected"""
    need: Mapping[str, float]
    """what a trial takes of a node: resource -> amount"""
    unfit: dict[str, str] = field(default_factory=dict)
    """node -> why it does nothing for this run"""
    _room: int = 0
    _seen: float = -math.inf

    def room(self) -> int:
        """How many trials the living nodes can do at once, without those that are not fit."""
        if time.monotonic() - self._seen > PAUSE:
            alive = (node for node in self.ray.nodes() if node["Alive"] and node["NodeID"] not in self.unfit)
            self._room = sum(at_once(node["Resources"], self.need) for node in alive)
            self._seen = time.monotonic()
        return self._room

    def leave_out(self, node: str, why: str) -> None:
        """Send nothing to a node any more; UserError if that was the last one with room."""
        self.unfit[node] = why
        self._seen = -math.inf
        if not self.room():
            reasons = "\n".join(f"  node {node[:8]}: {why}" for node, why in self.unfit.items())
            raise UserError(f"No node of the cluster is fit for these trials.\n{reasons}")


def at_once(have: Mapping[str, float], need: Mapping[str, float]) -> int:
    """How many trials fit into the resources of a node."""
    return min(math.floor(have.get(name, 0.0) / amount + 1e-6) for name, amount in need.items() if amount)


def connect(address: str) -> Any:
    """The module `ray`, connected to the cluster. A connection that this process has already is used as it is."""
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # or Ray announces that this will change
    import ray

    if ray.is_initialized():
        return ray
    main = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGTERM)
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), ANSWERS).close()  # Ray itself tries for minutes
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, configure_logging=False)
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        raise UserError(
            f"This machine is not part of a Ray cluster at {address} ({str(error).strip().splitlines()[0]}). "
            f"`ray start --address={address}` lets it join one, `ray start --head` starts one. A cluster with "
            "authentication must be given the same RAY_AUTH_MODE and token on every machine, this one included."
        ) from error
    finally:
        if main:
            signal.signal(signal.SIGTERM, before)  # Ray's own ends the process before trials are stopped
    return ray
