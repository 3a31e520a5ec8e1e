"""The pretended GPU refuses what CUDA refuses, computes what the CPU computes, and counts launches and waits."""

from __future__ import annotations

import copy
import io
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from safetensors.torch import load, save
from torch import Tensor, nn

from vaebench.checks.pretended_cuda import Cards, Refused, pretended_cuda


@pytest.fixture
def cards() -> Iterator[Cards]:
    with pretended_cuda(cards=2) as found:
        yield found


class TwoDevices(torch.autograd.Function):
    """Its backward pass makes numbers on the CPU."""

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        return x * 2

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        return gradient * torch.arange(3.0)


def on(card: int = 0, *shape: int) -> Tensor:
    return torch.ones(shape or (3,), device=f"cuda:{card}")


FAULTS: dict[str, tuple[Callable[[], object], str]] = {
    "a buffer left on the CPU": (lambda: on() + torch.ones(3), r"add mixes devices: .*cpu.* cuda:0, at test_pr.*py:"),
    "inside an operator": (lambda: on() @ torch.ones(3), "mixes devices"),
    "a layer that was not moved": (lambda: nn.Linear(3, 2)(on()), "linear mixes devices"),
    "input that was not moved": (lambda: nn.Linear(3, 2).to("cuda")(torch.ones(3)), "linear mixes devices"),
    "a list": (lambda: torch.cat([on(), torch.ones(3)]), "cat mixes devices"),
    "a number in a list": (lambda: torch.stack([on(0, 1)[0], torch.ones(())]), "stack mixes devices"),
    "another card": (lambda: on(0) + on(1), "add mixes devices: .*cuda:1.*cuda:0"),
    "a number of another card": (lambda: on(0) + on(1)[0], "add mixes devices"),
    "the current card": (lambda: on(1) + torch.ones(3, device="cuda"), "add mixes devices"),
    "a gradient of another card": (lambda: setattr(nn.Parameter(on(1)), "grad", on(0)), "setting .grad mixes devices"),
    "a card that is not there": (lambda: on(2), "there is no cuda:2"),
    "numpy()": (lambda: on().numpy(), r"numpy\(\) was called on a tensor on cuda:0"),
    "np.asarray()": (lambda: np.asarray(on()), "NumPy cannot read"),
    "a generator of the CPU": (
        lambda: torch.rand(3, generator=torch.Generator(), device="cuda"), r"draws numbers on cuda:0 with .* on cpu"
    ),
    "a generator of the card": (lambda: torch.rand(3, generator=torch.Generator("cuda")), "numbers on the CPU"),
    "a generator of another card": (lambda: on(0).normal_(generator=torch.Generator("cuda:1")), "on cuda:1"),
    "drawing into the CPU": (lambda: torch.ones(3).normal_(generator=torch.Generator("cuda")), "numbers on the CPU"),
    "an index of the card": (lambda: torch.ones(3)[on().long()], "indexing mixes devices"),
    "values of the CPU": (lambda: on().__setitem__(torch.tensor([0, 1]), torch.ones(2)), "assigning by an index mixes"),
    "a backward pass": (lambda: TwoDevices.apply(on().requires_grad_()).sum().backward(), "in the backward pass mixes"),
    "a wait while a graph is captured": (lambda: captured(lambda x: x.sum().item()), "waits for the GPU, which is not"),
}  # fmt: skip


def captured(work: Callable[[Tensor], object]) -> tuple[torch.cuda.CUDAGraph, Tensor]:
    graph, x = torch.cuda.CUDAGraph(), on()
    with torch.cuda.graph(graph):
        work(x)
    return graph, x


@pytest.mark.usefixtures("cards")
def test_an_optimiser_that_is_captured_must_be_capturable() -> None:
    weight = nn.Parameter(on())
    for capturable in (True, False):
        optimizer = torch.optim.Adam([weight], capturable=capturable)
        weight.grad = on()
        optimizer.step()
        if capturable:
            captured(lambda x, optimizer=optimizer: optimizer.step())
            continue
        with pytest.raises(RuntimeError, match="graph capture of step"):
            captured(lambda x, optimizer=optimizer: optimizer.step())


@pytest.mark.usefixtures("cards")
@pytest.mark.parametrize("fault", FAULTS)
def test_what_cuda_refuses_is_refused(fault: str) -> None:
    do, says = FAULTS[fault]
    with pytest.raises(Refused, match=says):
        do()


@pytest.mark.usefixtures("cards")
@pytest.mark.parametrize(
    "allowed",
    [
        lambda: on() + torch.tensor(2.0),
        lambda: on()[torch.tensor([0, 2])],
        lambda: on().copy_(torch.ones(3)),
        lambda: on(1).copy_(on(0)),
        lambda: on().__setitem__(slice(0, 2), torch.ones(2)),
        lambda: on(0).to("cuda:1") + on(1),
        lambda: nn.functional.one_hot(on().long(), 4),
        lambda: torch.rand(3, generator=torch.Generator("cuda:1"), device="cuda:1"),
        lambda: torch.prod(on().requires_grad_()).backward() or on(),
    ],
)
def test_what_cuda_does_is_done(allowed: Callable[[], Tensor]) -> None:
    assert allowed() is None or True


@pytest.mark.usefixtures("cards")
def test_tensors_are_made_where_they_should_be() -> None:
    x = on(1)
    same = [
        x * 2,
        x.new_zeros(2),
        x.new_tensor([1]),
        torch.zeros_like(x),
        x.clone(),
        x[1:],
        x.float().double(),
        x[None].mT,
    ]
    same += [torch.tensor([1], device="cuda:1"), torch.arange(3).to(x), torch.empty(3).type_as(x), x.detach(), x.data]
    with torch.cuda.device(1):
        same += [torch.ones(2, device="cuda"), torch.ones(2).cuda(), torch.ones(2).to("cuda")]
    with torch.device("cuda:1"):
        same += [torch.ones(2), nn.Linear(2, 2).weight]
    same += [*nn.BatchNorm1d(2).to("cuda:1").state_dict().values(), copy.deepcopy(nn.Linear(2, 2).to("cuda:1")).weight]
    assert {str(one.device) for one in same} == {"cuda:1"}
    assert {str(one.device) for one in (x.cpu(), x.to("cpu"), torch.zeros_like(x, device="cpu"))} == {"cpu"}
    assert torch.equal(x.cpu(), torch.ones(3)) and x.tolist() == [1, 1, 1] and x.is_cuda and not x.cpu().is_cuda


@pytest.mark.usefixtures("cards")
def test_the_data_of_a_parameter_may_be_replaced() -> None:
    weight = nn.Parameter(on())
    weight.data = 2 * weight.data
    weight.data[0] = 5
    assert weight.tolist() == [5, 2, 2]
    with pytest.raises(Refused, match=r"setting .data mixes devices"):
        weight.data = torch.ones(3)


def test_launches_and_waits_are_counted_by_card(cards: Cards) -> None:
    x = on(1, 4, 3)
    before = cards[1].launches
    x.view(3, 4).t()[0].expand(2, 3).detach()
    assert cards[1].launches == before, "views launch nothing"
    (x + 1).relu_()
    assert cards[1].launches == before + 2
    assert not cards.waits
    for number, ask in enumerate([Tensor.item, bool, float], 1):
        ask(x.sum())
        assert cards[1].waits == number
    asked = [Tensor.cpu, lambda y: y.tolist(), Tensor.nonzero, lambda y: y[y > 0], lambda y: y[[0]]]
    for number, ask in enumerate(asked, 4):
        ask(x)
        assert cards[1].waits == number
    assert (cards[0].launches, cards[0].waits) == (0, 0)
    assert all("test_pretended_cuda.py" in text for text in cards[1].waited)
    pinned = torch.ones(3).pin_memory()
    pinned.to("cuda", non_blocking=True)
    assert not cards[0].waits
    torch.ones(3).to("cuda", non_blocking=True)
    assert cards[0].waits == 1, "memory that is not pinned"


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 5))


def trained(device: str, **options: object) -> dict[str, Tensor]:
    model = network().to(device)
    optimizer = torch.optim.Adam(model.parameters(), **options)
    x = torch.linspace(0, 1, 128).reshape(2, 1, 8, 8).to(device)
    for _ in range(3):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), torch.tensor([1, 2], device=device)).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    return {name: value.cpu() for name, value in model.state_dict().items()}


@pytest.mark.parametrize("options", [{"fused": True}, {"foreach": True}, {"fused": True, "capturable": True}, {}])
def test_it_computes_what_the_cpu_computes(cards: Cards, options: dict[str, object]) -> None:
    expected = trained("cpu", fused=options.get("fused", False), foreach=options.get("foreach"))
    for name, value in trained("cuda:1", **options).items():
        torch.testing.assert_close(value, expected[name], msg=name)
    if options.get("fused"):
        assert cards[1].launched["_fused_adam_"] == 3
    assert not [text for text in cards[1].waited if "copying" not in text]
    assert cards[0].launches == 0


@pytest.mark.usefixtures("cards")
def test_a_card_has_random_numbers_of_its_own() -> None:
    torch.manual_seed(3)
    host, card = torch.get_rng_state(), torch.cuda.get_rng_state("cuda:1")
    first = torch.randn_like(on(1))
    assert torch.equal(torch.get_rng_state(), host), "drawing on a card leaves the host's generator alone"
    second = torch.randn(3, device="cuda:1")
    torch.cuda.set_rng_state(card, "cuda:1")
    assert torch.equal(first, torch.randn(3, device="cuda:1"))
    assert not torch.equal(first, second)
    torch.manual_seed(3)
    assert torch.equal(first, torch.randn_like(on(1)))


@pytest.mark.usefixtures("cards")
def test_a_model_is_saved_and_read_again() -> None:
    model = network().to("cuda:1")
    state = {name: value.clone().contiguous() for name, value in model.state_dict().items()}
    buffer = io.BytesIO()
    torch.save(model.state_dict(), buffer)
    buffer.seek(0)
    for found in (load(save(state)), torch.load(buffer, map_location="cpu", weights_only=True)):
        assert all(torch.equal(found[name], value.cpu()) for name, value in state.items())
    fresh = network().to("cuda:0")
    fresh.load_state_dict(state)
    assert {str(p.device) for p in fresh.parameters()} == {"cuda:0"}


@pytest.mark.parametrize("replays", [True, False])
def test_a_graph_does_what_it_captured_when_it_is_replayed(replays: bool) -> None:
    with pretended_cuda(replays=replays) as cards:
        graph, x = captured(lambda x: x.add_(torch.rand_like(x)).mul_(2))
        seen = [x.tolist()]
        for _ in range(2):
            graph.replay()
            seen.append(x.tolist())
        assert (graph.captures, graph.replays, cards.graphs) == (1, 2, [graph])
        if replays:
            assert seen[0] == [1, 1, 1], "nothing is done while it is captured"
            assert len({str(each) for each in seen}) == 3
        else:
            assert seen[1] == seen[0] != [1, 1, 1]


def test_everything_is_as_before_afterwards() -> None:
    def names() -> list[object]:
        owned = (torch.zeros, torch.Generator, torch.inference_mode, torch.Tensor.to, torch.cuda.is_available)
        return [*owned, torch.are_deterministic_algorithms_enabled(), "to" in vars(torch.Tensor)]

    before = names()
    with pytest.raises(ZeroDivisionError), pretended_cuda():
        assert torch.cuda.is_available() and torch.cuda.device_count() == 1
        torch.use_deterministic_algorithms(True)
        raise ZeroDivisionError
    assert names() == before
