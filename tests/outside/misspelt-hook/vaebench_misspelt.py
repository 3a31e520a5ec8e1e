"""A plugin with a slip of the pen."""

from vaebench import hookimpl


@hookimpl
def vaebench_model():
    return []
