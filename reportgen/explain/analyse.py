"""From a test set and checkpoints to a finished `analysis/` folder, computing only what is missing.

This module needs no torch: where nothing is new, importing torch would be the slowest step of a build.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from reportgen._version import __version__
from reportgen.analysis import SCHEMA_VERSION
from reportgen.config import Config
from reportgen.errors import DataError, printable
from reportgen.explain.fingerprints import (
    Fingerprints,
    extras_of,
    library_versions,
    model_hashes,
    shard_bounds,
    take_fingerprints,
)
from reportgen.explain.tuning import known_tunings, read_tunings, unmeasured_tunings
from reportgen.files import write_json
from reportgen.inputs.testset import TestSet
from reportgen.progress import Progress
from reportgen.settings import recorded_settings
from reportgen.shards import PartStore, prune_models, write_table

__all__ = ["analyse"]

_PROBLEM_COLUMNS = ("path", "emotion", "kind", "message")


def analyse(
    config: Config,
    test_set: TestSet,
    folder: Path,
    progress: Progress,
    notes: Sequence[str] = (),
    choices: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
) -> int:
    """Bring `folder` up to date with the inputs.

    Parameters
    ----------
    config
        With data and models filled in.
    folder
        `output/analysis`; parts that are there and still valid stay.
    notes
        What the report should state about models that are missing this time, one sentence each.
    choices
        By model, what a sample said of its input and its outputs, in plain values: recorded for the report.

    Returns
    -------
    int
        Images that had to be processed.

    Raises
    ------
    DataError
        No image is left.
    CheckpointError, ConfigError
        A model cannot be used.
    """
    if test_set.frame.empty:
        raise DataError(f"{test_set.source}: no usable image is left; 'reportgen check' lists what is wrong with each")
    bounds = shard_bounds(len(test_set.frame), config.shard_images)
    previous = _read_manifest(folder)
    device = str(previous.get("device", "cpu")) if config.device == "auto" else config.device.partition(":")[0]
    with progress.stage("Hashing the inputs"):
        hashes, measured = model_hashes(config, device), read_tunings(folder)
        tunings = known_tunings(config, len(test_set.frame), hashes, measured, device)
        fingerprints = None if tunings is None else take_fingerprints(test_set, config, device, bounds, tunings)
    if fingerprints is not None and _is_current(folder, previous, fingerprints):
        renewed = {**previous, **_given_facts(config, test_set, notes, previous["models"], choices or {})}
        if renewed != previous:
            write_json(folder / "manifest.json", renewed)
        _prune(folder, fingerprints, notes)  # left behind by a build that was killed after writing its manifest
        return 0

    from reportgen.explain.calibrate import calibrate  # torch takes seconds to load
    from reportgen.explain.compute import compute
    from reportgen.explain.loading import own_device

    present, kind = own_device(config)
    if kind != device:
        hashes, tunings, fingerprints = model_hashes(config, kind), None, None
    if tunings is None and kind != present.type:
        tunings = unmeasured_tunings(config, kind)
    if tunings is None:
        tunings = calibrate(config, test_set, folder, hashes, measured, present, progress)
    if fingerprints is None:
        fingerprints = take_fingerprints(test_set, config, kind, bounds, tunings)
    done = compute(config, test_set, fingerprints, folder, present, tunings, progress, kind)
    _finish(config, test_set, fingerprints, folder, kind, done.models, notes, choices or {})
    return done.images


def _read_manifest(folder: Path) -> dict[str, Any]:
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return manifest if isinstance(manifest, dict) else {}


def _stores(folder: Path, fingerprints: Fingerprints) -> list[tuple[PartStore, Sequence[str]]]:
    stores: list[tuple[PartStore, Sequence[str]]] = [
        (PartStore(folder / "images"), fingerprints.image_keys.parts),
        (PartStore(folder / "landmarks"), () if fingerprints.face_keys is None else fingerprints.face_keys.parts),
    ]
    return stores + [(PartStore(folder / "models" / model.slug), model.keys.parts) for model in fingerprints.models]


def _is_current(folder: Path, previous: dict[str, Any], fingerprints: Fingerprints) -> bool:
    return (
        previous.get("fingerprint") == fingerprints.whole
        and (folder / "problems.parquet").is_file()
        and all(store.has(i, key) for store, keys in _stores(folder, fingerprints) for i, key in enumerate(keys))
    )


def _given_facts(
    config: Config,
    test_set: TestSet,
    notes: Sequence[str],
    models: Sequence[dict[str, Any]],
    choices: Mapping[str, Sequence[Mapping[str, Any]]],
) -> dict[str, Any]:
    """The part of the manifest that is given, not computed: it may change while every record stays the same."""
    given = {
        name: {
            "file": printable(model.checkpoint.name),
            "pretraining": model.pretraining,
            "input_choices": [dict(choice) for choice in choices.get(name, ())],
        }
        for name, model in config.models.items()
    }
    return {
        "models": [{**model, **given[model["name"]]} for model in models],
        "data": {
            "source": test_set.source,
            "rows": len(test_set.frame),
            "listed": len(test_set.frame) + len(test_set.problems),
            **({"corrections": [one.as_json() for one in test_set.corrections]} if test_set.corrections else {}),
        },
        "notes": [*notes, *test_set.notes],
    }


def _finish(
    config: Config,
    test_set: TestSet,
    fingerprints: Fingerprints,
    folder: Path,
    device: str,
    models: list[dict[str, Any]],
    notes: Sequence[str],
    choices: Mapping[str, Sequence[Mapping[str, Any]]],
) -> None:
    """List what could not be read, then write the manifest, then drop parts of earlier inputs: in this order, a build
    that is killed at any moment leaves either the old analysis or the new one.
    """
    read = PartStore(folder / "images").rows(fingerprints.image_keys.parts, ["problem"])["problem"]
    lost = [(row, str(problem)) for row, problem in enumerate(read) if problem is not None]
    if len(lost) == len(read):
        raise DataError(f"{test_set.source}: no image could be read; the first: {lost[0][1]}")
    listed = [{name: row[name] for name in _PROBLEM_COLUMNS} for row in test_set.problems.to_dict(orient="records")]
    listed += [
        {
            "path": fingerprints.frame["path"].iloc[row],
            "emotion": fingerprints.frame["emotion"].iloc[row],
            "kind": "unreadable",
            "message": problem,
        }
        for row, problem in lost
    ]
    schema = pa.schema([(name, pa.string()) for name in _PROBLEM_COLUMNS])
    write_table(folder / "problems.parquet", pa.Table.from_pylist(listed, schema=schema))
    write_json(
        folder / "manifest.json",
        {
            "schema": SCHEMA_VERSION,
            "reportgen": __version__,
            "fingerprint": fingerprints.whole,
            "classes": list(test_set.classes),
            "parts": list(fingerprints.image_keys.parts),
            "landmark_parts": [] if fingerprints.face_keys is None else list(fingerprints.face_keys.parts),
            "device": device,
            "settings": {
                **{name: getattr(config, name) for name in recorded_settings()},
                "shard_images": config.shard_images,
            },
            "versions": library_versions(*(extra for model in config.models.values() for extra in extras_of(model))),
            **_given_facts(config, test_set, notes, models, choices),
        },
    )
    _prune(folder, fingerprints, notes)


def _prune(folder: Path, fingerprints: Fingerprints, missing: Sequence[str]) -> None:
    """A model whose checkpoint is only missing this time keeps its records; one that is no longer listed does not."""
    for store, keys in _stores(folder, fingerprints):
        store.prune(keys)
    if not missing:
        prune_models(folder, [model.slug for model in fingerprints.models])
