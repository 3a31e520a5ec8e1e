"""The outputs of a trained model on training, validation and test images, computed once, when needed, for all
metrics."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeVar

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from vaebench.interfaces import Images, Model, NotApplicable, Score, Split, Splits
from vaebench.memo import Memo
from vaebench.patients import patient_draws, resolution

T = TypeVar("T")
Arrays = dict[str, np.ndarray]
Code = type | Callable[..., Any]
"""A class or function that represents the whole package in which it is defined."""
Keep = Callable[[str, Callable[[], Arrays], Mapping[str, Split], Sequence[Code]], Arrays]
"""A function that returns the stored result of a computation on splits of a dataset, or computes and stores the result
(see `vaebench.data.cache`). Its arguments are a key, the computation, the splits that the computation depends on, and a
class or function from each package that the computation's code belongs to."""
BATCH, BATCH_ON_CARD = 128, 1024
BATCH_PIXELS = 2**22
"""The largest number of pixel values in a batch on a GPU: a larger batch would need more memory than a training
step."""
RECHECKED = 32
"""The number of images of a split that a model processes twice, the second time in different batches."""
COMPANY = 8
"""The batch size when the `RECHECKED` images are processed the second time."""
ROUNDING = 0.01
"""The largest difference between an image's outputs in two batches that counts as rounding, as a share of the largest
output; the value allows for the rounding of TF32 on a GPU."""
MAY_TIP = 0.05
"""The share of images whose output may differ by more than `ROUNDING`, because rounding can change a discrete code."""
SAID = {"train": "training", "val": "validation"}
"""The words for splits in messages, if they differ from the splits' names."""


class Health(NamedTuple):
    """The healthy and the diseased images of a split; some images may be neither."""

    healthy: np.ndarray
    """bool (N,)."""
    diseased: np.ndarray
    """bool (N,)."""


class Evidence:
    """The outputs of one trained model, as numpy arrays in the order of a split's images.

    Each output is computed when the first metric needs it, and is kept for the other metrics. The splits are `train`,
    `val` and `test`. If the dataset declares which images are healthy, there is also `calibration`: healthy training
    images that the regime `healthy` does not train on. A method raises NotApplicable if the model or the dataset cannot
    provide the output."""

    def __init__(
        self,
        model: Model,
        splits: Splits,
        *,
        samples: int = 256,
        seed: int = 0,
        batch: int | None = None,
        dataset: str = "",
        classes: Sequence[str] = (),
        keep: Keep | None = None,
    ) -> None:
        self.model = model.eval()
        tensors = [*model.parameters(), *model.buffers()]
        self.device = tensors[0].device if tensors else torch.device("cpu")
        """The device that the model is on."""
        self.splits = dict(splits.items())
        if (kept_out := splits.train.kept_out) is not None and splits.train.healthy is not None:
            self.splits["calibration"] = splits.train.take(splits.train.healthy & kept_out)
        self.dataset = dataset
        self._classes = classes
        self._samples = samples
        self._seed = seed
        self._batch = batch or batch_on(self.device, splits.test.images.shape[1:])
        self._keep = keep
        self._memo = Memo(self.model)
        self._known: dict[Hashable, Any] = {}

    def once(self, key: Hashable, compute: Callable[[], T]) -> T:
        """Return the result of `compute`, which is called only the first time that this key is used. If `compute`
        raises NotApplicable, every later call with this key raises it again."""
        if key not in self._known:
            try:
                self._known[key] = compute()
            except NotApplicable as reason:
                self._known[key] = reason
        if isinstance(found := self._known[key], NotApplicable):
            raise found
        return found

    def of_dataset(
        self, key: str, compute: Callable[..., Mapping[str, ArrayLike]], *splits: str, code: Sequence[Code] = ()
    ) -> Arrays:
        """Return the arrays that `compute` returns for these splits. The arrays must not depend on the model: one trial
        computes them, and all other trials on the same images read them from the cache.

        `key` must include every input other than the splits. The arrays are computed again if the package that defines
        `compute`, or a package that an item of `code` represents, has changed. Failures are not cached."""

        def find() -> Arrays:
            given = {name: self.split(name) for name in splits}
            if self._keep is None:
                return plain(compute(*given.values()))
            return self._keep(key, lambda: plain(compute(*given.values())), given, [compute, *code])

        return self.once(("of dataset", key, splits), find)

    def class_name(self, label: int) -> str:
        """Return the name of the class that a label stands for."""
        return self._classes[label] if 0 <= label < len(self._classes) else str(label)

    def split(self, name: str) -> Split:
        """Return a split; raise NotApplicable if it is missing or empty."""
        if name not in self.splits:
            raise NotApplicable(f"the dataset has no {name} split")
        if not len(self.splits[name]):
            raise NotApplicable(f"the {name} split contains no images")
        return self.splits[name]

    def labels(self, name: str) -> np.ndarray:
        """Return the label of each image, int (N,); raise NotApplicable if all labels are the same."""
        labels = self.split(name).labels
        if len(np.unique(labels)) < 2:
            raise NotApplicable(f"the {SAID.get(name, name)} images belong to fewer than two classes")
        return labels

    def health(self, name: str) -> Health:
        """Return masks of the healthy and of the diseased images, each bool (N,); raise NotApplicable unless both masks
        select at least one image."""
        split = self.split(name)
        if split.healthy is None or split.diseased is None:
            raise NotApplicable("the dataset does not say which images are healthy")
        if not split.healthy.any() or not split.diseased.any():
            raise NotApplicable(f"the {SAID.get(name, name)} images do not include both healthy and diseased ones")
        return Health(split.healthy, split.diseased)

    def masks(self, name: str) -> np.ndarray:
        """Return the masks of anomalous pixels, bool (N, H, W); raise NotApplicable if the dataset has no masks."""
        if (masks := self.split(name).masks) is None:
            raise NotApplicable("the dataset has no anomaly masks")
        return masks

    def boxes(self, name: str) -> np.ndarray:
        """Return the boxes around findings, (N, K, 4): x0, y0, x1, y1 as fractions of the image, padded with NaN if an
        image has fewer than K boxes. Raise NotApplicable if the dataset has no boxes."""
        if (boxes := self.split(name).boxes) is None:
            raise NotApplicable("the dataset has no finding boxes")
        return boxes

    def images(self, name: str) -> np.ndarray:
        """Return the images, float32 (N, C, H, W) in [0, 1]."""
        return self.once(("images", name), lambda: self.split(name).images.astype(np.float32) / 255)

    def codes(self, name: str) -> np.ndarray:
        """Return the model's codes, float32 (N, D)."""
        return self.once(("codes", name), lambda: self._all(name, lambda x: self.model.encode(x), "codes"))

    def reconstructions(self, name: str) -> np.ndarray:
        """Return the reconstructions, float32 (N, C, H, W) in [0, 1]."""
        return self.once(
            ("recon", name),
            lambda: pictures(
                self._all(name, lambda x: self.model.reconstruct(x), "reconstructions"), "reconstructions"
            ),
        )

    def residuals(self, name: str) -> np.ndarray:
        """Return the mean squared residual of each image, (N,): the anomaly score that every model has."""
        return self.once(
            ("residuals", name),
            lambda: np.square(self.reconstructions(name) - self.images(name)).mean(axis=(1, 2, 3), dtype=np.float64),
        )

    def scores(self, name: str) -> dict[str, np.ndarray]:
        """Return the method's own anomaly scores by name, each of shape (N,)."""

        def compute() -> dict[str, np.ndarray]:
            parts = self._each(name, lambda x: {k: v.float().cpu() for k, v in self.model.scores(x).items()})
            joined = {key: torch.cat([part[key] for part in parts]).numpy() for key in (parts[0] if parts else {})}
            found = {key: finite(self._one_each(name, value, key), f"score {key}") for key, value in joined.items()}
            for key, values in found.items():
                self._stands_alone(name, partial(self._score, key), values, f"score {key}")
            return found

        return self.once(("scores", name), compute)

    def posterior(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Return the means and log-variances of q(z|x), both float32 (N, D)."""

        def compute() -> tuple[np.ndarray, np.ndarray]:
            def ask(x: Tensor) -> tuple[Tensor, Tensor]:
                found = self.model.posterior(x)
                return found.mean.float().cpu(), found.logvar.float().cpu()

            parts = zip(*self._each(name, ask), strict=True)
            mean, logvar = (self._one_each(name, torch.cat(part).numpy(), "posteriors") for part in parts)
            self._stands_alone(name, lambda x: self.model.posterior(x).mean, mean, "posterior mean")
            return finite(mean, "posterior means"), finite(logvar, "posterior variances")

        return self.once(("posterior", name), compute)

    def drawn_codes(self, name: str) -> np.ndarray:
        """Return one code sampled from q(z|x) for each image, float32 (N, D). Together, these codes are a sample of the
        aggregate posterior."""

        def compute() -> np.ndarray:
            mean, logvar = self.posterior(name)
            noise = np.random.default_rng(self._seed).standard_normal(mean.shape, np.float32)
            return mean + np.exp(logvar / 2) * noise

        return self.once(("drawn codes", name), compute)

    def rates(self, name: str) -> np.ndarray:
        """Return KL(q(z|x) || p(z)) of each image in nats, (N,)."""
        return self.once(("rates", name), lambda: self._all(name, lambda x: self.model.rate(x), "rates"))

    def bounds(self, name: str, draws: int) -> np.ndarray:
        """Return a lower bound on ln p(x) of each image in nats, (N,), from `draws` samples of the code. Since p is a
        density, but grey levels are discrete, the value of each pixel is replaced by a random value within its grey
        level, which is 1/255 wide."""
        generator = torch.Generator(self.device).manual_seed(self._seed)

        def bound(x: Tensor) -> Tensor:
            place = torch.rand(x.shape, generator=generator, device=x.device) - 0.5
            return self.model.bound(x + place / 255, generator, draws)

        return self.once(("bounds", name, draws), lambda: self._all(name, bound, "bounds", random=True))

    def samples(self) -> np.ndarray:
        """Return images sampled from the model's prior, float32 (n, C, H, W) in [0, 1]; the preset sets n."""

        def compute() -> np.ndarray:
            self.split("test")  # without test images, samples cannot be compared with anything
            if not self._samples:
                raise NotApplicable("the preset requests no samples")
            generator = torch.Generator(self.device).manual_seed(self._seed)
            parts = []
            with torch.inference_mode():
                for start in range(0, self._samples, self._batch):
                    parts.append(self.model.sample(min(self._batch, self._samples - start), generator).float().cpu())
            self._leave_card()
            return pictures(torch.cat(parts).numpy(), "samples")

        return self.once("samples", compute)

    def variations(self, rows: np.ndarray) -> np.ndarray:
        """Return perturbed reconstructions of test images, float32 (n, C, H, W) in [0, 1]. Some authors call these
        images generated, but vaebench never mixes them with samples."""
        generator = torch.Generator(self.device).manual_seed(self._seed)
        with torch.inference_mode():
            x = self._pixels(self.split("test").images[rows])[:]
            return pictures(self.model.vary(x, generator).float().cpu().numpy(), "variations")

    def resampled(
        self,
        statistic: Callable[[np.ndarray], float],
        rows: np.ndarray,
        split: str = "test",
        labels: np.ndarray | None = None,
    ) -> Score:
        """Return a statistic of some images of a split, with its standard error, which is computed from resamples of
        the patients. All models share these resamples.

        `statistic` is called with an array of positions in `rows`, in which a patient's positions repeat if the patient
        was drawn more than once. For a statistic that compares classes, such as AUROC, pass the class of each row as
        `labels`; the score's number of patients is then that of the smallest class."""
        if len(rows) == 0:
            raise NotApplicable(f"no image of the {split} split can be used for this metric")
        value = float(statistic(np.arange(len(rows))))
        groups, asked = self.split(split).groups[rows], (split, rows.tobytes())
        draws = self.once(("draws", *asked), lambda: list(patient_draws(groups, self.dataset)))
        told = self.once(
            ("resolution", *asked, b"" if labels is None else labels.tobytes()),
            lambda: resolution(groups, draws, labels),
        )
        replicates = [float(statistic(draw)) for draw in draws]
        good = [r for r in replicates if np.isfinite(r)]
        error = float(np.std(good, ddof=1)) if len(good) > 1 else None
        return Score(value, error, n=len(rows), replicates=replicates, **told._asdict())

    def per_image(self, values: np.ndarray, rows: np.ndarray | None = None, split: str = "test") -> Score:
        """Return the mean of `values`, which contains one number per image of a split, with the mean's standard
        error."""
        rows = np.arange(len(self.split(split))) if rows is None else rows
        values = values[rows]
        return self.resampled(lambda index: float(values[index].mean(dtype=np.float64)), rows, split)

    def _pixels(self, images: np.ndarray) -> Images:
        """Return images that are moved to the model's device as bytes and converted to floats there."""
        return Images(torch.from_numpy(images), wanted=self.device)

    def _leave_card(self) -> None:
        """Release the GPU memory that was needed to compute the outputs, because other trials are using this GPU or
        will use it soon."""
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    def _each(self, name: str, ask: Callable[[Tensor], T]) -> list[T]:
        """Return the results of `ask` for all batches of a split."""
        answers: list[T] = []
        batches = self._pixels(self.split(name).images).batches(self._batch)
        with torch.inference_mode():  # not in a generator, which would stay in this mode after an exception
            for number, x in enumerate(batches):
                with self._memo.about((name, number), x):
                    answers.append(ask(x))
        self._leave_card()
        return answers

    def _all(self, name: str, answer: Callable[[Tensor], Tensor], what: str, random: bool = False) -> np.ndarray:
        """Return the model's output for every image of a split. Unless outputs are `random` by design, recompute some
        of them as a check."""
        values = torch.cat(self._each(name, lambda x: answer(x).float().cpu())).numpy()
        values = finite(self._one_each(name, values, what), what)
        if not random:
            self._stands_alone(name, answer, values, what)
        return values

    def _score(self, key: str, x: Tensor) -> Tensor:
        return self.model.scores(x)[key]

    def _stands_alone(self, name: str, answer: Callable[[Tensor], Tensor], known: np.ndarray, what: str) -> None:
        """Recompute the outputs of a few images in different batches, and raise NotApplicable if they differ: an output
        must not depend on the other images in its batch."""
        images = self.split(name).images
        rows = np.random.default_rng(0).permutation(len(images))[:RECHECKED]
        company = self._pixels(images[rows]).batches(COMPANY)
        with torch.inference_mode():
            again = torch.cat([answer(x).float().cpu() for x in company]).numpy()
        self._one_each(name, again, what, len(rows))
        apart = np.abs(again - known[rows]).reshape(len(rows), -1).max(1, initial=0)
        differing = int((apart > ROUNDING * max(np.abs(known).max(initial=0), 1e-6)).sum())
        if differing > MAY_TIP * len(rows):
            raise NotApplicable(
                f"the model's output ({what}) depends on the other images in the batch: {differing} of {len(rows)} "
                "images get a different output in a different batch"
            )

    def _one_each(self, name: str, values: np.ndarray, what: str, images: int | None = None) -> np.ndarray:
        """Return the values after checking that there is one per image; otherwise numpy could silently broadcast an
        array of the wrong length."""
        n = len(self.split(name)) if images is None else images
        if len(values) != n:
            raise ValueError(f"the model gives {len(values)} {what} for {n} images")
        return values


def batch_on(device: torch.device, shape: Sequence[int]) -> int:
    """Return the number of images that a model processes at once. On a CPU, the number is fixed, because the batch size
    affects the last bits of the outputs. On a GPU, the number is larger for small images, because most of their
    processing time is spent on launching kernels."""
    return BATCH if device.type == "cpu" else int(np.clip(BATCH_PIXELS // np.prod(shape), BATCH, BATCH_ON_CARD))


def plain(values: Mapping[str, ArrayLike]) -> Arrays:
    """Return the arrays with the memory layout that they would have when read back from disk, because the last bits of
    a sum depend on the layout."""
    arrays = {name: np.asarray(value) for name, value in values.items()}
    if odd := [name for name, array in arrays.items() if array.dtype.hasobject]:
        raise TypeError(f"{', '.join(odd)}: only arrays of numbers or strings can be stored")
    return {name: array if array.flags.forc else array.copy("C") for name, array in arrays.items()}


def pictures(values: np.ndarray, what: str) -> np.ndarray:
    """Return the images after checking that all values are finite and in [0, 1]; other values would give wrong results
    without an error."""
    low, high = float(finite(values, what).min(initial=0)), float(values.max(initial=1))
    if low < 0 or high > 1:
        raise NotApplicable(f"the model's {what} lie in [{low:.4g}, {high:.4g}], not in [0, 1]")
    return values


def finite(values: np.ndarray, what: str) -> np.ndarray:
    if not np.isfinite(values).all():
        count = int((~np.isfinite(values)).sum())
        raise NotApplicable(f"the model's {what} contain NaN or infinite numbers ({count} in all)")
    return values
