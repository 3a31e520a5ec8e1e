"""Suite files: what they mean, and complaints that name file, line and key."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hostile_files import FILES, put

from vaebench.components.discovery import installed
from vaebench.components.parameters import split_spec
from vaebench.components.registry import registry
from vaebench.errors import UserError
from vaebench.planning import suite
from vaebench.planning.suite import Suite

GOOD = """\
name = "lab"
version = 3
datasets = ["xray", "oct"]
models = [
    "pca",
    "vae[beta=2]",
]
metrics = ["psnr"]
regimes = ["all"]

[auto]
cpu = "tiny"

[presets.tiny]
size = 28
steps = 10
seeds = [0, 1]
limit = { train = 50 }
model = { width = 8 }

[presets.large]
size = 64
steps = 1000
stage_steps = { prior = 20 }
metrics = ["ms-ssim"]
"""


def load(folder: Path, text: str, name: str = "lab") -> Suite:
    path = folder / f"{name}.toml"
    path.write_text(text)
    return suite.load(path)


def test_a_suite_as_it_is_written(tmp_path: Path) -> None:
    lab = load(tmp_path, GOOD)
    tiny, large = lab.presets["tiny"], lab.presets["large"]
    assert (str(lab), lab.title) == ("lab@3", "lab")
    for preset in (tiny, large):
        assert (preset.datasets, preset.models) == (("xray", "oct"), ("pca", "vae[beta=2]"))
        assert preset.regimes == ("all",)
    assert tiny.seeds == (0, 1)
    assert large.seeds == (0,)
    assert (tiny.settings.size, tiny.settings.steps, tiny.settings.limit) == (28, 10, {"train": 50})
    assert tiny.settings.model == {"width": 8}
    assert tiny.settings.metrics == ("psnr",)
    assert large.settings.metrics == ("ms-ssim",)
    assert large.settings.stage_steps == {"prior": 20}


def test_auto_follows_the_device_and_names_are_checked(tmp_path: Path) -> None:
    lab = load(tmp_path, GOOD + "\n")
    assert lab.preset("auto", "cpu") == "tiny"
    assert lab.preset("auto", "cuda:1") == "tiny"  # says nothing of it: the first preset
    assert load(tmp_path, GOOD.replace("[auto]", '[auto]\ncuda = "large"')).preset("auto", "cuda:1") == "large"
    assert lab.preset("large", "cpu") == "large"
    with pytest.raises(UserError, match=r"no preset 'larg'. Did you mean 'large'"):
        lab.preset("larg", "cpu")


@pytest.mark.parametrize(
    ("old", "new", "line", "key", "complaint"),
    [
        ("steps = 10\n", "stepz = 10\n", 16, "[presets.tiny] stepz", "the key is unknown. Did you mean 'steps'"),
        ('name = "lab"', 'nam = "lab"', 1, "nam", "Did you mean 'name'"),
        ("version = 3\n", "", 1, "version", "missing"),
        ("size = 64\n", "", 21, "[presets.large] size", "missing"),
        ("version = 3", 'version = "3"', 2, "version", "a whole number, not '3'"),
        ("version = 3", "version = true", 2, "version", "a whole number"),
        ("version = 3", "version = 0", 2, "version", "versions start at 1"),
        ("size = 28", "size = 28.0", 15, "[presets.tiny] size", "a whole number, not 28.0"),
        ("size = 28", "size = 4", 15, "[presets.tiny] size", "at least 8"),
        ("steps = 1000", "steps = 0", 23, "[presets.large] steps", "at least 1"),
        ('metrics = ["psnr"]', 'metrics = "psnr"', 8, "metrics", "a list"),
        ('metrics = ["psnr"]', "metrics = [3]", 8, "metrics", "each entry must be text, not 3"),
        ('metrics = ["psnr"]', "metrics = []", 8, "metrics", "must not be empty"),
        ('"pca",', '"vae[beta=2]",', 4, "models", "twice"),
        ('regimes = ["all"]', 'regimes = ["healty"]', 9, "regimes", "Did you mean 'healthy'"),
        ("seeds = [0, 1]", "seeds = [0, 0]", 17, "[presets.tiny] seeds", "twice"),
        ("seeds = [0, 1]", "seeds = [-1]", 17, "[presets.tiny] seeds", "seeds start at 0"),
        ("seeds = [0, 1]", "seeds = []", 17, "[presets.tiny] seeds", "must not be empty"),
        ("{ train = 50 }", "{ train = 0 }", 18, "[presets.tiny] limit", "train must be a whole number of 1 or more"),
        ("{ train = 50 }", '{ train = "all" }', 18, "[presets.tiny] limit", "not 'all'"),
        ("{ train = 50 }", "{ trian = 50 }", 18, "[presets.tiny] limit", "'trian' is not a split"),
        ("limit = { train = 50 }", "limit.train = true", 18, "[presets.tiny] limit", "train must be"),
        ("{ width = 8 }", "{ width = [8] }", 19, "[presets.tiny] model", "width must be a single value"),
        ("{ prior = 20 }", "{ prior = 2.5 }", 24, "[presets.large] stage_steps", "prior must be"),
        ('cpu = "tiny"', 'cpu = "tin"', 12, "[auto] cpu", "no preset 'tin'. Did you mean 'tiny'"),
        ('cpu = "tiny"', 'cpu = ["tiny"]', 12, "[auto] cpu", "no preset"),
        ('cpu = "tiny"', 'gpu = "tiny"', 12, "[auto] gpu", "not a kind of device"),
        ('[auto]\ncpu = "tiny"', 'auto = { cpu = "tin" }\n', 11, "[auto] cpu", "no preset 'tin'"),
        ("[presets.large]", '[presets."../large"]', 21, "[presets] ../large", "letters"),
        ("[presets.tiny]", "[presets]\nhuge = 3\n[presets.tiny]", 15, "[presets] huge", "a table, not 3"),
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


def test_no_toml_is_told_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"lab\.toml is not valid TOML: .*line 2.*: version = = 3"):
        load(tmp_path, GOOD.replace("version = 3", "version = = 3"))
    with pytest.raises(UserError, match=r"lab\.toml is not valid TOML: .*end of document"):
        load(tmp_path, GOOD + "[presets.more")
    (tmp_path / "lab.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match=r"Cannot read the suite file .*lab\.toml"):
        suite.load(tmp_path / "lab.toml")
    with pytest.raises(UserError, match=r"Cannot read the suite file .*none\.toml"):
        suite.load(tmp_path / "none.toml")


def test_the_name_is_the_files_and_a_harmless_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="line 1, key 'name': the name must be the file's name, 'other'"):
        load(tmp_path, GOOD, "other")
    with pytest.raises(UserError, match="line 1, key 'name': 'my lab' must consist of letters"):
        load(tmp_path, GOOD.replace('name = "lab"', 'name = "my lab"'), "my lab")


@pytest.mark.parametrize(
    "name", ["smoke", "medical", "medical-real", "medical-zoo", "medical-latent", "medical-rate", "references"]
)
def test_the_built_in_suites_load_and_every_name_in_them_exists(name: str) -> None:
    built_in = suite.find(name, installed())
    assert built_in.home == "vaebench"
    names = registry().at(built_in.home)
    for preset in built_in.presets.values():
        for text in preset.models:
            names.get("models", split_spec(text)[0])
        for metric in preset.settings.metrics:
            names.get("metrics", metric)
        for text in preset.datasets:
            names.get("datasets", split_spec(text)[0])


def test_the_zoo_asks_other_models_what_medical_asks() -> None:
    medical, zoo = (suite.find(name, installed()) for name in ("medical", "medical-zoo"))
    assert zoo.verdicts == medical.verdicts and zoo.auto == medical.auto
    assert zoo.presets.keys() == medical.presets.keys()
    for name, preset in zoo.presets.items():
        assert replace(preset, models=()) == replace(medical.presets[name], models=())
    floors, own = medical.verdicts.floor_models, set(zoo.presets["quick"].models)
    assert own & set(medical.presets["quick"].models) == {"vae", *floors}


def test_medical_real_asks_what_medical_asks_on_other_datasets() -> None:
    medical, real = (suite.find(name, installed()) for name in ("medical", "medical-real"))
    assert real.verdicts == medical.verdicts and real.presets.keys() - medical.presets.keys() == {"study"}
    for name, preset in real.presets.items():
        assert preset.datasets == ("kermany-cxr", "brain-mri")
        if name != "study":
            assert replace(preset, datasets=()) == replace(medical.presets[name], datasets=())


def test_the_study_tries_whom_medical_tries_for_longer() -> None:
    study = suite.find("medical-real", installed()).presets["study"]
    medical = suite.find("medical", installed()).presets["compact"]
    assert (study.models, study.regimes, study.seeds) == (medical.models, medical.regimes, (0, 1, 2))
    assert study.settings.metrics == medical.settings.metrics
    assert (study.settings.size, study.settings.steps, study.settings.batch) == (64, 1000, 32)
    assert study.settings.model == {"width": 8, "latent": 64}


def test_a_preset_may_name_its_own_models_datasets_and_regimes(tmp_path: Path) -> None:
    own = 'models = ["ae"]\ndatasets = ["mri"]\nregimes = ["healthy"]\n'
    lab = load(tmp_path, GOOD.replace("[presets.tiny]\n", f"[presets.tiny]\n{own}"))
    tiny, large = lab.presets["tiny"], lab.presets["large"]
    assert (tiny.models, tiny.datasets, tiny.regimes) == (("ae",), ("mri",), ("healthy",))
    assert (large.models, large.datasets, large.regimes) == (("pca", "vae[beta=2]"), ("xray", "oct"), ("all",))


def test_an_unknown_suite_is_answered_with_a_near_one() -> None:
    with pytest.raises(UserError, match=r"no suite 'smok'. Did you mean 'smoke'.*\.toml"):
        suite.find("smok", installed())


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("x = " + "[" * 2000 + "]" * 2000, "are nested too deeply"),
        ("x = " + "{a=" * 1000 + "1" + "}" * 1000, "are nested too deeply"),
        ("datasets" + ".a" * 2000 + " = 1", "are nested too deeply"),
        ("[" + "a." * 2000 + "a]", "the key is unknown"),
        ("x" * 5000 + " = 1", "line 1: this line has more than 4,096 characters"),
        ("# comment\n" * 7000, "the suite file has 70,000 bytes, more than the limit of 65,536"),
        ('datasets = "' + "a" * 4000 + '"', "line 1, key 'datasets': the value must be a list, not 'aaa"),
        ('x = "\x1b[31m"', "is not valid TOML"),
    ],
)
def test_absurd_files_are_answered_with_a_sentence(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(UserError) as caught:
        load(tmp_path, text)
    told = str(caught.value).replace(str(tmp_path), "")
    assert complaint in told and len(told) < 600 and told.isprintable(), told


@pytest.mark.parametrize("how", FILES)
def test_what_is_no_file_is_no_suite(tmp_path: Path, how: str) -> None:
    put(how, tmp_path / "lab.toml")
    with pytest.raises(UserError, match=r"Cannot read the suite file .*lab\.toml"):
        suite.load(tmp_path / "lab.toml")
