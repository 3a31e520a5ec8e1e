"""What `vaebench check` demands, a run enforces wherever a broken promise would put a wrong number on a board."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from vaebench.components.parameters import typed
from vaebench.data.splits import SplitError, check_splits
from vaebench.errors import UserError
from vaebench.evidence import Evidence
from vaebench.interfaces import At, Gaussian, Group, Metric, Model, NotApplicable, Split, Splits
from vaebench.judging.measure import measure
from vaebench.training.loop import step_once
from vaebench.training.stepper import Stepper


class Honest(Model):
    """Keeps every promise; each test breaks one."""

    name = "honest"
    version = 1

    def __init__(self) -> None:
        super().__init__((1, 8, 8), None)
        self.scale = nn.Parameter(torch.tensor(0.5))

    def groups(self) -> dict[str, Group]:
        return {"encoder": Group([self.scale]), "decoder": Group([])}

    def encode(self, x: Tensor) -> Tensor:
        return x.flatten(1)[:, :3]

    def decode(self, code: Tensor) -> Tensor:
        return code[:, :1, None, None].expand(-1, 1, 8, 8)

    def reconstruct(self, x: Tensor) -> Tensor:
        return x * self.scale

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        return torch.rand((n, 1, 8, 8), generator=generator)

    def vary(self, x: Tensor, generator: torch.Generator) -> Tensor:
        return x

    def scores(self, x: Tensor) -> dict[str, Tensor]:
        return {"brightness": x.mean((1, 2, 3))}

    def posterior(self, x: Tensor) -> Gaussian:
        return Gaussian(self.encode(x), torch.zeros(len(x), 3))


def split(n: int, first: int) -> Split:
    images = np.random.default_rng(first).integers(0, 256, (n, 1, 8, 8), dtype=np.uint8)
    return Split(images, np.arange(n) % 2, first + np.arange(n), healthy=np.arange(n) % 2 == 0)


SPLITS = Splits(train=split(40, 0), test=split(50, 100))


def evidence(model: Model, batch: int = 16) -> Evidence:
    return Evidence(model, SPLITS, samples=8, batch=batch, dataset="xray")


class Psnr(Metric):
    name = "psnr"
    version = 1
    verdict = "reconstruction"

    def compute(self, evidence: Evidence) -> float:
        return float(-10 * np.log10(evidence.residuals("test").mean()))


class TestImages:
    @pytest.mark.parametrize(("factor", "shift"), [(3.0, 0.0), (1.0, -0.5)])
    def test_images_outside_0_and_1_become_a_dash_with_the_reason(self, factor: float, shift: float) -> None:
        model = Honest()
        model.reconstruct = lambda x: factor * x + shift  # type: ignore[method-assign]
        cell = measure(Psnr(), evidence(model), "all")
        assert cell.value is None
        assert cell.reason.startswith("the model's reconstructions lie in [") and "not in [0, 1]" in cell.reason

    def test_so_do_samples_and_variations(self) -> None:
        model = Honest()
        model.sample = lambda n, generator: torch.full((n, 1, 8, 8), 1.5)  # type: ignore[method-assign]
        model.vary = lambda x, generator: x - 1  # type: ignore[method-assign]
        with pytest.raises(NotApplicable, match="samples lie in"):
            evidence(model).samples()
        with pytest.raises(NotApplicable, match="variations lie in"):
            evidence(model).variations(np.arange(4))

    def test_images_that_touch_the_ends_are_images(self) -> None:
        model = Honest()
        model.reconstruct = lambda x: x.round()  # type: ignore[method-assign]
        assert measure(Psnr(), evidence(model), "all").value is not None


def above_its_neighbours(x: Tensor) -> Tensor:
    """How bright an image is beside the others of its batch: a transductive score."""
    brightness = x.mean((1, 2, 3))
    return brightness - brightness.mean()


class TestCompany:
    """An answer about an image must not depend on the other images in the batch."""

    @pytest.mark.parametrize("batch", [16, 50])
    def test_a_score_that_compares_the_images_of_a_batch_is_refused(self, batch: int) -> None:
        model = Honest()
        model.scores = lambda x: {"odd": above_its_neighbours(x)}  # type: ignore[method-assign]
        with pytest.raises(NotApplicable, match=r"output \(score odd\) depends on the other images in the batch"):
            evidence(model, batch).scores("test")

    def test_so_are_codes_reconstructions_and_posteriors(self) -> None:
        model = Honest()
        model.encode = lambda x: above_its_neighbours(x)[:, None]  # type: ignore[method-assign]
        model.reconstruct = lambda x: (x + x.flip(0)) / 2  # type: ignore[method-assign]
        seen = evidence(model)
        for ask in (seen.codes, seen.reconstructions, seen.posterior):
            with pytest.raises(NotApplicable, match="in a different batch"):
                ask("test")

    def test_rounding_and_a_tipped_code_are_forgiven(self) -> None:
        model, first = Honest(), split(50, 100).images[7]
        noisy = torch.rand(1, generator=torch.Generator().manual_seed(0))

        def encode(x: Tensor) -> Tensor:
            tips = (x * 255).round().eq(torch.from_numpy(first).float()).all(dim=(1, 2, 3)).float()[:, None]
            return x.flatten(1)[:, :3] * (1 + 1e-4 * noisy * len(x)) + tips * (len(x) == 16)

        model.encode = encode  # type: ignore[method-assign]
        assert evidence(model).codes("test").shape == (50, 3)

    def test_it_costs_a_few_images_per_question(self) -> None:
        model, asked = Honest(), list[int]()

        def encode(x: Tensor) -> Tensor:
            asked.append(len(x))
            return x.flatten(1)[:, :3]

        model.encode = encode  # type: ignore[method-assign]
        seen = evidence(model)
        for _ in range(3):
            seen.codes("test")
        assert asked == [16, 16, 16, 2, 8, 8, 8, 8]


class TestObjectives:
    """What objectives() may yield."""

    @staticmethod
    def step(objectives: Any) -> None:
        model = Honest()
        model.objectives = objectives  # type: ignore[method-assign]
        steppers = {"encoder": Stepper(Group([model.scale])), "decoder": Stepper(Group([nn.Parameter(torch.ones(1))]))}
        step_once(model, torch.rand(4, 1, 8, 8), At("main", 0, 1), steppers)

    def test_a_batch_scalar_is_refused(self) -> None:
        def objectives(x: Tensor, at: At) -> Iterator[Mapping[str, Any]]:
            yield {"encoder": {"reconstruction": x.mean()}}

        with pytest.raises(ValueError, match=r"'reconstruction' of shape \(\); .* that is, shape \(4,\)"):
            self.step(objectives)

    def test_a_function_that_returns_is_told_to_yield(self) -> None:
        with pytest.raises(TypeError, match=r"objectives\(\) returns a dict, but must be a generator"):
            self.step(lambda x, at: {"encoder": x.mean((1, 2, 3))})

    def test_what_is_no_mapping_is_named(self) -> None:
        with pytest.raises(TypeError, match="yields a Tensor, not a mapping from group to objective"):
            self.step(lambda x, at: iter([x.mean((1, 2, 3))]))

    def test_an_unknown_group_is_told_beside_the_known_ones(self) -> None:
        with pytest.raises(ValueError, match=r"'critic', but groups\(\) names only 'encoder', 'decoder'"):
            self.step(lambda x, at: iter([{"critic": x.mean((1, 2, 3))}]))

    def test_yielding_nothing_is_no_training(self) -> None:
        with pytest.raises(ValueError, match="yields nothing in stage 'main'"):
            self.step(lambda x, at: iter([]))


class TestLabels:
    def test_labels_outside_the_classes_are_refused(self) -> None:
        check_splits(SPLITS, ("healthy", "ill"))
        with pytest.raises(
            SplitError, match="the train labels range from 0 to 1, but must be from 0 to 0, one per class"
        ):
            check_splits(SPLITS, ("healthy",))
        negative = replace(SPLITS, test=replace(SPLITS.test, labels=SPLITS.test.labels - 1))
        with pytest.raises(SplitError, match="the test labels range from -1 to 0, but must be 0 or more"):
            check_splits(negative)


class TestAnnotations:
    def test_a_parameter_that_nobody_can_type_is_refused_when_it_is_set(self) -> None:
        class Odd:
            def __init__(self, widths: tuple[int, ...] = (1, 2), rate: float | None = None) -> None: ...

        assert typed("odd", Odd, {"rate": "0.5"}) == {"rate": 0.5}
        with pytest.raises(
            UserError, match=r"widths cannot be given as text, because it is annotated tuple\[int, ...\]"
        ):
            typed("odd", Odd, {"widths": "3"})
