"""A network from Hugging Face's library diffusers: `-m "vae[net=diffusers-kl]"`.

pip install "vaebench[diffusers]"
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaebench import hookimpl

if TYPE_CHECKING:
    from vaebench.interfaces import Network


@hookimpl
def vaebench_networks() -> list[type[Network]]:
    from vaebench_diffusers.networks import DiffusersKL

    return [DiffusersKL]
