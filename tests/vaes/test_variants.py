"""What holds for every model of the plugin, and the small variants of the VAE."""

from collections import Counter
from collections.abc import Callable

import pytest
import torch

from vaebench.components.parameters import parameters_of
from vaebench.interfaces import At, Loss, Model, NotApplicable
from vaebench_vaes import vaebench_models
from vaebench_vaes.ae import AE
from vaebench_vaes.beta_vae import BetaVAE
from vaebench_vaes.networks import R1
from vaebench_vaes.soft_intro_vae import SoftIntroVAE

SHAPE = (1, 32, 32)
MODELS = {kind.name: kind for kind in vaebench_models() if kind.native_size is None}
WITHOUT_BETA = ("ae", "vae-gan", "ae-two-stage", "rae", "wae-mmd", "vamp-vae", "coarse-dae", "kl-ae", "ladder-vae")
GRIDS = ("vq-vae", "fsq-vae", "rq-vae")
GIVEN = {"gray-vae": {"rec": 500.0}}
"""What must be given."""
TRAINED = {name: kind for name, kind in MODELS.items() if kind.stages}


def build(kind: type[Model], loss: Loss) -> Model:
    torch.manual_seed(0)
    given = loss if kind.default_loss else None
    return kind(SHAPE, given, width=8, **GIVEN.get(kind.name, {})) if kind.stages else kind(SHAPE, given)


@pytest.mark.parametrize("kind", MODELS.values(), ids=MODELS)
def test_builds_without_memory(kind: type[Model], loss: Loss) -> None:
    with torch.device("meta"):
        state = build(kind, loss).state_dict()
    assert all(value.is_meta for name, value in state.items() if not name.startswith("criterion."))


@pytest.mark.parametrize("kind", TRAINED.values(), ids=TRAINED)
def test_every_parameter_is_in_exactly_one_group(kind: type[Model], loss: Loss) -> None:
    model = build(kind, loss)
    seen = Counter(id(p) for group in model.groups().values() for p in group.parameters)
    assert seen == Counter(id(p) for p in model.parameters() if p.requires_grad)


@pytest.mark.parametrize("kind", TRAINED.values(), ids=TRAINED)
def test_every_stage_moves_its_parameters_and_a_stored_model_answers_alike(
    kind: type[Model], loss: Loss, images: Callable, advance: Callable
) -> None:
    model, x = build(kind, loss), images(16)[:]
    before = {name: p.clone() for name, p in model.named_parameters() if p.requires_grad}
    for stage in kind.stages:
        terms = advance(model, x, step=5, stage=stage)
        assert all(torch.isfinite(term) for term in terms.values()), terms
    stuck = [name for name, p in before.items() if torch.equal(p, model.get_parameter(name))]
    assert stuck == []

    fresh = build(kind, loss)
    fresh.load_state_dict(model.state_dict(), strict=True)
    with torch.no_grad():
        assert torch.equal(fresh.eval().encode(x), model.eval().encode(x))
        assert torch.equal(fresh.reconstruct(x), model.reconstruct(x))


@pytest.mark.parametrize("kind", TRAINED.values(), ids=TRAINED)
def test_objectives_are_one_number_per_image(kind: type[Model], loss: Loss, images: Callable) -> None:
    model, x = build(kind, loss), images(6)[:]
    for stage in kind.stages:
        for objectives in model.objectives(x, At(stage, 9, 10)):
            for terms in objectives.values():
                assert {name: tuple(term.shape) for name, term in terms.items()} == dict.fromkeys(terms, (6,))


@pytest.mark.parametrize("kind", TRAINED.values(), ids=TRAINED)
def test_steps_of_equal_constants_are_one_step(kind: type[Model], loss: Loss, images: Callable) -> None:
    """A captured step is replayed at any later step with the same constants: it must yield the same there. And most
    steps must be alike, or nothing is ever captured."""
    model, x = build(kind, loss).train(), images(6)[:]
    state = {name: value.clone() for name, value in model.state_dict().items()}

    def terms(at: At) -> list[dict[str, dict[str, torch.Tensor]]]:
        model.load_state_dict(state)
        torch.manual_seed(0)
        return [{name: dict(terms) for name, terms in objectives.items()} for objectives in model.objectives(x, at)]

    for stage in kind.stages:
        steps = [At(stage, step, 20) for step in range(20)]
        alike: dict[object, list[At]] = {}
        for at in steps:
            alike.setdefault(model.constants(at), []).append(at)
        assert max(map(len, alike.values())) >= 14
        for first, *_, last in (group for group in alike.values() if len(group) > 1):
            torch.testing.assert_close(terms(first), terms(last), rtol=0, atol=0)


@pytest.mark.parametrize("kind", TRAINED.values(), ids=TRAINED)
def test_the_effective_beta_is_what_the_kl_counts_beside_the_plain_error(
    kind: type[Model], loss: Loss, images: Callable
) -> None:
    """From the terms of the last step, with a loss that is a plain sum of squares."""
    model, x = build(kind, loss).train(), images(4)[:]
    beta = model.facts().get("effective_beta")
    if beta is None:
        assert kind.name in {*WITHOUT_BETA, *GRIDS}
        return
    if kind.name == "iwae":  # its KL is no term of its own
        return
    found: dict[str, torch.Tensor] = {}
    model.criterion.forward = lambda raw, target: torch.ones(len(target))
    torch.manual_seed(0)
    for objectives in model.objectives(x, At("main", 9, 10)):
        for terms in objectives.values():
            found = {**terms, **found}
    weight = float((found["kl"] / model.posterior(x).kl()).mean())
    assert beta == pytest.approx(weight / float(found["reconstruction"].mean()), rel=1e-4)


@pytest.mark.parametrize("kind", [k for k in vaebench_models() if k.stages], ids=lambda kind: kind.name)
def test_every_variant_has_the_common_parameters(kind: type[Model], loss: Loss) -> None:
    """Except the mammography project's, whose network is part of it, and those whose codes lie on a grid."""
    known = set(parameters_of(kind))
    without = {"mammo-vae": {"width", "net"}, "coarse-dae": {"latent", "net"}, "ladder-vae": {"latent", "net"}}
    without |= {name: {"latent"} for name in GRIDS}
    assert {"latent", "width", "net"} - known == without.get(kind.name, set())


def test_the_networks_of_a_project_fit_what_had_none(loss: Loss) -> None:
    for kind in (BetaVAE, AE, SoftIntroVAE):
        with torch.device("meta"):
            model = kind((1, 64, 64), loss, latent=4, net=R1)
        assert model.encoder.out == (512, 2, 2)


def test_a_variants_own_default_replaces_the_common_one() -> None:
    found = {kind.name: {n: p.default for n, p in parameters_of(kind).items()} for kind in vaebench_models()}
    assert [found[name]["latent"] for name in ("vae", "beta-vae", "cxr-vae", "mammo-vae")] == [32, 32, 400, 1024]
    assert [found[name]["beta"] for name in ("vae", "beta-vae", "intro-vae", "vae-gan")] == [1.0, 4.0, 20.0, 0.1]
    assert [found[name]["warmup"] for name in ("vae", "beta-vae", "intro-vae", "soft-intro-vae")] == [
        0.1,
        0.0,
        0.3,
        0.0,
    ]
    assert not {"beta", "warmup"} & (found["vpga"].keys() | found["gray-vae"].keys() | found["ae"].keys())


def test_beta_vae_is_a_vae_whose_kl_counts_more_from_the_start(loss: Loss, images: Callable) -> None:
    model, x = BetaVAE(SHAPE, loss, beta=6.0, width=8), images(5)[:]
    (objectives,) = model.objectives(x, At("main", 0, 10))
    torch.testing.assert_close(objectives["all"]["kl"], 6 * model.posterior(x).kl())


def test_the_autoencoder_has_no_noise_and_no_prior(loss: Loss, images: Callable) -> None:
    model, x = AE(SHAPE, loss, width=8), images(5)[:]
    (objectives,) = model.objectives(x, At("main", 0, 10))
    assert list(objectives["all"]) == ["reconstruction"]
    squares = (model.reconstruct(x) - x).square().sum((1, 2, 3))
    torch.testing.assert_close(objectives["all"]["reconstruction"], squares)
    with pytest.raises(NotApplicable, match="prior"):
        model.sample(1, torch.Generator())
