"""The one network whose Fréchet distance is called FID: torch-fidelity's Inception with its published weights.

This is Seitzer's port of TensorFlow's network of 2015-12-05, as included in torch-fidelity ("inception-v3-compat"):
images are resized to 299 px as in TensorFlow 1, and the features are the 2,048 numbers before the classifier. The file
with the weights is downloaded only on request, and its checksum is verified before it is used. With other weights, FID
is not applicable, and the reason is given.
"""

from __future__ import annotations

import hashlib
import importlib
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from unittest.mock import patch

import torch
from torch import Tensor, nn

from vaebench.interfaces import NotApplicable
from vaebench_measures.features.extractor import Extractor

NAME = "weights-inception-2015-12-05-6726825d.pth"
URL = f"https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/{NAME}"
BYTES = 95_628_359
SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
BY_HAND = f"download {NAME} from {URL} and set VAEBENCH_INCEPTION to its path"
REMEDY = f"Download the weights with `vaebench data fetch fid`, or {BY_HAND}"


class Inception(Extractor):
    """Inception's 2,048 features, computed on the trial's device."""

    name = "inception"
    digest = SHA256
    batch = 32

    def __init__(self) -> None:
        self.network = network(published())
        self.device = torch.device("cpu")

    def to(self, device: torch.device) -> None:
        self.network.to(device)
        self.device = device

    def features(self, images: Tensor) -> Tensor:
        if images.shape[1] not in (1, 3):
            raise NotApplicable(f"Inception needs images with one or three channels, not {images.shape[1]}")
        return self.network(images.expand(-1, 3, -1, -1).to(self.device))[0]


def weights_file() -> Path:
    """Return the path at which the file with the weights is expected."""
    given = os.environ.get("VAEBENCH_INCEPTION")
    file = Path(given) if given else Path(torch.hub.get_dir()) / "checkpoints" / NAME
    return file / NAME if file.is_dir() else file


def published() -> bytes:
    """Return the verified content of the published file; raise NotApplicable with the reason if that is impossible."""
    file = weights_file()
    if not file.is_file():
        raise NotApplicable(f"FID needs the published Inception weights, which are missing. {REMEDY}")
    if (size := file.stat().st_size) != BYTES:
        raise NotApplicable(f"{file.name} has {size} bytes, but the published weights have {BYTES}. {REMEDY}")
    content = file.read_bytes()
    if (found := hashlib.sha256(content).hexdigest()) != SHA256:
        raise NotApplicable(f"{file.name} is not the published file: its SHA-256 is {found}. {REMEDY}")
    return content


def network(content: bytes) -> nn.Module:
    """Return torch-fidelity's network with these weights; they are loaded as data only, so no code in the file runs."""
    fidelity = torch_fidelity()
    weights = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    module = fidelity.feature_extractor_inceptionv3
    # The module loads its weights with this function, which would otherwise download a file and unpickle it.
    with patch.object(module, "load_state_dict_from_url", lambda url, progress: weights):
        made: nn.Module = module.FeatureExtractorInceptionV3("inception-v3-compat", ["2048"])
    return made


def fetch() -> Path:
    """Download the published weights, at the user's request only. A file with a different hash is not kept."""
    file = weights_file()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(URL, str(file), hash_prefix=SHA256, progress=sys.stderr.isatty())
    except (OSError, RuntimeError) as error:
        raise ValueError(f"{error}. Or {BY_HAND}") from error
    return file


def torch_fidelity() -> ModuleType:
    """Import torch-fidelity even if torchvision is broken, as PyPI's torchvision is with a CPU build of torch:
    torch-fidelity imports torchvision only for functions that are not used here."""
    if "torch_fidelity" not in sys.modules and not loads("torchvision"):
        with standing_in("torchvision", "datasets", "models", "transforms", "transforms.functional"):
            return importlib.import_module("torch_fidelity")
    return importlib.import_module("torch_fidelity")


def loads(name: str) -> bool:
    try:
        importlib.import_module(name)
    except Exception:  # a broken torchvision may raise anything
        return False
    return True


@contextmanager
def standing_in(name: str, *parts: str) -> Iterator[None]:
    """Provide empty modules of these names while the block runs, and remove them afterwards."""
    names = [name, *(f"{name}.{part}" for part in parts)]
    before = {key: module for key, module in sys.modules.items() if key == name or key.startswith(f"{name}.")}
    for one in names:
        module = ModuleType(one)
        module.__spec__ = ModuleSpec(one, None)
        module.__path__ = []
        module.__getattr__ = lambda wanted: type(wanted, (), {})  # an empty class to inherit from
        sys.modules[one] = module
    for one in names[1:]:
        above, _, last = one.rpartition(".")
        setattr(sys.modules[above], last, sys.modules[one])
    try:
        yield
    finally:
        for one in names:
            del sys.modules[one]
        sys.modules.update(before)
