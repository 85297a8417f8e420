"""timm's convolutional networks that torchvision does not have, or names otherwise."""

from __future__ import annotations

from reportgen.models.architectures.family import Family, Shapes
from reportgen.models.architectures.timm.library import known_name, stated_name

__all__ = [
    "CONVNEXT",
    "EFFICIENTNET",
    "EFFICIENTNETS",
    "MOBILENETS",
    "REGNET",
    "REPVGG",
    "RESNET_DEEP_STEM",
    "RESNET_SE",
    "VGG",
    "XCEPTION",
]

EFFICIENTNETS = (
    # Those that were trained in TensorFlow pad at the end and have another epsilon; their weights look the same.
    "efficientnet_b0 tf_efficientnet_b0", "efficientnet_b2 tf_efficientnet_b2", "tf_efficientnetv2_s efficientnetv2_s",
    *(f"efficientnet_b{size} tf_efficientnet_b{size}" for size in (1, 3, 4, 5, 6, 7)),
    "tf_efficientnetv2_m efficientnetv2_m", "efficientnetv2_rw_s", "efficientnetv2_rw_t", "tf_efficientnetv2_b0",
    "tf_efficientnetv2_b1", "tf_efficientnetv2_b2", "tf_efficientnetv2_b3",
    "efficientnet_lite0 tf_efficientnet_lite0", "mobilenetv2_100", "mobilenetv2_140", "mnasnet_100", "tinynet_a",
)  # fmt: skip
MOBILENETS = (
    "mobilenetv3_large_100 tf_mobilenetv3_large_100", "mobilenetv3_small_100 tf_mobilenetv3_small_100",
    "mobilenetv4_conv_small", "mobilenetv4_conv_medium mobilenetv4_conv_aa_medium mobilenetv4_conv_blur_medium",
    "mobilenetv4_conv_large mobilenetv4_conv_aa_large", "mobilenetv4_hybrid_medium", "mobilenetv4_hybrid_large",
    "mobilenetv4_conv_small_050", "mobilenetv3_small_050", "mobilenetv3_small_075 tf_mobilenetv3_small_075",
    "mobilenetv3_large_075 tf_mobilenetv3_large_075", "mobilenetv3_rw",
)  # fmt: skip


def _last_map(shapes: Shapes) -> str | None:
    """A MobileNet V3 or V4 averages before its last convolution, so its last map is that of its blocks."""
    return None if "bn2.weight" in shapes else "blocks"


EFFICIENTNET = Family(
    anchor="conv_stem.weight",
    head="classifier",
    layer="bn2",
    stem="conv_stem.weight",
    variant=known_name("EfficientNet or MobileNet", (*EFFICIENTNETS, *MOBILENETS), _last_map),
    named=stated_name(_last_map),
)
CONVNEXT = Family(
    anchor="stages.0.blocks.0.conv_dw.weight",
    head="head.fc",
    layer="stages",
    stem="stem.0.weight",
    variant=known_name(
        "ConvNeXt",
        (
            "convnext_tiny", "convnext_small", "convnext_base", "convnext_large", "convnext_nano", "convnext_pico",
            "convnext_femto", "convnext_atto", "convnext_nano_ols", "convnext_pico_ols", "convnext_femto_ols",
            "convnext_atto_ols", "convnext_tiny_hnf", "convnextv2_tiny", "convnextv2_nano", "convnextv2_pico",
            "convnextv2_femto", "convnextv2_atto", "convnextv2_small", "convnextv2_base", "convnextv2_large",
        ),
    ),
)  # fmt: skip
RESNET_DEEP_STEM = Family(
    anchor="conv1.6.weight",
    head="fc",
    layer="layer4",
    stem="conv1.0.weight",
    variant=known_name(
        "ResNet",
        (
            "resnet18d", "resnet34d", "resnet50d", "resnet26d", "resnet101d", "resnet14t", "resnet26t", "resnet50t",
            "ecaresnet50d", "ecaresnet26t", "resnest14d", "resnest26d", "resnest50d", "resnext50d_32x4d", "seresnet50t",
        ),
    ),
)  # fmt: skip
RESNET_SE = Family(
    anchor="layer1.0.se.fc1.weight",
    head="fc",
    layer="layer4",
    stem="conv1.weight",
    variant=known_name("SE-ResNet", ("seresnet50", "seresnet18", "seresnet34", "seresnet101", "seresnext50_32x4d")),
)
VGG = Family(
    anchor="pre_logits.fc1.weight",
    head="head.fc",
    layer="features",
    stem="features.0.weight",
    variant=known_name("VGG", tuple(f"vgg{layers}{norm}" for layers in (16, 11, 13, 19) for norm in ("", "_bn"))),
)
XCEPTION = Family(
    anchor="block1.rep.0.conv1.weight",
    head="fc",
    layer="act4",
    stem="conv1.weight",
    variant=known_name("Xception", ("legacy_xception",)),
)
REPVGG = Family(
    anchor="stem.conv_kxk.conv.weight",
    head="head.fc",
    layer="stages",
    stem="stem.conv_kxk.conv.weight",
    variant=known_name("RepVGG", tuple(f"repvgg_{size}" for size in ("a0", "a1", "a2", "b0", "b1", "b2", "b3"))),
)
REGNET = Family(
    anchor="s1.b1.conv1.conv.weight",
    head="head.fc",
    layer="final_conv",
    stem="stem.conv.weight",
    variant=known_name(
        "RegNet", tuple(f"regnet{kind}_{size}" for size in ("002", "004", "008", "016", "032") for kind in "yx")
    ),
)
