"""Imported once by the server that trials are forked from, so that a trial starts in milliseconds.

`torch._dynamo` is among it because the first optimiser of a process imports it, which takes a second or two.
"""

# ruff: noqa: E402

import signal

signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C while this loads is the driver's, too
signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a scheduler sends it to all processes: trials still leave checkpoints

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

for kind in KINDS:
    registry().offers(kind)
provenance.software()  # versions and commit of the code that this server holds, asked once
PIL.Image.init()  # loads its formats

__all__ = ["PIL", "matplotlib", "numpy", "sklearn", "torch", "vaebench"]
