"""torchvision's VGG networks, with and without batch norm."""

from __future__ import annotations

from reportgen.models.architectures.family import Family, best_variant

__all__ = ["VGG"]

VGG = Family(
    anchor="features.0.weight",
    head="classifier",
    layer="features",
    stem="features.0.weight",
    variant=best_variant(
        {
            f"vgg{layers}{norm}": f"VGG{layers}{' with batch norm' if norm else ''}"
            for layers in (16, 11, 13, 19)
            for norm in ("", "_bn")
        }
    ),
    # Small images leave no 7 x 7 cells: then one average feeds a smaller head.
    widths={512: ("avgpool", 1)},
    renamed=(("0.weight", lambda name: f"features.{name}"),),
)
