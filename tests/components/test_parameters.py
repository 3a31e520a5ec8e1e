"""`NAME[param=value,...]`: reading, typing, writing it again, and the trial ids that follow from it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest

from vaebench.components.parameters import parameters_of, split_spec, typed
from vaebench.errors import UserError
from vaebench.trial import Spec, Trial

if TYPE_CHECKING:
    from nowhere import Unknown


class Every:
    """A constructor with a parameter of every kind."""

    def __init__(
        self,
        shape: tuple[int, int, int],
        loss: object,
        latent: int = 16,
        beta: float = 1.0,
        residual: bool = True,
        mode: Literal["fast", "slow", 3] = "fast",
        width: int | None = None,
        rate: float | Literal["auto"] = "auto",
        folder: Path = Path(),
        title: str = "",
        plain=7,  # type: ignore[no-untyped-def]
    ) -> None:
        pass


class Needy:
    def __init__(self, shape: object, loss: object, folder: str, size: int = 3) -> None:
        pass


class Late:
    """Its annotations name what is only imported for type checkers."""

    def __init__(self, shape: Unknown, latent: int = 4, gain: float = 1.0, free: object = None) -> None:
        pass


@pytest.mark.parametrize(
    ("text", "name", "params"),
    [
        ("vae", "vae", {}),
        (" vae ", "vae", {}),
        ("vae[]", "vae", {}),
        ("vae[latent=16]", "vae", {"latent": "16"}),
        ("vae[ latent = 16 , beta=0.5 ]", "vae", {"latent": "16", "beta": "0.5"}),
        ("my-plugin:vae[latent-size=3]", "my-plugin:vae", {"latent_size": "3"}),
        ('xray[path="a,b]/c d"]', "xray", {"path": "a,b]/c d"}),
        ('vae[loss="mix[alpha=0.3,of=l1]",latent=2]', "vae", {"loss": "mix[alpha=0.3,of=l1]", "latent": "2"}),
        ("vae[title=]", "vae", {"title": ""}),
        ('vae[title=" x "]', "vae", {"title": " x "}),
    ],
)
def test_reading(text: str, name: str, params: dict[str, str]) -> None:
    assert split_spec(text) == (name, params)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "NAME or NAME[param=value"),
        ("[latent=3]", "NAME or NAME[param=value"),
        ("vae[latent", "NAME or NAME[param=value"),
        ("vae latent=3]", "NAME or NAME[param=value"),
        ("vae[latent=3]x", "NAME or NAME[param=value"),
        ("vae[16]", "cannot read '16'"),
        ("vae[latent=1,,beta=2]", "cannot read"),
        ('vae[title="open]', "cannot read"),
        ('vae[title=a"b"]', "cannot read"),
        ("vae[latent=1,latent=2]", "'latent' is given twice"),
    ],
)
def test_what_cannot_be_read(text: str, complaint: str) -> None:
    with pytest.raises(UserError) as caught:
        split_spec(text)
    assert complaint in str(caught.value)


@pytest.mark.parametrize(
    ("key", "value", "meant"),
    [
        ("latent", "4", 4),
        ("latent", "-4", -4),
        ("latent", 4.0, 4),
        ("beta", "4", 4.0),
        ("beta", "1e-3", 0.001),
        ("beta", 2, 2.0),
        ("residual", "true", True),
        ("residual", "No", False),
        ("residual", "0", False),
        ("residual", False, False),
        ("mode", "slow", "slow"),
        ("mode", "3", 3),
        ("width", "none", None),
        ("width", "8", 8),
        ("rate", "auto", "auto"),
        ("rate", "0.5", 0.5),
        ("folder", "a/b", "a/b"),
        ("title", "4", "4"),
        ("plain", "free", "free"),
    ],
)
def test_typing(key: str, value: Any, meant: Any) -> None:
    answer = typed("every", Every, {key: value})[key]
    assert answer == meant
    assert type(answer) is type(meant)


@pytest.mark.parametrize(
    ("key", "value", "accepted"),
    [
        ("latent", "abc", "a whole number"),
        ("latent", "4.5", "a whole number"),
        ("latent", 4.5, "a whole number"),
        ("latent", True, "a whole number"),
        ("latent", "none", "a whole number"),
        ("beta", "big", "a number"),
        ("beta", "nan", "a number"),
        ("beta", "inf", "a number"),
        ("residual", "2", "true or false"),
        ("mode", "medium", "one of fast, slow, 3"),
        ("width", "wide", "a whole number or none"),
        ("rate", "quick", "a number or one of auto"),
    ],
)
def test_a_bad_value_is_answered_with_what_is_accepted(key: str, value: Any, accepted: str) -> None:
    with pytest.raises(UserError) as caught:
        typed("every", Every, {key: value})
    text = str(caught.value)
    assert f"every: {key}={value} is not {accepted}." in text
    assert "every accepts latent: a whole number = 16, beta: a number = 1.0, residual: true or false = true" in text


def test_unknown_and_missing_parameters() -> None:
    with pytest.raises(UserError, match=r"no parameter 'latnt'. Did you mean 'latent'"):
        typed("every", Every, {"latnt": "3"})
    with pytest.raises(UserError, match="no parameter 'shape'"):
        typed("every", Every, {"shape": "3"})
    with pytest.raises(UserError, match=r"needy needs folder: write needy\[folder=...\]. .*size: a whole number = 3"):
        typed("needy", Needy, {"size": "3"})
    with pytest.raises(UserError, match=r"bare has no parameter 'latent'. bare has no parameters"):
        typed("bare", type("Bare", (), {}), {"latent": "3"})
    assert typed("bare", type("Bare", (), {}), {}) == {}


def test_defaults_tell_the_types_where_annotations_cannot_be_resolved() -> None:
    assert {name: parameter.kind for name, parameter in parameters_of(Late).items()} == {
        "latent": int,
        "gain": float,
        "free": str,
    }


class Common:
    def __init__(self, shape: object, loss: object, latent: int = 32, net: Literal["trunk", "r1"] = "trunk") -> None:
        pass


class Middle(Common):
    def __init__(self, shape: object, loss: object, beta: float = 1.0, **common: Any) -> None:
        super().__init__(shape, loss, **common)


class Silent(Middle):
    """Without a constructor of its own."""


class Leaf(Silent):
    def __init__(self, shape: object, loss: object, gain: int = 2, latent: int = 400, **common: Any) -> None:
        super().__init__(shape, loss, latent=latent, **common)


class Closed(Leaf):
    def __init__(self, shape: object, loss: object, beta: float = 0.1) -> None:
        super().__init__(shape, loss, beta=beta)


class Nowhere:
    """What its `**options` take is nobody's parameter."""

    def __init__(self, size: int = 3, **options: Any) -> None:
        super().__init__(**options)


def test_parameters_are_inherited_own_ones_first() -> None:
    common = ["latent: a whole number = 32", "net: one of trunk, r1 = trunk"]
    beta = "beta: a number = 1.0"
    assert [str(one) for one in parameters_of(Silent).values()] == [beta, *common]
    own = ["gain: a whole number = 2", "latent: a whole number = 400"]
    assert [str(one) for one in parameters_of(Leaf).values()] == [*own, beta, common[1]]
    assert typed("leaf", Leaf, {"net": "r1", "latent": "8"}) == {"net": "r1", "latent": 8}
    with pytest.raises(UserError, match="net=r2 is not one of trunk, r1"):
        typed("leaf", Leaf, {"net": "r2"})


def test_a_constructor_that_takes_nothing_else_inherits_nothing() -> None:
    assert [str(one) for one in parameters_of(Closed).values()] == ["beta: a number = 0.1"]


def test_what_goes_nowhere_is_no_parameter() -> None:
    assert list(parameters_of(Nowhere)) == ["size"]
    with pytest.raises(
        UserError, match=r"nowhere has no parameter 'colour'. .* nowhere accepts size: a whole number = 3\.$"
    ):
        typed("nowhere", Nowhere, {"colour": "red"})


def test_defaults_are_not_written_down() -> None:
    assert typed("every", Every, {}) == {}


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"latent": 4, "beta": 0.5},
        {"residual": False, "mode": "slow"},
        {"beta": 1e-07, "latent": -3},
        {"title": "a,b"},
        {"title": " spaced "},
        {"title": "x[y=1]"},
        {"title": ""},
        {"width": None},
    ],
)
def test_a_spec_as_text_means_the_same_spec(params: dict[str, Any]) -> None:
    spec = Spec("every", params)
    name, given = split_spec(str(spec))
    assert Spec(name, typed(name, Every, given)) == spec


def trial(**changes: Any) -> Trial:
    given = {
        "suite": "medical@1",
        "preset": "quick",
        "source": "phantom",
        "dataset": Spec("kermany-cxr"),
        "model": Spec("vae", {"latent": 4, "beta": 0.5}),
        "loss": Spec("bce"),
        "regime": "all",
        "seed": 0,
    }
    return Trial(**{**given, **changes})


def test_an_id_is_for_ever() -> None:
    """Published records are named by it: if this fails, every record ever written is orphaned."""
    text = (
        '{"dataset":{"name":"kermany-cxr","params":{}},"loss":{"name":"bce","params":{}},'
        '"model":{"name":"vae","params":{"beta":0.5,"latent":4}},"preset":"quick","regime":"all","seed":0,'
        '"source":"phantom","suite":"medical@1"}'
    )
    assert hashlib.sha256(text.encode()).hexdigest().startswith("12dc2ca74584")
    assert trial().id == "12dc2ca74584"


def test_an_id_depends_on_what_was_given_and_not_on_its_order() -> None:
    assert trial(model=Spec("vae", {"beta": 0.5, "latent": 4})).id == trial().id
    others = [
        trial(model=Spec("vae", {"latent": 4})),
        trial(model=Spec("vae", {"latent": 4, "beta": 1.0})),
        trial(loss=None),
        trial(regime="healthy"),
        trial(seed=1),
        trial(suite="medical@2"),
        trial(preset="full"),
        trial(source="real"),
        trial(dataset=Spec("kermany-cxr", {"side": "left"})),
    ]
    assert len({one.id for one in [trial(), *others]}) == len(others) + 1


def test_a_trial_comes_back_from_json() -> None:
    for one in (trial(), trial(loss=None)):
        assert Trial.from_json(one.to_json()) == one
