"""Networks of other libraries, with the libraries. Plain pytest deselects these tests; `pytest -m integrations` runs
them, and a library that is missing is a failure there."""

from __future__ import annotations

import pytest
import torch

from vaebench.checks import run_checks
from vaebench.components.registry import registry

pytestmark = pytest.mark.integrations
NETWORKS = ("monai-kl", "monai-vq", "diffusers-kl")


@pytest.mark.parametrize("name", NETWORKS)
def test_it_keeps_the_contract(name: str) -> None:
    (offer,) = registry().offers("networks")[name]
    outcomes = {outcome.name: outcome for outcome in run_checks(offer)}
    assert {name: one.reason for name, one in outcomes.items() if one.status != "passed"} == {}


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize(("side", "smallest"), [(28, 7), (64, 4), (128, 4)])
def test_a_vae_trains_on_it_and_its_levels_follow_the_image(name: str, side: int, smallest: int) -> None:
    components = registry()
    torch.manual_seed(0)
    loss = components.create("losses", components.spec("losses", "mse")[1])
    model = components.create(
        "models", components.spec("models", f"vae[net={name},width=8,latent=4]")[1], (1, side, side), loss
    )
    assert model.encoder.out[1:] == (smallest, smallest)
    from vaebench.interfaces import At

    x = torch.rand(2, 1, side, side)
    (objectives,) = model.objectives(x, At("main", 9, 10))
    sum(term.sum() for term in objectives["all"].values()).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())
    assert model.eval().reconstruct(x).shape == x.shape
