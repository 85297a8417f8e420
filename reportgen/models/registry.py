"""Recognises the architecture of a checkpoint and builds a module with its weights."""

from __future__ import annotations

import importlib
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from reportgen.cell_grid import CellGrid
from reportgen.config import ModelConfig, Preprocessing
from reportgen.errors import CheckpointError, ConfigError, MissingExtraError, UnknownArchitectureError
from reportgen.models.architectures.convnext import CONVNEXT
from reportgen.models.architectures.custom_cnn import CustomCNN
from reportgen.models.architectures.densenet import DENSENET
from reportgen.models.architectures.draft import draft_factory
from reportgen.models.architectures.efficientnet import EFFICIENTNET
from reportgen.models.architectures.expression_networks import DAN, RES_EMOTE_NET
from reportgen.models.architectures.face_networks import DDAMFN, MOBILE_FACE_NET
from reportgen.models.architectures.family import Misfit, Recognised, few, fit, is_incidental, shape_text
from reportgen.models.architectures.huggingface import hugging_face_class, hugging_face_model
from reportgen.models.architectures.mobilenet import MOBILENET_V2, MOBILENET_V3
from reportgen.models.architectures.named import contradicts, fit_named
from reportgen.models.architectures.resnet import RESNET, TransferLearningModel, stem_draft, unknown_stem
from reportgen.models.architectures.sequential import StatedLayers, stated_sequential
from reportgen.models.architectures.swin import SWIN
from reportgen.models.architectures.timm import convolutional, transformers
from reportgen.models.architectures.vgg import VGG
from reportgen.models.architectures.vit import VIT
from reportgen.models.cell_places import measure_cells
from reportgen.models.layers import TargetLayer, find_layer
from reportgen.models.layouts import CHANNELS_FIRST, MapLayout
from reportgen.models.outputs import INSIDE, LogitsModel, logits_model
from reportgen.models.repeatability import check_repeatable

__all__ = [
    "FAMILIES",
    "GREY",
    "PLACES_UNCLEAR",
    "LoadedModel",
    "build_model",
    "check_statistics",
    "recognise",
    "trial_images",
]

FAMILIES = (
    DAN, RES_EMOTE_NET, DDAMFN, MOBILE_FACE_NET,
    RESNET, MOBILENET_V2, MOBILENET_V3, EFFICIENTNET, CONVNEXT, DENSENET, SWIN, VIT, VGG,
    transformers.BEIT, transformers.VIT, transformers.SWIN, convolutional.EFFICIENTNET, convolutional.CONVNEXT,
    convolutional.RESNET_DEEP_STEM, convolutional.RESNET_SE, convolutional.VGG, convolutional.XCEPTION,
    convolutional.REPVGG, convolutional.REGNET,
)  # fmt: skip
"""In the order in which they are tried."""

_CUSTOM_CNN = ("conv1.conv.weight", "conv4.bn.running_mean", "fc1.weight", "fc2.weight")
_TRANSFER = ("backbone.layer1.0.conv1.weight", "backbone.fc.1.weight")
PLACES_UNCLEAR = (
    "where the cells of its layer see could not be measured, so each is drawn in the middle of its share of the picture"
)
GREY = {"mean": (0.449,), "std": (0.226,)}
"""ImageNet's mean and spread over its three channels, for a network that sees grey images."""


@dataclass(frozen=True)
class LoadedModel:
    """A module in evaluation mode with its weights, parameters frozen.

    Attributes
    ----------
    architecture
        A known name, or the user's `package.module:callable`.
    target_layer
        Dotted name of the layer that is explained; empty where none is known.
    num_classes
        Length of the output.
    layout
        How the layer's output holds the map.
    notes
        What was assumed about the model and should be stated in the report.
    cells
        Where the layer's cells see; None where it is not known, and they count as equal shares of the picture.
    """

    module: nn.Module
    architecture: str
    target_layer: str
    num_classes: int
    preprocessing: Preprocessing
    layout: MapLayout = CHANNELS_FIRST
    notes: tuple[str, ...] = ()
    cells: CellGrid | None = None

    @property
    def forward_only(self) -> bool:
        """Whether no layer of it is known, as of an ONNX file: it can be run, and has no gradient."""
        return not self.target_layer

    @property
    def layer_name(self) -> str:
        """The layer's name in the user's own network."""
        inside = isinstance(self.module, LogitsModel)
        return self.target_layer.removeprefix(INSIDE) if inside else self.target_layer

    def restricted(self, kept: list[int]) -> LoadedModel:
        """The model with some of its outputs only, in the given order.

        The softmax over the logits that are left is the model's own, renormalised over their classes.
        """
        module, layer = self.module, self.target_layer
        if not isinstance(module, LogitsModel):
            module = LogitsModel(module, (), "logits", single=False, contiguous=False)
            layer = f"{INSIDE}{layer}" if layer else ""
        module.kept = kept
        return replace(self, module=module, target_layer=layer, num_classes=len(kept))


def recognise(
    state: Mapping[str, Tensor],
    stated: Mapping[str, Any] | None = None,
    *,
    named: Sequence[str] = (),
    layers: StatedLayers | None = None,
) -> Recognised | Misfit | None:
    """The network that a state dict holds: whatever prefix its names have and whatever head it ends in.

    Parameters
    ----------
    stated
        The content of a `config.json` beside the weights: the class of a network of transformers, or the name of one of
        timm, which then is not guessed.
    named
        What the checkpoint calls its network. One that the weights fit is used; where they are of another one, they
        count, and a note says so.
    layers
        Class and settings of every layer, where a whole module was pickled.

    Returns
    -------
    Recognised, Misfit or None
        A misfit is the nearest known architecture, with what differs; None where there is none.

    Raises
    ------
    MissingExtraError
        The names are those of a library that is not installed.
    CheckpointError
        The weights are not those of the network that is stated.
    """
    stated = stated or {}
    if hugging_face_class(stated) is not None:
        return hugging_face_model(stated, state)
    whole = stated_sequential(layers, state) if layers else None
    if whole is not None:
        return whole
    architecture = stated.get("architecture")
    names = [name for name in (architecture, *named) if isinstance(name, str)]
    for name in names:
        known = fit_named(name, FAMILIES, state)
        if known is not None:
            return known
    found = _by_weights(state, architecture)
    if not isinstance(found, Recognised):
        return found
    wrong = [name for name in names if contradicts(name, found)]
    notes = [f"its file names {name}, but the weights are those of {found.title} and count" for name in wrong]
    return replace(found, notes=(*found.notes, *notes)) if notes else found


def _by_weights(state: Mapping[str, Tensor], architecture: object) -> Recognised | Misfit | None:
    """By names and shapes; `architecture` is what `config.json` names, where networks of one form differ by name."""
    own = {name: value for name, value in state.items() if not is_incidental(name)}
    for prefix in sorted({name.removesuffix(_CUSTOM_CNN[1]) for name in own if name.endswith(_CUSTOM_CNN[1])}, key=len):
        names = {name.removeprefix(prefix): value for name, value in own.items() if name.startswith(prefix)}
        if all(name in names for name in _CUSTOM_CNN):
            channels = 1 if names["conv1.conv.weight"].shape[1:2] == (1,) else 3
            module = CustomCNN(len(names["fc2.weight"]), len(names["fc1.weight"]), channels)
            return _notebook(module, "CustomCNN", "conv4", prefix, channels, state)
    if all(name in own for name in _TRANSFER) and own[_TRANSFER[1]].ndim == 2:
        model = TransferLearningModel(len(own[_TRANSFER[1]]))
        if _difference(model, state) is None:
            return _notebook(model, "TransferLearningModel", "backbone.layer4", "", 3, state)
    nearest: Misfit | None = None
    missing: MissingExtraError | None = None
    for family in FAMILIES:
        try:
            found = fit(family.of(architecture) if isinstance(architecture, str) else family, state)
        except MissingExtraError as error:
            missing = error
            continue
        if isinstance(found, Recognised):
            return found
        if found is not None and (nearest is None or found.shared > nearest.shared):
            nearest = found
    if missing is not None:
        raise missing
    return nearest


def _notebook(
    module: nn.Module, title: str, layer: str, prefix: str, channels: int, state: Mapping[str, Tensor]
) -> Recognised | Misfit:
    """One of the notebook's two networks with its weights."""
    weights = {name.removeprefix(prefix): value for name, value in state.items()}
    difference = _difference(module, weights)
    if difference is not None:
        return Misfit(title, difference, len(weights))
    _fill(module, weights)
    return Recognised(title, module, layer, prefix, channels, None, True, ())


def build_model(
    name: str,
    state: Mapping[str, Tensor],
    config: ModelConfig,
    *,
    explained: bool = True,
    stated: Mapping[str, Any] | None = None,
    named: Sequence[str] = (),
    layers: StatedLayers | None = None,
) -> LoadedModel:
    """A module with the weights, from a known architecture or from the user's factory.

    Parameters
    ----------
    name
        The user's name for the model; for messages.
    explained
        Whether to find the layer and to try that outputs repeat; else only logits can be asked for.
    stated
        The content of the `config.json` beside the weights, where there is one.
    named, layers
        What the checkpoint says of its network, as for `recognise`.

    Raises
    ------
    CheckpointError
        The architecture is unknown, or names or shapes differ.
    ConfigError
        The factory cannot be imported or called, the preprocessing or the target layer does not fit, or an image's
        output is not always the same.
    """
    preprocessing, notes, usual, target = config.preprocessing, [], None, config.target_layer
    plain, channels = False, 0
    if config.factory is not None:
        if preprocessing.grey:
            usual_grey = {key: value for key, value in GREY.items() if key not in preprocessing.model_fields_set}
            preprocessing = preprocessing.model_copy(update=usual_grey)
        module, prefix = _from_factory(name, config)
        architecture = config.factory
        state = _without_prefix(module, state)
        difference = _difference(module, state)
        if difference is not None:
            raise CheckpointError(f"{config.checkpoint}: does not fit model '{name}': {difference}")
        _fill(module, state)
    else:
        try:
            known = recognise(state, stated, named=named, layers=layers)
        except CheckpointError as error:
            raise type(error)(f"{config.checkpoint}: {error}") from None
        if not isinstance(known, Recognised):
            raise _unknown(name, state, known, config, named, layers or {})
        module, architecture, usual, prefix = known.module, known.title, known.layer, known.prefix
        plain, channels = known.plain, known.channels
        preprocessing, adapted = _adapted(preprocessing, known)
        notes = [*known.notes, *adapted]
    check_statistics(name, preprocessing, channels or preprocessing.channels)
    module.eval().requires_grad_(False)
    if target is not None:
        names = dict(module.named_modules())
        target = target if target in names else target.removeprefix(prefix)
        if target not in names:
            children = [child for child, _ in module.named_children()]
            raise ConfigError(
                f"model '{name}': no layer '{target}'; expected a dotted name under {', '.join(children[:8])}"
            )
    images = trial_images(preprocessing)
    module, classes, said = logits_model(name, module, images, output=config.output, columns=config.output_columns)
    inside = INSIDE if isinstance(module, LogitsModel) else ""
    layer, cells = TargetLayer(inside + (target or usual or ""), CHANNELS_FIRST), None
    if explained:
        check_repeatable(name, module, images)
        layer = find_layer(
            name,
            module,
            images[:1],
            inside + target if target else None,
            inside + usual if usual else None,
            plain=plain,
        )
        cells = measure_cells(module, layer.name, layer.layout, images[:1])
        if cells is None:
            notes.append(PLACES_UNCLEAR)
    module.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]  # as it was before the trial
    if preprocessing.resize_to is not None:
        share = max(preprocessing.width, preprocessing.height) / preprocessing.resize_to
        notes.append(f"it sees the middle {share:.1%} of a square image's height and width")
    return LoadedModel(module, architecture, layer.name, classes, preprocessing, layer.layout, (*notes, *said), cells)


def trial_images(spec: Preprocessing) -> Tensor:
    """Two smooth pictures of noise as a model takes them, (2, channels, height, width)."""
    noise = torch.randn(2, spec.channels, 9, 9, generator=torch.Generator().manual_seed(0))
    smooth = nn.functional.interpolate(noise, (spec.height, spec.width), mode="bicubic")
    return smooth.to(memory_format=torch.channels_last)


def _without_prefix(module: nn.Module, state: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """A state dict in the names of a module, where a wrapper put one prefix before all of them."""
    own = [key for key in module.state_dict() if not key.endswith("num_batches_tracked")]
    if not own or all(key in state for key in own):
        return state
    prefixes = [key.removesuffix(own[0]) for key in state if key.endswith(f".{own[0]}")]
    for prefix in prefixes:
        if all(prefix + key in state for key in own):
            return {key.removeprefix(prefix): value for key, value in state.items()}
    return state


def _adapted(spec: Preprocessing, known: Recognised) -> tuple[Preprocessing, list[str]]:
    """The input that a network's weights ask for, where the user's settings leave it open; and what to say of it."""
    values: dict[str, object] = {}
    notes = []
    if known.channels == 1 and "grey" not in spec.model_fields_set:
        values["grey"] = True
        notes.append("its first convolution takes one channel: images are shown to it in grey")
    if known.size is not None and not {"width", "height"} & spec.model_fields_set:
        values |= {"width": known.size, "height": known.size}
    if bool(values.get("grey", spec.grey)):
        for key, usual in GREY.items():
            given = getattr(spec, key) if key in spec.model_fields_set else usual
            if known.channels == 1:
                values[key] = given
            elif key in spec.model_fields_set and len(given) == 1:
                values[key] = given * 3  # a grey picture in three equal channels
    return (spec.model_copy(update=values) if values else spec), notes


def check_statistics(name: str, spec: Preprocessing, channels: int) -> None:
    for key, values in (("mean", spec.mean), ("std", spec.std)):
        if len(values) not in (1, channels):
            raise ConfigError(
                f"model '{name}': preprocessing.{key} has {len(values)} values, but its input has "
                f"{'one channel; give one' if channels == 1 else 'three channels; give three, or one for all'}"
            )


def _from_factory(name: str, config: ModelConfig) -> tuple[nn.Module, str]:
    """The user's network, and the prefix of a wrapper that was taken off."""
    module_name, _, attribute = str(config.factory).partition(":")
    try:
        factory = importlib.import_module(module_name)
        for part in attribute.split("."):
            factory = getattr(factory, part)
        module = factory()  # type: ignore[operator]
    except (Exception, SystemExit) as error:  # the user's code can fail in any way; a script may end itself
        raise ConfigError(
            f"model '{name}': factory '{config.factory}' failed ({type(error).__name__}: {error}); expected a callable "
            "without arguments that returns a torch.nn.Module, importable from the folder of the settings file"
        ) from None
    if not isinstance(module, nn.Module):
        raise ConfigError(f"model '{name}': factory '{config.factory}' gave a {type(module).__name__}, not a module")
    if isinstance(module, torch.jit.ScriptModule):
        raise ConfigError(
            f"model '{name}': factory '{config.factory}' gave a TorchScript module, whose layers cannot be read; "
            "return the Python module that it was made from"
        )
    prefix = ""
    while isinstance(module, nn.DataParallel) or hasattr(module, "_orig_mod"):
        step = "module" if isinstance(module, nn.DataParallel) else "_orig_mod"
        module, prefix = getattr(module, step), f"{prefix}{step}."
    return module, prefix


def _difference(module: nn.Module, state: Mapping[str, Tensor]) -> str | None:
    """What keeps weights from being loaded strictly, with a short list instead of every name; None where they fit."""
    own = module.state_dict()
    # Old files lack the batch counters; nothing at inference depends on them.
    needed = {key for key in own if not key.endswith("num_batches_tracked")}
    missing = sorted(needed - state.keys())
    extra = sorted(key for key in state.keys() - own.keys() if not is_incidental(key))
    shapes = [
        f"{key} is {shape_text(state[key])}, expected {shape_text(own[key])}"
        for key in own
        if key in state and state[key].shape != own[key].shape
    ]
    parts = [f"missing {few(missing)}"] if missing else []
    parts += [f"unexpected {few(extra)}"] if extra else []
    parts += [few(shapes)] if shapes else []
    return "; ".join(parts) or None


def _fill(module: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Load weights that fit."""
    own = module.state_dict()
    filled = OrderedDict((key, state[key].to(own[key].dtype)) for key in own if key in state)
    # Some networks, such as MNASNet, ask for the version of their names: shapes that fit are this one's.
    filled._metadata = own._metadata  # type: ignore[attr-defined]
    module.load_state_dict(filled, strict=False)


def _unknown(
    name: str,
    state: Mapping[str, Tensor],
    nearest: Misfit | None,
    config: ModelConfig,
    named: Sequence[str],
    layers: StatedLayers,
) -> UnknownArchitectureError:
    """What the weights are like or hold, and a factory to complete where they form one chain."""
    side = config.preprocessing.width if "width" in config.preprocessing.model_fields_set else None
    file, stem = config.checkpoint.name, unknown_stem(state)
    chain = draft_factory(file, state, layers, side) if stem is None else None
    text = chain.text if chain is not None else stem_draft(file, state) if stem is not None else ""
    if stem is not None:
        found = stem
    elif nearest is not None and 2 * nearest.shared >= len(state) / 2:
        found = f"is like {nearest.title}, but {nearest.reason}"
    elif chain is not None:
        found = f"has {chain.seen}, which leave strides, padding, pooling and activations open"
    else:
        found = f"has {few(sorted(state))}"
    called = f", and is called {few([repr(text) for text in named])}" if named else ""
    more = "; reportgen check prints a factory to complete" if text else ""
    return UnknownArchitectureError(
        f"{config.checkpoint}: unknown architecture for model '{name}' ({found}{called}); set factory and target_layer "
        f"for it in reportgen.toml and give that to --config{more}",
        text,
    )
