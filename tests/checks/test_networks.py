"""The kit finds each fault that is put into a network, by the check that is meant for it."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from vaebench.components.registry import registry
from vaebench.errors import UserError
from vaebench.interfaces import Network


class Encoder(nn.Sequential):
    """Patches of 4 x 4 pixels, whatever is asked for."""

    def __init__(self, shape, width, grid):
        super().__init__(nn.Conv2d(shape[0], 4 * width, 4, stride=4), nn.GELU())
        self.out = (4 * width, shape[1] // 4, shape[2] // 4)


class Decoder(nn.Sequential):
    def __init__(self, shape, width, grid):
        super().__init__(nn.ConvTranspose2d(4 * width, shape[0], 4, stride=4))
        self.entry = (4 * width, shape[1] // 4, shape[2] // 4)


class Honest(Network):
    name, version = "honest", 1
    encoder, decoder = Encoder, Decoder


def test_an_honest_network_passes_everything(verdicts):
    assert verdicts(Honest) == verdicts(Honest, "skipped") == {}


def test_a_size_that_is_refused_in_words_is_no_fault(verdicts):
    class Large(Encoder):
        def __init__(self, shape, width, grid):
            if shape[1] < 64:
                raise ValueError(f"height must be at least 64, not {shape[1]}")
            super().__init__(shape, width, grid)

    class OnlyLarge(Honest):
        encoder = Large

    assert verdicts(OnlyLarge) == {}
    assert verdicts(OnlyLarge, "skipped") == {
        "shapes": ["the network cannot be built for this image size: height must be at least 64, not 28"]
    }


FAULTS: list[tuple[str, type[nn.Module], set[str]]] = []


def fault(part: str, *checks: str):
    def note(module: type[nn.Module]) -> type[nn.Module]:
        FAULTS.append((part, module, set(checks)))
        return module

    return note


@fault("encoder", "shapes")
class TellsAnotherShape(Encoder):
    def __init__(self, shape, width, grid):
        super().__init__(shape, width, grid)
        self.out = (self.out[0], self.out[1] + 1, self.out[2])


@fault("encoder", "grid", "shapes")
class HalvesTheGrid(Encoder):
    """Follows `grid`, and does not keep to it."""

    def __init__(self, shape, width, grid):
        super().__init__(shape, width, grid)
        self.out = (self.out[0], 2 * grid, 2 * grid)


@fault("encoder", "alone")
class LooksAtTheBatch(Encoder):
    def forward(self, x):
        return super().forward(x - x.mean(0))


@fault("encoder", "alone", "saves")
class DrawsWhenAsked(Encoder):
    def forward(self, x):
        h = super().forward(x)
        return h + 0.1 * torch.randn_like(h)


@fault("encoder", "keeps-images")
class WritesIntoImages(Encoder):
    def forward(self, x):
        return super().forward(x.clone() if x.requires_grad or self.training else x.mul_(0.999))


@fault("encoder", "gradients")
class HasAPartNobodyUses(Encoder):
    def __init__(self, shape, width, grid):
        super().__init__(shape, width, grid)
        self.unused = nn.Parameter(torch.zeros(3))


@fault("decoder", "learns")
class CannotBeDark(Decoder):
    """Ends in a sigmoid, where losses expect logits."""

    def forward(self, h):
        return super().forward(h).sigmoid()


@fault("encoder", "meta")
class NamesADevice(Encoder):
    def __init__(self, shape, width, grid):
        super().__init__(shape, width, grid)
        self.register_buffer("scale", torch.ones(1, device="cpu"))


@fault("encoder", "saves")
class ForgetsWhatItDrew(Encoder):
    def __init__(self, shape, width, grid):
        super().__init__(shape, width, grid)
        self.register_buffer("scale", 1 + torch.rand(1), persistent=False)

    def forward(self, x):
        return super().forward(self.scale * x)


@pytest.mark.parametrize(("part", "module", "checks"), FAULTS, ids=[module.__name__ for _, module, _ in FAULTS])
def test_a_fault_is_found_by_its_check(verdicts, part, module, checks):
    network = type("Faulty", (Honest,), {part: module})
    assert set(verdicts(network)) >= checks


def test_a_model_takes_any_network_by_name_and_trials_say_which() -> None:
    components = registry()
    _, spec = components.spec("models", "vae[net=r3,latent=4]")
    assert spec.params == {"net": "r3", "latent": 4}
    model = components.create("models", spec, (1, 32, 32), None)
    assert isinstance(model.encoder, components.get("networks", "r3").component.encoder)
    with pytest.raises(UserError, match=r"There is no network 'trunc'\. Did you mean 'trunk'\?"):
        components.spec("models", "vae[net=trunc]")


@pytest.mark.parametrize(
    ("model", "named"), [("vae", {}), ("vae[net=trunk]", {"network trunk": 1}), ("vq-vae[net=r3]", {"network r3": 1})]
)
def test_a_record_holds_the_version_of_a_network_that_the_user_names(model: str, named: dict[str, int]) -> None:
    from vaebench.training.build import parameters_in_force, versions_of
    from vaebench.trial import Settings, Spec, Trial

    trial = Trial("lab", "1", "phantom", Spec("knee-kl"), registry().spec("models", model)[1], None, "all", 0)
    versions = versions_of(trial, Settings(28, 1, 1), registry())
    assert {name: version for name, version in versions.items() if name.startswith("network")} == named
    expected = next(iter(named), "network trunk").removeprefix("network ")
    assert parameters_in_force(trial, Settings(28, 1, 1), registry())["net"] == expected
