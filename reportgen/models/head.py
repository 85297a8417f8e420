"""The head of a model: everything after the target layer, as a module of its own."""

from __future__ import annotations

import torch
from torch import Tensor, fx, nn
from torch.nn import functional

from reportgen.models.layouts import CHANNELS_FIRST, MapLayout

__all__ = ["split_head", "split_pooling"]


class _Tracer(fx.Tracer):
    """Traces a module but does not look inside its target layer."""

    def __init__(self, target_layer: str) -> None:
        super().__init__()
        self._target_layer = target_layer

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return module_qualified_name == self._target_layer or super().is_leaf_module(m, module_qualified_name)


def split_head(module: nn.Module, target_layer: str, layout: MapLayout = CHANNELS_FIRST) -> nn.Module | None:
    """A module from the target layer's activations (B, K, h, w) to the logits (B, C), sharing the weights.

    Returns
    -------
    Module or None
        None where there is no such module: the model cannot be traced symbolically, uses the layer more than once, or
        a path around the layer reaches the output, or prefix tokens belong to the layer's output as well.
    """
    if layout.prefix:
        return None
    tracer = _Tracer(target_layer)
    try:
        graph = tracer.trace(module)
    except Exception:  # tracing runs the user's forward on proxies: it can fail in any way
        return None
    targets = [node for node in graph.nodes if node.op == "call_module" and node.target == target_layer]
    if len(targets) != 1:
        return None
    head = fx.Graph()
    known: dict[fx.Node, fx.Node] = {targets[0]: head.placeholder("activations")}
    behind = {targets[0]}
    for node in graph.nodes:
        needs = node.all_input_nodes
        if node.op == "get_attr":
            known[node] = head.node_copy(node)
        elif behind.isdisjoint(needs):
            continue
        elif not all(need in known for need in needs):
            return None  # needs something from before the layer
        else:
            known[node] = head.node_copy(node, known.__getitem__)
            behind.add(node)
    if not any(node.op == "output" for node in behind):
        return None
    split = fx.GraphModule(tracer.root, head)
    return split if layout.kind == "channels_first" else _HeadOfMaps(split, layout)


class _HeadOfMaps(nn.Module):
    """A head whose layer holds its map in another layout."""

    def __init__(self, head: nn.Module, layout: MapLayout) -> None:
        super().__init__()
        self.head, self._layout = head, layout

    def forward(self, maps: Tensor) -> Tensor:
        """(B, K, h, w) -> (B, C)."""
        logits: Tensor = self.head(self._layout.from_maps(maps, maps))
        return logits


def split_pooling(head: nn.Module) -> nn.Module | None:
    """The rest of a head after the average over all cells, where it begins with one.

    Such a head takes K numbers per image instead of a feature map, and every computation with it is cheap.

    Parameters
    ----------
    head
        From `split_head`.

    Returns
    -------
    Module or None
        From the averages (B, K, 1, 1) to the logits (B, C), sharing the weights; None for every other head.
    """
    if not isinstance(head, fx.GraphModule):
        return None
    start = next(node for node in head.graph.nodes if node.op == "placeholder")
    users = list(start.users)
    shape = _pooled_shape(head, users[0]) if len(users) == 1 else None
    if shape is None:
        return None
    tail = fx.Graph()
    pooled = tail.placeholder("pooled")
    known = {users[0]: pooled if shape == "kept" else tail.call_function(torch.flatten, (pooled, 1))}
    for node in head.graph.nodes:
        if node not in (start, users[0]):
            known[node] = tail.node_copy(node, known.__getitem__)
    return fx.GraphModule(head, tail)


def _pooled_shape(head: nn.Module, node: fx.Node) -> str | None:
    """Shape after an average over all cells: "kept" for (B, K, 1, 1), "dropped" for (B, K); None for any other node."""
    if node.op == "call_module":
        pool = head.get_submodule(str(node.target))
        return "kept" if isinstance(pool, nn.AdaptiveAvgPool2d) and pool.output_size in (1, (1, 1)) else None
    if node.op == "call_function" and node.target is functional.adaptive_avg_pool2d:
        return "kept" if node.args[1:] in ((1,), ((1, 1),)) and not node.kwargs else None
    if (node.op, node.target) in (("call_method", "mean"), ("call_function", torch.mean)):
        given = dict(zip(("dim", "keepdim"), node.args[1:], strict=False)) | node.kwargs
        dims = given.pop("dim", None)
        if isinstance(dims, (list, tuple)) and sorted(dims) in ([2, 3], [-2, -1]) and given.keys() <= {"keepdim"}:
            return "kept" if given.get("keepdim", False) else "dropped"
    return None
