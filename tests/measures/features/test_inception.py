"""FID by the published weights or not at all, and torch-fidelity beside any torchvision."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import pickle
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from vaebench.cli import main
from vaebench.interfaces import NotApplicable, Split
from vaebench_measures import vaebench_metrics
from vaebench_measures.distances.frechet import frechet
from vaebench_measures.features import inception
from vaebench_measures.features.compared import instance
from vaebench_measures.features.inception import NAME, Inception, fetch, published, torch_fidelity

METRICS = {metric.name: metric for metric in vaebench_metrics()}
Fid, FidFloor = METRICS["fid"], METRICS["fid-floor"]


@pytest.fixture(autouse=True)
def nothing_installed(tmp_path, monkeypatch):
    monkeypatch.delenv("VAEBENCH_INCEPTION", raising=False)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))
    instance.cache_clear()
    yield
    instance.cache_clear()


def believe(monkeypatch, content: bytes) -> None:
    """Let these be the published bytes."""
    monkeypatch.setattr(inception, "BYTES", len(content))
    monkeypatch.setattr(inception, "SHA256", hashlib.sha256(content).hexdigest())


def pictures(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 1, 28, 28), dtype=np.uint8)


def test_without_the_file_there_is_a_reason_and_a_remedy(evidence):
    split = Split(pictures(14, 0), np.zeros(14, int), np.arange(14))
    build = evidence(split, samples=pictures(14, 1).astype(np.float32) / 255)
    for metric in (Fid, FidFloor):
        with pytest.raises(
            NotApplicable,
            match=rf"Download the weights with `vaebench data fetch fid`, or download {NAME} from .*_INCEPTION",
        ):
            metric().compute(build)


def test_another_file_is_refused_before_it_is_read_as_weights(tmp_path, monkeypatch):
    file = tmp_path / "other.pth"
    file.write_bytes(b"not weights")
    monkeypatch.setenv("VAEBENCH_INCEPTION", str(file))
    with pytest.raises(NotApplicable, match=r"other.pth has 11 bytes, but the published weights have 95628359"):
        Inception()
    monkeypatch.setattr(inception, "BYTES", 11)
    with pytest.raises(NotApplicable, match="not the published file: its SHA-256 is") as refused:
        Inception()
    assert str(tmp_path) not in str(refused.value), "records are public"


def test_a_file_named_by_the_user_is_not_passed_over_for_another(tmp_path, monkeypatch):
    believe(monkeypatch, b"the published bytes")
    hub = tmp_path / "home" / "hub" / "checkpoints"
    hub.mkdir(parents=True)
    (hub / NAME).write_bytes(b"the published bytes")
    assert inception.published() == b"the published bytes"
    monkeypatch.setenv("VAEBENCH_INCEPTION", str(hub))
    assert inception.published() == b"the published bytes"
    monkeypatch.setenv("VAEBENCH_INCEPTION", str(tmp_path / "gone.pth"))
    with pytest.raises(NotApplicable, match="which are missing"):
        inception.published()


def test_no_code_in_the_file_is_run(tmp_path, monkeypatch):
    class Payload:
        def __reduce__(self):
            return Path.touch, (tmp_path / "ran",)

    content = io.BytesIO()
    torch.save({"fc.weight": Payload()}, content)
    with pytest.raises(pickle.UnpicklingError):
        inception.network(content.getvalue())
    assert not (tmp_path / "ran").exists()


def random_weights(fidelity) -> bytes:
    """The right architecture with weights that mean nothing."""
    module = fidelity.feature_extractor_inceptionv3
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(module, "load_state_dict_from_url", lambda url, progress: {})
        patched.setattr(module.FeatureExtractorInceptionV3, "load_state_dict", lambda self, state: None)
        torch.manual_seed(0)
        made = module.FeatureExtractorInceptionV3("random", ["2048"])
    content = io.BytesIO()
    torch.save(made.state_dict(), content)
    return content.getvalue()


def test_features_and_fid_are_torch_fidelitys(fidelity, evidence, tmp_path, monkeypatch):
    content = random_weights(fidelity)
    believe(monkeypatch, content)
    file = tmp_path / "weights.pth"
    file.write_bytes(content)
    monkeypatch.setenv("VAEBENCH_INCEPTION", str(file))
    made = fidelity.feature_extractor_inceptionv3.FeatureExtractorInceptionV3(
        "theirs", ["2048"], feature_extractor_weights_path=str(file)
    )
    samples, test = pictures(13, 0), pictures(12, 1) // 2
    with torch.inference_mode():
        theirs = made(torch.from_numpy(samples[:4]).expand(-1, 3, -1, -1))[0].numpy()
    build = evidence(Split(test, np.zeros(12, int), np.arange(12)), samples=samples.astype(np.float32) / 255)
    found = Fid().compute(build)
    ours = [Fid().features(build, of) for of in ("samples", "test")]
    assert theirs.shape == (4, 2048)
    assert ours[0][:4] == pytest.approx(theirs, rel=1e-4, abs=1e-6)
    assert found.value == frechet(*ours)
    assert found.variant == "inception@6726825d, 13 vs 12"


def test_fetch_keeps_only_the_published_file(tmp_path, monkeypatch):
    there = tmp_path / "there.pth"
    there.write_bytes(b"the published bytes")
    monkeypatch.setattr(inception, "URL", there.as_uri())
    monkeypatch.setenv("VAEBENCH_INCEPTION", str(tmp_path / "folder" / NAME))
    with pytest.raises(ValueError, match="invalid hash"):
        fetch()
    assert list((tmp_path / "folder").iterdir()) == []
    believe(monkeypatch, b"the published bytes")
    assert Fid().fetch().read_bytes() == b"the published bytes" == published()
    monkeypatch.setattr(inception, "URL", (tmp_path / "gone").as_uri())
    monkeypatch.setenv("VAEBENCH_INCEPTION", str(tmp_path / "elsewhere" / NAME))
    told = CliRunner().invoke(main, ["data", "fetch", "fid"])
    assert told.exit_code == 2 and "fid cannot be fetched" in told.stderr and "VAEBENCH_INCEPTION" in told.stderr


WORKING = {
    "__init__": "from torchvision import datasets, transforms",
    "datasets": "class CIFAR10: pass\nclass STL10: pass\nclass CIFAR100: pass",
    "transforms/__init__": "from torchvision.transforms import functional",
    "transforms/functional": "",
}
BROKEN = {"__init__": "import torchvision.extension\nraise RuntimeError('operator does not exist')", "extension": ""}


@pytest.mark.parametrize("files", [WORKING, BROKEN, None], ids=["working", "broken", "absent"])
def test_torch_fidelity_loads_beside_any_torchvision(files, tmp_path, monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] in ("torchvision", "torch_fidelity")]:
        monkeypatch.delitem(sys.modules, name)
    if files is None:
        monkeypatch.setitem(sys.modules, "torchvision", None)
    else:
        for name, text in files.items():
            file = tmp_path / "torchvision" / f"{name}.py"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)
    try:
        assert hasattr(torch_fidelity(), "calculate_metrics")
        left = {name: sys.modules[name] for name in sys.modules if name.partition(".")[0] == "torchvision"}
        if files is WORKING:
            assert sys.modules["torch_fidelity.datasets"].CIFAR10 is left["torchvision.datasets"].CIFAR10
        elif files is BROKEN:
            assert set(left) == {"torchvision.extension"}, "what its own failure left, and no stand-in"
            with pytest.raises(RuntimeError, match="operator does not exist"):
                importlib.import_module("torchvision")
        else:
            assert left == {"torchvision": None}
    finally:
        for name in set(sys.modules) - before:
            if name.partition(".")[0] in ("torchvision", "torch_fidelity"):
                del sys.modules[name]
