"""What the shell offers: the values, as its own protocol asks for them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from vaebench.cli import main
from vaebench.cli.components import KINDS
from vaebench.components.registry import registry


def offered(*words: str) -> list[str]:
    *before, typed = words
    items = ShellComplete(main, {}, "vaebench", "_VAEBENCH_COMPLETE").get_completions(before, typed)
    return [item.value for item in items]


@pytest.mark.parametrize(
    ("words", "values"),
    [
        ("run -m vae", ["vae", "vae-gan"]),
        ("run -d kne", ["knee-kl"]),
        ("run --suite medical-r", ["medical-rate", "medical-real"]),
        ("run --preset ", ["auto", "quick", "compact", "standard", "full"]),
        ("run --suite references --preset r1-", ["r1-ms-ssim", "r1-retina", "r1-chest"]),
        ("run --suite nonesuch --preset ", []),
        ("run -m vae[lat", ["vae[latent="]),
        ("run -m vae[latent=4,be", ["vae[latent=4,beta="]),
        ("run -m vae[loss=ms-", ["vae[loss=ms-ssim", "vae[loss=ms-ssim+l1"]),
        ("run -m vae[net=r4-q", ["vae[net=r4-quantised"]),
        ("run -m nonesuch[", []),
        ("run -d brain-mri[split=published", ["brain-mri[split=published", "brain-mri[split=published-clean"]),
        ("leaderboard --metric ms-", ["ms-ssim"]),
        ("score --metric psn", ["psnr"]),
        ("check pc", ["pca"]),
        ("show retina", ["retinamnist"]),
        ("data audit vin", ["vindr-mammo"]),
        ("lead", ["leaderboard"]),
    ],
)
def test_values_are_offered(words: str, values: list[str]) -> None:
    assert offered(*words.split(" ")) == values


@pytest.mark.parametrize("kind", KINDS)
def test_every_name_is_offered(kind: str) -> None:
    from vaebench.cli import completion

    assert set(completion._names(kind)) == set(registry().offers(kind))


def test_a_file_is_offered_where_no_suite_has_the_name() -> None:
    (item,) = ShellComplete(main, {}, "vaebench", "").get_completions(["run", "--suite"], "my/own")
    assert (item.type, item.value) == ("file", "my/own")


def test_names_are_completed_without_torch(tmp_path: Path) -> None:
    code = (
        "import sys, vaebench.cli as cli, click.shell_completion as c\n"
        "found = c.ShellComplete(cli.main, {}, 'vaebench', '').get_completions(['run', '-m'], 'vae-')\n"
        "print([one.value for one in found], 'torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.stdout.strip() == "['vae-gan'] False", done.stderr
