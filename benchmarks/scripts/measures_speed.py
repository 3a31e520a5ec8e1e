"""Compare the speed of the metrics with that of libraries that compute the same values, in one run.

    OMP_NUM_THREADS=1 python benchmarks/scripts/measures_speed.py

Both implementations of a metric get the same data and are timed from features or images to the result, in CPU seconds
of one thread, which are least affected by other work on the machine. The fastest of the repetitions counts; slow
libraries run once.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from copy import deepcopy
from functools import partial
from types import ModuleType
from typing import TypeVar

import numpy as np
import torch

from vaebench.evidence import Evidence
from vaebench.interfaces import Split, Splits
from vaebench_measures.classifiers.svc import svc
from vaebench_measures.distances.frechet import frechet
from vaebench_reconstruction.likelihoods import Gaussian
from vaebench_reconstruction.ms_ssim import ms_ssim
from vaebench_vaes.vae import VAE

T = TypeVar("T")


def fastest(work: Callable[[], T], repeats: int) -> tuple[float, T]:
    """Return the CPU seconds of the fastest repetition, and the result."""
    seconds = []
    for _ in range(repeats):
        start = time.process_time()
        result = work()
        seconds.append(time.process_time() - start)
    return min(seconds), result


def torch_fidelity() -> ModuleType:
    """Return the Fréchet distance of torch-fidelity. If the compiled operators of torchvision cannot be loaded, two of
    them must be declared as fakes before the import."""
    try:
        from torch_fidelity import metric_fid
    except RuntimeError:
        library = torch.library.Library("torchvision", "FRAGMENT")
        library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        from torch_fidelity import metric_fid
    return metric_fid


def compare_frechet(rows: int, features: int = 2048) -> tuple[str, float, float, str]:
    oracle = torch_fidelity()
    random = np.random.default_rng(0)
    mixing = random.normal(size=(features, features)) / features**0.5
    x, y = (random.normal(size=(rows, features)) @ mixing + shift for shift in (0.0, 0.05))

    def theirs() -> float:
        statistics = [oracle.fid_features_to_statistics(torch.from_numpy(z)) for z in (x, y)]
        return float(oracle.fid_statistics_to_metric(*statistics, verbose=False)["frechet_inception_distance"])

    frechet(x[:100], y[:100])
    mine, value = fastest(lambda: frechet(x, y), 3)
    other, expected = fastest(theirs, 1)
    what = f"Fréchet distance, {rows} rows x {features} features, compared with torch-fidelity"
    return what, mine, other, f"relative difference {abs(value / expected - 1):.0e}"


def compare_svc(features: int = 4096, rows: int = 2000, asked: int = 1000) -> tuple[str, float, float, str]:
    from sklearn.svm import SVC

    random = np.random.default_rng(0)
    labels = random.integers(0, 5, rows + asked)
    x = (random.normal(size=(5, features))[labels] * 0.05 + random.normal(size=(rows + asked, features))).astype(
        np.float32
    )
    train, test = x[:rows], x[rows:]
    svc(train[:50], labels[:50], test[:50])
    mine, answers = fastest(lambda: svc(train, labels[:rows], test), 3)
    other, expected = fastest(lambda: SVC(class_weight="balanced").fit(train, labels[:rows]).predict(test), 1)
    what = f"SVC, fitted on {rows} and applied to {asked} rows x {features} features, compared with scikit-learn"
    return what, mine, other, f"{np.mean(answers.labels == expected):.1%} of predictions equal"


def compare_ms_ssim(side: int = 128, count: int = 64) -> tuple[str, float, float, str]:
    from pytorch_msssim import ssim

    torch.manual_seed(0)
    x = torch.rand(count, 1, side, side)
    y = (x + 0.1 * torch.randn_like(x)).clamp(0, 1)
    with torch.inference_mode():
        mine, _ = fastest(lambda: ms_ssim(x, y), 7)
        other, _ = fastest(lambda: ssim(x, y, data_range=1, size_average=False), 7)
    what = f"MS-SSIM (4 scales) of {count} pairs of {side} px images, compared with pytorch-msssim's single-scale SSIM"
    return what, mine, other, "not compared: pytorch-msssim refuses MS-SSIM below 161 px"


def compare_anomalies(side: int, width: int, count: int = 256) -> tuple[str, float, float, str]:
    """Compare with the usual loop of anomaly detectors, in which images are processed one at a time and the model has
    its default memory layout. The harness's model has the memory layout of `vaebench.training.build`."""
    torch.manual_seed(0)
    usual = VAE((1, side, side), Gaussian(), width=width).eval()
    model = deepcopy(usual).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    pictures = np.random.default_rng(0).integers(0, 256, (count, 1, side, side), dtype=np.uint8)
    split = Split(pictures, np.zeros(count, int), np.arange(count))

    def one_by_one() -> np.ndarray:
        scores = []
        with torch.inference_mode():
            for picture in pictures:
                x = torch.from_numpy(picture)[None].float() / 255
                scores.append((usual.reconstruct(x) - x).square().mean().item())
        return np.array(scores)

    one_by_one()
    mine, scores = fastest(lambda: Evidence(model, Splits(split, split)).residuals("test"), 5)
    other, expected = fastest(one_by_one, 3)
    who = f"`vae[width={width}]`"
    what = f"Anomaly scores of {count} images of {side} px by {who}, in batches, compared with one image at a time"
    return what, mine, other, f"relative difference {np.abs(scores / expected - 1).max():.0e}"


def main() -> None:
    torch.set_num_threads(1)
    print(f"{torch.get_num_threads()} thread(s), torch {torch.__version__}, numpy {np.__version__}\n")
    print("| what | vaebench, CPU s | other, CPU s | times faster | agreement |\n| --- | ---: | ---: | ---: | --- |")
    anomalies = [partial(compare_anomalies, side, width) for side, width in ((28, 8), (64, 8), (64, 32), (128, 32))]
    distances = [partial(compare_frechet, rows) for rows in (1000, 3000)]
    for compare in (compare_ms_ssim, *anomalies, compare_svc, *distances):
        what, mine, other, agreement = compare()
        print(f"| {what} | {mine:.3f} | {other:.2f} | {other / mine:.1f} | {agreement} |", flush=True)


if __name__ == "__main__":
    main()
