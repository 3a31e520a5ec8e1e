"""Compare anomaly scores on phantoms or real images, as was done to choose the headline of the anomaly verdict.

    python benchmarks/scripts/anomaly_scores.py                                              # six phantoms
    python benchmarks/scripts/anomaly_scores.py --data "kermany-cxr[path=DIR]" --size 64     # real images

Networks are trained briefly on healthy training images. Half of the held-out healthy patients calibrate the scores, and
the others are ranked against diseased training images, as in `anomaly-auroc-held-out`. Test images and labels are not
read: the test split is replaced by one blank image without labels. The scores were chosen with seed 0; seed 1, the
default, confirms the choice. The tables show AUROCs (higher scores are more anomalous) and the rank
correlation of each score with PSNR over the models. The last column is the distance from a Gaussian fitted to features,
which involves no model."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from scipy.stats import spearmanr
from sklearn.covariance import LedoitWolf
from validated import create, made

from vaebench.components.parameters import split_spec
from vaebench.data.folders import cache_folder
from vaebench.data.prepare import open_splits, prepare
from vaebench.data.regimes import keep_out, training_images, training_rows
from vaebench.data.splits import limited
from vaebench.evidence import Arrays, Evidence, Keep
from vaebench.interfaces import Split, Splits
from vaebench.training.loop import train
from vaebench.trial import Settings, Spec
from vaebench_measures.classifiers.ranking import auroc
from vaebench_measures.combined import HeldOut, halves, taken
from vaebench_measures.misses import combined, on_one_scale

MODELS = ["vae", "beta-vae", "ae", "vae-gan", "vq-vae", "pca", "mean-image"]
PHANTOMS = ["kermany-cxr", "chestmnist", "retinamnist", "prostate-gleason", "vindr-mammo", "knee-kl"]
SIZES = {"size": 28, "width": 8, "steps": 250, "batch": 32, "limit": 2000, "seed": 1}
GAIN = {"phantom": 0.02, "real": 0.03}
"""The gain in mean AUROC over the raw residual that the combined score must reach."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="a dataset with real images, instead of the phantoms")
    parser.add_argument("--models", nargs="+", default=MODELS)
    for name, value in SIZES.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    given = parser.parse_args()
    torch.set_num_threads(1)
    rows: list[dict[str, object]] = []
    for text in [given.data] if given.data else PHANTOMS:
        splits, keep = untested(text, given), kept()
        for model in given.models:
            rows.append({"dataset": split_spec(text)[0], "model": model, **compared(model, splits, keep, given)})
            print({k: v if isinstance(v, str) else round(float(v), 3) for k, v in rows[-1].items()}, flush=True)
    found = pd.DataFrame(rows)
    for by in ("model", "dataset"):
        print("\n" + found.groupby(by, sort=False).mean(numeric_only=True).to_markdown(floatfmt=".3f"))
    mean, models = found.mean(numeric_only=True), found.groupby("model").mean(numeric_only=True)
    names = [name for name in models if name not in ("PSNR", "Gaussian")]
    follows = {name: spearmanr(models["PSNR"], models[name]).statistic for name in names}
    summary = pd.DataFrame({"mean": mean, "rank correlation with PSNR": follows})
    print("\n" + summary.loc[[*names, "Gaussian"]].T.to_markdown(floatfmt=".3f"))
    sys.exit(bool(mean["combined"] < mean["raw"] + GAIN["real" if given.data else "phantom"]))


def untested(text: str, given: argparse.Namespace) -> Splits:
    """Return the training images, with one blank image without labels in place of the test split."""
    name, params = split_spec(text)
    limit = {"train": given.limit * 10, "val": 1, "test": 1}
    source = "real" if params else "phantom"
    ready = prepare(made("datasets", text), Spec(name, params), source, given.size, limit, Path(), cache_folder())
    known = keep_out(open_splits(ready.folder), name).train
    blank = Split(np.zeros_like(known.images[:1]), np.zeros(1, np.int64), np.array([-1]))
    return limited(Splits(known, blank), {"train": given.limit}, name, given.seed)


def kept() -> Keep:
    """Return a cache for values of a dataset that are the same for all models."""
    known: dict[str, Arrays] = {}

    def keep(key: str, compute: Callable[[], Arrays], *_: object) -> Arrays:
        if key not in known:
            known[key] = compute()
        return known[key]

    return keep


def compared(text: str, splits: Splits, keep: Keep, given: argparse.Namespace) -> dict[str, float]:
    """Return the AUROC of every score of one network."""
    test = splits.test
    assert test.healthy is None and test.diseased is None and not test.labels.any() and not test.images.any()
    model = create(text, splits.train.images.shape[1:], given.width, given.seed)
    settings = Settings(given.size, given.steps, given.batch)
    generator = torch.Generator().manual_seed(given.seed)
    train(model, training_images(splits, "healthy"), settings, generator, lambda *_: None)
    evidence, asked = Evidence(model, splits, keep=keep), HeldOut()
    calibrating, rows = halves(evidence)
    assert not np.isin(rows, training_rows(splits.train, "healthy")).any()
    misses, residuals = asked.misses(evidence, "train"), evidence.residuals("train")
    parts = on_one_scale(taken(misses, rows), taken(misses, calibrating))
    scores = {
        "raw": residuals[rows],
        **parts,
        "combined": combined(parts),
        "Gaussian": distances(evidence, asked, rows),
    }
    diseased = splits.train.diseased[rows]
    psnr = -10 * np.log10(np.maximum(residuals[calibrating], 1e-9)).mean()
    return {"PSNR": psnr, **{name: auroc(score, diseased) for name, score in scores.items()}}


def distances(evidence: Evidence, asked: HeldOut, rows: np.ndarray) -> np.ndarray:
    """Return distances from a Gaussian fitted to the features of the training images of the regime `healthy`."""
    features = asked.whole(evidence, "train") @ asked.scale(evidence)
    known = training_rows(evidence.split("train"), "healthy")
    found: np.ndarray = LedoitWolf().fit(features[known]).mahalanobis(features[rows])
    return found


if __name__ == "__main__":
    main()
