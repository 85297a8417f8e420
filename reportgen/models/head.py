"""The head of a model: whatever follows the target layer, as a module of its own."""

from __future__ import annotations

from torch import fx, nn

__all__ = ["split_head"]


class _Tracer(fx.Tracer):
    """Traces a module but does not look inside its target layer."""

    def __init__(self, target_layer: str) -> None:
        super().__init__()
        self._target_layer = target_layer

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return module_qualified_name == self._target_layer or super().is_leaf_module(m, module_qualified_name)


def split_head(module: nn.Module, target_layer: str) -> nn.Module | None:
    """A module from the target layer's activations (B, K, h, w) to the logits (B, C), sharing the weights.

    Returns
    -------
    Module or None
        None where there is no such module: the model cannot be traced symbolically, uses the layer more than once, or
        a path leads around the layer to the output.
    """
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
    return fx.GraphModule(tracer.root, head)
