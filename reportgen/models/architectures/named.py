"""The network that a checkpoint names, if torchvision or timm makes one: a hint that its weights have to fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor, nn

from reportgen.errors import MissingExtraError
from reportgen.models.architectures.family import (
    Family,
    Recognised,
    Shapes,
    Variant,
    differing,
    fit,
    torchvision_network,
)
from reportgen.models.architectures.timm.library import create, import_timm
from reportgen.models.architectures.torchvision_ops import import_torchvision

__all__ = ["contradicts", "fit_named"]

_Maker = Callable[[str], nn.Module]
_HEAD = 10  # more parameters than this no head of a few layers has


def fit_named(name: str, families: Sequence[Family], state: Mapping[str, Tensor]) -> Recognised | None:
    """The network of this name with the checkpoint's weights; None where no such network is made, or they do not fit.

    Networks of one form that compute something else (as those of TensorFlow, which pad otherwise, or with blurred
    strides) are told apart by nothing but their name.

    Parameters
    ----------
    families
        Those whose anchor the weights have say where the head and the layer are; else the library does.
    """
    for own, make in _makers(name):
        for family in families:
            try:
                found = fit(replace(family, variant=partial(_variant, family, own, make)), state)
            except MissingExtraError:
                continue
            if isinstance(found, Recognised):
                return found
        plain = _own_family(own, make)
        found = None if plain is None else fit(plain, state)
        if isinstance(found, Recognised):
            return found
    return None


def contradicts(name: str, found: Recognised) -> bool:
    """Whether a network of this name is made, and is another than the one that was found, whatever its head."""
    makers = _makers(name)
    return bool(makers) and all(differing(make, own, found.module) > _HEAD for own, make in makers)


def _makers(name: str) -> list[tuple[str, _Maker]]:
    """The libraries' names of such a network, each with what makes it; names of other places are none."""
    first = name.partition(".")[0]  # "vit_small_patch16_224.augreg_in21k": the network, and how it was trained
    found: list[tuple[str, _Maker]] = []
    models = import_torchvision().models
    spellings = dict.fromkeys((first, first.lower(), first.lower().replace("-", "_")))
    for own in spellings:
        if own in models.list_models(module=models):
            found.append((own, torchvision_network))
    for own in spellings:
        try:
            if own.replace("_", "").isalnum() and import_timm(own).is_model(own):
                found.append((own, create))
        except MissingExtraError:
            break
    return found


def _variant(family: Family, name: str, make: _Maker, shapes: Shapes) -> Variant | None:
    """The named network where it has the form of the family's own, whose head and layer then are its too."""
    own = family.variant(shapes)
    if own is None:
        return None
    with torch.device("meta"):
        usual = own.build()
    if differing(make, name, usual):
        return None
    title = own.title if make is torchvision_network else f"{name} (timm)"
    return Variant(title, partial(make, name), own.size, own.layer)


def _own_family(name: str, make: _Maker) -> Family | None:
    """A network of no known family: its head is the submodule that the last linear layer is in."""
    with torch.device("meta"):
        module = make(name)
    convolutions = [path for path, layer in module.named_modules() if isinstance(layer, nn.Conv2d)]
    linear = [path for path, layer in module.named_modules() if isinstance(layer, nn.Linear)]
    stated = getattr(module, "default_cfg", {}).get("classifier")
    head = stated if isinstance(stated, str) else linear[-1].partition(".")[0] if linear else ""
    if not convolutions or not any(path == head or path.startswith(f"{head}.") for path in linear):
        return None
    size = getattr(module, "default_cfg", {}).get("input_size", (3, 0, 0))[-1] or None
    fixed = size if getattr(module, "default_cfg", {}).get("fixed_input_size") else None
    title = f"{name} (timm)" if make is create else name
    return Family(
        anchor=next(iter(module.state_dict())),
        head=head,
        layer="",
        stem=f"{convolutions[0]}.weight",
        variant=lambda _: Variant(title, partial(make, name), fixed),
        plain=False,
    )
