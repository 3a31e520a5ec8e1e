"""`vaebench doctor`: what this installation is and has, to paste into an issue."""

from __future__ import annotations

import os
import platform

from rich.console import Console

from vaebench.components.discovery import installed
from vaebench.components.registry import KINDS, registry
from vaebench.data.prepare import data_folder
from vaebench.records import provenance


def tell_health() -> None:
    """Versions, devices, data, plugins; nothing that names the machine or its user."""
    import torch

    console = Console(highlight=False, markup=False, soft_wrap=True)
    software = provenance.software()
    plugins = software.pop("plugins")
    console.print("\n".join(f"{name}: {value}" for name, value in software.items() if value is not None))
    console.print(f"system: {platform.system()} {platform.machine()}")
    console.print(f"cpu: {provenance.device_name('cpu')}, {os.cpu_count()} cores")
    for number in range(torch.cuda.device_count()):
        memory = torch.cuda.get_device_properties(number).total_memory / 2**30
        console.print(f"cuda:{number}: {torch.cuda.get_device_name(number)}, {memory:.0f} GiB")
    if not torch.cuda.is_available():
        why = "this torch is built without CUDA" if torch.version.cuda is None else "no usable driver or device"
        console.print(f"cuda: none ({why})")
    console.print(f"plugins: {', '.join(f'{name} {number}' for name, number in plugins.items())}")
    for kind in KINDS:
        console.print(f"{kind}: {', '.join(registry().offers(kind)) or 'none'}")
    folder = data_folder()
    present = []
    for offers in registry().offers("datasets").values():
        for offer in offers:
            try:
                if offer.component().present(folder):
                    present.append(offer.name)
            except TypeError:  # it needs a path, so it has no one place to look in
                continue
    where = "VAEBENCH_DATA" if os.environ.get("VAEBENCH_DATA") else "the default folder"
    console.print(f"real data in {where}: {', '.join(present) or 'none'}")
    for problem in installed().untold():
        console.print(f"broken {problem}")
