"""timm's transformers: depth, width, tokens and windows are read from the shapes."""

from __future__ import annotations

from functools import partial

from reportgen.models.architectures.family import Family, Shapes, Variant
from reportgen.models.architectures.timm.library import import_timm, known_name
from reportgen.models.architectures.vit import HEADS, SIZES

__all__ = ["BEIT", "SWIN", "VIT"]

_TABLE = "attn.relative_position_bias_table"
_SWINS: dict[tuple[int, tuple[int, ...]], str] = {
    (96, (2, 2, 6, 2)): "Swin-T",
    (96, (2, 2, 18, 2)): "Swin-S",
    (128, (2, 2, 18, 2)): "Swin-B",
}


def _side(places: int, before: int) -> tuple[int, bool]:
    """Patches along a side, and whether the tokens before them have places too."""
    for count, placed in ((places - before, True), (places, False)):
        side = round(max(count, 0) ** 0.5)
        if side > 1 and side * side == count:
            return side, placed
    raise ValueError(f"{places} places are no square of patches")


def _vit(shapes: Shapes) -> Variant | None:
    """ViT, DeiT (plain, distilled, III), MAE's fine-tuned ones, and DINOv2 with and without registers."""
    timm = import_timm("ViT")
    stem, mlp = shapes["patch_embed.proj.weight"], shapes["blocks.0.mlp.fc1.weight"]
    width, patch = stem[0], stem[2]
    registers = shapes.get("reg_token", (1, 0, width))[1]
    distilled = "dist_token" in shapes
    token = "cls_token" in shapes
    side, placed = _side(shapes["pos_embed"][1], token + distilled + registers)
    depth = len({name.split(".")[1] for name in shapes if name.startswith("blocks.")})
    averaged = "fc_norm.weight" in shapes or not token
    scaled = "blocks.0.ls1.gamma" in shapes
    settings = {
        "img_size": side * patch, "patch_size": patch, "embed_dim": width, "depth": depth, "num_heads": HEADS[width],
        "mlp_ratio": mlp[0] / mlp[1], "init_values": 1e-5 if scaled else None,
        "qkv_bias": "blocks.0.attn.qkv.bias" in shapes,
    }  # fmt: skip
    # The class token answers: the patches of the last block count through its attention, as in torchvision's.
    layer = f"blocks.{depth - 1}" if averaged else f"blocks.{depth - 1}.norm1"
    size = f"{SIZES[width]}/{patch}"
    if distilled:
        outputs = shapes.get("head_dist.weight", (0,))[0]
        build = partial(timm.models.deit.VisionTransformerDistilled, num_classes=outputs, **settings)
        return Variant(f"distilled DeiT-{size} (timm)", build, side * patch, layer)
    build = partial(
        timm.models.vision_transformer.VisionTransformer,
        reg_tokens=registers, class_token=token, no_embed_class=not placed,
        global_pool="avg" if averaged else "token", fc_norm="fc_norm.weight" in shapes, **settings,
    )  # fmt: skip
    title = f"DINOv2 ViT-{size}" if scaled and patch == 14 else f"ViT-{size}"
    more = f" with {registers} registers" if registers else ""
    return Variant(f"{title}{more} (timm)", build, side * patch, layer)


def _swin(shapes: Shapes) -> Variant | None:
    timm = import_timm("Swin")
    stem, mlp = shapes["patch_embed.proj.weight"], shapes["layers.0.blocks.0.mlp.fc1.weight"]
    tables = [name for name in shapes if name.startswith("layers.") and name.endswith(_TABLE)]
    stages = sorted({int(name.split(".")[1]) for name in tables})
    depths = tuple(sum(name.startswith(f"layers.{stage}.") for name in tables) for stage in stages)
    heads = tuple(shapes[f"layers.{stage}.blocks.0.{_TABLE}"][1] for stage in stages)
    window = (round(shapes[f"layers.0.blocks.0.{_TABLE}"][0] ** 0.5) + 1) // 2
    # The last stage's picture is one window.
    size = window * stem[2] * 2 ** (len(stages) - 1)
    build = partial(
        timm.models.swin_transformer.SwinTransformer,
        img_size=size, patch_size=stem[2], embed_dim=stem[0], depths=depths, num_heads=heads, window_size=window,
        mlp_ratio=mlp[0] / mlp[1],
    )  # fmt: skip
    return Variant(f"{_SWINS.get((stem[0], depths), 'Swin')} (timm)", build, size)


VIT = Family(
    anchor="blocks.0.attn.qkv.weight",
    head="head",
    layer="norm",
    stem="patch_embed.proj.weight",
    variant=_vit,
    plain=False,
)
SWIN = Family(
    anchor=f"layers.0.blocks.0.{_TABLE}",
    head="head.fc",
    layer="norm",
    stem="patch_embed.proj.weight",
    variant=_swin,
    plain=False,
)
BEIT = Family(
    anchor="blocks.0.gamma_1",
    head="head",
    layer="blocks.11",
    stem="patch_embed.proj.weight",
    variant=known_name("BEiT", ("beit_base_patch16_224", "beitv2_base_patch16_224", "beit_base_patch16_384")),
    plain=False,
)
