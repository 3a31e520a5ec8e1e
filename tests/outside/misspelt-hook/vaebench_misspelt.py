"""A plugin that misspells the name of a hook."""

from vaebench import hookimpl


@hookimpl
def vaebench_model():
    return []
