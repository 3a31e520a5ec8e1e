"""Medical image datasets: published ones, your own folder, and phantoms, which replace data that you do not have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaebench import hookimpl

if TYPE_CHECKING:
    from vaebench.interfaces import Dataset


@hookimpl
def vaebench_datasets() -> list[type[Dataset]]:
    from vaebench_medical import medmnist
    from vaebench_medical.brain_mri import BrainMri
    from vaebench_medical.folder import Folder
    from vaebench_medical.kermany import KermanyCxr
    from vaebench_medical.knee import KneeKl
    from vaebench_medical.prostate import ProstateGleason
    from vaebench_medical.vindr import VindrMammo

    return [KermanyCxr, *medmnist.DATASETS, ProstateGleason, VindrMammo, KneeKl, BrainMri, Folder]
