"""torchvision's EfficientNets, versions 1 and 2."""

from __future__ import annotations

from reportgen.models.architectures.family import Family, best_variant

__all__ = ["EFFICIENTNET"]

EFFICIENTNET = Family(
    anchor="features.4.0.block.2.fc1.weight",
    head="classifier",
    layer="features",
    stem="features.0.0.weight",
    variant=best_variant(
        {
            **{f"efficientnet_b{size}": f"EfficientNet-B{size}" for size in (0, 2)},
            **{f"efficientnet_v2_{size}": f"EfficientNetV2-{size.upper()}" for size in "sml"},
            **{f"efficientnet_b{size}": f"EfficientNet-B{size}" for size in (1, 3, 4, 5, 6, 7)},
        }
    ),
    renamed=(("4.0.block.2.fc1.weight", lambda name: f"features.{name}"),),
)
