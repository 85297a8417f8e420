"""Checkpoint files: read without running anything that is inside."""

from __future__ import annotations

import pickle
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load as load_safetensors
from torch import Tensor

from reportgen.errors import CheckpointError
from reportgen.inputs.checkpoints.file import checkpoint_sha256, refuse_bombs, refuse_other_files
from reportgen.inputs.checkpoints.folder import folder_statements, weights_file
from reportgen.inputs.checkpoints.restricted import (
    Foreign,
    Restricted,
    TensorRecord,
    module_layers,
    module_state,
    read_restricted,
)
from reportgen.inputs.checkpoints.statements import named_architectures

__all__ = ["Checkpoint", "read_checkpoint"]

_STATE_KEYS = (
    "model_state_dict", "state_dict", "model", "net", "network", "weights", "model_state", "params", "module",
    "ema_state_dict", "model_ema", "ema", "ema_model",
)  # fmt: skip
_DEEPEST = 3  # dicts within dicts
# Entries beside the network's weights: counters of AveragedModel and THOP, the weights of a loss.
_NO_WEIGHT = re.compile(r"(?:n_averaged|(?:.*\.)?total_(?:ops|params)|(?:criterion|loss|loss_fn|loss_func)\..*)")
_WRAPPERS = ("module.", "_orig_mod.")  # of DataParallel, AveragedModel and torch.compile: no names of a network's own


@dataclass(frozen=True)
class Checkpoint:
    """Weights as found in a file.

    Attributes
    ----------
    state
        Parameter name to tensor, on the CPU, without what wrappers put before the names.
    sha256
        Of the file's bytes.
    facts
        Plain numbers and words stored beside the weights, such as `epoch` and `val_acc`.
    notes
        What a reader should know: "'module.' prefix removed", "left out ...".
    folder
        From `folder_statements`: what the files beside the weights say of them.
    named
        What the file calls its network, such as "resnet50"; each is a hint, and may be wrong.
    layers
        From `module_layers`: the class and settings of every layer, where a whole module was pickled; else empty.
    """

    path: Path
    state: dict[str, Tensor]
    sha256: str
    facts: dict[str, float | int | str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    folder: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    named: tuple[str, ...] = ()
    layers: Mapping[str, tuple[str, Mapping[str, Any]]] = field(default_factory=dict)


def read_checkpoint(path: Path, *, unsafe: bool = False) -> Checkpoint:
    """Read a PyTorch or safetensors checkpoint.

    Parameters
    ----------
    path
        A state dict, bare or in a dict, a whole module whose weights can be read by themselves, or a safetensors file.
        Told apart by content, not by name. Or a folder that holds one of the last two, as Hugging Face lays it out.
    unsafe
        Where nothing else helps, admit a pickle that runs code while loading (`--unsafe-load`); recorded in `notes`.

    Raises
    ------
    CheckpointError
        Missing, truncated, not a checkpoint, would need to run code, holds no tensors or holds NaN or infinity.
    """
    sha256, folder = checkpoint_sha256(path), folder_statements(path)
    path = weights_file(path)
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(9)
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror}); give an existing checkpoint file") from None
    if size == 0:
        raise CheckpointError(f"{path}: the file is empty; copy the checkpoint again")
    refuse_other_files(path)
    notes: list[str] = []
    content = _read_safetensors(path) if _is_safetensors(head, size) else _read_torch(path, unsafe, notes)
    held = content.content if isinstance(content, Restricted) else content
    weights = _weights(path, held)
    _, alike, unlike = _beside(held, weights)
    for key in [*alike, *unlike]:
        notes.append(f"it also holds weights under '{key}', which are not used")
    state = _built(path, weights, content) if isinstance(content, Restricted) else dict(weights)
    state = _without_wrappers(path, state, notes)
    _refuse_odd_tensors(path, state)
    facts = _facts(held) if held is not weights else {}
    layers = _stated_layers(held, weights) if isinstance(content, Restricted) else {}
    return Checkpoint(path, state, sha256, facts, tuple(notes), folder, named_architectures(path), layers)


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
    """What torch reads without running code; else what of it can be read by itself; else what code makes of it."""
    refuse_bombs(path)
    try:
        with torch.serialization.safe_globals(_numpy_scalars()), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # remarks on old formats are not the user's business
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        refusal = _refusal(path, str(error))
    except Exception as error:  # damaged files make the reader raise nearly anything
        reason = "truncated or damaged" if _begins_as_zip(path) else "not a PyTorch checkpoint"
        raise CheckpointError(f"{path}: {reason} ({_first_line(error):.120}); copy or save it again") from None
    try:
        restricted = read_restricted(path)
        _weights(path, restricted.content)
    except Exception:  # hostile and damaged streams break in any way; then what torch said of it counts
        restricted = None
    if restricted is not None:
        if restricted.left_out:
            shown = ", ".join(restricted.left_out[:5])
            more = f" and {len(restricted.left_out) - 5} more" if len(restricted.left_out) > 5 else ""
            notes.append(f"only the weights were read; left out, since they would run code: {shown}{more}")
        return restricted
    if not unsafe:
        raise CheckpointError(refusal) from None
    try:
        # The user asked for it by --unsafe-load, and the report says so.
        content = torch.load(path, map_location="cpu", weights_only=False)
    except Exception as error:  # what a pickle runs can fail in any way
        raise CheckpointError(
            f"{path}: cannot be unpickled even with --unsafe-load ({type(error).__name__}: {_first_line(error):.120}); "
            "save the weights alone with torch.save(model.state_dict(), ...)"
        ) from None
    notes.append("loaded with --unsafe-load: code inside the file could run")
    return content


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def _begins_as_zip(path: Path) -> bool:
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


def _weights(path: Path, content: Any) -> Mapping[str, Any]:
    """Names and tensors (or their records): the most likely state dict that content holds.

    Raises
    ------
    CheckpointError
        There is none, or there are several of which none is the usual one.
    """
    found = _find_weights(content, 0)
    if found is not None:
        chosen, others, _ = _beside(content, found)
        if others and chosen:
            raise CheckpointError(
                f"{path}: holds weights of one shape under {', '.join(map(repr, (chosen, *others)))}; save those that "
                "are meant alone, or under 'state_dict'"
            )
        return found
    if isinstance(content, Mapping):
        keys = ", ".join(sorted(map(str, content))[:5]) or "nothing"
        raise CheckpointError(f"{path}: no tensors inside (found: {keys}); expected 'model_state_dict' or a state dict")
    kind = content.name if isinstance(content, Foreign) else type(content).__name__
    raise CheckpointError(f"{path}: holds a {kind}; expected a state dict (names to tensors)")


def _find_weights(content: Any, depth: int) -> Mapping[str, Any] | None:
    if isinstance(content, torch.nn.Module):
        return content.state_dict()
    if isinstance(content, Foreign):
        return module_state(content) or _find_weights(content.items or None, depth)
    if not isinstance(content, Mapping) or depth > _DEEPEST:
        return None
    for key in _STATE_KEYS:
        inner = _find_weights(content[key], depth + 1) if key in content else None
        if inner is not None:
            return inner
    tensors = {str(name): value for name, value in content.items() if isinstance(value, Tensor | TensorRecord)}
    if tensors:
        return content if len(tensors) == len(content) and all(type(name) is str for name in content) else tensors
    # Under a key of the script's own: the dict with most tensors.
    below = [found for value in content.values() if (found := _find_weights(value, depth + 1)) is not None]
    return max(below, key=len, default=None)


def _beside(content: Any, weights: Mapping[str, Any]) -> tuple[str, list[str], list[str]]:
    """Where weights stand, the other places that hold as many parameters, such as a moving average's, and those that
    hold another network; places are keys with dots between. The first is "" where its key says that it is meant.
    """
    chosen: tuple[str, ...] = ()
    alike: list[tuple[str, ...]] = []
    unlike: list[tuple[str, ...]] = []
    for place, found in _state_dicts(content, ()):
        if all(_is_same(found.get(name), tensor) for name, tensor in weights.items()):
            chosen = chosen or place
        elif any("." in name for name in found):  # a dict without dots is an optimiser's
            (alike if len(found) == len(weights) else unlike).append(place)
    # The key at which two places part tells which one is meant.
    forks = {next((own for own, key in zip(chosen, other, strict=False) if own != key), "") for other in alike}
    meant = not chosen or all(fork in _STATE_KEYS for fork in forks)
    return (
        "" if meant else ".".join(chosen),
        [".".join(place) for place in alike],
        [".".join(place) for place in unlike],
    )


def _is_same(found: Any, tensor: Any) -> bool:
    """Whether two are one tensor; a module makes new ones of its weights each time it is asked."""
    if found is tensor:
        return True
    if not (isinstance(found, Tensor) and isinstance(tensor, Tensor) and found.shape == tensor.shape):
        return False
    if any(one.layout != torch.strided or one.is_meta for one in (found, tensor)):
        return False  # those have no memory of their own to compare
    return found.data_ptr() == tensor.data_ptr()


def _state_dicts(content: Any, place: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
    """Every dict of tensors in a checkpoint, with the keys that lead there."""
    if isinstance(content, Foreign | torch.nn.Module):
        found = _find_weights(content, 0)
        if found is not None:
            yield place, found
    elif isinstance(content, Mapping) and len(place) <= _DEEPEST:
        tensors = {str(name): value for name, value in content.items() if isinstance(value, Tensor | TensorRecord)}
        if tensors:
            yield place, tensors
        for key, value in content.items():
            if not isinstance(value, Tensor | TensorRecord):
                yield from _state_dicts(value, (*place, str(key)))


def _stated_layers(content: Any, weights: Mapping[str, Any], depth: int = 0) -> dict[str, tuple[str, dict[str, Any]]]:
    """What the pickled module that the weights were taken from says of its layers; empty where they are of none."""
    if isinstance(content, Foreign):
        own = module_state(content)
        if own and all(own.get(name) is tensor for name, tensor in weights.items()):
            layers = module_layers(content)
            wrapper = next((one for one in _WRAPPERS if all(name.startswith(one) for name in own)), None)
            if wrapper is None:
                return layers
            return {name.removeprefix(wrapper).removeprefix(wrapper[:-1]): stated
                    for name, stated in layers.items() if name}  # fmt: skip
        content = content.items
    for value in content.values() if isinstance(content, Mapping) and depth <= _DEEPEST else ():
        if found := _stated_layers(value, weights, depth + 1):
            return found
    return {}


def _built(path: Path, weights: Mapping[str, TensorRecord], restricted: Restricted) -> dict[str, Tensor]:
    """Tensors from their records."""
    held: dict[str, Tensor] = {}
    state = {}
    for name, record in weights.items():
        dtype = getattr(torch, record.dtype)
        if record.storage.key not in held:
            try:
                content = restricted.storage(record.storage)
            except Exception as error:  # damaged archives break in any way
                raise CheckpointError(
                    f"{path}: truncated or damaged ({_first_line(error):.120}); copy or save it again"
                ) from None
            held[record.storage.key] = torch.frombuffer(bytearray(content or b"\0"), dtype=torch.uint8)[: len(content)]
        raw = held[record.storage.key]
        numbers = raw[: raw.numel() // dtype.itemsize * dtype.itemsize].view(dtype)
        last = record.offset + sum((n - 1) * step for n, step in zip(record.size, record.stride, strict=True))
        if 0 not in record.size and last >= numbers.numel():
            raise CheckpointError(f"{path}: '{name}' is larger than its part of the file; copy or save it again")
        try:
            empty = torch.empty(record.size, dtype=dtype) if 0 in record.size else None
            state[name] = numbers.as_strided(record.size, record.stride, record.offset) if empty is None else empty
        except (RuntimeError, TypeError, ValueError):
            shape = "x".join(map(str, record.size))
            raise CheckpointError(f"{path}: '{name}' has a shape that no tensor has ({shape:.80})") from None
    return state


def _without_wrappers(path: Path, state: Mapping[str, Tensor], notes: list[str]) -> dict[str, Tensor]:
    """The network's own names: wrappers put a part before all of them, and other things among them."""
    left = {name: tensor for name, tensor in state.items() if not _NO_WEIGHT.fullmatch(name)}
    if not left:
        raise CheckpointError(f"{path}: holds counters or the weights of a loss only; expected a network's state dict")
    if len(left) < len(state):
        notes.append(f"left out, since they are no weights of the network: {len(state) - len(left)} tensors")
    while prefix := next((one for one in _WRAPPERS if all(name.startswith(one) for name in left)), None):
        left = {name.removeprefix(prefix): tensor for name, tensor in left.items()}
        notes.append(f"'{prefix}' prefix removed")
    return left


def _refuse_odd_tensors(path: Path, state: Mapping[str, Tensor]) -> None:
    for name, value in state.items():
        if not _is_plain(value):
            raise CheckpointError(
                f"{path}: '{name}' is not a plain tensor whose every number is in the file; expected a state dict as "
                "torch.save(model.state_dict(), ...) writes it"
            )
    bad = [name for name, value in state.items() if value.is_floating_point() and not bool(value.isfinite().all())]
    if bad:
        more = f" and {len(bad) - 1} more" if len(bad) > 1 else ""
        raise CheckpointError(f"{path}: NaN or infinity in '{bad[0]}'{more}; the training diverged, use another epoch")


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
