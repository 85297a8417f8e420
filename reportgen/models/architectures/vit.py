"""torchvision's vision transformers: size of the picture, patches and depth are read from the shapes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from reportgen.models.architectures.family import Family, Variant
from reportgen.models.architectures.torchvision_ops import import_torchvision

__all__ = ["HEADS", "SIZES", "VIT"]

# Heads of attention by width: no shape shows them. Those of the published sizes; others are refused.
HEADS = {192: 3, 384: 6, 768: 12, 1024: 16, 1280: 16}
SIZES = {192: "Ti", 384: "S", 768: "B", 1024: "L", 1280: "H"}
_BLOCK = "encoder.layers.encoder_layer_"


def _variant(shapes: Mapping[str, tuple[int, ...]]) -> Variant | None:
    stem, places = shapes.get("conv_proj.weight", ()), shapes.get("encoder.pos_embedding", ())
    mlp = shapes.get(f"{_BLOCK}0.mlp.0.weight", ())
    if len(stem) != 4 or len(places) != 3 or len(mlp) != 2 or stem[0] not in HEADS:
        return None
    width, patch = stem[0], stem[2]
    side = round((places[1] - 1) ** 0.5)
    if side * side + 1 != places[1]:
        return None
    depth = len({name.split(".")[2] for name in shapes if name.startswith(_BLOCK)})
    build = partial(
        import_torchvision().models.VisionTransformer,
        image_size=side * patch, patch_size=patch, num_layers=depth, num_heads=HEADS[width], hidden_dim=width,
        mlp_dim=mlp[0], representation_size=shapes.get("heads.pre_logits.weight", (None,))[0],
    )  # fmt: skip
    # The class token answers, so the last block's output has no gradient on its patches: they count in its attention,
    # through its first norm. Behind the norm all tokens have one scale; before it, in the output of the block before,
    # the few patches that such networks misuse as memory are many times as large and would take the map.
    return Variant(f"ViT-{SIZES[width]}/{patch}", build, side * patch, f"{_BLOCK}{depth - 1}.ln_1")


VIT = Family(
    anchor=f"{_BLOCK}0.ln_1.weight",
    head="heads",
    layer=f"{_BLOCK}11.ln_1",
    stem="conv_proj.weight",
    variant=_variant,
    plain=False,
)
