"""LRP of transformers against the same rules written out by hand, and where its heat lies."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from reportgen.config import ModelConfig, Preprocessing
from reportgen.errors import ConfigError
from reportgen.explain.explainer import Explainer, Question
from reportgen.explain.heads import output_from_graph
from reportgen.explain.lrp import PatchCapture, patch_capture
from reportgen.explain.maps import raw_maps
from reportgen.explain.probes import permutations, random_heads
from reportgen.faces.regions import REGIONS
from reportgen.models.architectures.torchvision_ops import import_torchvision
from reportgen.models.layouts import MapLayout
from reportgen.models.preprocessing import normalise
from reportgen.models.registry import build_model

CPU = torch.device("cpu")
CLASSES = 5


def norm(layer: nn.LayerNorm, x: Tensor) -> Tensor:
    """Rule LN, eq. 11 of Ali et al. 2022."""
    scale = (x.var(dim=-1, unbiased=False, keepdim=True) + layer.eps).sqrt().detach()
    return (x - x.mean(dim=-1, keepdim=True)) / scale * layer.weight + layer.bias


def vit(seed: int = 3) -> nn.Module:
    torch.manual_seed(seed)
    net = import_torchvision().models.VisionTransformer(
        image_size=64, patch_size=16, num_layers=3, num_heads=3, hidden_dim=192, mlp_dim=256, num_classes=CLASSES
    )
    nn.init.normal_(net.heads.head.weight, std=0.1)
    return net.eval()


def vit_by_hand(net: nn.Module, x: Tensor) -> tuple[Tensor, Tensor]:
    """Logits (1, C) and maps (C, h, w) of one picture: the whole graph, one backward pass per class."""
    patches = net.conv_proj(x).flatten(2).transpose(1, 2)
    tokens = torch.cat([net.class_token, patches], dim=1) + net.encoder.pos_embedding
    start = z = tokens.detach().requires_grad_(True)
    for block in net.encoder.layers:
        attention = block.self_attention
        q, k, v = functional.linear(norm(block.ln_1, z), attention.in_proj_weight, attention.in_proj_bias).chunk(3, -1)
        parts = []
        for head in range(attention.num_heads):
            own = slice(head * 64, head * 64 + 64)
            weights = (q[..., own] @ k[..., own].transpose(1, 2) / 8).softmax(dim=-1)
            parts.append(weights.detach() @ v[..., own])  # rule AH, eq. 9
        z = z + attention.out_proj(torch.cat(parts, dim=-1))
        z = z + block.mlp(norm(block.ln_2, z))
    logits = net.heads(norm(net.encoder.ln, z)[:, 0])
    gradients = [torch.autograd.grad(logits[0, c], start, retain_graph=True)[0] for c in range(CLASSES)]
    return logits.detach(), torch.stack([(g * start).sum(-1)[0, 1:].reshape(4, 4).detach() for g in gradients])


def questions(count: int, side: int, grid: tuple[int, int]) -> list[Question]:
    rng = np.random.default_rng(0)
    masks = rng.random((len(REGIONS), *grid)).astype(np.float32)
    return [Question(i, -1, rng.integers(0, 256, (side, side, 3), np.uint8), masks) for i in range(count)]


def test_maps_of_a_vit_are_those_of_the_rules_written_out(tmp_path) -> None:
    net = vit()
    spec = Preprocessing(width=64, height=64)
    model = build_model("m", net.state_dict(), ModelConfig(checkpoint=tmp_path / "m", preprocessing=spec))
    with Explainer(model, range(CLASSES), "auto", CPU) as explainer:
        assert (explainer.method, explainer.grid.shape) == ("lrp", (4, 4))
        asked = questions(11, 64, explainer.grid.shape)
        found = explainer.explain(asked)
    for i, question in enumerate(asked):
        logits, maps = vit_by_hand(net, normalise([question.image], spec))
        assert np.abs(found.logits[i] - logits[0].numpy()).max() <= 1e-4 * float(logits.abs().max())
        assert np.abs(found.maps[i] - maps.numpy()).max() <= 1e-4 * float(maps.abs().max())
    assert np.isfinite(found.null_mass).all()
    assert np.isnan(found.peak_changed).all()


def swin_by_hand(net: nn.Module, x: Tensor, monkeypatch: pytest.MonkeyPatch) -> Tensor:
    """Maps (C, h, w) of one picture: its own forward, norms and softmax replaced by those of the rules."""
    with torch.no_grad():
        start = net.features[:3](x)
    leaf = start.requires_grad_(True)
    with monkeypatch.context() as patched:
        patched.setattr(nn.LayerNorm, "forward", norm)
        softmax = functional.softmax
        patched.setattr(functional, "softmax", lambda *args, **kwargs: softmax(*args, **kwargs).detach())
        logits = net.head(net.flatten(net.avgpool(net.permute(net.norm(net.features[3:](leaf))))))
    gradients = [torch.autograd.grad(logits[0, c], leaf, retain_graph=True)[0] for c in range(CLASSES)]
    return torch.stack([(g * leaf).sum(-1)[0].detach() for g in gradients])


def test_maps_of_a_swin_start_at_its_last_stage(tmp_path, monkeypatch) -> None:
    torch.manual_seed(2)
    net = import_torchvision().models.swin_transformer.SwinTransformer(
        patch_size=[4, 4], embed_dim=24, depths=[2, 2], num_heads=[2, 4], window_size=[4, 4], mlp_ratio=2.0,
        num_classes=CLASSES,
    ).eval()  # fmt: skip
    spec = Preprocessing(width=64, height=64)
    model = build_model("m", net.state_dict(), ModelConfig(checkpoint=tmp_path / "m", preprocessing=spec))
    with Explainer(model, range(CLASSES), "auto", CPU) as explainer:
        assert (explainer.method, explainer.grid.shape) == ("lrp", (8, 8))
        asked = questions(3, 64, explainer.grid.shape)
        found = explainer.explain(asked)
    for i, question in enumerate(asked):
        maps = swin_by_hand(net, normalise([question.image], spec), monkeypatch)
        assert np.abs(found.maps[i] - maps.numpy()).max() <= 1e-4 * float(maps.abs().max())


class Transformer(nn.Module):
    """Two blocks over 8 x 8 patches, `prefix` tokens before them; answers from the first token or, without, the mean.

    Parameters
    ----------
    kind
        Who computes the attention: "fused", "module", "softmax" or "method", as libraries do.
    only
        The one patch whose values attention carries and whose embedding is not zero; None for all.
    """

    def __init__(self, kind: str, prefix: int, only: int | None = None, bias: bool = True) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.patches = nn.Conv2d(3, 24, 8, 8, bias=bias)
        self.prefix, self.only = prefix, only
        self.first = nn.Parameter(torch.randn(1, prefix, 24))
        self.blocks = nn.ModuleList(Block(kind, bias) for _ in range(2))
        self.norm = nn.LayerNorm(24, bias=bias)
        self.head = nn.Linear(24, CLASSES, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.patches(x).flatten(2).transpose(1, 2)
        if self.only is not None:
            tokens = tokens * functional.one_hot(torch.tensor(self.only), tokens.shape[1])[:, None]
        tokens = torch.cat([self.first.expand(len(x), -1, -1), tokens], dim=1)
        for block in self.blocks:
            tokens = block(tokens)
        tokens = self.norm(tokens)
        return self.head(tokens[:, 0] if self.prefix else tokens.mean(dim=1))


class Block(nn.Module):
    def __init__(self, kind: str, bias: bool) -> None:
        super().__init__()
        self.kind = kind
        self.norm1, self.norm2 = nn.LayerNorm(24, bias=bias), nn.LayerNorm(24, bias=bias)
        self.attention = nn.MultiheadAttention(24, 3, bias=bias, batch_first=True)
        self.mlp = nn.Sequential(nn.Linear(24, 32, bias=bias), nn.ReLU(), nn.Linear(32, 24, bias=bias))

    def attend(self, x: Tensor) -> Tensor:
        if self.kind == "module":
            return self.attention(x, x, x)[0]
        attention = self.attention
        split = functional.linear(x, attention.in_proj_weight, attention.in_proj_bias).unflatten(-1, (3, 3, 8))
        q, k, v = split.permute(2, 0, 3, 1, 4)
        if self.kind == "fused":
            out = functional.scaled_dot_product_attention(q, k, v)
        else:
            scores = q @ k.transpose(-2, -1) / 8**0.5
            weights = functional.softmax(scores, dim=-1) if self.kind == "softmax" else scores.softmax(dim=-1)
            out = weights @ v
        return attention.out_proj(out.transpose(1, 2).flatten(2))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attend(self.norm1(x))
        return x + self.mlp(self.norm2(x))


def maps_of(net: nn.Module, layout: MapLayout, x: Tensor) -> Tensor:
    capture = patch_capture(net.eval(), "blocks.1.norm1", layout, x)
    assert isinstance(capture, PatchCapture), capture
    with capture:
        return output_from_graph(*capture.forward(net, x), "lrp").maps


PICTURES = torch.randn(2, 3, 48, 96, generator=torch.Generator().manual_seed(4))


@pytest.mark.parametrize("prefix", [0, 1, 2, 5])
def test_it_does_not_matter_who_computes_the_attention(prefix: int) -> None:
    layout = MapLayout("tokens", prefix, 6, 12)
    found = [maps_of(Transformer(kind, prefix), layout, PICTURES) for kind in ("fused", "module", "softmax", "method")]
    assert found[0].shape == (2, CLASSES, 6, 12)
    for other in found[1:]:
        assert float((other - found[0]).abs().max()) <= 1e-5 * float(found[0].abs().max())


@pytest.mark.parametrize("prefix", [0, 1, 5])
@pytest.mark.parametrize(("row", "column"), [(0, 11), (4, 2)])
def test_the_one_patch_that_counts_has_all_the_heat(prefix: int, row: int, column: int) -> None:
    net = Transformer("fused", prefix, only=row * 12 + column)
    maps = maps_of(net, MapLayout("tokens", prefix, 6, 12), PICTURES)
    for one in maps.flatten(0, 1):
        assert torch.nonzero(one.abs() > 1e-6 * one.abs().max()).tolist() == [[row, column]]


def test_relevance_is_conserved_where_nothing_has_a_bias() -> None:
    """Ali et al. 2022, section 4: what the patches get is the logit; a plain gradient loses it."""
    net = Transformer("fused", 0, bias=False).eval()
    maps = maps_of(net, MapLayout("tokens", 0, 6, 12), PICTURES)
    with torch.no_grad():
        logits = net(PICTURES)
    assert float((maps.sum(dim=(2, 3)) - logits).abs().max()) <= 1e-3 * float(logits.abs().max())


def test_before_a_norm_a_plain_gradient_times_activation_is_nothing() -> None:
    """Why the last block's first norm is the layer of a class-token ViT: a norm's output does not change with the
    length of its input, so at the output of the block before, gradient and activation are at right angles.
    """
    net = vit()
    x = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(2))
    sizes = []
    for name in ("encoder.layers.encoder_layer_1", "encoder.layers.encoder_layer_2.ln_1"):
        seen: list[Tensor] = []
        handle = net.get_submodule(name).register_forward_hook(lambda m, i, o, seen=seen: seen.append(o))
        logits = net(x.clone().requires_grad_(True))
        handle.remove()
        (gradient,) = torch.autograd.grad(logits[0, 0], seen[0])
        layout = MapLayout("tokens", 1, 4, 4)
        a, g = layout.to_maps(seen[0].detach()), layout.to_maps(gradient)
        largest = (a.norm(dim=1) * g.norm(dim=1)).max()  # what the product could be
        sizes.append(float(raw_maps("hirescam", a, g[None]).abs().max() / largest))
    assert sizes[0] < 1e-4 < 1e-2 < sizes[1]


def test_random_heads_permute_the_channels_of_all_cells_alike() -> None:
    rng = torch.Generator().manual_seed(0)
    weights, layer = torch.randn(2, 6, 3, 4, generator=rng), torch.randn(2, 6, 3, 4, generator=rng)
    masks, orders = torch.rand(2, 2, 3, 4, generator=rng), permutations(6, 0)[:7]
    found = random_heads(weights, layer, masks, orders)
    for b in range(2):
        for p, order in enumerate(orders.tolist()):
            heat = sum(weights[b, k] * layer[b, place] for place, k in enumerate(order)).clamp(min=0)
            assert found.mass[b, p] == pytest.approx(float(heat.sum()), rel=1e-5)
            expected = [float((heat * mask).sum() / heat.sum()) for mask in masks[b]]
            assert found.share[b, p].tolist() == pytest.approx(expected, rel=1e-4)


def test_feature_maps_keep_grad_cam_and_cannot_be_asked_for_lrp(tmp_path) -> None:
    torch.manual_seed(0)
    state = import_torchvision().models.resnet18(weights=None, num_classes=CLASSES).state_dict()
    config = ModelConfig(checkpoint=tmp_path / "m", preprocessing=Preprocessing(width=64, height=64))
    with Explainer(build_model("m", state, config), range(CLASSES), "auto", CPU) as explainer:
        assert explainer.method == "gradcam"
    with pytest.raises(ConfigError, match="method lrp cannot explain ResNet18: it has no attention"):
        Explainer(build_model("m", state, config), range(CLASSES), "lrp", CPU).__enter__()


def test_attention_that_is_not_followed_is_said() -> None:
    class Odd(Transformer):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x) + self.patches(x).mean() * 0

    odd = Odd("fused", 1)
    for block in odd.blocks:
        block.attend = lambda x: functional.scaled_dot_product_attention(x[:, None], x[:, None], x[:, None],
                                                                          is_causal=True)[:, 0]  # fmt: skip
    said = patch_capture(odd.eval(), "blocks.1.norm1", MapLayout("tokens", 1, 6, 12), PICTURES)
    assert said == "its attention is of a kind that is not followed (NotImplementedError)"
