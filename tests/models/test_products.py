"""Linear layers and 1 x 1 convolutions by oneDNN's product: the same numbers and gradients as torch's own."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from reportgen.models import products
from reportgen.models.products import FasterProducts, faster_products, keep_sorted

needs_onednn = pytest.mark.skipif(not products._is_there(), reason="this torch has no product of oneDNN")


def close(found: torch.Tensor, expected: torch.Tensor) -> bool:
    found, expected = found.detach(), expected.detach()
    return found.shape == expected.shape and float((found - expected).abs().max()) <= 1e-5 * float(expected.abs().max())


class Counted:
    """How often oneDNN's product was used."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.times, inner = 0, products._product

        def product(*args):
            self.times += 1
            return inner(*args)

        patch.setattr(products, "_product", product)


@needs_onednn
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(
    ("layer", "shape", "used"),
    [
        ("linear", (3, 20, 24), True),
        ("linear", (3, 4, 5, 24), True),
        ("linear", (30, 24), False),  # a head: its rows are the images of a batch
        ("linear", (3, 15, 24), False),
        ("convolution", (2, 24, 5, 4), True),
        ("convolution", (2, 24, 3, 3), False),
        ("strided", (2, 24, 8, 8), False),
        ("grouped", (2, 24, 8, 8), False),
        ("attention", (3, 20, 24), True),
    ],
)
def test_values_and_gradients_are_those_of_torch(layer, shape, used, bias, monkeypatch) -> None:
    torch.manual_seed(1)
    net = {
        "linear": lambda: nn.Linear(24, 16, bias),
        "convolution": lambda: nn.Conv2d(24, 16, 1, bias=bias),
        "strided": lambda: nn.Conv2d(24, 16, 1, 2, bias=bias),
        "grouped": lambda: nn.Conv2d(24, 16, 1, groups=2, bias=bias),
        "attention": lambda: nn.MultiheadAttention(24, 3, bias=bias, batch_first=True),
    }[layer]().eval().requires_grad_(False)  # fmt: skip
    x = torch.randn(shape)
    if len(shape) == 4 and layer != "linear":
        x = x.contiguous(memory_format=torch.channels_last)
    x.requires_grad_(True)

    def run() -> torch.Tensor:
        return net(x, x, x, need_weights=False)[0] if layer == "attention" else net(x)

    expected = run()
    seeds = torch.randn(4, *expected.shape)
    seeds[..., :3] = 0
    wanted = torch.stack([torch.autograd.grad(expected, x, seed, retain_graph=True)[0] for seed in seeds])
    counted = Counted(monkeypatch)
    with FasterProducts():
        found = run()
    assert (counted.times > 0) == used
    assert close(found, expected)
    assert close(torch.stack([torch.autograd.grad(found, x, s, retain_graph=True)[0] for s in seeds]), wanted)
    if layer != "attention":
        batched = torch.vmap(lambda seed: torch.autograd.grad(found, x, seed, retain_graph=True)[0])(seeds)
        assert close(batched, wanted)


@needs_onednn
def test_an_image_has_the_same_bits_in_every_batch() -> None:
    layer, x = nn.Linear(384, 128).requires_grad_(False), torch.randn(8, 50, 384)
    with torch.no_grad(), FasterProducts():
        whole = layer(x)
        assert all(torch.equal(layer(x[:n]), whole[:n]) for n in (1, 2, 4))


@needs_onednn
@pytest.mark.parametrize("place", ["rows", "columns", "everywhere"])
def test_gradients_that_are_zero_in_places_lose_nothing(place: str) -> None:
    gradient, weight = torch.randn(2, 100, 12), torch.randn(12, 9)
    if place != "columns":
        gradient[:, 1:] = 0
    if place != "rows":
        gradient[..., :8] = 0
    if place == "everywhere":
        gradient[:] = 0
        assert not bool(products._to_input(gradient, weight).any())
        return
    assert close(products._to_input(gradient, weight), gradient @ weight)


def test_other_types_parameters_that_train_and_autocast_are_left_to_torch(monkeypatch) -> None:
    counted = Counted(monkeypatch)
    with FasterProducts():
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            assert nn.Linear(24, 16)(torch.randn(2, 30, 24)).dtype == torch.bfloat16
        nn.Linear(24, 16).double()(torch.randn(2, 30, 24).double())
        layer = nn.Linear(24, 16)
        layer(torch.randn(2, 30, 24)).sum().backward()
        assert layer.weight.grad is not None
    assert counted.times == 0


def test_where_products_cannot_be_faster_torch_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(faster_products(torch.zeros(1)), FasterProducts) == products._is_there()
    assert not isinstance(faster_products(torch.zeros(1, device="meta")), FasterProducts)
    monkeypatch.setattr(products, "_is_there", lambda: False)
    assert not isinstance(faster_products(torch.zeros(1)), FasterProducts)


needs_sorting = pytest.mark.skipif(not products._sorting_is_there(), reason="this torch cannot sort weights beforehand")


def sorted_layer(monkeypatch: pytest.MonkeyPatch, **settings) -> tuple[nn.Conv2d, nn.Conv2d, list[torch.Tensor]]:
    """A convolution, the same one with sorted weights, and a list that grows with every sorting."""
    torch.manual_seed(1)
    plain = nn.Conv2d(128, 136, **{"kernel_size": 3, **settings}).requires_grad_(False)
    plain.to(memory_format=torch.channels_last)
    layer, times, inner = copy.deepcopy(plain), [], torch.ops.mkldnn._reorder_convolution_weight

    def sort(weight, *args):
        times.append(weight)
        return inner(weight, *args)

    monkeypatch.setattr(torch.ops.mkldnn, "_reorder_convolution_weight", sort)
    keep_sorted(layer)
    return plain, layer, times


def pictures(n: int) -> torch.Tensor:
    return torch.randn(n, 128, 20, 21).contiguous(memory_format=torch.channels_last)


@needs_sorting
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"padding": 1},
        {"stride": 2, "padding": (1, 0)},
        {"dilation": 2, "padding": 2},
        {"kernel_size": 5},
        {"kernel_size": 1, "stride": 2},
    ],
)
def test_sorted_weights_give_torchs_own_bits_in_every_batch(settings, bias, monkeypatch) -> None:
    plain, layer, times = sorted_layer(monkeypatch, bias=bias, **settings)
    x = pictures(8)
    for n in (8, 2, 3):
        found, expected = layer(x[:n]), plain(x[:n])
        assert torch.equal(found, expected)
        assert found.stride() == expected.stride()
    assert len(times) == 1


@needs_sorting
@pytest.mark.parametrize(
    "settings", [{"groups": 2}, {"padding": "same"}, {"padding_mode": "reflect", "padding": 1}, {"kernel_size": 1}]
)
def test_other_convolutions_are_left_alone(settings, monkeypatch) -> None:
    _, layer, times = sorted_layer(monkeypatch, **settings)
    layer(pictures(1))
    assert not times
    assert "_conv_forward" not in vars(layer)


@needs_sorting
def test_weights_are_sorted_again_where_others_are_loaded(monkeypatch) -> None:
    plain, layer, times = sorted_layer(monkeypatch)
    x = pictures(2)
    with torch.inference_mode():  # what it keeps is used outside of it, too
        layer(x)
    layer.weight.mul_(2)
    assert torch.allclose(layer(x) - layer.bias[:, None, None], 2 * (plain(x) - plain.bias[:, None, None]), atol=1e-5)
    layer.weight.data = plain.weight.data.clone()
    assert torch.equal(layer(x), plain(x))
    assert len(times) == 3
    assert torch.equal(copy.deepcopy(layer)(x), plain(x))
    assert len(times) == 4


@needs_sorting
def test_gradients_other_types_and_layouts_are_torchs_own(monkeypatch: pytest.MonkeyPatch) -> None:
    plain, layer, times = sorted_layer(monkeypatch)
    x = pictures(2).requires_grad_(True)
    (found,), (expected,) = (torch.autograd.grad(one(x).square().sum(), x) for one in (layer, plain))
    assert torch.equal(found, expected)
    with torch.no_grad():
        assert torch.equal(layer(x.contiguous()), plain(x.contiguous()))
        with torch.autocast("cpu", torch.bfloat16):
            assert layer(x).dtype == torch.bfloat16
        assert layer.double()(x.double()).dtype == torch.float64
    assert not times
