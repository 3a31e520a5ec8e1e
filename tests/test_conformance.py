"""Everything registered keeps its contract: the whole conformance kit over every component."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vaebench.checks import conformance, run_checks
from vaebench.checks.drawings import draw
from vaebench.components.parameters import parameters_of
from vaebench.components.registry import Offer, registry
from vaebench.errors import UserError
from vaebench.interfaces import Dataset

KINDS = ("models", "networks", "datasets", "losses", "metrics")


def marks(offer: Offer) -> list[pytest.MarkDecorator]:
    """The zoo's models are many, and these three are large."""
    large = ("mammo-vae", "r4", "r4-quantised")
    return [pytest.mark.long] * (".zoo." in offer.component.__module__ or offer.name in large)


REGISTERED = [
    pytest.param(offer, id=f"{kind}-{name}", marks=marks(offer))
    for kind in KINDS
    for name, offers in registry().offers(kind).items()
    for offer in offers
]


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A user's own folder: two classes of ten pictures."""
    split = draw(30, (1, 32, 32))
    for number, (image, label) in enumerate(zip(split.images, split.labels, strict=True)):
        file = tmp_path / "pictures" / ("healthy", "left", "right")[label] / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image[0]).save(file)
    return tmp_path / "pictures"


@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::UserWarning")
@pytest.mark.parametrize("offer", REGISTERED)
def test_keeps_its_contract(offer: Offer, pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAEBENCH_DATA", str(pictures.parent / "nothing"))
    needed = [p.name for p in parameters_of(offer.component).values() if p.required]
    given = {"path": str(pictures), "rec": 400}
    assert set(needed) <= set(given), f"say here what {offer.name} is to be checked with"
    outcomes = list(run_checks(offer, {name: given[name] for name in needed}))
    assert not [f"{o.name}: {o.reason}" for o in outcomes if o.status == "failed"]
    assert all(o.says and (o.status == "passed" or o.reason) for o in outcomes)
    if all("pip install" in o.reason for o in outcomes):
        pytest.skip(outcomes[0].reason)  # tests/integrations asks the same with the library
    if not issubclass(offer.component, Dataset):
        passed = sum(o.status == "passed" for o in outcomes)
        assert passed >= len(outcomes) / 2, "a kit that skips most of its checks proves nothing"


def test_every_kind_has_something_to_check() -> None:
    assert {kind: len(registry().offers(kind)) > 2 for kind in KINDS} == dict.fromkeys(KINDS, True)


@conformance("psnr")
def test_the_door_for_pytest_runs_the_same_list(check) -> None:
    check()


def test_the_door_for_pytest_names_each_check_once() -> None:
    ids = [parameter.id for parameter in conformance("psnr").args[1]]
    (offer,) = registry().offers("metrics")["psnr"]
    assert ids == [f"Psnr-{outcome.name}" for outcome in run_checks(offer)]


def test_unknown_names_and_missing_parameters_are_told_in_words() -> None:
    with pytest.raises(UserError, match="There is no component 'psnrr'"):
        conformance("psnrr")
    (offer,) = registry().offers("models")["vae"]
    with pytest.raises(UserError, match="vae has no parameter 'latentt'"):
        list(run_checks(offer, {"latentt": 3}))


def test_parameters_reach_the_component() -> None:
    (offer,) = registry().offers("models")["vae"]
    failed = [outcome for outcome in run_checks(offer, {"latent": 0}) if outcome.name.startswith("meta")]
    assert [outcome.reason for outcome in failed] == ["raised ValueError: latent must be at least 1, not 0"] * 2


def test_pictures_are_drawn_the_same_every_time() -> None:
    one, two = draw(6, (3, 16, 16), 5), draw(6, (3, 16, 16), 5)
    assert np.array_equal(one.images, two.images) and not np.array_equal(one.images, draw(6, (3, 16, 16), 6).images)
    assert (one.masks.any((1, 2)) == ~one.healthy).all()
