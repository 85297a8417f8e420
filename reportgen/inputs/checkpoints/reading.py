"""Checkpoint files: read without running anything that a stranger may have put inside."""

from __future__ import annotations

import pickle
import re
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load as load_safetensors
from torch import Tensor

from reportgen.errors import CheckpointError
from reportgen.inputs.checkpoints.file import checkpoint_sha256, refuse_bombs

__all__ = ["Checkpoint", "read_checkpoint"]

_STATE_KEYS = ("model_state_dict", "state_dict", "model")


@dataclass(frozen=True)
class Checkpoint:
    """Weights as found in a file.

    Attributes
    ----------
    state
        Parameter name to tensor, on the CPU, without a `module.` prefix.
    sha256
        Of the file's bytes.
    facts
        Plain numbers and words stored beside the weights, such as `epoch` and `val_acc`.
    notes
        What a reader should know: "loaded without protection", "prefix removed".
    """

    path: Path
    state: dict[str, Tensor]
    sha256: str
    facts: dict[str, float | int | str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def read_checkpoint(path: Path, *, unsafe: bool = False) -> Checkpoint:
    """Read a PyTorch or safetensors checkpoint.

    Parameters
    ----------
    path
        A dict with `model_state_dict` or `state_dict`, a bare state dict, or a safetensors file. Told apart by
        content, not by name.
    unsafe
        Admit pickles that run code while loading (`--unsafe-load`); recorded in `notes`.

    Raises
    ------
    CheckpointError
        Missing, truncated, not a checkpoint, would need to run code, holds no tensors or holds NaN or infinity.
    """
    sha256 = checkpoint_sha256(path)
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(9)
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror}); give an existing checkpoint file") from None
    if size == 0:
        raise CheckpointError(f"{path}: the file is empty; copy the checkpoint again")
    notes: list[str] = []
    content = _read_safetensors(path) if _is_safetensors(head, size) else _read_torch(path, unsafe, notes)
    state = _state_dict(path, content)
    facts = _facts(content) if content is not state else {}
    if all(name.startswith("module.") for name in state):
        state = {name.removeprefix("module."): tensor for name, tensor in state.items()}
        notes.append("'module.' prefix removed")
    _refuse_non_finite(path, state)
    return Checkpoint(path, state, sha256, facts, tuple(notes))


def _is_safetensors(head: bytes, size: int) -> bool:
    # Layout: eight bytes with the header's length, then a JSON object.
    return len(head) == 9 and head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= size - 8


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        return dict(load_safetensors(path.read_bytes()))
    except Exception as error:  # a hostile header makes the reader raise nearly anything
        raise CheckpointError(
            f"{path}: broken safetensors file ({_first_line(error)}); copy or export it again"
        ) from None


def _numpy_scalars() -> list[Any]:
    """What a NumPy number needs to be read back: notebooks store `val_acc` as one. None of it runs code."""
    scalar = np.float64(0).__reduce__()[0]
    dtypes = [type(np.dtype(code)) for code in ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?")]
    reconstruct = np.zeros(1).__reduce__()[0]
    pairs: list[Any] = [(scalar, f"{core}.multiarray.scalar") for core in ("numpy.core", "numpy._core")]
    pairs += [(reconstruct, f"{core}.multiarray._reconstruct") for core in ("numpy.core", "numpy._core")]
    return [*pairs, np.dtype, np.ndarray, *dtypes]


def _read_torch(path: Path, unsafe: bool, notes: list[str]) -> Any:
    refuse_bombs(path)
    try:
        with torch.serialization.safe_globals(_numpy_scalars()), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # remarks on old formats are not the user's business
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if not unsafe:
            raise CheckpointError(_refusal(path, str(error))) from None
    except Exception as error:  # damaged files make the reader raise nearly anything
        reason = "truncated or damaged" if zipfile.is_zipfile(path) or _looks_cut(path) else "not a PyTorch checkpoint"
        raise CheckpointError(f"{path}: {reason} ({_first_line(error):.120}); copy or save it again") from None
    try:
        # The user asked for it by --unsafe-load, and the report says so.
        content = torch.load(path, map_location="cpu", weights_only=False)
    except Exception as error:  # a stranger's pickle can fail in any way
        raise CheckpointError(f"{path}: cannot be unpickled even with --unsafe-load ({type(error).__name__})") from None
    notes.append("loaded with --unsafe-load: code inside the file could run")
    return content


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def _looks_cut(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"PK\x03\x04"


def _refusal(path: Path, message: str) -> str:
    found = re.search(r"(?:GLOBAL|global) ([\w.]+)", message)
    if found is None:
        return (
            f"{path}: not a PyTorch checkpoint, or one that cannot be read without running code; expected a state dict "
            "as torch.save(model.state_dict(), ...) writes it"
        )
    return (
        f"{path}: refused, because loading it needs '{found[1]}', which could run code; expected a state dict: "
        "torch.save(model.state_dict(), ...), or --unsafe-load if you made the file yourself"
    )


def _state_dict(path: Path, content: Any) -> dict[str, Tensor]:
    if isinstance(content, torch.nn.Module):
        content = content.state_dict()
    if isinstance(content, Mapping):
        for key in _STATE_KEYS:
            inner = content.get(key)
            inner = inner.state_dict() if isinstance(inner, torch.nn.Module) else inner
            if isinstance(inner, Mapping):
                return _tensors(path, inner)
        return _tensors(path, content)
    raise CheckpointError(f"{path}: holds a {type(content).__name__}; expected a state dict (names to tensors)")


def _tensors(path: Path, content: Mapping[Any, Any]) -> dict[str, Tensor]:
    state = {str(name): value for name, value in content.items() if isinstance(value, Tensor)}
    if not state:
        keys = ", ".join(sorted(map(str, content))[:5]) or "nothing"
        raise CheckpointError(f"{path}: no tensors inside (found: {keys}); expected 'model_state_dict' or a state dict")
    for name, value in state.items():
        if not _is_plain(value):
            raise CheckpointError(
                f"{path}: '{name}' is not a plain tensor whose every number is in the file; expected a state dict as "
                "torch.save(model.state_dict(), ...) writes it"
            )
    return state


def _is_plain(tensor: Tensor) -> bool:
    """Whether a tensor has its numbers: not sparse, quantised or on no device, nor one number seen as many."""
    if tensor.layout is not torch.strided or tensor.device.type != "cpu" or tensor.is_quantized:
        return False
    return tensor.numel() * tensor.element_size() <= tensor.untyped_storage().nbytes()


def _facts(content: Any) -> dict[str, float | int | str]:
    facts: dict[str, float | int | str] = {}
    for name, value in content.items() if isinstance(content, Mapping) else ():
        value = value.item() if isinstance(value, np.generic) else value
        if isinstance(value, bool | int | float | str) and len(str(value)) <= 80:
            facts[str(name)] = value
    return facts


def _refuse_non_finite(path: Path, state: dict[str, Tensor]) -> None:
    bad = [name for name, value in state.items() if value.is_floating_point() and not bool(value.isfinite().all())]
    if bad:
        more = f" and {len(bad) - 1} more" if len(bad) > 1 else ""
        raise CheckpointError(f"{path}: NaN or infinity in '{bad[0]}'{more}; the training diverged, use another epoch")
