"""Every family, by its weights alone: logits and maps equal those of plain autograd on one image, and cells lie where
they see.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from reportgen.cell_grid import CellAxis, CellGrid
from reportgen.config import ModelConfig, Preprocessing
from reportgen.explain.explainer import Explainer, Question
from reportgen.explain.maps import METHODS, raw_maps
from reportgen.faces.regions import REGIONS
from reportgen.models.architectures.torchvision_ops import import_torchvision
from reportgen.models.cell_places import measure_cells
from reportgen.models.layouts import CHANNELS_FIRST, MapLayout
from reportgen.models.preprocessing import normalise
from reportgen.models.registry import build_model

CLASSES = 7
TOLERANCE = 1e-4  # of the largest number
IMPULSE_TOLERANCE = 0.15  # of a cell: what random weights leave of noise


def swin(**more) -> nn.Module:
    return import_torchvision().models.swin_transformer.SwinTransformer(
        patch_size=[4, 4], embed_dim=24, depths=[2, 2], num_heads=[2, 4], window_size=[4, 4], mlp_ratio=2.0,
        num_classes=CLASSES, **more,
    )  # fmt: skip


def vit() -> nn.Module:
    return import_torchvision().models.VisionTransformer(
        image_size=64, patch_size=16, num_layers=3, num_heads=3, hidden_dim=192, mlp_dim=384, num_classes=CLASSES
    )


def zoo(name: str) -> Callable[[], nn.Module]:
    return lambda: import_torchvision().models.get_model(name, weights=None, num_classes=CLASSES)


# name: maker, side of the input, title, layer, layout, layer of a plain hook
FAST = {
    "resnet18": (zoo("resnet18"), 64, "ResNet18", "layer4"),
    "vgg11_bn": (zoo("vgg11_bn"), 64, "VGG11 with batch norm", "features"),
    "mobilenet_v3_small": (zoo("mobilenet_v3_small"), 64, "MobileNetV3-Small", "features"),
    "small swin": (swin, 64, "Swin", "permute"),
    "small vit": (vit, 64, "ViT-Ti/16", "encoder.layers.encoder_layer_2.ln_1"),
}
SLOW = {
    "densenet121": (zoo("densenet121"), 64, "DenseNet121", "features"),
    "efficientnet_b0": (zoo("efficientnet_b0"), 64, "EfficientNet-B0", "features"),
    "convnext_tiny": (zoo("convnext_tiny"), 64, "ConvNeXt-T", "features"),
    "resnet34": (zoo("resnet34"), 96, "ResNet34", "layer4"),
    "resnet50": (zoo("resnet50"), 96, "ResNet50", "layer4"),
    "vgg16": (zoo("vgg16"), 224, "VGG16", "features"),
    "vgg16_bn": (zoo("vgg16_bn"), 224, "VGG16 with batch norm", "features"),
    "mobilenet_v2": (zoo("mobilenet_v2"), 224, "MobileNetV2", "features"),
    "mobilenet_v3_large": (zoo("mobilenet_v3_large"), 224, "MobileNetV3-Large", "features"),
    "efficientnet_b2": (zoo("efficientnet_b2"), 224, "EfficientNet-B2", "features"),
    "efficientnet_v2_s": (zoo("efficientnet_v2_s"), 224, "EfficientNetV2-S", "features"),
    "swin_t": (zoo("swin_t"), 224, "Swin-T", "permute"),
    "vit_b_16": (zoo("vit_b_16"), 224, "ViT-B/16", "encoder.layers.encoder_layer_11.ln_1"),
}


# By the first letters of a name: how far a cell sees from where heatmaps are usually drawn, in cells.
OFFSETS = {"resnet": -0.48, "mobilenet": -0.48, "efficientnet": -0.48, "densenet": -0.05}


def offset_of(name: str) -> float:
    return next((offset for start, offset in OFFSETS.items() if name.startswith(start)), 0.0)


def seeded(make: Callable[[], nn.Module]) -> nn.Module:
    """Random weights, with statistics and heads that are not the trivial ones of a fresh network."""
    torch.manual_seed(5)
    net = make()
    for layer in net.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.uniform_(layer.running_mean, -0.1, 0.1)
            nn.init.uniform_(layer.running_var, 0.5, 1.5)
        if isinstance(layer, nn.Linear) and layer.out_features == CLASSES:
            nn.init.normal_(layer.weight, std=0.05)
    return net.eval()


def plain_maps(net: nn.Module, layer: str, layout: MapLayout, x: torch.Tensor, method: str):
    """Logits and maps of one image: its whole graph, and one ordinary backward pass per class."""
    seen: list[torch.Tensor] = []

    def hook(module: nn.Module, inputs: object, output: torch.Tensor) -> torch.Tensor:
        seen.append(output)
        return output.clone()  # what follows may work in place, as DenseNet's last ReLU does

    handle = net.get_submodule(layer).register_forward_hook(hook)
    logits = net(x.clone().requires_grad_(True))
    handle.remove()
    gradients = [torch.autograd.grad(logits[0, c], seen[0], retain_graph=True)[0] for c in range(logits.shape[1])]
    activations = layout.to_maps(seen[0].detach())
    return logits.detach(), raw_maps(method, activations, torch.stack([layout.to_maps(g) for g in gradients]))


def compare(net: nn.Module, state: dict[str, torch.Tensor], side: int, tmp_path, methods=("gradcam",)):
    """The model as built from its weights against the network itself."""
    spec = Preprocessing(width=side, height=side)
    images = list(np.random.default_rng(0).integers(0, 256, (2, side, side, 3), np.uint8))
    for method in methods:
        model = build_model("m", state, ModelConfig(checkpoint=tmp_path / "m.pth", preprocessing=spec))
        layer, layout = model.layer_name, model.layout
        with Explainer(model, range(CLASSES), method, torch.device("cpu")) as explainer:
            masks = np.zeros((len(REGIONS), *explainer.grid.shape), np.float32)
            found = explainer.explain([Question(0, -1, image, masks) for image in images])
        for i, image in enumerate(images):
            logits, maps = plain_maps(net, layer, layout, normalise([image], spec), method)
            for ours, theirs in ((found.logits[i], logits[0]), (found.maps[i], maps[0])):
                largest = float(theirs.abs().max())
                assert largest > 0
                assert float(np.abs(ours - theirs.numpy()).max()) <= TOLERANCE * largest
    return model


@pytest.mark.parametrize("name", [*FAST, *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)])
def test_maps_are_those_of_plain_autograd(name: str, tmp_path) -> None:
    make, side, title, layer = (FAST | SLOW)[name]
    net = seeded(make)
    state = {f"module.net.{key}": value.clone() for key, value in net.state_dict().items()}
    model = compare(net, state, side, tmp_path)
    assert (model.architecture, model.layer_name, model.num_classes) == (title, layer, CLASSES)


@pytest.mark.parametrize("name", [*FAST, *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)])
def test_cells_lie_where_they_see(name: str) -> None:
    """The centre of the squared gradient of a middle cell on pictures of noise, with the network's own seeded weights,
    lies where the cell is drawn.
    """
    make, side, _, layer = (FAST | SLOW)[name]
    net = seeded(make).requires_grad_(False)
    tokens = "encoder" in layer
    size = side if tokens or name == "small swin" else 256  # a small picture cuts off what a cell sees
    layout = MapLayout("tokens", 1, size // 16, size // 16) if tokens else CHANNELS_FIRST
    pictures = torch.randn(6, 3, size, size, generator=torch.Generator().manual_seed(3))
    grid = measure_cells(net, layer, layout, pictures[:1])
    assert grid is not None
    assert [round(offset, 2) for offset in grid.offset] == [offset_of(name)] * 2
    for axis, usual, seen, cell in impulses(net, layer, layout, pictures, grid):
        before = (seen - usual.centres[cell] * size) / (usual.step * size)
        after = (seen - axis.centres[cell] * size) / (axis.step * size)
        assert abs(before - offset_of(name)) < IMPULSE_TOLERANCE
        assert abs(after) < IMPULSE_TOLERANCE


def impulses(net: nn.Module, layer: str, layout: MapLayout, pictures: torch.Tensor, grid: CellGrid):
    """Per axis of the grid: the usual one of so many cells, what a middle cell sees in pixels, and the cell."""
    seen: list[torch.Tensor] = []
    handle = net.get_submodule(layer).register_forward_hook(lambda module, inputs, output: seen.append(output.clone()))
    pictures = pictures.clone().requires_grad_(True)
    net(pictures)
    handle.remove()
    cells = layout.to_maps(seen[0])
    row, column = grid.shape[0] // 2, grid.shape[1] // 2
    channels = torch.randn(cells.shape[:2], generator=torch.Generator().manual_seed(4))
    (gradient,) = torch.autograd.grad((cells[:, :, row, column] * channels).sum(), pictures)
    energy = gradient.double().square().sum(dim=(0, 1))
    for axis, cell, along in ((grid.rows, row, 1), (grid.columns, column, 0)):
        profile = energy.sum(dim=along)
        pixels = torch.arange(len(profile), dtype=torch.float64) + 0.5
        yield axis, CellAxis.even(axis.count), float(profile @ pixels / profile.sum()), cell


def test_all_methods_work_on_tokens(tmp_path) -> None:
    net = seeded(vit)
    compare(net, net.state_dict(), 64, tmp_path, methods=sorted(METHODS))


def test_both_layers_of_a_class_token_vit_see_the_same_patches(tmp_path) -> None:
    """The last block's first norm and the output of the block before hold maps of the same cells."""
    net = seeded(vit)
    for layer in ("encoder.layers.encoder_layer_1", "encoder.layers.encoder_layer_2.ln_1"):
        config = ModelConfig(
            checkpoint=tmp_path / "m", target_layer=layer, preprocessing=Preprocessing(width=64, height=64)
        )
        model = build_model("m", net.state_dict(), config)
        assert model.layout == MapLayout("tokens", 1, 4, 4)
        x = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(2))
        _, maps = plain_maps(net, layer, model.layout, x, "hirescam")
        assert float(maps.abs().max()) > 0


def test_docs_models_lists_what_is_tested_here() -> None:
    """One row per network: title, layer, layout and impulse offset as the tests above expect them."""
    text = (Path(__file__).parents[2] / "docs" / "models.md").read_text(encoding="utf-8")
    rows = [tuple(cell.strip(" `") for cell in line.strip("|").split("|")) for line in text.splitlines()
            if line.startswith("| ")][1:]  # fmt: skip
    expected = [
        (title, layer, "tokens" if "encoder" in layer else "channels first", f"{offset_of(name):.2f} → 0.0")
        for name, (_, _, title, layer) in (FAST | SLOW).items()
        if title not in ("Swin", "ViT-Ti/16")
    ]
    assert sorted(row[:4] for row in rows) == sorted(expected)
