"""torchvision's Swin transformers, version 1: depth, heads and windows are read from the shapes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from reportgen.models.architectures.family import Family, Variant
from reportgen.models.architectures.torchvision_ops import import_torchvision

__all__ = ["SWIN"]

_TABLE = "attn.relative_position_bias_table"
_TITLES: dict[tuple[int, tuple[int, ...]], str] = {
    (96, (2, 2, 6, 2)): "Swin-T",
    (96, (2, 2, 18, 2)): "Swin-S",
    (128, (2, 2, 18, 2)): "Swin-B",
}


def _variant(shapes: Mapping[str, tuple[int, ...]]) -> Variant | None:
    stem, mlp = shapes.get("features.0.0.weight", ()), shapes.get("features.1.0.mlp.0.weight", ())
    if len(stem) != 4 or len(mlp) != 2:
        return None
    # Stages have odd places, between them tokens are merged.
    tables = [name for name in shapes if name.startswith("features.") and name.endswith(_TABLE)]
    stages = sorted({int(name.split(".")[1]) for name in tables})
    depths = [sum(name.startswith(f"features.{stage}.") for name in tables) for stage in stages]
    heads = [shapes[f"features.{stage}.0.{_TABLE}"][1] for stage in stages]
    window = (round(shapes[f"features.1.0.{_TABLE}"][0] ** 0.5) + 1) // 2
    build = partial(
        import_torchvision().models.swin_transformer.SwinTransformer,
        patch_size=list(stem[2:]), embed_dim=stem[0], depths=depths, num_heads=heads, window_size=[window, window],
        mlp_ratio=mlp[0] / mlp[1],
    )  # fmt: skip
    return Variant(_TITLES.get((stem[0], tuple(depths)), "Swin"), build)


# Behind the last norm, where the map lies as (B, K, h, w) and its average is all that the head sees.
SWIN = Family(
    anchor=f"features.1.0.{_TABLE}",
    head="head",
    layer="permute",
    stem="features.0.0.weight",
    variant=_variant,
)
