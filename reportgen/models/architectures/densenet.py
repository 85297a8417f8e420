"""torchvision's DenseNets."""

from __future__ import annotations

from reportgen.models.architectures.family import Family, best_variant

__all__ = ["DENSENET"]

DENSENET = Family(
    anchor="features.denseblock4.denselayer1.conv1.weight",
    head="classifier",
    layer="features",
    stem="features.conv0.weight",
    variant=best_variant({f"densenet{layers}": f"DenseNet{layers}" for layers in (121, 169, 201, 161)}),
    renamed=(("denseblock4.denselayer1.conv1.weight", lambda name: f"features.{name}"),),
)
