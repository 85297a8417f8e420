"""LRP maps of timm's and Hugging Face's transformers against the rules of Ali et al. 2022 written out on their weights:
one picture at a time, the whole graph kept, one backward pass per class, and no attention function of torch.
"""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from reportgen.config import ModelConfig, Preprocessing
from reportgen.explain.explainer import Explainer, Question
from reportgen.faces.regions import REGIONS
from reportgen.models.architectures.torchvision_ops import import_torchvision
from reportgen.models.layouts import MapLayout
from reportgen.models.preprocessing import normalise
from reportgen.models.registry import LoadedModel, build_model

pytestmark = pytest.mark.extras
CLASSES = 5
TOLERANCE = 1e-4  # of the largest number
ByHand = Callable[[nn.Module, Tensor], tuple[Tensor, Tensor]]


def library(name: str):
    import_torchvision()
    return pytest.importorskip(name, reason=f"{name} is not installed")


def seeded(make: Callable[[], nn.Module]) -> nn.Module:
    """Weights large enough that attention is far from even, and norms and scales that do something."""
    torch.manual_seed(3)
    net = make()
    with torch.no_grad():
        for name, value in net.named_parameters():
            value.normal_(std=0.1)
            if name.endswith(("norm1.weight", "norm2.weight", "norm.weight", "before.weight", "after.weight", "gamma")):
                value.add_(1)
    return net.eval()


def norm(layer: nn.LayerNorm, x: Tensor) -> Tensor:
    """Rule LN, eq. 11: the scale counts as a constant."""
    scale = (x.var(dim=-1, unbiased=False, keepdim=True) + layer.eps).sqrt().detach()
    return (x - x.mean(dim=-1, keepdim=True)) / scale * layer.weight + layer.bias


def attend(q: Tensor, k: Tensor, v: Tensor, heads: int, added: Tensor | None = None) -> Tensor:
    """Rule AH, eq. 9: the weights of attention count as constants.

    q, k, v are (1, tokens, width), `added` to the scores is (heads, tokens, tokens).
    """
    width = q.shape[-1] // heads
    parts = []
    for head in range(heads):
        own = slice(head * width, (head + 1) * width)
        scores = q[..., own] @ k[..., own].transpose(1, 2) / width**0.5
        weights = (scores if added is None else scores + added[head]).softmax(dim=-1)
        parts.append(weights.detach() @ v[..., own])
    return torch.cat(parts, dim=-1)


def per_class(logits: Tensor, start: Tensor, grid: tuple[int, int], prefix: int) -> tuple[Tensor, Tensor]:
    """Logits (1, C), and gradient times input of every class as maps (C, h, w)."""
    gradients = [torch.autograd.grad(logits[0, c], start, retain_graph=True)[0] for c in range(CLASSES)]
    return logits.detach(), torch.stack([(g * start).sum(-1)[0, prefix:].reshape(grid).detach() for g in gradients])


def timm_vit_by_hand(net: nn.Module, x: Tensor) -> tuple[Tensor, Tensor]:
    """Also with registers behind the class token, whose places then have no embedding, and with scaled branches."""
    patches = net.patch_embed.proj(x).flatten(2).transpose(1, 2)
    if net.reg_token is None:
        tokens = torch.cat([net.cls_token, patches], dim=1) + net.pos_embed
    else:
        tokens = torch.cat([net.cls_token, net.reg_token, patches + net.pos_embed], dim=1)
    start = z = tokens.detach().requires_grad_(True)
    for block in net.blocks:
        q, k, v = block.attn.qkv(norm(block.norm1, z)).chunk(3, dim=-1)
        branch = block.attn.proj(attend(q, k, v, block.attn.num_heads))
        z = z + branch * getattr(block.ls1, "gamma", 1)
        branch = block.mlp.fc2(functional.gelu(block.mlp.fc1(norm(block.norm2, z))))
        z = z + branch * getattr(block.ls2, "gamma", 1)
    side = round(patches.shape[1] ** 0.5)
    return per_class(net.head(norm(net.norm, z)[:, 0]), start, (side, side), tokens.shape[1] - patches.shape[1])


def hugging_face_vit_by_hand(net: nn.Module, x: Tensor) -> tuple[Tensor, Tensor]:
    embeddings = net.vit.embeddings
    patches = embeddings.patch_embeddings.projection(x).flatten(2).transpose(1, 2)
    tokens = torch.cat([embeddings.cls_token, patches], dim=1) + embeddings.position_embeddings
    start = z = tokens.detach().requires_grad_(True)
    for block in net.vit.layers:
        attention, seen = block.attention, norm(block.layernorm_before, z)
        attended = attend(attention.q_proj(seen), attention.k_proj(seen), attention.v_proj(seen), 3)
        z = z + attention.o_proj(attended)
        z = z + block.mlp.fc2(functional.gelu(block.mlp.fc1(norm(block.layernorm_after, z))))
    return per_class(net.classifier(norm(net.vit.layernorm, z)[:, 0]), start, (4, 4), 1)


def swin_by_hand(net: nn.Module, x: Tensor) -> tuple[Tensor, Tensor]:
    """The last stage as attention of all its 8 x 8 patches, where a patch sees only those of its shifted window that
    lie on its side of the picture's edge, with the bias of how far apart they are.
    """
    with torch.no_grad():
        first, last = net.layers
        tokens = last.downsample(first(net.patch_embed(x))).flatten(1, 2)
    start = z = tokens.detach().requires_grad_(True)
    side, window = 8, 4
    for place, block in enumerate(last.blocks):
        shift = window // 2 if place % 2 else 0
        rows, columns = (torch.arange(side * side) // side - shift) % side, (torch.arange(side * side) - shift) % side
        same = torch.ones(side * side, side * side, dtype=torch.bool)
        for axis in (rows, columns):
            wrapped = axis >= side - shift
            same &= (axis[:, None] // window == axis // window) & (wrapped[:, None] == wrapped)
        apart = [(axis[:, None] - axis).clamp(1 - window, window - 1) + window - 1 for axis in (rows, columns)]
        table = block.attn.relative_position_bias_table[apart[0] * (2 * window - 1) + apart[1]].permute(2, 0, 1)
        added = torch.where(same, table, -torch.inf)
        q, k, v = block.attn.qkv(norm(block.norm1, z)).chunk(3, dim=-1)
        z = z + block.attn.proj(attend(q, k, v, block.attn.num_heads, added))
        z = z + block.mlp.fc2(functional.gelu(block.mlp.fc1(norm(block.norm2, z))))
    return per_class(net.head.fc(norm(net.norm, z).mean(dim=1)), start, (side, side), 0)


def compare(net: nn.Module, model: LoadedModel, by_hand: ByHand) -> None:
    """Three pictures in one batch, as a build runs them."""
    spec = model.preprocessing
    with Explainer(model, range(CLASSES), "auto", torch.device("cpu")) as explainer:
        assert explainer.method == "lrp"
        rng = np.random.default_rng(0)
        masks = rng.random((len(REGIONS), *explainer.grid.shape)).astype(np.float32)
        images = [rng.integers(0, 256, (spec.height, spec.width, 3), np.uint8) for _ in range(3)]
        found = explainer.explain([Question(i, -1, image, masks) for i, image in enumerate(images)])
    for i, image in enumerate(images):
        logits, maps = by_hand(net, normalise([image], spec))
        assert np.abs(found.logits[i] - logits[0].numpy()).max() <= TOLERANCE * float(logits.abs().max())
        assert found.maps[i].shape == maps.shape
        assert np.abs(found.maps[i] - maps.numpy()).max() <= TOLERANCE * float(maps.abs().max())


@pytest.mark.parametrize("registers", [0, 4])
def test_maps_of_timms_vits(tmp_path, registers: int) -> None:
    """A plain ViT, and a DINOv2 with registers and scaled branches."""
    transformer = library("timm").models.vision_transformer.VisionTransformer
    more = {"img_size": 64, "patch_size": 16}
    if registers:
        more = {"img_size": 70, "patch_size": 14, "reg_tokens": 4, "no_embed_class": True, "init_values": 1.0}
    net = seeded(lambda: transformer(embed_dim=192, depth=3, num_heads=3, num_classes=CLASSES, **more))
    spec = Preprocessing(width=more["img_size"], height=more["img_size"])
    model = build_model("m", net.state_dict(), ModelConfig(checkpoint=tmp_path / "m", preprocessing=spec))
    assert model.architecture == ("DINOv2 ViT-Ti/14 with 4 registers (timm)" if registers else "ViT-Ti/16 (timm)")
    compare(net, model, timm_vit_by_hand)


def test_maps_of_hugging_faces_vit(tmp_path) -> None:
    transformers = library("transformers")
    config = transformers.ViTConfig(
        hidden_size=48, num_hidden_layers=3, num_attention_heads=3, intermediate_size=64, image_size=64, patch_size=16,
        num_labels=CLASSES,
    )  # fmt: skip
    net = seeded(lambda: transformers.ViTForImageClassification(config))
    stated = {**json.loads(config.to_json_string()), "architectures": ["ViTForImageClassification"]}
    entry = ModelConfig(checkpoint=tmp_path / "m", preprocessing=Preprocessing(width=64, height=64))
    compare(net, build_model("m", net.state_dict(), entry, stated=stated), hugging_face_vit_by_hand)


def test_maps_of_timms_swin() -> None:
    """Its last stage has four windows, and shifts them."""
    transformer = library("timm").models.swin_transformer.SwinTransformer
    net = seeded(
        lambda: transformer(
            img_size=64, patch_size=4, embed_dim=24, depths=(1, 2), num_heads=(2, 4), window_size=4, num_classes=CLASSES
        )
    )
    spec = Preprocessing(width=64, height=64)
    compare(net, LoadedModel(net, "Swin", "norm", CLASSES, spec, MapLayout("channels_last")), swin_by_hand)
