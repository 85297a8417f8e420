"""A classifying head rebuilt from the names and shapes of its weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor, nn

__all__ = ["Classifier", "rebuild_classifier"]


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
    assumed, unless their places in a Sequential leave no room for it.

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
    for path in _in_order(list(layers)):
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
    for place, (path, made) in enumerate(chain):
        if open_end and _gap(chain[place - 1][0], path) and (isinstance(made, nn.Linear) or _later_room(chain, place)):
            modules.append(nn.ReLU())
            assumed, open_end = assumed + 1, False
        modules.append(made)
        at = f"{parent}.{len(modules) - 1}"
        names |= {f"{path}.{parameter}" if path else parameter: f"{at}.{parameter}" for parameter in layers[path]}
        open_end = isinstance(made, nn.Linear) or open_end
    if len(modules) == 1:
        names = {name: f"{parent}.{inside.rpartition('.')[2]}" for name, inside in names.items()}
    note = f"a ReLU is assumed between the {ends} linear layers of its head, which weights do not show"
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


def _in_order(paths: list[str]) -> list[str]:
    """By place in a Sequential where names are numbers, else in the checkpoint's order."""
    first = {path.rpartition(".")[0]: place for place, path in reversed(list(enumerate(paths)))}

    def key(path: str) -> tuple[int, int, int]:
        folder, _, name = path.rpartition(".")
        return first[folder], int(name) if name.isdigit() else 0, paths.index(path)

    return sorted(paths, key=key)


def _gap(before: str, after: str) -> bool:
    """Whether a layer without weights may stand between two: not where their places in a Sequential are neighbours."""
    one, two = before.rpartition("."), after.rpartition(".")
    if one[0] == two[0] and one[2].isdigit() and two[2].isdigit():
        return int(two[2]) - int(one[2]) > 1
    return True


def _later_room(chain: list[tuple[str, nn.Module]], place: int) -> bool:
    """Whether the ReLU belongs before the norm at `place`: only where the Sequential leaves no room after it."""
    return place + 1 < len(chain) and not _gap(chain[place][0], chain[place + 1][0])
