"""What has to be computed, as hashes: known without loading a model, so that a build with nothing new is quick."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pandas as pd

from reportgen.analysis import SCHEMA_VERSION, content_hash, slugify
from reportgen.config import Config, ModelConfig
from reportgen.errors import DataError
from reportgen.explain.tuning import Tuning, usual_tuning
from reportgen.inputs.checkpoint_file import checkpoint_sha256
from reportgen.inputs.region_masks import mask_file
from reportgen.inputs.testset import RESERVED, TestSet

__all__ = [
    "ModelPlan",
    "Plan",
    "code_hash",
    "judging_code",
    "library_versions",
    "make_plan",
    "model_hashes",
    "shard_bounds",
]

_ROOT = Path(__file__).resolve().parents[1]
_LIBRARIES = ("torch", "torchvision", "numpy", "pandas", "pyarrow", "pillow", "scipy", "scikit-learn", "ai-edge-litert")
_HASH_THREADS = 8  # reading waits for the disk more than for a core
_KEY_DIGITS = 16
# Not the site: it only shows what was decided.
_JUDGING_ROOMS = ("inputs", "faces", "models", "explain", "evidence")


@dataclass(frozen=True)
class ModelPlan:
    """One model: its checkpoint's hash and, for every shard, the hash of all that its part depends on."""

    name: str
    slug: str
    config: ModelConfig
    sha256: str
    keys: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """A whole analysis.

    Attributes
    ----------
    frame
        The images table but for what decoding finds, one row per image of the test set.
    image_keys, face_keys
        Per shard; no face keys where the user wants no regions.
    fingerprint
        Of everything: equal fingerprints mean an equal analysis.
    """

    frame: pd.DataFrame
    image_keys: tuple[str, ...]
    face_keys: tuple[str, ...]
    models: tuple[ModelPlan, ...]
    fingerprint: str


def shard_bounds(n: int, size: int) -> list[range]:
    """Rows of each shard."""
    return [range(start, min(start + size, n)) for start in range(0, n, size)]


def make_plan(
    test_set: TestSet,
    config: Config,
    device: str,
    bounds: Sequence[range],
    tunings: Mapping[str, Tuning] | None = None,
) -> Plan:
    """Hash images, checkpoints, settings and code.

    Parameters
    ----------
    device
        What the models will run on ("cpu", "cuda", "mps"): kernels differ in the last bits.
    bounds
        Rows of each shard.
    tunings
        How each model is run, by name; None for the usual way.

    Raises
    ------
    CheckpointError
        A checkpoint cannot be read.
    """
    frame = _images_frame(test_set)
    versions = json.dumps(library_versions(), sort_keys=True)
    reading = content_hash(str(SCHEMA_VERSION), versions, code_hash("inputs", "faces", "analysis.py"))
    hashes = model_hashes(config, device)
    rows_hash = [content_hash(frame.iloc[list(rows)].to_json(orient="records", default_handler=str)) for rows in bounds]
    image_keys = tuple(_key(reading, row) for row in rows_hash)
    regions = content_hash(config.regions, config.region_masks.model_dump_json(), *_mask_hashes(config, test_set))
    wanted = rows_hash if config.regions != "none" else []
    face_keys = tuple(_key(reading, regions, row) for row in wanted)
    # A model's part depends on the rows, not only on the images: the null is that of the labelled class, and landmarks
    # may stand in a column.
    shards = [content_hash(regions, str(config.seed), row) for row in rows_hash]
    models = []
    for (name, model), slug in zip(config.models.items(), _slugs(config.models), strict=True):
        tuning = usual_tuning(device) if tunings is None else tunings[name]
        base = content_hash(reading, hashes[name], tuning.marks, *test_set.classes)
        keys = tuple(_key(base, shard) for shard in shards)
        models.append(ModelPlan(name, slug, model, checkpoint_sha256(model.checkpoint), keys))
    fingerprint = content_hash(
        *image_keys,
        *face_keys,
        *(key for model in models for key in model.keys),
        *(model.name for model in models),
        test_set.problems.to_json(orient="records"),
    )
    return Plan(frame, image_keys, face_keys, tuple(models), fingerprint)


def code_hash(*places: str) -> str:
    """Hash of this package's own source in some rooms (folders) or files: the code's version for caching."""
    files: list[Path] = []
    for place in places:
        path = _ROOT / place
        files += [path] if path.is_file() else sorted(path.rglob("*.py"))
    return content_hash(*(part for file in files for part in (file.relative_to(_ROOT).as_posix(), file.read_bytes())))


def judging_code() -> str:
    """Hash of the source that decides what a verdict says, 16 hex digits."""
    return code_hash(*_JUDGING_ROOMS)[:_KEY_DIGITS]


def library_versions() -> dict[str, str]:
    """Installed versions of the libraries that numbers depend on."""
    return {name: importlib.metadata.version(name) for name in _LIBRARIES}


def model_hashes(config: Config, device: str) -> dict[str, str]:
    """By name, the hash of a model's weights and settings, of the code and libraries that run it, and of the device.

    Raises
    ------
    CheckpointError
        A checkpoint cannot be read.
    """
    versions = json.dumps(library_versions(), sort_keys=True)
    running = content_hash(versions, code_hash("models", "explain"), device, config.method)
    return {
        name: content_hash(
            running,
            checkpoint_sha256(model.checkpoint),
            model.model_dump_json(exclude={"checkpoint", "pretraining"}),
            _factory_source(model),
        )
        for name, model in config.models.items()
    }


def _factory_source(model: ModelConfig) -> bytes:
    """The source of a user's own architecture: changing it must change the analysis."""
    if model.factory is None:
        return b""
    try:
        spec = importlib.util.find_spec(model.factory.partition(":")[0])
        return Path(str(spec.origin)).read_bytes() if spec is not None else b""
    except (ImportError, OSError, ValueError):
        return b""  # importing it will say clearly what is wrong


def _images_frame(test_set: TestSet) -> pd.DataFrame:
    with ThreadPoolExecutor(_HASH_THREADS) as pool:
        hashes = list(pool.map(lambda row: _hash_image(test_set, row), range(len(test_set.frame))))
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
    for column in given.columns.difference(list(RESERVED), sort=False):
        values = given[column]
        # One type per column and file format: words stay words, numbers numbers, anything else becomes words.
        plain = pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values)
        frame[str(column)] = values.to_numpy() if plain else [None if _absent(v) else str(v) for v in values]
    return frame.reset_index(drop=True)


def _mask_hashes(config: Config, test_set: TestSet) -> list[str]:
    """The content of a user's own region masks, where there are any."""
    if config.region_masks.folder is None:
        return []
    files = [mask_file(config.region_masks.folder, path) for path in test_set.frame["path"]]
    return [sha256(file.read_bytes()).hexdigest() if file.is_file() else "" for file in files]


def _absent(value: object) -> bool:
    return value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and value != value)


def _hash_image(test_set: TestSet, row: int) -> str:
    try:
        return sha256(test_set.read_bytes(row)).hexdigest()
    except DataError:
        return ""  # the pass will find the same and list it


def _image_ids(hashes: Iterable[str]) -> list[str]:
    """Twelve digits of the content's hash; repeated content gets a number, so that ids are unique."""
    seen: dict[str, int] = {}
    ids = []
    for digest in hashes:
        short = digest[:12] or "unreadable"
        seen[short] = seen.get(short, 0) + 1
        ids.append(short if seen[short] == 1 else f"{short}-{seen[short]}")
    return ids


def _slugs(names: Iterable[str]) -> list[str]:
    slugs: list[str] = []
    for name in names:
        slug, number = slugify(name), 2
        while slug in slugs:
            slug, number = f"{slugify(name)}-{number}", number + 1
        slugs.append(slug)
    return slugs


def _key(*parts: str) -> str:
    return content_hash(*parts)[:_KEY_DIGITS]
