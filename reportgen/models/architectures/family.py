"""A family of architectures, and how its weights are found in a checkpoint under any prefix and with any head."""

from __future__ import annotations

import re
import warnings
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial

import torch
from torch import Tensor, nn

from reportgen.models.architectures.classifier import Classifier, rebuild_classifier
from reportgen.models.architectures.torchvision_ops import import_torchvision

__all__ = [
    "Family",
    "Misfit",
    "Recognised",
    "Shapes",
    "Variant",
    "best_variant",
    "differing",
    "few",
    "fit",
    "is_incidental",
    "shape_text",
    "torchvision_network",
]

Shapes = Mapping[str, tuple[int, ...]]

_COUNTER = "num_batches_tracked"
# What training scripts and profilers store beside the network's own parameters.
_TRAINING_ONLY = re.compile(
    r"(^|\.)(criterion|centers?|\w*loss\w*|\w*metric\w*|\w*accuracy\w*|n_averaged|total_ops|total_params)(\.|$)"
)
_SHOWN = 3
_HEAD = 10  # more parameters than this no head of a few layers has


@dataclass(frozen=True)
class Variant:
    """One architecture of a family.

    Attributes
    ----------
    title
        As it is shown in the report, such as "ResNet34".
    build
        Makes the network with its original head; called with the meta device as default.
    size
        Side of the square input in pixels where the weights fix it.
    layer
        The layer that is explained, where it is another than the family's.
    notes
        What was assumed of it.
    """

    title: str
    build: Callable[[], nn.Module]
    size: int | None = None
    layer: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Family:
    """Architectures that share the names of their parameters.

    Attributes
    ----------
    anchor
        A parameter's name that every checkpoint of the family has, after whatever prefix.
    head
        Name of the submodule that classifies; anything may stand in its place.
    layer
        The layer that is explained if the user names none.
    stem
        Name of the first convolution's weight, whose input channels may be 1 instead of 3.
    variant
        The architecture that shapes belong to, by names without prefix; None if there is none.
    widths
        Lengths of the vector that the head may get where they differ from the original head's, each with the name of a
        pooling layer and the cells a side that it then leaves.
    flattens
        Whether the network itself flattens the vector before the head.
    plain
        Whether the layer holds its map as (B, K, h, w), so that it need not be probed.
    renamed
        Other forms of the names, as pairs of an anchor and a function to the usual names (None: not of the body).
    named
        The variant for a name that the checkpoint states, where names and shapes alone may leave it open.
    one_layer
        Why only one linear layer may stand in place of the head; empty where any head may.
    doubt
        What the numbers of the body's weights, by the usual names, show to be another network's; None where nothing.
    """

    anchor: str
    head: str
    layer: str
    stem: str
    variant: Callable[[Shapes], Variant | None]
    widths: Mapping[int, tuple[str, int]] = field(default_factory=dict)
    flattens: bool = True
    plain: bool = True
    renamed: tuple[tuple[str, Callable[[str], str | None]], ...] = ()
    named: Callable[[str], Callable[[Shapes], Variant | None]] | None = None
    one_layer: str = ""
    doubt: Callable[[Mapping[str, Tensor]], str | None] = lambda _: None

    def of(self, name: str) -> Family:
        """The family with the one member that a checkpoint names, where it has members by name."""
        return self if self.named is None else replace(self, variant=self.named(name))


@dataclass(frozen=True)
class Recognised:
    """A network with the checkpoint's weights.

    Attributes
    ----------
    prefix
        Of the network's names in the checkpoint.
    channels
        Of the input.
    size
        Side of the input in pixels, where the weights fix it.
    plain
        Whether the layer is known to hold its map as (B, K, h, w).
    notes
        What the weights do not show and was assumed, and what was left out.
    """

    title: str
    module: nn.Module
    layer: str
    prefix: str
    channels: int
    size: int | None
    plain: bool
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Misfit:
    """Weights that look like an architecture but are not: `reason` says what differs, `shared` how many names agree."""

    title: str
    reason: str
    shared: int


def fit(family: Family, state: Mapping[str, Tensor]) -> Recognised | Misfit | None:
    """The network of a family that a checkpoint holds.

    Returns
    -------
    Recognised, Misfit or None
        None where the family's anchor is missing or its shapes belong to no architecture of the family.
    """
    misfit = None
    forms: list[tuple[str, Callable[[str], str | None]]] = [(family.anchor, str), *family.renamed]
    for anchor, rename in forms:
        for prefix in sorted({name[: -len(anchor)] for name in state if _ends_with(name, anchor)}, key=len):
            own = {}
            for name in state:
                if _TRAINING_ONLY.search(name):
                    continue
                usual = rename(name.removeprefix(prefix)) if name.startswith(prefix) else None
                if usual is not None:
                    own[usual] = name
            found = _fit_names(family, state, prefix, own, cut=anchor != family.anchor)
            if isinstance(found, Recognised):
                return found
            if found is not None and (misfit is None or found.shared > misfit.shared):
                misfit = found
    return misfit


def torchvision_network(name: str) -> nn.Module:
    """A network of torchvision by its name there, with random weights."""
    models = import_torchvision().models
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of random weights that will be made otherwise
        try:
            module: nn.Module = models.get_model(name, weights=None)
        except NotImplementedError:  # some compute their widths by tensors, which have no numbers on the meta device
            with torch.device("cpu"):
                module = models.get_model(name, weights=None).to("meta")
    return module


def best_variant(
    titles: Mapping[str, str], create: Callable[[str], nn.Module] = torchvision_network
) -> Callable[[Shapes], Variant | None]:
    """For families of fixed members: the one that shares most names and shapes.

    Parameters
    ----------
    titles
        As shown in the report, by the library's names of the models; common ones first.
    create
        Makes one of them.
    """

    def choose(shapes: Shapes) -> Variant | None:
        best, most = "", (0, 0)
        for name in titles:
            expected = _shapes_of(create, name)
            shared = sum(shapes.get(key) == shape for key, shape in expected.items())
            # Of two that share as much the smaller: a Lite network is another one without its attention.
            if shared and (shared, -len(expected)) > most:
                best, most = name, (shared, -len(expected))
            if min(len(expected), len(shapes)) and shared + _HEAD >= max(len(expected), len(shapes)):
                break
        return Variant(titles[best], partial(create, best)) if best else None

    return choose


@lru_cache(maxsize=256)
def _shapes_of(create: Callable[[str], nn.Module], name: str) -> Shapes:
    with torch.device("meta"):
        module = create(name)
    return {key: tuple(value.shape) for key, value in module.state_dict().items()}


def differing(create: Callable[[str], nn.Module], name: str, module: nn.Module) -> int:
    """How many parameters' names or shapes differ between a network that `create` makes and another."""
    own = {key: tuple(value.shape) for key, value in module.state_dict().items()}
    return len(own.items() ^ _shapes_of(create, name).items())


def _ends_with(name: str, anchor: str) -> bool:
    return name == anchor or name.endswith(f".{anchor}")


def _fit_names(
    family: Family, state: Mapping[str, Tensor], prefix: str, own: Mapping[str, str], *, cut: bool
) -> Recognised | Misfit | None:
    """Compare the body name by name, then rebuild the head from what is left; `cut` out of its network or not."""
    try:
        variant = family.variant({name: tuple(state[given].shape) for name, given in own.items()})
        if variant is None:
            return None
        with torch.device("meta"):
            module = variant.build()
        channels = _input_channels(module, family.stem, own, state)
    except (ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError):
        return None  # names or shapes that no such network has
    in_head = f"{family.head}."
    body = {name: value for name, value in module.state_dict().items() if not name.startswith(in_head)}
    needed = [name for name in body if not name.endswith(_COUNTER)]
    fits = [name for name in needed if name in own and state[own[name]].shape == body[name].shape]
    if not fits:
        return None
    if len(fits) < len(needed):
        return Misfit(variant.title, _difference(needed, fits, own, state, body), len(fits))
    doubt = family.doubt({name: state[own[name]] for name in needed})
    if doubt is not None:
        return Misfit(variant.title, doubt, len(fits))
    used = {own[name] for name in body if name in own}
    rest = {name: value for name, value in state.items() if name not in used and not is_incidental(name)}
    classifier = _classifier(family, module, rest, {name: given for name, given in own.items() if given in rest})
    if classifier is None:
        return Misfit(variant.title, f"its head ({few(list(rest))}) cannot be rebuilt from its weights", len(fits))
    if family.one_layer and not isinstance(classifier.module, nn.Linear):
        return Misfit(variant.title, f"its head has several layers ({few(list(rest))}): {family.one_layer}", len(fits))
    left = [name for name in rest if name not in classifier.names]
    if left:
        why = f": {family.one_layer}" if family.one_layer else ""
        return Misfit(variant.title, f"it also has {few(left)}{why}", len(fits))
    weights = {name: state[own[name]] for name in body if name in own}
    weights |= {classifier.names[name]: rest[name] for name in classifier.names}
    for name, value in module.state_dict().items():
        if name.endswith(_COUNTER) and name not in weights:
            weights[name] = torch.zeros_like(value, device="cpu")
    filled = OrderedDict(
        (name, value.float() if value.is_floating_point() else value) for name, value in weights.items()
    )
    # Some networks, such as MNASNet, ask for the version of their names: shapes that fit are this one's.
    filled._metadata = module.state_dict()._metadata  # type: ignore[attr-defined]
    module.load_state_dict(filled, strict=True, assign=True)
    _make_computed_buffers(module, variant)
    dropped = [name for name in state if is_incidental(name) and not name.endswith(_COUNTER)]
    behind = [f"what follows its body, which was cut out of a {variant.title}, is assumed as there"] if cut else []
    notes = [
        *variant.notes,
        *behind,
        *classifier.notes,
        *([f"left out of the checkpoint: {few(dropped)}"] if dropped else []),
    ]
    layer = variant.layer or family.layer
    return Recognised(variant.title, module, layer, prefix, channels, variant.size, family.plain, tuple(notes))


def _input_channels(module: nn.Module, stem: str, own: Mapping[str, str], state: Mapping[str, Tensor]) -> int:
    """Channels of the input; a network for grey images gets a first convolution of one channel."""
    convolution = module.get_submodule(stem.removesuffix(".weight"))
    if not isinstance(convolution, nn.Conv2d) or stem not in own or state[own[stem]].ndim != 4:
        return 3
    if state[own[stem]].shape[1] == 1 and convolution.groups == 1:
        convolution.in_channels = 1
        convolution.weight = nn.Parameter(convolution.weight[:, :1])
        return 1
    return 3


def _make_computed_buffers(module: nn.Module, variant: Variant) -> None:
    """Fill what a network computes when it is made and does not store, such as the masks of Swin's windows."""
    if not any(value.is_meta for value in module.buffers()):
        return
    made = dict(variant.build().named_buffers())
    for name, value in list(module.named_buffers()):
        if value.is_meta:
            parent, _, attribute = name.rpartition(".")
            module.get_submodule(parent).register_buffer(attribute, made[name], persistent=False)


def _classifier(
    family: Family, module: nn.Module, rest: Mapping[str, Tensor], own: Mapping[str, str]
) -> Classifier | None:
    """Put the checkpoint's head into the network: the original with another last layer, or one in place of the head.

    Parameters
    ----------
    rest
        All parameters that do not belong to the body.
    own
        Those among them with the network's prefix: name in the network to name in the checkpoint.
    """
    original = [(name, layer) for name, layer in module.named_modules() if isinstance(layer, nn.Linear)
                and (name == family.head or name.startswith(f"{family.head}."))]  # fmt: skip
    if not original:
        return None
    last, first = original[-1], original[0]
    # The last linear layer alone was replaced: everything else of the head is as it was.
    partly = None
    around = {name: value for name, value in module.state_dict().items()
              if name.startswith(f"{family.head}.") and not name.startswith(f"{last[0]}.")}  # fmt: skip
    if all(name in own and rest[own[name]].shape == value.shape for name, value in around.items()):
        inside = {own[name]: rest[own[name]] for name in own if name.startswith(f"{last[0]}.")}
        found = rebuild_classifier(inside, last[1].in_features, flatten=False, parent=last[0])
        if found is not None:
            partly = replace(found, names=found.names | {own[name]: name for name in around})
            if rest.keys() <= partly.names.keys():
                _replace(module, last[0], found.module)
                return partly
    # Another head in its place, or behind a body whose own head was taken off.
    wide = {first[1].in_features: None, **family.widths}
    for width, pooling in wide.items():
        found = rebuild_classifier(rest, width, flatten=not family.flattens, parent=family.head)
        if found is not None:
            _replace(module, family.head, found.module)
            if pooling is None:
                return found
            _replace(module, pooling[0], nn.AdaptiveAvgPool2d(pooling[1]))
            note = f"its head takes {width} numbers: the average over all cells is assumed"
            return replace(found, notes=(note, *found.notes))
    return partly


def _replace(module: nn.Module, name: str, child: nn.Module) -> None:
    parent, _, attribute = name.rpartition(".")
    setattr(module.get_submodule(parent), attribute, child)


def is_incidental(name: str) -> bool:
    """Whether a name in a checkpoint is of training or profiling, so that no prediction depends on it."""
    return name.endswith(_COUNTER) or _TRAINING_ONLY.search(name) is not None


def _difference(
    needed: list[str], fits: list[str], own: Mapping[str, str], state: Mapping[str, Tensor], body: Mapping[str, Tensor]
) -> str:
    missing = [name for name in needed if name not in own]
    if missing:
        return f"it lacks {few(missing)}"
    other = [name for name in needed if name not in set(fits)]
    return few([f"{own[n]} is {shape_text(state[own[n]])}, expected {shape_text(body[n])}" for n in other])


def few(items: list[str]) -> str:
    """The first items of a list, and how many more there are."""
    return ", ".join(items[:_SHOWN]) + (f" and {len(items) - _SHOWN} more" if len(items) > _SHOWN else "")


def shape_text(tensor: Tensor) -> str:
    """As in "64x3x7x7"."""
    return "x".join(map(str, tensor.shape)) or "a scalar"
