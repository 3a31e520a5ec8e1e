"""The engine steps every group along the gradient of its own objective, in order, to the same bits every time."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import suppress

import pytest
import torch
from shapes import SHAPES, Coded, Linear, Rivals, Turns
from torch import Tensor

from vaebench.interfaces import At, Group, Images, Model, Objective
from vaebench.training.loop import Course, Diverged, Feed, step_once, train
from vaebench.training.stepper import Stepper
from vaebench.trial import Settings
from vaebench_reconstruction.pixels import Mse

SHAPE = (1, 8, 8)
LR = 0.01


def pictures(n: int = 12) -> Images:
    return Images(torch.randint(0, 256, (n, *SHAPE), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)))


def build(component: type[Model], seed: int = 0) -> Model:
    torch.manual_seed(seed)
    return component(SHAPE, Mse())


def run(model: Model, steps: int = 5, seed: int = 0, **settings: object) -> list[tuple[At, dict[str, float]]]:
    """Train; what was reported."""
    told: list[tuple[At, dict[str, float]]] = []
    torch.manual_seed(seed)
    order = torch.Generator().manual_seed(seed)
    train(
        model, pictures(), Settings(8, steps, 4, **settings), order, lambda at, values: told.append((at, dict(values)))
    )
    return told


def sgd(model: Model) -> dict[str, Stepper]:
    """Plain gradient descent on each of the model's groups, so that a step shows the gradient."""
    return {
        name: Stepper(Group(group.parameters, torch.optim.SGD, {"lr": LR})) for name, group in model.groups().items()
    }


def weights(model: Model) -> dict[str, Tensor]:
    return {name: p.detach().clone() for name, p in model.named_parameters()}


def total(objective: Objective) -> Tensor:
    return objective.mean() if isinstance(objective, Tensor) else sum(term.mean() for term in objective.values())


class TestRivals:
    """One yield, three groups, one graph."""

    def test_each_group_steps_along_the_gradient_of_its_own_objective_alone(self):
        model, x, at = build(Rivals), pictures()[:4], At("main", 0, 1)
        torch.manual_seed(1)
        (objectives,) = model.objectives(x, at)
        expected = weights(model)
        names = {id(p): name for name, p in model.named_parameters()}
        for name, group in model.groups().items():
            parameters = list(group.parameters)
            gradients = torch.autograd.grad(total(objectives[name]), parameters, retain_graph=True)
            for p, gradient in zip(parameters, gradients, strict=True):
                expected[names[id(p)]] -= LR * gradient
        torch.manual_seed(1)
        step_once(model, x, at, sgd(model))
        for name, value in weights(model).items():
            torch.testing.assert_close(value, expected[name], rtol=1e-6, atol=1e-7)

    def test_the_critics_loss_never_reaches_the_decoder(self):
        """The decoder moves as if the critic's objective were not there, though they share the graph."""
        model, other, x, at = build(Rivals), build(Rivals), pictures()[:4], At("main", 0, 1)
        torch.manual_seed(1)
        step_once(model, x, at, sgd(model))

        class WithoutCritic:
            def objectives(self, x: Tensor, at: At) -> Iterator[Mapping[str, Objective]]:
                for objectives in other.objectives(x, at):
                    yield {name: objectives[name] for name in ("encoder", "decoder")}

        torch.manual_seed(1)
        step_once(WithoutCritic(), x, at, sgd(other))
        after, without = weights(model), weights(other)
        assert torch.equal(after["decoder.weight"], without["decoder.weight"])
        assert torch.equal(after["encoder.weight"], without["encoder.weight"])
        assert not torch.equal(after["critic.weight"], without["critic.weight"])

    def test_terms_are_logged_by_group_and_name_as_means_over_the_images(self):
        model, x, at = build(Rivals), pictures()[:4], At("main", 0, 1)
        torch.manual_seed(1)
        (objectives,) = model.objectives(x, at)
        torch.manual_seed(1)
        seen = step_once(model, x, at, sgd(model))
        assert set(seen) == {
            *("encoder reconstruction", "encoder code"),
            *("decoder reconstruction", "decoder fooling", "critic"),
        }
        assert float(seen["decoder fooling"]) == pytest.approx(objectives["decoder"]["fooling"].mean().item())
        assert not any(value.requires_grad for value in seen.values())


class TestTurns:
    """Two yields in one step."""

    def test_only_the_named_group_changes_at_each_yield_and_the_second_sees_the_first(self):
        model, x = build(Turns), pictures()[:4]
        start, seen = weights(model), []

        class Watched:
            def objectives(self, x: Tensor, at: At) -> Iterator[Mapping[str, Objective]]:
                for objectives in model.objectives(x, at):
                    seen.append(weights(model))
                    yield objectives

        step_once(Watched(), x, At("main", 0, 1), sgd(model))
        end = weights(model)
        first, second = seen
        assert all(torch.equal(first[name], start[name]) for name in start)
        moved = {name for name in start if not torch.equal(second[name], start[name])}
        assert moved == {"encoder.weight", "encoder.bias"}
        moved = {name for name in start if not torch.equal(end[name], second[name])}
        assert moved == {"decoder.weight", "decoder.bias"}

    def test_the_second_step_is_the_gradient_at_the_stepped_weights(self):
        model, other, x, at = build(Turns), build(Turns), pictures()[:4], At("main", 0, 1)
        torch.manual_seed(1)
        step_once(model, x, at, sgd(model))

        torch.manual_seed(1)
        turns = other.objectives(x, at)
        for group in ("encoder", "decoder"):
            parameters = list(other.groups()[group].parameters)
            gradients = torch.autograd.grad(total(next(turns)[group]), parameters)
            with torch.no_grad():
                for p, gradient in zip(parameters, gradients, strict=True):
                    p -= LR * gradient
        for name, value in weights(model).items():
            torch.testing.assert_close(value, weights(other)[name], rtol=1e-6, atol=1e-7)


class TestCoded:
    """Closed-form fitting, then two stages."""

    def test_fit_comes_first_and_sees_all_images(self):
        model = build(Coded)
        run(model, steps=1)
        torch.testing.assert_close(model.mean, pictures()[:].mean(0))

    def test_stages_come_in_order_with_steps_of_their_own(self):
        told = run(build(Coded), steps=3, stage_steps={"prior": 2})
        assert [(at.stage, at.step, at.steps) for at, _ in told] == [
            *(("main", step, 3) for step in range(3)),
            *(("prior", step, 2) for step in range(2)),
        ]

    def test_a_later_stage_has_as_many_steps_as_the_first_unless_said_otherwise(self):
        assert sum(at.stage == "prior" for at, _ in run(build(Coded), steps=3)) == 3

    def test_each_stage_moves_its_own_groups(self):
        model = build(Coded)
        run(model, steps=3, stage_steps={"prior": 1})
        after = weights(model)
        other = build(Coded)
        run(other, steps=3, stage_steps={"prior": 4})
        assert torch.equal(after["encoder.weight"], weights(other)["encoder.weight"])
        assert not torch.equal(after["prior"], weights(other)["prior"])

    def test_the_prior_learns_how_often_each_sign_is_chosen(self):
        model = build(Coded)
        run(model, steps=1, stage_steps={"prior": 300})
        share = (model.encode(pictures()[:]) > 0).float().mean(0)
        torch.testing.assert_close(model.prior.sigmoid(), share, rtol=0, atol=0.1)

    def test_what_is_logged_is_reported_beside_the_losses(self):
        ((_, values), *_) = run(build(Coded), steps=1)
        assert set(values) == {"encoder reconstruction", "encoder commitment", "decoder", "used"}
        assert 0 <= values["used"] <= 4


class Plain(Linear):
    """One group of everything."""

    name = "plain"
    version = 1

    def groups(self) -> dict[str, Group]:
        return {"all": Group(self.parameters(), torch.optim.SGD, {"lr": LR}, self.schedule)}

    schedule = None

    def objectives(self, x: Tensor, at: At) -> Iterator[Mapping[str, Objective]]:
        yield {"all": {"reconstruction": self.criterion(self.raw(self.encode(x)), x)}}


def test_terms_of_a_lone_group_go_by_their_own_names():
    assert [set(values) for _, values in run(build(Plain), steps=2)] == [{"reconstruction"}] * 2


def test_the_schedule_multiplies_the_learning_rate_over_the_stage():
    class Scheduled(Plain):
        schedule = staticmethod(lambda progress: 1 - progress)

    class Fixed(Plain):
        pass

    seen: list[float] = []
    model = build(Scheduled)
    stepper = Stepper(model.groups()["all"])
    for step in range(4):
        before = model.decoder.bias.detach().clone()
        gradient = tuple(torch.ones_like(p) for p in stepper.parameters)
        stepper.schedule_rate(At("main", step, 4))
        stepper.step(gradient)
        seen.append((before - model.decoder.bias).mean().item() / LR)
    assert seen == pytest.approx([1, 0.75, 0.5, 0.25], rel=1e-4)
    one, two = build(Scheduled), build(Fixed)
    run(one), run(two)
    assert not torch.equal(one.decoder.weight, two.decoder.weight)


def test_a_group_without_a_part_in_an_objective_is_left_as_it_is():
    """Adam must not move a parameter that got no gradient."""

    class Idle(Plain):
        def groups(self) -> dict[str, Group]:
            return {"all": Group(self.parameters())}

        def objectives(self, x: Tensor, at: At) -> Iterator[Mapping[str, Objective]]:
            yield {"all": self.encode(x).square().sum(1)}

    model = build(Idle)
    before = weights(model)
    run(model)
    after = weights(model)
    assert torch.equal(after["decoder.weight"], before["decoder.weight"])
    assert not torch.equal(after["encoder.weight"], before["encoder.weight"])


def test_no_gradient_is_left_behind():
    model = build(Rivals)
    run(model)
    assert all(p.grad is None for p in model.parameters())
    assert not model.training


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_a_loss_that_is_no_number_raises_diverged_and_names_the_term(bad):
    class Bad(Plain):
        def objectives(self, x: Tensor, at: At) -> Iterator[Mapping[str, Objective]]:
            for objectives in super().objectives(x, at):
                yield {"all": {**objectives["all"], "penalty": x.new_full((len(x),), bad if at.step == 2 else 0.0)}}

    with pytest.raises(Diverged, match=rf"^penalty became {bad} at step 2 of stage main$"):
        run(build(Bad))


@pytest.mark.parametrize("name", ["penalty", "other"])
def test_a_log_must_not_have_a_term_s_name(name):
    """It would take the term's place in the curve, and a NaN in the term would go unseen."""

    class Hiding(Plain):
        def objectives(self, x: Tensor, at: At) -> Iterator[Mapping[str, Objective]]:
            at.log(**{name: x.mean()})
            yield {"all": {"size": self.encode(x).square().sum(1), "penalty": x.new_full((len(x),), float("nan"))}}

    reason = "penalty became nan" if name == "other" else r"at.log\(penalty=...\) would hide the term 'penalty'"
    with pytest.raises((ValueError, Diverged), match=reason):
        run(build(Hiding))


def test_weights_that_are_no_numbers_are_found_by_the_next_report():
    class Exploding(Plain):
        def groups(self) -> dict[str, Group]:
            return {"all": Group(self.parameters(), torch.optim.SGD, {"lr": 1e30})}

        def objectives(self, x: Tensor, at: At) -> Iterator[Mapping[str, Objective]]:
            yield {"all": {"size": self.encode(x).square().sum(1)}}

    with pytest.raises(Diverged, match=r"^size became"):
        run(build(Exploding), steps=20)


def test_an_unknown_group_is_named_in_the_error():
    class Misspelt(Plain):
        def objectives(self, x: Tensor, at: At) -> Iterator[Mapping[str, Objective]]:
            yield {"al": self.encode(x).sum(1)}

    with pytest.raises(ValueError, match="the group 'al', but groups"):
        run(build(Misspelt))


@pytest.mark.parametrize("shape", SHAPES)
def test_the_same_seed_gives_the_same_bits(shape):
    one, two, other = build(shape), build(shape), build(shape)
    curves = [run(one), run(two), run(other, seed=1)]
    assert [values for _, values in curves[0]] == [values for _, values in curves[1]]
    assert all(torch.equal(value, weights(two)[name]) for name, value in weights(one).items())
    assert [values for _, values in curves[0]] != [values for _, values in curves[2]]


def rows_of(n: int, batch: int, batches: int, seed: int = 0) -> Tensor:
    """Which rows are drawn, read off images that are their own number."""
    images = Images(torch.arange(n, dtype=torch.uint8).view(n, 1, 1, 1))
    feed = Feed(images, batch, torch.Generator().manual_seed(seed))
    return torch.cat([feed.take() for _ in range(batches)]).mul(255).round().long().flatten()


def test_every_image_once_per_round_in_a_new_order():
    rounds = rows_of(10, 4, 10).split(10)  # four rounds; the third batch reaches into the second
    assert all(sorted(each.tolist()) == list(range(10)) for each in rounds)
    assert len({tuple(each.tolist()) for each in rounds}) == 4


def test_a_batch_larger_than_the_set_is_filled_by_further_rounds():
    assert torch.bincount(rows_of(3, 8, 1)).tolist() in ([3, 3, 2], [3, 2, 3], [2, 3, 3])


def test_the_order_depends_on_its_own_generator_and_on_nothing_else():
    torch.manual_seed(0)
    first = rows_of(50, 50, 1, seed=3).tolist()
    state = torch.get_rng_state()
    assert rows_of(50, 50, 1, seed=3).tolist() == first != rows_of(50, 50, 1, seed=4).tolist()
    assert torch.equal(torch.get_rng_state(), state)


def streamed(images: Images) -> Images:
    return Images(images.pixels, torch.arange(len(images)), torch.device("cpu"))


def test_batches_read_ahead_are_those_that_would_be_read_now():
    here, ahead = (Feed(images, 5, torch.Generator().manual_seed(0)) for images in (pictures(), streamed(pictures())))
    assert all(torch.equal(here.take(), ahead.take()) for _ in range(9))


@pytest.mark.parametrize("images", [pictures(), streamed(pictures())], ids=["resident", "streamed"])
@pytest.mark.parametrize("left", [1, 3, 5, 6, 9])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_course_taken_up_anywhere_ends_in_the_same_bits(shape, left, images):
    """Five steps a stage: left after the first, in the middle, at a stage's end, and in the second stage if any."""
    settings = Settings(8, 5, 4)
    untouched, broken = build(shape), build(shape)
    curves: list[list[dict[str, float]]] = [[], []]
    torch.manual_seed(0)
    whole = Course(untouched, images, settings, torch.Generator().manual_seed(0))
    whole.fit()
    whole.run(lambda at, values: curves[0].append(dict(values)))

    class Left(Exception):
        pass

    def leave(at: At) -> None:
        done.append(at)
        if len(done) == left:
            raise Left

    done: list[At] = []
    torch.manual_seed(0)
    first = Course(broken, images, settings, torch.Generator().manual_seed(0))
    first.fit()
    kept = io.BytesIO()
    with suppress(Left):
        first.run(lambda at, values: curves[1].append(dict(values)), leave)
    torch.save(first.state(), kept)
    kept.seek(0)
    taken_up = build(shape, seed=7)
    second = Course(taken_up, images, settings, torch.Generator().manual_seed(9))
    second.resume(torch.load(kept, weights_only=True))
    second.run(lambda at, values: curves[1].append(dict(values)))
    assert curves[0] == curves[1]
    assert all(torch.equal(value, untouched.state_dict()[name]) for name, value in taken_up.state_dict().items())


def test_reports_come_at_most_fifty_odd_times_and_always_at_the_last_step():
    told = [at.step for at, _ in run(build(Plain), steps=234)]
    assert told[0] == 0 and told[-1] == 233
    assert 50 <= len(told) <= 61
