"""A checkpoint as a file, before anything in it is believed. Needs no torch."""

from __future__ import annotations

import hashlib
import json
import zipfile
from functools import lru_cache
from pathlib import Path

from reportgen.analysis import content_hash
from reportgen.errors import CheckpointError
from reportgen.inputs.checkpoints.folder import folder_statements, weights_file
from reportgen.inputs.checkpoints.onnx_file import external_files, is_onnx

__all__ = ["checkpoint_sha256", "refuse_bombs", "refuse_other_files"]

_MAX_BYTES = 16 * 2**30


def checkpoint_sha256(path: Path) -> str:
    """SHA-256 of a checkpoint's bytes, 64 hex digits; of several files, a hash of all of them.

    An ONNX file may have its weights in others, and a folder says beside its weights what they are.

    Raises
    ------
    CheckpointError
        The file is missing, unreadable, or larger than any checkpoint that is read.
    """
    weights, said = weights_file(path), folder_statements(path)
    own = _sha256(weights, _identity(weights))
    if said:
        return content_hash(own, json.dumps(said, sort_keys=True))
    others = _weights_beside(weights, _identity(weights)) if is_onnx(weights) else ()
    return content_hash(own, *(_sha256(other, _identity(other)) for other in others)) if others else own


def _identity(path: Path) -> tuple[int, ...]:
    """What tells a file from another one and from itself before any change of its bytes, while one process runs.

    A build asks for each checkpoint's hash a dozen times. A file that is replaced has another inode, one that is
    written to another time of change, which unlike that of modification no program can set.
    """
    try:
        about = path.stat()
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror}); give an existing checkpoint file") from None
    return about.st_dev, about.st_ino, about.st_size, about.st_mtime_ns, about.st_ctime_ns


@lru_cache(maxsize=256)
def _sha256(path: Path, identity: tuple[int, ...]) -> str:
    size = identity[2]
    if size > _MAX_BYTES:
        raise CheckpointError(f"{path}: {size / 2**30:.0f} GiB, at most {_MAX_BYTES >> 30} GiB is read")
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror}); give an existing checkpoint file") from None


@lru_cache(maxsize=256)
def _weights_beside(path: Path, identity: tuple[int, ...]) -> tuple[Path, ...]:
    """The other files of an ONNX file, which has to be read whole to name them."""
    return tuple(external_files(path))


def refuse_bombs(path: Path) -> None:
    """Refuse a zip that unpacks to more than it holds: torch stores its entries as they are, one behind the other.

    Raises
    ------
    CheckpointError
        Entries are compressed or lie over each other. Files that are no zip, or a damaged one, pass.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
    except (OSError, ValueError, NotImplementedError, zipfile.BadZipFile):
        return
    size = path.stat().st_size
    if unpacked > size:
        raise CheckpointError(
            f"{path}: would unpack to {unpacked:,} bytes from {size:,}; torch.save never compresses: save it again"
        )


def refuse_other_files(path: Path) -> None:
    """Say what a file is that people give in place of a checkpoint, and how to make one of it.

    Raises
    ------
    CheckpointError
        A Git LFS pointer, a web page, TorchScript, an exported program, an ONNX file, or a zip that holds checkpoints.
    """
    with path.open("rb") as file:
        head = file.read(64)
    if head.startswith(b"version https://git-lfs"):
        raise CheckpointError(f"{path}: a Git LFS pointer, not the file itself; fetch it with 'git lfs pull'")
    if head.lstrip().lower().startswith((b"<!doctype", b"<html")):
        raise CheckpointError(f"{path}: a web page, not a checkpoint; download the file again, in a browser if need be")
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (OSError, ValueError, NotImplementedError, zipfile.BadZipFile):
        return
    if any(
        name.endswith(("/models/model.json", "/archive_format", "serialized_exported_program.json")) for name in names
    ):
        raise CheckpointError(
            f"{path}: an exported program (torch.export), which cannot be explained; save its weights with "
            "torch.save(dict(torch.export.load(FILE).state_dict), 'weights.pth') and give those"
        )
    if any(name.count("/") == 1 and name.endswith("/constants.pkl") for name in names):
        raise CheckpointError(
            f"{path}: TorchScript, which carries code of its own; save its weights with "
            "torch.save(torch.jit.load(FILE).state_dict(), 'weights.pth') and give those"
        )
    inside = [name for name in names if name.lower().endswith((".pth", ".pt", ".ckpt", ".tar", ".safetensors", ".t7"))]
    if inside and not any(name.endswith("/data.pkl") for name in names):
        raise CheckpointError(f"{path}: a zip that holds {inside[0]}; unpack it and give that file")
