"""Every network of docs/models.md, by its weights alone: logits and maps equal those of plain autograd on one image."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from model_zoo import (
    CLASSES,
    FACES,
    HUGGING_FACE,
    SMALL,
    TIMM,
    TOLERANCE,
    TORCHVISION,
    Row,
    built,
    cell_offsets,
    difference,
    layout_text,
    noise,
    plain_maps,
    seeded,
    small_vit,
    with_random_head,
)

from reportgen.config import ModelConfig, Preprocessing
from reportgen.explain.maps import METHODS
from reportgen.models.layouts import MapLayout
from reportgen.models.registry import build_model

IMPULSE_TOLERANCE = 0.15  # of a cell: what random weights leave of noise


def check(row: Row, folder: Path) -> None:
    net = with_random_head(row, seeded(row.make))
    model = built(row, net, folder, Preprocessing(width=row.side, height=row.side))
    found = (model.architecture, model.layer_name, layout_text(model.layout), model.num_classes)
    assert found == (row.title, row.layer, row.layout, CLASSES)
    assert difference(net, model, noise(row.side), "gradcam") <= TOLERANCE


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(row, id=row.id, marks=pytest.mark.slow if row.slow else ())
        for row in (*TORCHVISION, *FACES, *SMALL)
    ],
)
def test_maps_are_those_of_plain_autograd(row: Row, tmp_path: Path) -> None:
    check(row, tmp_path)


@pytest.mark.extras
@pytest.mark.parametrize("row", [pytest.param(row, id=row.id) for row in (*TIMM, *HUGGING_FACE)])
def test_maps_of_other_libraries_networks_are_those_of_plain_autograd(row: Row, tmp_path: Path) -> None:
    check(row, tmp_path)


def check_cells(row: Row, folder: Path) -> None:
    """The centre of the squared gradient of a middle cell on pictures of noise lies where the cell is drawn."""
    net = seeded(row.make).requires_grad_(False)
    for measured, usual, left in cell_offsets(row, net, folder):
        assert abs(measured - row.offset) < row.measured
        assert abs(usual - row.offset) < IMPULSE_TOLERANCE
        assert abs(left) < IMPULSE_TOLERANCE


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(row, id=row.id, marks=pytest.mark.slow if row.slow else ())
        for row in (*TORCHVISION, *FACES, *SMALL)
    ],
)
def test_cells_lie_where_they_see(row: Row, tmp_path: Path) -> None:
    check_cells(row, tmp_path)


@pytest.mark.extras
@pytest.mark.parametrize("row", [pytest.param(row, id=row.id) for row in (*TIMM, *HUGGING_FACE)])
def test_cells_of_other_libraries_networks_lie_where_they_see(row: Row, tmp_path: Path) -> None:
    check_cells(row, tmp_path)


def test_all_methods_work_on_tokens(tmp_path: Path) -> None:
    net = seeded(small_vit)
    spec = Preprocessing(width=64, height=64)
    for method in sorted(METHODS):
        model = build_model("m", net.state_dict(), ModelConfig(checkpoint=tmp_path / "m", preprocessing=spec))
        assert difference(net, model, noise(64), method) <= TOLERANCE


def test_both_layers_of_a_class_token_vit_see_the_same_patches(tmp_path: Path) -> None:
    """The last block's first norm and the output of the block before hold maps of the same cells."""
    net = seeded(small_vit)
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
    """One row per network: what the tests above expect, and a difference within the tolerance."""
    text = (Path(__file__).parents[2] / "docs" / "models.md").read_text(encoding="utf-8").partition("\n## ")[0]
    rows = [tuple(cell.strip(" `") for cell in line.strip("|").split("|")) for line in text.splitlines()
            if line.startswith("| ")][1:]  # fmt: skip
    expected = [
        (row.title, row.source, row.layer, row.layout, f"{row.offset:.2f} → 0.0")
        for row in (*TORCHVISION, *FACES, *TIMM, *HUGGING_FACE)
    ]
    assert sorted(row[:5] for row in rows) == sorted(expected)
    assert len(rows) >= 45
    assert all(0 <= float(row[5].removeprefix("< ")) <= TOLERANCE for row in rows)
