"""LPIPS by its formula, which file may bring its weights, and what `kl-ae` makes of it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vaebench.checks.bench import Bench
from vaebench.checks.on_card import count_steps
from vaebench.checks.pretended_cuda import pretended_cuda
from vaebench.interfaces import At, Loss
from vaebench_vaes.zoo.kl_ae import KLAE
from vaebench_vaes.zoo.lpips import LPIPS, opened

SHAPE = (1, 32, 32)
NARROW = (4, 4, 5, 6, 6)
WIDE = (64, 128, 256, 512, 512)


def vgg16(widths: tuple[int, ...]) -> nn.Sequential:
    """The convolutional part of VGG16 as torchvision numbers it, at random."""
    torch.manual_seed(0)
    layers, channels = [], 3
    for width, depth in zip(widths, (2, 2, 3, 3, 3), strict=True):
        for _ in range(depth):
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
            channels = width
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers).requires_grad_(False)


def published(widths: tuple[int, ...] = NARROW) -> dict[str, Tensor]:
    """A state dict by the names of torchvision and of the package lpips."""
    network = {f"features.{name}": value for name, value in vgg16(widths).state_dict().items()}
    return network | {f"lin{layer}.model.1.weight": torch.rand(1, width, 1, 1) for layer, width in enumerate(widths)}


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Put weights where they are looked for, and tell the file's name."""

    def keep(weights: object, name: str = "lpips-{digest}.pth") -> str:
        torch.save(weights, tmp_path / "new")
        digest = hashlib.sha256((tmp_path / "new").read_bytes()).hexdigest()
        folder = tmp_path / "checkpoints"
        folder.mkdir(exist_ok=True)
        return (tmp_path / "new").rename(folder / name.format(digest=digest[:8])).name

    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    return keep


def test_it_is_the_formula_s_number() -> None:
    weights, network = published(), vgg16(NARROW)
    x, y = torch.rand(2, 3, 3, 32, 32)
    expected = torch.zeros(3)
    for layer, last in enumerate((3, 8, 15, 22, 29)):
        sides = []
        for image in (x, y):
            standard = (2 * image - 1 - torch.tensor([-0.03, -0.088, -0.188])[:, None, None]) / torch.tensor(
                [0.458, 0.448, 0.450]
            )[:, None, None]
            sides.append(F.normalize(network[: last + 1](standard), dim=1))
        linear = weights[f"lin{layer}.model.1.weight"].flatten()
        expected += torch.einsum("bchw,c->bhw", (sides[0] - sides[1]).square(), linear).mean((1, 2))
    found = LPIPS(weights)(x, y)
    torch.testing.assert_close(found, expected)
    assert found.min() > 0 and LPIPS(weights)(x, x).abs().max() == 0


def test_a_grey_image_is_one_of_three_equal_channels() -> None:
    distance, (x, y) = LPIPS(published()), torch.rand(2, 2, 1, 16, 16)
    torch.testing.assert_close(distance(x, y), distance(x.expand(-1, 3, -1, -1), y.expand(-1, 3, -1, -1)))


def test_the_names_of_the_package_lpips_are_read_too(kept: Callable) -> None:
    weights = published()
    blocks = (range(4), range(4, 9), range(9, 16), range(16, 23), range(23, 30))
    renamed = {
        f"net.slice{1 + next(i for i, block in enumerate(blocks) if int(key.split('.')[1]) in block)}.{key[9:]}"
        if key.startswith("features.")
        else key: value
        for key, value in weights.items()
    }
    assert "net.slice3.10.weight" in renamed
    x, y = torch.rand(2, 1, 3, 16, 16)
    assert torch.equal(opened(kept(renamed))(x, y), LPIPS(weights)(x, y))


def test_features_that_are_zero_have_a_gradient() -> None:
    """Of a length at zero, the slope of a square root is infinite."""
    weights = {key: value - 9 if key.endswith("bias") else value for key, value in published().items()}
    y = torch.rand(1, 3, 16, 16, requires_grad=True)
    LPIPS(weights)(torch.rand(1, 3, 16, 16), y).sum().backward()
    assert y.grad is not None and y.grad.isfinite().all()


def test_a_file_whose_name_is_not_its_digest_is_refused_with_the_name_it_should_have(kept: Callable) -> None:
    right = kept(published())
    assert isinstance(opened(right), LPIPS)
    for wrong in ("lpips.pth", "lpips-01234567.pth"):
        kept(published(), wrong)
        with pytest.raises(ValueError, match=f"rename the file to {right}"):
            opened(wrong)


def test_other_files_are_refused_in_words(kept: Callable) -> None:
    weights = published()
    with pytest.raises(ValueError, match=r"31 are missing"):
        opened(kept({"features.0.weight": weights["features.0.weight"]}))
    with pytest.raises(ValueError, match="one has the shape"):
        opened(kept(weights | {"lin1.model.1.weight": torch.rand(1, 9, 1, 1)}))
    with pytest.raises(ValueError, match="there is no such file"):
        opened("absent-01234567.pth")
    for path in ("/weights/lpips-01234567.pth", "../lpips-01234567.pth", "lpips.bin"):
        with pytest.raises(ValueError, match="Omit the folder"):
            opened(path)


def test_no_code_in_a_file_is_run(kept: Callable, tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, ...]:
            return Path.touch, (tmp_path / "run",)

    with pytest.raises(ValueError, match="cannot be used"):
        opened(kept(Trap()))
    assert not (tmp_path / "run").exists()


def test_kl_ae_learns_from_it_and_keeps_none_of_its_weights(
    kept: Callable, loss: Loss, images: Callable, routed: Callable
) -> None:
    name, x = kept(published()), images(3)[:]
    torch.manual_seed(0)
    plain = KLAE(SHAPE, loss, width=4)
    torch.manual_seed(0)
    model = KLAE(SHAPE, loss, width=4, features=0.5, lpips=name)
    assert model.state_dict().keys() == plain.state_dict().keys()
    assert len(list(model.parameters())) == len(list(plain.parameters()))
    torch.manual_seed(1)
    (objectives,) = model.objectives(x, At("main", 0, 10))
    torch.manual_seed(1)
    picture = model.image(model.raw(model.code_of(x).draw()))
    assert model.lpips is not None
    torch.testing.assert_close(objectives["main"]["features"], 0.5 * 32 * 32 * model.lpips(x, picture))
    (found,) = routed(model, x)
    assert all(any(slope.abs().max() > 0 for slope in own) for own in found.values())


def test_images_that_it_cannot_see_are_refused(loss: Loss) -> None:
    for shape in ((2, 32, 32), (1, 8, 8)):
        with pytest.raises(ValueError, match="at least 16 px"):
            KLAE(shape, loss, width=4, lpips="lpips-01234567.pth")


@pytest.mark.long
def test_on_a_card_it_is_there_and_no_step_waits_for_it(kept: Callable, loss: Loss) -> None:
    with pretended_cuda(cards=2):
        bench = Bench(KLAE, type(loss), SHAPE, {"lpips": kept(published())}, "cuda:1")
        assert not any(step.waits for step in count_steps(bench, "main"))


@pytest.mark.long
def test_it_agrees_with_torch_fidelity(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whose LPIPS is the authors' code; it looks at images in [0, 255]."""
    from vaebench_measures.features.inception import torch_fidelity

    torch_fidelity()
    from torch_fidelity import sample_similarity_lpips as oracle

    weights = published(WIDE)
    linear = {key: value for key, value in weights.items() if key.startswith("lin")}
    monkeypatch.setattr(oracle, "torchvision_load_pretrained_vgg16", lambda: SimpleNamespace(features=vgg16(WIDE)))
    monkeypatch.setattr(oracle, "load_state_dict_from_url", lambda *_, **__: linear)
    x, y = torch.rand(2, 2, 3, 32, 32)
    theirs = oracle.SampleSimilarityLPIPS("lpips")(255 * x, 255 * y)
    torch.testing.assert_close(LPIPS(weights)(x, y), theirs)
