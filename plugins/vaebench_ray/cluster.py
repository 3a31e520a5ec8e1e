"""The Ray cluster that this process is connected to, and the number of trials that its nodes have room for."""

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
"""The time limit for an answer from the head node, in seconds."""
PAUSE = 1.0
"""The time between two checks of the nodes, in seconds, as nodes may join and leave the cluster."""


@dataclass
class Cluster:
    """The nodes of a Ray cluster as a run sees them."""

    ray: Any
    """the module `ray`, connected to the cluster"""
    need: Mapping[str, float]
    """the resources of a node that a trial needs: resource -> amount"""
    unfit: dict[str, str] = field(default_factory=dict)
    """node -> the reason why this run does not use the node"""
    _room: int = 0
    _seen: float = -math.inf

    def room(self) -> int:
        """Return how many trials the nodes can run at once, not counting dead and unfit nodes."""
        if time.monotonic() - self._seen > PAUSE:
            alive = (node for node in self.ray.nodes() if node["Alive"] and node["NodeID"] not in self.unfit)
            self._room = sum(at_once(node["Resources"], self.need) for node in alive)
            self._seen = time.monotonic()
        return self._room

    def leave_out(self, node: str, why: str) -> None:
        """Stop sending trials to a node. Raise UserError if no other node has room for a trial."""
        self.unfit[node] = why
        self._seen = -math.inf
        if not self.room():
            reasons = "\n".join(f"  node {node[:8]}: {why}" for node, why in self.unfit.items())
            raise UserError(f"No node of the cluster can run these trials.\n{reasons}")


def at_once(have: Mapping[str, float], need: Mapping[str, float]) -> int:
    """Return how many trials fit into the resources of a node."""
    return min(math.floor(have.get(name, 0.0) / amount + 1e-6) for name, amount in need.items() if amount)


def connect(address: str) -> Any:
    """Return the module `ray`, connected to the cluster. If this process is already connected, keep that connection."""
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # avoids a warning of Ray
    import ray

    if ray.is_initialized():
        return ray
    main = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGTERM)
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), ANSWERS).close()  # Ray would keep trying for minutes
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, configure_logging=False)
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        raise UserError(
            f"This machine is not part of a Ray cluster at {address} ({str(error).strip().splitlines()[0]}). "
            f"To join the cluster, run `ray start --address={address}`; to start one, run `ray start --head`. If the "
            "cluster uses authentication, RAY_AUTH_MODE and the token must be the same on all machines, including "
            "this one."
        ) from error
    finally:
        if main:
            signal.signal(signal.SIGTERM, before)  # Ray's handler would end the process before trials stop
    return ray
