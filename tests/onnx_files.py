"""ONNX files of the kinds that people have, written with the `onnx` package's own helpers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

onnx = pytest.importorskip("onnx", reason="needs the extra reportgen[onnx]")
pytest.importorskip("onnxruntime", reason="needs the extra reportgen[onnx]")

Arrays = npt.NDArray[np.float32]


def save(
    path: Path,
    nodes: Sequence[Any],
    shape: Sequence[int | str],
    outputs: Mapping[str, int],
    weights: Mapping[str, Any],
    *,
    kind: int = 1,
    metadata: Mapping[str, str] | None = None,
    domains: Sequence[str] = (),
) -> Path:
    """A file with one input "x" and outputs (batch, columns); `shape` may name what is free."""
    helper = onnx.helper
    tensors = [
        value if not isinstance(value, np.ndarray) else onnx.numpy_helper.from_array(value, name)
        for name, value in weights.items()
    ]
    graph = helper.make_graph(
        list(nodes), "net", [helper.make_tensor_value_info("x", kind, list(shape))],
        [helper.make_tensor_value_info(name, 1, [shape[0], columns]) for name, columns in outputs.items()], tensors,
    )  # fmt: skip
    opsets = [helper.make_opsetid(domain, 17 if not domain else 1) for domain in ("", *domains)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8, producer_name="a test")
    helper.set_model_props(model, dict(metadata or {}))
    path.write_bytes(model.SerializeToString())
    return path


def linear(
    path: Path, weight: Arrays, bias: Arrays, shape: Sequence[int | str], *, last: str = "", **more: Any
) -> Path:
    """Logits = flattened picture times weight (numbers, classes) plus bias, then the operator `last` if any."""
    node = onnx.helper.make_node
    nodes = [
        node("Flatten", ["x"], ["flat"], axis=1),
        node("Gemm", ["flat", "w", "b"], ["z" if last else "scores"]),
        *([node(last, ["z"], ["scores"])] if last else []),
    ]
    outputs = {"scores": len(bias)}
    return save(path, nodes, shape, outputs, {"w": weight.astype(np.float32), "b": bias.astype(np.float32)}, **more)
