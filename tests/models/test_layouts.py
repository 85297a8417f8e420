"""Where the cells lie: networks that answer to one patch of the picture only, in every layout."""

from functools import partial

import pytest
import torch
from torch import nn

from reportgen.cell_grid import CellGrid
from reportgen.errors import ConfigError
from reportgen.models.cell_places import measure_cells
from reportgen.models.layers import find_layer
from reportgen.models.layouts import MapLayout, possible_layouts, probe_layout


class OnePatch(nn.Module):
    """Cells of 8 x 8 pixels in some layout; the two outputs hang on the cell at (row, column) alone."""

    def __init__(self, kind: str, prefix: int, row: int, column: int, channels: int = 12) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.patches = nn.Conv2d(3, channels, 8, 8)
        self.cells = Rearranged(kind, prefix)
        self.kind, self.prefix, self.row, self.column = kind, prefix, row, column
        self.head = nn.Linear(channels, 2)

    def forward(self, x):
        maps = self.patches(x)
        cells = self.cells(maps)
        if self.kind == "channels_first":
            return self.head(cells[:, :, self.row, self.column])
        if self.kind == "channels_last":
            return self.head(cells[:, self.row, self.column])
        return self.head(cells[:, self.prefix + self.row * maps.shape[3] + self.column])


class Rearranged(nn.Module):
    def __init__(self, kind: str, prefix: int) -> None:
        super().__init__()
        self.kind, self.prefix = kind, prefix

    def forward(self, maps):
        if self.kind == "channels_first":
            return maps * 1
        if self.kind == "channels_last":
            return maps.permute(0, 2, 3, 1)
        tokens = maps.flatten(2).transpose(1, 2)
        return torch.cat([torch.ones_like(tokens[:, :1]).expand(-1, self.prefix, -1), tokens], dim=1)


def replaced(module, inputs, output, by):
    return by


LAYOUTS = [("channels_first", 0), ("channels_last", 0), *(("tokens", prefix) for prefix in (0, 1, 2, 5))]


@pytest.mark.parametrize(("height", "width"), [(64, 64), (48, 96), (96, 32)])
@pytest.mark.parametrize(("kind", "prefix"), LAYOUTS)
def test_the_one_patch_that_counts_is_the_one_cell_with_a_gradient(kind, prefix, height, width) -> None:
    h, w = height // 8, width // 8
    for row, column in ((0, w - 1), (h - 2, 1)):
        # As many channels as the grid is wide: the shape alone does not tell the axes apart.
        net = OnePatch(kind, prefix, row, column, channels=w).eval()
        image = torch.randn(1, 3, height, width, generator=torch.Generator().manual_seed(1))
        layer = find_layer("m", net, image, "cells", None)
        assert (layer.layout.kind, layer.layout.prefix) == (kind, prefix)
        assert measure_cells(net, layer.name, layer.layout, image) == CellGrid.even(h, w)
        with torch.no_grad():
            output = net.cells(net.patches(image))
        leaf = output.requires_grad_(True)
        handle = net.cells.register_forward_hook(partial(replaced, by=leaf))
        net(image)[0, 1].backward()
        handle.remove()
        gradient = layer.layout.to_maps(leaf.grad).abs().sum(dim=1)[0]  # (h, w)
        assert gradient.shape == (h, w)
        assert torch.nonzero(gradient).tolist() == [[row, column]]
        picture = image.clone().requires_grad_(True)
        net(picture)[0, 1].backward()
        seen = torch.nonzero(picture.grad.abs().sum(dim=(0, 1)))  # (pixels, 2)
        # The middle of the pixels that count is the centre of the cell as it is drawn.
        assert (seen.double().mean(dim=0) + 0.5).tolist() == [8 * row + 4, 8 * column + 4]


@pytest.mark.parametrize(("kind", "prefix"), LAYOUTS)
def test_maps_go_back_where_they_came_from(kind, prefix) -> None:
    output = Rearranged(kind, prefix)(torch.randn(2, 5, 3, 4))
    layout = MapLayout(kind, prefix, 3, 4)
    assert layout.to_maps(output).shape == (2, 5, 3, 4)
    assert torch.equal(layout.from_maps(layout.to_maps(output), output), output)


def test_a_shape_alone_is_ambiguous_and_a_shuffled_map_is_none() -> None:
    """With 8 channels on 8 x 8 cells both readings fit; cells in random order follow no change of the picture."""
    assert len(possible_layouts((1, 8, 8, 8), 64, 64)) == 2
    assert possible_layouts((1, 512, 7, 7), 224, 224) == [MapLayout("channels_first")]
    assert possible_layouts((1, 7, 7, 768), 224, 224) == [MapLayout("channels_last")]
    assert possible_layouts((1, 197, 768), 224, 224) == [MapLayout("tokens", 1, 14, 14)]
    image = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    order = torch.randperm(64, generator=torch.Generator().manual_seed(3))
    patches = nn.Conv2d(3, 6, 8, 8)

    def shuffled(x):
        maps = patches(x)
        return maps.flatten(2)[:, :, order].reshape(maps.shape)

    straight = probe_layout(patches, image, possible_layouts((1, 6, 8, 8), 64, 64))
    assert straight == MapLayout("channels_first")
    assert probe_layout(lambda x: patches(x).roll(4, 2).roll(4, 3), image, [MapLayout("channels_first")]) is None
    found = probe_layout(shuffled, image, [MapLayout("channels_first")])
    assert found is None or found == MapLayout("channels_first")


@pytest.mark.parametrize(
    ("rows", "columns"), [((0, 28), (0, 64)), ((36, 64), (0, 64)), ((0, 64), (0, 28)), ((0, 64), (36, 64))]
)
def test_a_network_that_sees_a_part_of_the_picture_still_holds_a_map(rows, columns) -> None:
    """Where it sees nothing no cell answers; an axis on which one side answers alone tells nothing."""
    image = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    seen = torch.zeros(1, 1, 64, 64)
    seen[:, :, slice(*rows), slice(*columns)] = 1
    patches = nn.Conv2d(3, 6, 8, 8)
    layouts = possible_layouts((1, 6, 8, 8), 64, 64)
    assert probe_layout(lambda x: patches(x * seen), image, layouts) == MapLayout("channels_first")
    turned = probe_layout(lambda x: patches(x * seen).roll(4, 2).roll(4, 3), image, layouts)
    assert turned is None


def test_one_corner_alone_is_too_little_to_tell_a_map() -> None:
    image = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    corner = torch.zeros(1, 1, 64, 64)
    corner[:, :, :28, :28] = 1
    patches = nn.Conv2d(3, 6, 8, 8)
    assert probe_layout(lambda x: patches(x * corner), image, [MapLayout("channels_first")]) is None


class Head(nn.Module):
    """A class token that answers, and what may go wrong with a layer."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 8, 8)
        self.twice = nn.ReLU()
        self.norm = nn.BatchNorm2d(8)
        self.unused = nn.Conv2d(3, 8, 1)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.dead = nn.Conv2d(8, 8, 1)
        self.fc = nn.Linear(8, 3)

    def forward(self, x):
        x = self.norm(self.twice(self.conv(x)))
        self.dead(x)
        return self.fc(self.pool(self.twice(x)).flatten(1))


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        ("unused", "is not used by the model's forward pass"),
        ("twice", "is used 2 times"),
        ("pool", "has one cell for the whole picture"),
        ("fc", "gives 1x3, expected a feature map"),
        ("dead", "has a gradient of zero everywhere"),
    ],
)
def test_a_layer_that_shows_nothing_is_refused_with_layers_that_would_do(layer: str, reason: str) -> None:
    image = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with pytest.raises(ConfigError, match=rf"target_layer '{layer}' {reason}.*layers that would do: norm, conv"):
        find_layer("m", Head().eval(), image, layer, None)
    assert find_layer("m", Head().eval(), image, None, None).name == "norm"
    assert find_layer("m", Head().eval(), image, None, "pool").name == "norm"


def test_layers_that_would_do_are_found_where_the_last_weights_are_zero() -> None:
    head = Head().eval()
    nn.init.zeros_(head.fc.weight)
    with pytest.raises(ConfigError, match=r"target_layer 'fc' gives 1x3.*layers that would do: norm, conv"):
        find_layer("m", head, torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(1)), "fc", None)
