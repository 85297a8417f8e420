"""torchvision's MobileNets, versions 2 and 3."""

from __future__ import annotations

from reportgen.models.architectures.family import Family, best_variant

__all__ = ["MOBILENET_V2", "MOBILENET_V3"]

MOBILENET_V2 = Family(
    anchor="features.2.conv.0.0.weight",
    head="classifier",
    layer="features",
    stem="features.0.0.weight",
    variant=best_variant({"mobilenet_v2": "MobileNetV2"}),
    renamed=(("2.conv.0.0.weight", lambda name: f"features.{name}"),),
)
MOBILENET_V3 = Family(
    anchor="features.4.block.2.fc1.weight",
    head="classifier",
    layer="features",
    stem="features.0.0.weight",
    variant=best_variant({"mobilenet_v3_large": "MobileNetV3-Large", "mobilenet_v3_small": "MobileNetV3-Small"}),
    renamed=(("4.block.2.fc1.weight", lambda name: f"features.{name}"),),
)
