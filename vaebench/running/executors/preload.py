"""Imports for the server from which trials are forked, so that a trial starts in milliseconds.

The imports include `torch._dynamo`, which the first optimiser of a process needs. Loading it takes a second or two.
"""

# ruff: noqa: E402

import pickle
import signal
import sys
from types import TracebackType

signal.signal(signal.SIGINT, signal.SIG_IGN)  # the driver also handles Ctrl-C during these imports
signal.signal(signal.SIGTERM, signal.SIG_IGN)  # schedulers send SIGTERM to all processes; trials still save checkpoints

import matplotlib.backends.backend_agg
import matplotlib.backends.backend_svg
import matplotlib.figure
import numpy
import PIL.Image
import sklearn.linear_model
import sklearn.metrics
import sklearn.svm
import torch
import torch._dynamo

import vaebench.running.worker
from vaebench.components.registry import KINDS, registry
from vaebench.records import provenance


def say(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Print an error of a process that could not begin, unless its driver ended while it was starting the process."""
    if not issubclass(kind, (EOFError, ConnectionError, pickle.UnpicklingError)):
        sys.__excepthook__(kind, error, trace)


sys.excepthook = say  # errors of a trial are caught elsewhere
for kind in KINDS:
    registry().offers(kind)
provenance.software()  # the versions and commit of the code that this server has loaded
PIL.Image.init()  # loads its formats

__all__ = ["PIL", "matplotlib", "numpy", "sklearn", "torch", "vaebench"]
