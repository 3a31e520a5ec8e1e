"""Networks from MONAI, for example `-m "vae[net=monai-kl]"`.

pip install "vaebench[monai]"
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaebench import hookimpl

if TYPE_CHECKING:
    from vaebench.interfaces import Network


@hookimpl
def vaebench_networks() -> list[type[Network]]:
    from vaebench_monai.networks import MonaiKL, MonaiVQ

    return [MonaiKL, MonaiVQ]
