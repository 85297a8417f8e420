"""The networks of the table in docs/models.md: how each is made with seeded weights, and what is expected of it.

`tests/explain/` compares every one with plain autograd; `tests/benchmarks/bench_models.py` prints the table.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import face_networks
import numpy as np
import pytest
import torch
from torch import nn

from reportgen.cell_grid import CellAxis, CellGrid
from reportgen.config import ModelConfig, Preprocessing
from reportgen.explain.explainer import Explainer, Question
from reportgen.explain.maps import raw_maps
from reportgen.faces.regions import REGIONS
from reportgen.models.architectures.torchvision_ops import import_torchvision
from reportgen.models.layouts import MapLayout, first_tensor, with_first_tensor
from reportgen.models.preprocessing import normalise
from reportgen.models.registry import LoadedModel, build_model

CLASSES = 7
TOLERANCE = 1e-4  # of the largest number
EMOTIONS = ("anger", "disgust", "fear", "happy", "neutral", "sad", "surprise")


@dataclass(frozen=True)
class Row:
    """One network.

    Attributes
    ----------
    side
        Of the square input of the test, in pixels.
    title
        What the report calls it.
    layout
        "channels first", "channels last", or "tokens" with the number of those before the patches.
    slow
        It is tested in the second tier.
    head
        Whether another head may stand in its place.
    stated
        A `config.json` beside the weights.
    view
        Side of the picture for the cells of a convolutional network, in pixels: larger where cells see far.
    measured
        By how much the offset measured on loading may differ from `offset`, in cells.
    offset
        How far a cell sees from where heatmaps are usually drawn, in cells, at `view` pixels (transformers: `side`).
    """

    source: str
    name: str
    make: Callable[[], nn.Module]
    side: int
    title: str
    layer: str
    layout: str = "channels first"
    slow: bool = False
    head: bool = True
    stated: Callable[[nn.Module], dict[str, object]] | None = None
    offset: float = 0.0
    view: int = 256
    measured: float = 0.05

    @property
    def id(self) -> str:
        return f"{self.source} {self.name}"


def _torchvision(name: str, side: int, title: str, layer: str, layout: str = "channels first", *, slow: bool = True):
    def make() -> nn.Module:
        return import_torchvision().models.get_model(name, num_classes=CLASSES)

    half = ("resn", "wide_resnet", "mobilenet", "efficientnet")
    offset = -0.48 if name.startswith(half) else -0.05 if name.startswith("densenet") else 0.0
    measured = 0.12 if name == "vit_b_32" else 0.05  # of a cell; it has only 7 x 7, and weights without training
    return Row("torchvision", name, make, side, title, layer, layout, slow, offset=offset, measured=measured)


def small_swin(**more) -> nn.Module:
    return import_torchvision().models.swin_transformer.SwinTransformer(
        patch_size=[4, 4], embed_dim=24, depths=[2, 2], num_heads=[2, 4], window_size=[4, 4], mlp_ratio=2.0,
        num_classes=CLASSES, **more,
    )  # fmt: skip


def small_vit() -> nn.Module:
    return import_torchvision().models.VisionTransformer(
        image_size=64, patch_size=16, num_layers=3, num_heads=3, hidden_dim=192, mlp_dim=384, num_classes=CLASSES
    )


TORCHVISION = (
    _torchvision("resnet18", 64, "ResNet18", "layer4", slow=False),
    _torchvision("resnet34", 64, "ResNet34", "layer4", slow=False),
    _torchvision("resnet50", 64, "ResNet50", "layer4", slow=False),
    _torchvision("resnet101", 64, "ResNet101", "layer4"),
    _torchvision("resnext50_32x4d", 64, "ResNeXt50 32x4d", "layer4"),
    _torchvision("wide_resnet50_2", 64, "Wide ResNet50", "layer4"),
    _torchvision("vgg11_bn", 64, "VGG11 with batch norm", "features", slow=False),
    _torchvision("vgg13", 64, "VGG13", "features"),
    _torchvision("vgg16", 64, "VGG16", "features"),
    _torchvision("vgg16_bn", 64, "VGG16 with batch norm", "features"),
    _torchvision("vgg19", 64, "VGG19", "features"),
    _torchvision("densenet121", 64, "DenseNet121", "features", slow=False),
    _torchvision("densenet169", 64, "DenseNet169", "features"),
    _torchvision("mobilenet_v2", 64, "MobileNetV2", "features", slow=False),
    _torchvision("mobilenet_v3_large", 64, "MobileNetV3-Large", "features", slow=False),
    _torchvision("mobilenet_v3_small", 64, "MobileNetV3-Small", "features", slow=False),
    _torchvision("efficientnet_b0", 64, "EfficientNet-B0", "features", slow=False),
    _torchvision("efficientnet_b1", 64, "EfficientNet-B1", "features"),
    _torchvision("efficientnet_b2", 96, "EfficientNet-B2", "features"),
    _torchvision("efficientnet_v2_s", 224, "EfficientNetV2-S", "features"),
    _torchvision("convnext_tiny", 64, "ConvNeXt-T", "features", slow=False),
    _torchvision("convnext_small", 64, "ConvNeXt-S", "features"),
    _torchvision("swin_t", 224, "Swin-T", "permute"),
    _torchvision("swin_s", 224, "Swin-S", "permute"),
    _torchvision("vit_b_16", 224, "ViT-B/16", "encoder.layers.encoder_layer_11.ln_1", "tokens, 1 before"),
    _torchvision("vit_b_32", 224, "ViT-B/32", "encoder.layers.encoder_layer_11.ln_1", "tokens, 1 before"),
)


def dan() -> nn.Module:
    """With heads of ordinary size: the competition between large numbers leaves little of float32's digits."""
    net = face_networks.Dan()
    for name, layer in net.named_modules():
        if name.endswith(("conv_3x3.0", "conv_1x3.0", "conv_3x1.0")):
            nn.init.normal_(layer.weight, std=0.001)
    return net


def _paper(name: str, make: Callable[[], nn.Module], side: int, title: str, layer: str, view: int) -> Row:
    slow = name != "mobile_face_net"
    return Row("papers", name, make, side, title, layer, slow=slow, head=False, offset=-0.48, view=view)


FACES = (
    _paper("mobile_face_net", face_networks.MobileFaceNet, 112, "MobileFaceNet", "conv_6_sep", 112),
    _paper("ddamfn", face_networks.Ddamfn, 112, "DDAMFN", "features", 112),
    _paper("dan", dan, 96, "DAN", "features", 256),
    _paper("res_emote_net", face_networks.ResEmoteNet, 256, "ResEmoteNet", "res_block3", 512),
)
"""Networks for faces that no library makes."""
SMALL = (
    Row("torchvision", "small swin", small_swin, 64, "Swin", "permute"),
    Row(
        "torchvision",
        "small vit",
        small_vit,
        64,
        "ViT-Ti/16",
        "encoder.layers.encoder_layer_2.ln_1",
        "tokens, 1 before",
    ),
)
"""Quick stand-ins for the transformers of the second tier."""


def _timm(
    name: str, side: int, title: str, layer: str, layout: str = "channels first", *, stated=None, head=True, **more
) -> Row:
    def make() -> nn.Module:
        import_torchvision()
        timm = pytest.importorskip("timm", reason="timm is not installed: pip install 'reportgen[timm]'")
        net = timm.create_model(name, num_classes=CLASSES, **more)
        if name == "tf_efficientnetv2_s":  # its own random numbers grow to 1e5; these are torchvision's
            for layer in net.modules():
                if isinstance(layer, nn.Conv2d):
                    nn.init.kaiming_normal_(layer.weight, mode="fan_out")
        return net

    # TensorFlow pads behind the picture, so cells see half a cell down and right instead of up and left.
    half = name.startswith(("efficientnet", "mobilenet", "resn", "seresnet", "regnet", "repvgg"))
    offset = 0.48 if name.startswith("tf_") else -0.48 if half else 0.0
    offset = -0.39 if name == "legacy_xception" else offset
    offset = -0.42 if name.endswith("d") and name.startswith("resnet") else offset  # shortcuts that average first
    view = 512 if name.startswith("mobilenetv4_conv") else 256
    return Row("timm", name, make, side, f"{title} (timm)", layer, layout, False, head, stated, offset, view)


TIMM = (
    _timm("efficientnet_b0", 64, "efficientnet_b0", "bn2"),
    _timm("tf_efficientnet_b0", 64, "tf_efficientnet_b0", "bn2",
          stated=lambda _: {"architecture": "tf_efficientnet_b0"}),
    _timm("efficientnet_b2", 96, "efficientnet_b2", "bn2"),
    _timm("tf_efficientnetv2_s", 96, "tf_efficientnetv2_s", "bn2"),
    _timm("mobilenetv2_100", 64, "mobilenetv2_100", "bn2"),
    _timm("mobilenetv3_small_100", 64, "mobilenetv3_small_100", "blocks"),
    _timm("mobilenetv3_large_100", 64, "mobilenetv3_large_100", "blocks"),
    _timm("mobilenetv4_conv_small", 64, "mobilenetv4_conv_small", "blocks"),
    _timm("mobilenetv4_conv_medium", 96, "mobilenetv4_conv_medium", "blocks"),
    _timm("mobilenetv4_hybrid_medium", 96, "mobilenetv4_hybrid_medium", "blocks"),
    _timm("resnet18d", 64, "resnet18d", "layer4"),
    _timm("resnet50d", 64, "resnet50d", "layer4"),
    _timm("seresnet50", 64, "seresnet50", "layer4"),
    _timm("regnety_004", 64, "regnety_004", "final_conv"),
    _timm("repvgg_a0", 64, "repvgg_a0", "stages"),
    _timm("legacy_xception", 96, "legacy_xception", "act4"),
    _timm("vgg11_bn", 64, "vgg11_bn", "features"),
    _timm("convnext_atto", 64, "convnext_atto", "stages"),
    _timm("convnext_tiny", 64, "convnext_tiny", "stages"),
    _timm("convnextv2_atto", 64, "convnextv2_atto", "stages"),
    _timm("convnextv2_tiny", 64, "convnextv2_tiny", "stages"),
    _timm("vit_tiny_patch16_224", 64, "ViT-Ti/16", "blocks.11.norm1", "tokens, 1 before", img_size=64),
    _timm("vit_small_patch16_224", 64, "ViT-S/16", "blocks.11.norm1", "tokens, 1 before", img_size=64),
    _timm("vit_base_patch16_224", 64, "ViT-B/16", "blocks.11.norm1", "tokens, 1 before", img_size=64),
    _timm("deit_tiny_distilled_patch16_224", 64, "distilled DeiT-Ti/16", "blocks.11.norm1", "tokens, 2 before",
          img_size=64, head=False),
    _timm("vit_small_patch14_dinov2", 70, "DINOv2 ViT-S/14", "blocks.11.norm1", "tokens, 1 before", img_size=70),
    _timm("vit_small_patch14_reg4_dinov2", 70, "DINOv2 ViT-S/14 with 4 registers", "blocks.11.norm1",
          "tokens, 5 before", img_size=70),
    _timm("beit_base_patch16_224", 224, "beit_base_patch16_224", "blocks.11", "tokens, 1 before"),
    _timm("swin_tiny_patch4_window7_224", 224, "Swin-T", "norm", "channels last"),
)  # fmt: skip


def _hugging_face(kind: str, side: int, layer: str, layout: str = "channels first", **settings) -> Row:
    """A small network of one of transformers' classes."""

    def make() -> nn.Module:
        import_torchvision()
        transformers = pytest.importorskip(
            "transformers", reason="transformers is not installed: pip install 'reportgen[hf]'"
        )
        names = dict(enumerate(EMOTIONS))
        net = getattr(transformers, f"{kind}ForImageClassification")(
            getattr(transformers, f"{kind}Config")(
                **settings, id2label=names, label2id={name: i for i, name in names.items()}
            )
        )
        if kind == "EfficientNet":  # its random numbers vanish
            return with_own_statistics(net, side)
        if kind == "Swinv2":  # the original begins with 0: what windows add to a patch is small beside it
            for path, layer in net.named_modules():
                if path.endswith(("layernorm_before", "layernorm_after")):
                    nn.init.constant_(layer.weight, 0.2)
        return net

    def stated(net: nn.Module) -> dict[str, object]:
        return {**json.loads(net.config.to_json_string()), "architectures": [f"{kind}ForImageClassification"]}

    title = f"{kind}ForImageClassification"
    offset = {"EfficientNet": 0.48, "MobileNetV2": 0.48, "ResNet": -0.48, "RegNet": -0.48}.get(kind, 0.0)
    view = 512 if kind == "EfficientNet" else 256
    return Row("Hugging Face", title, make, side, title, layer, layout, False, False, stated, offset, view)


_TOKENS = {"hidden_size": 48, "num_hidden_layers": 3, "num_attention_heads": 3, "image_size": 64, "patch_size": 16}
_STAGES = {"hidden_sizes": [16, 24, 32, 48], "depths": [1, 1, 2, 1]}
_WINDOWS = {"embed_dim": 24, "depths": [2, 2], "num_heads": [2, 4], "window_size": 4, "image_size": 64}
HUGGING_FACE = (
    _hugging_face("ViT", 64, "vit.layers.2.layernorm_before", "tokens, 1 before", **_TOKENS),
    _hugging_face("DeiT", 64, "deit.layers.2.layernorm_before", "tokens, 2 before", **_TOKENS),
    _hugging_face("Beit", 64, "beit.layernorm", "tokens, 1 before", **_TOKENS),
    _hugging_face("Dinov2", 64, "dinov2.layernorm", "tokens, 1 before", **_TOKENS),
    _hugging_face("Dinov2WithRegisters", 64, "dinov2_with_registers.layernorm", "tokens, 5 before", **_TOKENS),
    _hugging_face("Swin", 64, "swin.layernorm", "tokens, 0 before", **_WINDOWS),
    _hugging_face("Swinv2", 64, "swinv2.layernorm", "tokens, 0 before", **_WINDOWS),
    _hugging_face("ConvNext", 64, "convnext.encoder.stages.3", **_STAGES),
    _hugging_face("ConvNextV2", 64, "convnextv2.encoder.stages.3", **_STAGES),
    _hugging_face("EfficientNet", 96, "efficientnet.encoder.top_activation", width_coefficient=0.3,
                  depth_coefficient=0.3, hidden_dim=384),
    _hugging_face("MobileNetV2", 96, "mobilenet_v2.conv_1x1", depth_multiplier=0.35),
    _hugging_face("ResNet", 64, "resnet.encoder.stages.3", embedding_size=16, hidden_sizes=[16, 32, 48, 64],
                  depths=[1, 1, 1, 1]),
    _hugging_face("RegNet", 64, "regnet.encoder.stages.3", embedding_size=16, hidden_sizes=[16, 32, 48, 64],
                  depths=[1, 1, 1, 1], groups_width=8),
)  # fmt: skip


def with_own_statistics(net: nn.Module, side: int) -> nn.Module:
    """Batch norms with the statistics of what they see, as in a trained network, and kernels of ordinary size."""
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight)
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = None  # of the one batch
    with torch.no_grad():
        net.train()(torch.randn(8, 3, side, side))
    return net


def seeded(make: Callable[[], nn.Module]) -> nn.Module:
    """Random weights, with statistics, branches and heads that are not the trivial ones of a fresh network."""
    torch.manual_seed(5)
    net = make()
    idle = face_networks.unused_norms(net) if isinstance(net, face_networks.Ddamfn) else []
    for layer in net.modules():
        if isinstance(layer, nn.BatchNorm2d) and layer not in idle:
            if layer.momentum is not None:  # else they are those of pictures
                nn.init.uniform_(layer.running_mean, -0.1, 0.1)
                nn.init.uniform_(layer.running_var, 0.5, 1.5)
            if not bool(layer.weight.any()):  # timm's residual branches begin as nothing
                nn.init.uniform_(layer.weight, 0.5, 1.5)
        if isinstance(layer, nn.Linear) and layer.out_features == CLASSES:
            nn.init.normal_(layer.weight, std=0.05)
    return net.eval()


def with_random_head(row: Row, net: nn.Module) -> nn.Module:
    """Its last layer as it is, behind dropout, or as two layers with a ReLU between, by the row's name."""
    kind = sum(map(ord, row.id)) % 3 if row.head else 0
    name = next(path for path, layer in reversed(list(net.named_modules())) if isinstance(layer, nn.Linear))
    parent, _, attribute = name.rpartition(".")
    width = net.get_submodule(name).in_features
    torch.manual_seed(6)
    heads = (
        lambda: net.get_submodule(name),
        lambda: nn.Sequential(nn.Dropout(0.4), nn.Linear(width, CLASSES)),
        lambda: nn.Sequential(nn.Linear(width, 24), nn.ReLU(), nn.Dropout(0.2), nn.Linear(24, CLASSES)),
    )
    setattr(net.get_submodule(parent), attribute, heads[kind]())
    return net.eval()


def random_prefix(row: Row) -> str:
    rng = np.random.default_rng(sum(map(ord, row.id)))
    words = ["".join(rng.choice(list("abcdefgh"), 5)) for _ in range(rng.integers(0, 4))]
    return "".join(f"{word}." for word in words)


def built(row: Row, net: nn.Module, folder: Path, spec: Preprocessing) -> LoadedModel:
    """The model by its weights alone, and by its `config.json` where it has one."""
    prefix = "" if row.stated else random_prefix(row)
    state = {prefix + key: value.clone() for key, value in net.state_dict().items()}
    config = ModelConfig(checkpoint=folder / "m.pth", preprocessing=spec)
    return build_model("m", state, config, stated=row.stated(net) if row.stated else None)


def plain_maps(net: nn.Module, layer: str, layout: MapLayout, x: torch.Tensor, method: str):
    """Logits and maps of one image: its whole graph, and one ordinary backward pass per class."""
    seen: list[torch.Tensor] = []

    def hook(module: nn.Module, inputs: object, output: object) -> object:
        tensor = first_tensor(output)
        seen.append(tensor)
        return with_first_tensor(output, tensor.clone())  # what follows may work in place, as DenseNet's last ReLU does

    handle = net.get_submodule(layer).register_forward_hook(hook)
    logits = net(x.clone().requires_grad_(True))
    logits = logits if isinstance(logits, torch.Tensor) else logits.logits
    handle.remove()
    gradients = [torch.autograd.grad(logits[0, c], seen[0], retain_graph=True)[0] for c in range(logits.shape[1])]
    activations = layout.to_maps(seen[0].detach())
    return logits.detach(), raw_maps(method, activations, torch.stack([layout.to_maps(g) for g in gradients]))


def difference(net: nn.Module, model: LoadedModel, images: list[np.ndarray], method: str) -> float:
    """The largest difference of logits and maps from plain autograd, as a share of the largest number."""
    layer, layout, spec = model.layer_name, model.layout, model.preprocessing
    with Explainer(model, range(CLASSES), method, torch.device("cpu")) as explainer:
        masks = np.zeros((len(REGIONS), *explainer.grid.shape), np.float32)
        found = explainer.explain([Question(0, -1, image, masks) for image in images])
    worst = 0.0
    for i, image in enumerate(images):
        logits, maps = plain_maps(net, layer, layout, normalise([image], spec), method)
        for ours, theirs in ((found.logits[i], logits[0]), (found.maps[i], maps[0])):
            largest = float(theirs.abs().max())
            assert largest > 0
            worst = max(worst, float(np.abs(ours - theirs.numpy()).max()) / largest)
    return worst


def layout_text(layout: MapLayout) -> str:
    """As the table says it."""
    before = f", {layout.prefix} before" if layout.kind == "tokens" else ""
    return layout.kind.replace("_", " ") + before


def noise(side: int, count: int = 2) -> list[np.ndarray]:
    return list(np.random.default_rng(0).integers(0, 256, (count, side, side, 3), np.uint8))


def cell_offsets(row: Row, net: nn.Module, folder: Path) -> list[tuple[float, float, float]]:
    """Per axis, in cells: how far a middle cell of the network sees from where heatmaps are usually drawn, as measured
    when the model is loaded; the same from the squared gradient of the cell on pictures of noise, with the network's
    own weights; and what of that is left where the cell is drawn.
    """
    size = row.view if row.layout == "channels first" else row.side  # a small picture cuts off what a cell sees
    model = built(row, net, folder, Preprocessing(width=size, height=size))
    seen: list[torch.Tensor] = []
    handle = net.get_submodule(model.layer_name).register_forward_hook(
        lambda module, inputs, output: seen.append(first_tensor(output).clone())
    )
    pictures = torch.randn(6, 3, size, size, generator=torch.Generator().manual_seed(3)).requires_grad_(True)
    net(pictures)
    handle.remove()
    cells = model.layout.to_maps(seen[0])
    grid = model.cells or CellGrid.even(*cells.shape[2:])  # where it is not clear, as heatmaps are usually drawn
    row_of, column_of = grid.shape[0] // 2, grid.shape[1] // 2
    channels = torch.randn(cells.shape[:2], generator=torch.Generator().manual_seed(4))
    (gradient,) = torch.autograd.grad((cells[:, :, row_of, column_of] * channels).sum(), pictures)
    energy = gradient.double().square().sum(dim=(0, 1))
    found = []
    for axis, cell, along in ((grid.rows, row_of, 1), (grid.columns, column_of, 0)):
        profile = energy.sum(dim=along)
        place = float(profile @ (torch.arange(len(profile), dtype=torch.float64) + 0.5) / profile.sum()) / size
        usual = CellAxis.even(axis.count)
        found.append(
            (axis.offset, (place - usual.centres[cell]) / usual.step, (place - axis.centres[cell]) / axis.step)
        )
    return found
