"""torchvision's ConvNeXts."""

from __future__ import annotations

from reportgen.models.architectures.family import Family, best_variant

__all__ = ["CONVNEXT"]

CONVNEXT = Family(
    anchor="features.1.0.layer_scale",
    head="classifier",
    layer="features",
    stem="features.0.0.weight",
    variant=best_variant(
        {f"convnext_{size}": f"ConvNeXt-{size[0].upper()}" for size in ("tiny", "small", "base", "large")}
    ),
    flattens=False,
    renamed=(("1.0.layer_scale", lambda name: f"features.{name}"),),
)
