"""Hashes of everything that an analysis depends on, known without loading a model: an unchanged build is quick."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache, partial
from hashlib import sha256
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from reportgen.analysis import SCHEMA_VERSION, content_hash, unique_slugs
from reportgen.config import Config, ModelConfig
from reportgen.explain.tuning import Tuning, usual_tuning
from reportgen.inputs.checkpoints.file import checkpoint_sha256
from reportgen.inputs.checkpoints.onnx_file import is_onnx
from reportgen.inputs.checksums import content_digest, in_threads
from reportgen.inputs.images.region_masks import mask_file
from reportgen.inputs.testset import FACE_BOX, RESERVED, TestSet
from reportgen.settings import recorded_settings
from reportgen.shards import Keys

__all__ = [
    "Fingerprints",
    "ModelFingerprints",
    "code_hash",
    "extras_of",
    "judging_code",
    "library_versions",
    "model_hashes",
    "shard_bounds",
    "take_fingerprints",
]

_ROOT = Path(__file__).resolve().parents[1]
_LIBRARIES = ("torch", "torchvision", "numpy", "pandas", "pyarrow", "pillow", "scipy", "scikit-learn", "ai-edge-litert")
_KEY_DIGITS = 16
# Not the site: it only shows what was decided.
_JUDGING_CODE = ("inputs", "faces", "models", "explain", "evidence", "cell_grid.py")


@dataclass(frozen=True)
class ModelFingerprints:
    """One model: its checkpoint's hash, and hashes of everything that its records depend on.

    Attributes
    ----------
    settings
        Hash of the settings that the manifest does not list: those of the faces, and a user's own architecture. Unlike
        `keys` it is the same on every machine, wherever the files are.
    mapped
        (n,) which images get a map, where each costs many forward passes; None for all.
    """

    name: str
    slug: str
    config: ModelConfig
    sha256: str
    settings: str
    keys: Keys
    mapped: npt.NDArray[np.bool_] | None = None


@dataclass(frozen=True)
class Fingerprints:
    """A whole analysis.

    Attributes
    ----------
    frame
        The images table without the columns that decoding finds, one row per image of the test set.
    image_keys, face_keys
        Of the images' facts and of the landmarks; no face keys where regions are off.
    whole
        Of everything: equal hashes mean an equal analysis.
    """

    frame: pd.DataFrame
    image_keys: Keys
    face_keys: Keys | None
    models: tuple[ModelFingerprints, ...]
    whole: str


def shard_bounds(n: int, size: int) -> list[range]:
    """Rows of each shard."""
    return [range(start, min(start + size, n)) for start in range(0, n, size)]


def take_fingerprints(
    test_set: TestSet,
    config: Config,
    device: str,
    bounds: Sequence[range],
    tunings: Mapping[str, Tuning] | None = None,
) -> Fingerprints:
    """Hash images, checkpoints, settings and code.

    Parameters
    ----------
    device
        What the models will run on ("cpu", "cuda", "mps"): kernels differ in the last bits.
    bounds
        Rows of each shard.
    tunings
        How each model is run, by name; None for `usual_tuning`.

    Raises
    ------
    CheckpointError
        A checkpoint cannot be read.
    """
    frame = _images_frame(test_set)
    versions = json.dumps(library_versions(), sort_keys=True)
    reading = content_hash(
        str(SCHEMA_VERSION),
        versions,
        code_hash("inputs", "faces", "analysis.py", "shards.py", "files.py", "cell_grid.py"),
    )
    hashes = model_hashes(config, device)
    rows = _row_hashes(frame, bounds)
    image_keys = _keys(reading, rows, bounds)
    regions = _face_settings(config)
    # These two count by the tuning and by the choice of images that they led to; the others by their declaration.
    recorded = {
        name: getattr(config, name) for name in recorded_settings() if name not in ("precision", "max_ablated_images")
    }
    settings = json.dumps(recorded, sort_keys=True)
    # A model's record depends on the row, not only on the image: the null map is that of the labelled class, and a
    # column may hold landmarks.
    faced = [row + mask for row, mask in zip(rows, _mask_hashes(config, test_set), strict=True)]
    face_keys = None if config.regions == "none" else _keys(content_hash(reading, regions), faced, bounds)
    models = []
    for (name, model), slug in zip(config.models.items(), unique_slugs(config.models), strict=True):
        tuning = usual_tuning(device) if tunings is None else tunings[name]
        base = content_hash(reading, hashes[name], tuning.marks, regions, settings, *test_set.classes)
        mapped = _rows_with_maps(frame, config.max_ablated_images) if is_onnx(model.checkpoint) else None
        own = faced if mapped is None else [row + bytes([int(there)]) for row, there in zip(faced, mapped, strict=True)]
        keys = _keys(base, own, bounds)
        models.append(
            ModelFingerprints(
                name, slug, model, checkpoint_sha256(model.checkpoint), _unnamed_settings(model, regions), keys, mapped
            )
        )
    whole = content_hash(
        *image_keys.parts,
        *(() if face_keys is None else face_keys.parts),
        *(key for model in models for key in model.keys.parts),
        *(model.name for model in models),
        test_set.problems.to_json(orient="records"),
    )
    return Fingerprints(frame, image_keys, face_keys, tuple(models), whole)


def code_hash(*places: str) -> str:
    """Hash of this package's own source in some folders or files: the version of the code, for caching."""
    return content_hash(*(part for place in places for part in _source(place)))


@lru_cache
def _source(place: str) -> tuple[str | bytes, ...]:
    """Names and contents of the files of one place, read once: what runs is what was there when it was loaded."""
    path = _ROOT / place
    files = [path] if path.is_file() else sorted(path.rglob("*.py"))
    if not files:
        raise FileNotFoundError(f"{place}: no source of that name, so a change to it would go unnoticed")
    return tuple(part for file in files for part in (file.relative_to(_ROOT).as_posix(), file.read_bytes()))


def judging_code() -> str:
    """Hash of the source that decides a verdict, 16 hex digits."""
    return code_hash(*_JUDGING_CODE)[:_KEY_DIGITS]


def library_versions(*extras: str) -> dict[str, str]:
    """Installed versions of the libraries that numbers depend on, and of extras; those that are not installed lack."""
    found = {name: _version(name) for name in _LIBRARIES}
    for name in extras:
        with suppress(importlib.metadata.PackageNotFoundError):
            found[name] = _version(name)
    return found


@lru_cache
def _version(name: str) -> str:
    return importlib.metadata.version(name)


def extras_of(model: ModelConfig) -> tuple[str, ...]:
    """Libraries beside the usual ones that a model's numbers depend on."""
    return ("onnxruntime",) if is_onnx(model.checkpoint) else ()


def model_hashes(config: Config, device: str) -> dict[str, str]:
    """By name, the hash of a model's weights and settings, of the code and libraries that run it, and of the device.

    Raises
    ------
    CheckpointError
        A checkpoint cannot be read.
    """
    running = content_hash(code_hash("models", "explain", "cell_grid.py"), device, config.method)
    return {
        name: content_hash(
            running,
            checkpoint_sha256(model.checkpoint),
            model.model_dump_json(exclude={"checkpoint", "pretraining"}),
            _factory_source(model),
            json.dumps(library_versions(*extras_of(model)), sort_keys=True),
        )
        for name, model in config.models.items()
    }


def _rows_with_maps(frame: pd.DataFrame, most: int) -> npt.NDArray[np.bool_]:
    """Which images get a map: evenly many of every emotion, drawn by their content, so that a new image changes few."""
    digests = frame["sha256"].to_numpy(dtype=object)
    turn = frame.assign(digest=digests).sort_values("digest", kind="stable").groupby("label").cumcount()
    order = np.lexsort((digests.astype(str), turn.reindex(frame.index).to_numpy(), digests == ""))
    mapped = np.zeros(len(frame), dtype=bool)
    mapped[order[:most]] = True
    return mapped


def _face_settings(config: Config) -> str:
    """Hash of where faces and regions come from; the content of a mask or a column is hashed with its row."""
    labels = sorted(config.region_masks.labels.items())
    return content_hash(config.regions, json.dumps(labels), config.columns.landmarks or "")


def _unnamed_settings(model: ModelConfig, regions: str) -> str:
    """Hash of the settings of a model's records that its entry in the manifest does not list."""
    named = {"checkpoint", "pretraining", "target_layer", "classes", "output", "output_columns", "preprocessing"}
    return _key(model.model_dump_json(exclude=named), _factory_source(model), regions)


def _factory_source(model: ModelConfig) -> bytes:
    """The source file of a user's own architecture: a change to it must change the analysis."""
    if model.factory is None:
        return b""
    try:
        spec = importlib.util.find_spec(model.factory.partition(":")[0])
        return Path(str(spec.origin)).read_bytes() if spec is not None else b""
    except (ImportError, OSError, ValueError):
        return b""  # importing it will report what is wrong


def _images_frame(test_set: TestSet) -> pd.DataFrame:
    found = in_threads(
        lambda rows: [content_digest(partial(test_set.read_bytes, row)) for row in rows], len(test_set.frame)
    )
    hashes = pd.array(found, dtype="string[pyarrow]")
    given = test_set.frame
    frame = pd.DataFrame(
        {
            "image_id": _image_ids(hashes),
            "path": given["path"].astype("object"),
            "emotion": given["emotion"].astype("object"),
            "label": given["label"].astype("int32"),
            "person": given["person"].astype("object"),
            "sha256": hashes,
        }
    )
    if test_set.boxes is not None:
        frame[FACE_BOX] = [" ".join(map(str, box)) for box in test_set.boxes.tolist()]
    for column in given.columns.difference(list(RESERVED), sort=False):
        values = given[column]
        # One type per column and file format: text stays text, numbers stay numbers, anything else becomes text.
        plain = pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values)
        frame[str(column)] = values.to_numpy() if plain else [None if _absent(v) else str(v) for v in values]
    return frame.reset_index(drop=True)


def _row_hashes(frame: pd.DataFrame, bounds: Sequence[range]) -> list[bytes]:
    """Per row, the digest of its cells; shard by shard, so that the text is never in memory all at once.

    The columns' types belong to it: an empty cell is written the same way in a column of numbers and in one of text.
    """
    kinds = {field.name: _kind(field.type) for field in pa.Schema.from_pandas(frame, preserve_index=False)}
    start = sha256(json.dumps(kinds).encode())
    digests = []
    for rows in bounds:
        text = frame.iloc[rows.start : rows.stop].to_json(orient="records", lines=True, default_handler=str)
        for line in text.split("\n"):
            if line:
                digest = start.copy()
                digest.update(line.encode())
                digests.append(digest.digest())
    return digests


def _kind(found: pa.DataType) -> str:
    """A column's type, coarse enough that records of one kind fit into one table; "words" where it has no value yet."""
    words = pa.types.is_null(found) or pa.types.is_string(found) or pa.types.is_large_string(found)
    return "words" if words else str(found)


def _mask_hashes(config: Config, test_set: TestSet) -> list[bytes]:
    """Per row, the digest of the user's own region mask, empty where there is none."""
    if config.region_masks.folder is None:
        return [b""] * len(test_set.frame)
    files = [mask_file(config.region_masks.folder, path) for path in test_set.frame["path"]]
    return [sha256(file.read_bytes()).digest() if file.is_file() else b"" for file in files]


def _keys(base: str, rows: Sequence[bytes], bounds: Sequence[range]) -> Keys:
    """Keys of a table whose rows depend on `base` and on their own digest."""
    start = sha256(base.encode())
    keys = bytearray()
    for row in rows:
        digest = start.copy()
        digest.update(row)
        keys += digest.digest()[:8]
    found = np.frombuffer(bytes(keys), dtype=">u8").astype(np.uint64)
    return Keys(tuple(_key(base, found[shard.start : shard.stop].tobytes()) for shard in bounds), found)


def _absent(value: object) -> bool:
    return value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and value != value)


def _image_ids(hashes: Iterable[str]) -> list[str]:
    """Twelve digits of the content's hash, with a number behind where content repeats, so that ids are unique."""
    seen: dict[str, int] = {}
    ids = []
    for digest in hashes:
        short = digest[:12] or "unreadable"
        seen[short] = seen.get(short, 0) + 1
        ids.append(short if seen[short] == 1 else f"{short}-{seen[short]}")
    return ids


def _key(*parts: str | bytes) -> str:
    return content_hash(*parts)[:_KEY_DIGITS]
