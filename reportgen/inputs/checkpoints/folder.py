"""A model's folder as Hugging Face and timm lay it out: the weights, and JSON files that say what they are.

Needs no torch, and runs nothing: no Python file of such a folder is ever looked at.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reportgen.errors import CheckpointError

__all__ = ["CONFIG", "PROCESSOR", "WEIGHTS", "folder_statements", "weights_file"]

WEIGHTS = ("model.safetensors", "pytorch_model.bin")
"""Names of the weights' file, the safer form first."""
CONFIG = "config.json"
"""Names the network and its classes."""
PROCESSOR = "preprocessor_config.json"
"""Says how a picture becomes the network's input."""
_LARGEST = 20_000_000  # bytes of a JSON file


def weights_file(path: Path) -> Path:
    """The file that holds the weights: the path itself, or the file in a folder.

    Raises
    ------
    CheckpointError
        A folder without such a file, or with weights in several parts.
    """
    if not path.is_dir():
        return path
    for name in WEIGHTS:
        if (path / name).is_file():
            return path / name
        if (path / f"{name}.index.json").is_file():
            raise CheckpointError(
                f"{path}: its weights are in several parts; save them in one, with save_pretrained(FOLDER, "
                "max_shard_size='100GB')"
            )
    raise CheckpointError(f"{path}: a folder without {' or '.join(WEIGHTS)}; give the checkpoint's file")


def folder_statements(path: Path) -> dict[str, Mapping[str, Any]]:
    """What `config.json` and `preprocessor_config.json` say, by the file's name; without those that are not there.

    Parameters
    ----------
    path
        The folder, or its file of weights under its usual name.

    Raises
    ------
    CheckpointError
        In a folder that was named, one of them is broken. Beside a file, broken ones are passed over.
    """
    named = path.is_dir()
    if not named and path.name not in WEIGHTS:
        return {}
    folder = path if named else path.parent
    found: dict[str, Mapping[str, Any]] = {}
    for name in (CONFIG, PROCESSOR):
        file = folder / name
        if not file.is_file():
            continue
        try:
            if file.stat().st_size > _LARGEST:
                raise ValueError("too large")
            content = json.loads(file.read_text(encoding="utf-8"))
            if not isinstance(content, dict):
                raise ValueError("no object")
        except (OSError, ValueError, RecursionError) as error:
            if named:
                raise CheckpointError(f"{file}: cannot be read ({error!s:.80}); copy it again") from None
            continue
        found[name] = content
    return found
