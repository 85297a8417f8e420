"""A classifying head rebuilt from the names and shapes of its weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor, nn

__all__ = ["Classifier", "in_order", "rebuild_classifier"]


@dataclass(frozen=True)
class Classifier:
    """A head without weights yet.

    Attributes
    ----------
    names
        Name in the checkpoint to name in the network it is part of.
    notes
        What the weights do not show and was assumed.
    """

    module: nn.Module
    names: dict[str, str]
    notes: tuple[str, ...] = ()


def rebuild_classifier(state: Mapping[str, Tensor], width: int, *, flatten: bool, parent: str) -> Classifier | None:
    """A chain of linear and normalising layers that takes a vector of `width` numbers.

    Layers without weights cannot be seen. Dropout does nothing in evaluation; between two linear layers a ReLU is
    assumed, unless their places in a Sequential leave no room for it. Where a norm stands between them, too, it comes
    behind the norm, unless there is room in front of it.

    Parameters
    ----------
    state
        In the order of the checkpoint. Parameters that fit no such layer are ignored; the caller sees them missing from
        `names`.
    flatten
        Begin with a Flatten.
    parent
        Name of the head in its network.

    Returns
    -------
    Classifier or None
        None where no linear layer takes such a vector, or where two do: then it cannot be told which one classifies.
    """
    layers: dict[str, dict[str, Tensor]] = {}
    for name, value in state.items():
        path, _, parameter = name.rpartition(".")
        layers.setdefault(path, {})[parameter] = value
    chain: list[tuple[str, nn.Module]] = []
    length, ends = width, 0
    for path in in_order(list(layers)):
        made = _layer(layers[path])
        if isinstance(made, nn.Linear) and made.in_features == width and ends:
            return None
        if made is None or _input_length(made) != length:
            continue
        if isinstance(made, nn.Linear):
            length, ends = made.out_features, ends + 1
        chain.append((path, made))
    while chain and not isinstance(chain[-1][1], nn.Linear):
        chain.pop()
    if not chain:
        return None
    modules: list[nn.Module] = [nn.Flatten(1)] if flatten else []
    names: dict[str, str] = {}
    assumed = 0
    open_end = False  # a linear layer whose activation has not come yet
    before_norm = False
    for place, (path, made) in enumerate(chain):
        room = _room(chain[place - 1][0], path) if open_end else 0
        if room or (room is None and isinstance(made, nn.Linear)):
            modules.append(nn.ReLU())
            assumed, open_end = assumed + 1, False
            before_norm = before_norm or not isinstance(made, nn.Linear)
        modules.append(made)
        at = f"{parent}.{len(modules) - 1}"
        names |= {f"{path}.{parameter}" if path else parameter: f"{at}.{parameter}" for parameter in layers[path]}
        open_end = isinstance(made, nn.Linear) or open_end
    if len(modules) == 1:
        names = {name: f"{parent}.{inside.rpartition('.')[2]}" for name, inside in names.items()}
    where = ", in front of the norm" if before_norm else ""
    note = f"a ReLU is assumed between the {ends} linear layers of its head{where}, which weights do not show"
    return Classifier(modules[0] if len(modules) == 1 else nn.Sequential(*modules), names, (note,) if assumed else ())


def _layer(parameters: Mapping[str, Tensor]) -> nn.Module | None:
    """The layer that parameters belong to, on the meta device."""
    weight = parameters.get("weight")
    if weight is None:
        return None
    kinds, bias = set(parameters) - {"num_batches_tracked"}, "bias" in parameters
    if weight.ndim == 2 and kinds <= {"weight", "bias"}:
        return nn.Linear(weight.shape[1], weight.shape[0], bias=bias, device="meta")
    if weight.ndim == 1 and bias and kinds == {"weight", "bias", "running_mean", "running_var"}:
        return nn.BatchNorm1d(len(weight), device="meta")
    if weight.ndim == 1 and kinds == {"weight", "bias"}:
        return nn.LayerNorm(len(weight), device="meta")
    return None


def _input_length(layer: nn.Module) -> int:
    weight = layer.get_parameter("weight")
    return weight.shape[1] if isinstance(layer, nn.Linear) else len(weight)


def in_order(paths: list[str]) -> list[str]:
    """By place in a Sequential where names are numbers, else in the checkpoint's order."""
    first = {path.rpartition(".")[0]: place for place, path in reversed(list(enumerate(paths)))}

    def key(path: str) -> tuple[int, int, int]:
        folder, _, name = path.rpartition(".")
        return first[folder], int(name) if name.isdigit() else 0, paths.index(path)

    return sorted(paths, key=key)


def _room(before: str, after: str) -> int | None:
    """How many layers without weights stand between two of a Sequential; None where their names do not tell."""
    one, two = before.rpartition("."), after.rpartition(".")
    if one[0] == two[0] and one[2].isdigit() and two[2].isdigit():
        return int(two[2]) - int(one[2]) - 1
    return None
