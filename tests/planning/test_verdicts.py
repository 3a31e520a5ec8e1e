"""What a suite says of its verdicts: headlines, summary, floors and margins, and complaints about them."""

from __future__ import annotations

from pathlib import Path

import pytest

from vaebench.components.declared import Declared
from vaebench.components.discovery import installed
from vaebench.components.parameters import split_spec
from vaebench.errors import UserError
from vaebench.leaderboard.rules import headline_of, rules_of
from vaebench.planning import suite
from vaebench.planning.suite import Suite
from vaebench.planning.verdicts import RANKED

GOOD = """\
name = "lab"
version = 1
datasets = ["kermany-cxr"]
models = ["vae", "pca"]
metrics = ["psnr", "ms-ssim", "svc-accuracy"]
summary = ["psnr"]

[headline]
reconstruction = "ms-ssim"
representation = "svc-accuracy"

[floors]
models = ["pca"]
representation = ["psnr"]

[margins]
ms-ssim = 0.01

[presets.tiny]
size = 28
steps = 10
seeds = [2, 0]
"""
MORE = '[presets.more]\nsize = 28\nsteps = 1\nmetrics = ["ms-ssim"]\n'
MISSION = {"fid", "ms-ssim", "svc-accuracy", "anomaly-auroc"}


def load(folder: Path, text: str) -> Suite:
    (folder / "lab.toml").write_text(text)
    return suite.load(folder / "lab.toml")


def test_verdicts_as_they_are_written(tmp_path: Path) -> None:
    said = load(tmp_path, GOOD).verdicts
    assert said.headline == {"reconstruction": "ms-ssim", "representation": "svc-accuracy"}
    assert (said.summary, said.floor_models) == (("psnr",), ("pca",))
    assert (said.floor_metrics, said.margins) == ({"representation": ("psnr",)}, {"ms-ssim": 0.01})
    assert said.untrained == ()
    told = GOOD.replace('models = ["pca"]', 'models = ["pca"]\nuntrained = ["pca"]')
    assert load(tmp_path, told).verdicts.untrained == ("pca",)
    told = GOOD.replace("[margins]", '[prices]\nreconstruction = ["psnr"]\n[margins]')
    assert load(tmp_path, told).verdicts.prices == {"reconstruction": ("psnr",)}
    assert said.paired(["psnr", "ms-ssim", "kid"]) == ("psnr", "ms-ssim"), "boards test by headlines and floors alone"


@pytest.mark.parametrize(
    ("old", "new", "line", "key", "complaint"),
    [
        ('summary = ["psnr"]', 'summary = ["pnsr"]', 6, "summary", "not a metric of this suite. Did you mean 'psnr'"),
        ("reconstruction =", "reconstructoin =", 9, "[headline] reconstructoin", "Did you mean 'reconstruction'"),
        ("reconstruction =", "cost =", 9, "[headline] cost", "not a ranked verdict"),
        ('"ms-ssim"\nrep', '"kid"\nrep', 9, "[headline] reconstruction", "'kid' is not a metric of this suite"),
        ('"ms-ssim"\nrep', "3\nrep", 9, "[headline] reconstruction", "the name of a metric, not 3"),
        ('models = ["pca"]', 'models = ["pac"]', 13, "[floors] models", "Did you mean 'pca'"),
        (
            'models = ["pca"]',
            'models = ["pca"]\nuntrained = ["vae"]',
            14,
            "[floors] untrained",
            "must also be in the list `models` of [floors]",
        ),
        ('models = ["pca"]', 'models = "pca"', 13, "[floors] models", "a list"),
        (
            'representation = ["psnr"]',
            'anomaly = ["psnr"]',
            14,
            "[floors] anomaly",
            "but anomaly has no headline; add one",
        ),
        ('representation = ["psnr"]', 'representation = ["kid"]', 14, "[floors] representation", "not a metric"),
        ("[margins]", '[prices]\ncost = ["psnr"]\n[margins]', 17, "[prices] cost", "not a ranked verdict"),
        ("[margins]", '[prices]\nreconstruction = ["kid"]\n[margins]', 17, "[prices] reconstruction", "not a metric"),
        ("ms-ssim = 0.01", "ms-ssim = 0", 17, "[margins] ms-ssim", "above 0, not 0"),
        ("ms-ssim = 0.01", "ms-ssim = nan", 17, "[margins] ms-ssim", "above 0, not nan"),
        ("ms-ssim = 0.01", "kid = 0.01", 17, "[margins] kid", "not a metric"),
        ("seeds = [2, 0]\n", MORE, 25, "[presets.more] metrics", "lack 'svc-accuracy', the headline of"),
    ],
)
def test_a_complaint_names_file_line_and_key(
    tmp_path: Path, old: str, new: str, line: int, key: str, complaint: str
) -> None:
    assert GOOD.count(old) == 1
    with pytest.raises(UserError) as caught:
        load(tmp_path, GOOD.replace(old, new))
    text = str(caught.value)
    assert text.startswith(f"{tmp_path / 'lab.toml'}, line {line}, key '{key}':"), text
    assert complaint in text, text


def test_rules_come_from_the_suite_and_the_installed_packages(tmp_path: Path) -> None:
    rules = rules_of(load(tmp_path, GOOD), "tiny", "phantom", Declared(installed()), {"kermany-cxr": "d"})
    assert (rules.track, rules.seeds, rules.data) == ("lab@1/tiny/phantom", (0, 2), {"kermany-cxr": "d"})
    assert [one.model for one in rules.references] == ["vae"] and [one.model for one in rules.floors] == ["pca"]
    assert rules.references[0].loss, "the loss that the class takes by default is a part of its name"
    assert rules.versions["model vae"] >= 1 and rules.measures["ms-ssim"].better == "higher"


def test_without_headlines_the_first_metric_of_each_verdict_ranks(tmp_path: Path) -> None:
    plain = GOOD[: GOOD.index("[headline]")] + GOOD[GOOD.index("[presets.tiny]") :]
    found = headline_of(load(tmp_path, plain), "tiny", Declared(installed()))
    assert found == {"reconstruction": "psnr", "representation": "svc-accuracy"}


@pytest.mark.parametrize(
    "name", ["smoke", "medical", "medical-real", "medical-zoo", "medical-latent", "medical-rate", "references"]
)
def test_built_in_headlines_belong_to_their_verdicts(name: str) -> None:
    built_in = suite.find(name, installed())
    facts = Declared(installed()).known("metrics", ())
    assert built_in.verdicts.headline
    for verdict, metric in built_in.verdicts.headline.items():
        assert facts[metric]["verdict"] == verdict


def test_every_preset_of_medical_measures_what_its_boards_need() -> None:
    medical = suite.find("medical", installed())
    said = medical.verdicts
    assert set(said.headline) == set(RANKED) and set(said.summary) >= MISSION
    needed = {*said.headline.values(), *said.summary, *(m for own in said.floor_metrics.values() for m in own)}
    for preset in medical.presets.values():
        assert needed <= set(preset.settings.metrics)
        assert set(said.floor_models) < set(preset.models) and len(preset.seeds) >= 3
        assert all(split_spec(model)[0] == model for model in said.floor_models)
