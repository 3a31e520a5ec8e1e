"""`vaebench doctor`: a description of this installation for bug reports."""

from __future__ import annotations

import os
import platform

import click
from rich.console import Console

from vaebench.components.discovery import installed
from vaebench.records import provenance


@click.command
def command() -> None:
    """Show versions, devices, data and plugins, to paste into an issue. The names of the machine and the user are not
    shown.

    \b
    Example:
      vaebench doctor
    """
    import torch

    from vaebench.cli.data.datasets import find_datasets
    from vaebench.components.registry import KINDS, registry
    from vaebench.data.folders import data_folder

    console = Console(highlight=False, markup=False, soft_wrap=True)
    software = provenance.software()
    plugins = software.pop("plugins")
    console.print("\n".join(f"{name}: {value}" for name, value in software.items() if value is not None))
    console.print(f"system: {platform.system()} {platform.machine()}")
    console.print(f"cpu: {provenance.device_name('cpu')}, {os.cpu_count()} cores")
    for number in range(torch.cuda.device_count()):
        memory = torch.cuda.get_device_properties(number).total_memory / 2**30
        kind = provenance.device_class(f"cuda:{number}")
        console.print(f"cuda:{number}: {torch.cuda.get_device_name(number)}, {memory:.0f} GiB, class {kind}")
    if not torch.cuda.is_available():
        why = "this PyTorch build has no CUDA support" if torch.version.cuda is None else "no usable driver or device"
        console.print(f"cuda: none ({why})")
    console.print(f"plugins: {', '.join(f'{name} {number}' for name, number in plugins.items())}")
    for kind in KINDS:
        console.print(f"{kind}: {', '.join(registry().offers(kind)) or 'none'}")
    folder = data_folder()
    present = [dataset.name for dataset in find_datasets() if dataset.present(folder)]
    where = "VAEBENCH_DATA" if os.environ.get("VAEBENCH_DATA") else "the default folder"
    console.print(f"real data in {where}: {', '.join(present) or 'none'}")
    for problem in installed().untold():
        console.print(f"broken {problem}")
