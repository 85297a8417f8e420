"""timm, an extra: imported where a checkpoint has the names of one of its networks, and nowhere else."""

from __future__ import annotations

import importlib
import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import ModuleType

from torch import nn

from reportgen.errors import MissingExtraError
from reportgen.models.architectures.family import Shapes, Variant, best_variant
from reportgen.models.architectures.torchvision_ops import import_torchvision

__all__ = ["create", "import_timm", "known_name", "stated_name"]

_SIZE = re.compile(r"_(224|256|384|448|512)$")  # the side of the input, in the names of networks that admit no other


def import_timm(what: str) -> ModuleType:
    """Timm itself.

    Parameters
    ----------
    what
        The network that asks for it, for the message.

    Raises
    ------
    MissingExtraError
        It is not installed.
    """
    import_torchvision()  # timm imports it too, and would meet its missing operators
    try:
        return importlib.import_module("timm")
    except ImportError:
        raise MissingExtraError(f"this is timm's {what}; pip install 'reportgen[timm]'") from None


def create(name: str) -> nn.Module:
    """A network of timm without pretrained weights."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that were renamed
        module: nn.Module = import_timm(name).create_model(name, pretrained=False)
    return module


def known_name(
    family: str, names: Sequence[str], layer: Callable[[Shapes], str | None] = lambda _: None
) -> Callable[[Shapes], Variant | None]:
    """For families whose members have names in timm: the one that shares most names and shapes.

    Parameters
    ----------
    family
        Its name, for the message where timm is not installed.
    names
        timm's names of the networks, common ones first. Where several have the very same names and shapes, all of them
        in one string, the one that is assumed first.
    layer
        The layer that is explained, where it depends on the network.
    """
    alike = {first: others for first, *others in map(str.split, names)}
    choose = best_variant({name: f"{name} (timm)" for name in alike}, create)

    def with_notes(shapes: Shapes) -> Variant | None:
        import_timm(family)
        found = choose(shapes)
        if found is None:
            return None
        name = found.title.removesuffix(" (timm)")
        note = (
            f"its names and shapes are those of timm's {' and '.join((name, *alike[name]))}, which compute other "
            f"outputs: {name} is assumed"
        )
        size = _SIZE.search(name)
        return replace(
            found, size=int(size[1]) if size else None, layer=layer(shapes), notes=(note,) if alike[name] else ()
        )

    return with_notes


def stated_name(
    layer: Callable[[Shapes], str | None] = lambda _: None,
) -> Callable[[str], Callable[[Shapes], Variant | None]]:
    """The variant for a name that a checkpoint states; none where timm itself makes no network of that name.

    Names that would be fetched from elsewhere ("hf-hub:...") are no names of timm's.
    """

    def variant(name: str) -> Callable[[Shapes], Variant | None]:
        name = name.partition(".")[0]  # "vit_small_patch16_224.augreg_in21k": the network, and how it was trained

        def choose(shapes: Shapes) -> Variant | None:
            if not name.replace("_", "").isalnum() or not import_timm(name).is_model(name):
                return None
            return known_name(name, (name,), layer)(shapes)

        return choose

    return variant
