"""Joins analyses of disjoint parts of one test set, made on different machines, into one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from reportgen._version import __version__
from reportgen.analysis import SCHEMA_VERSION, content_hash, read_manifest
from reportgen.errors import BuildError, DataError
from reportgen.files import write_atomically, write_json
from reportgen.parts import RECORD_KEY, PartStore, write_table

__all__ = ["analysis_folder", "merge_analyses", "refuse_own_input"]

# Two parts must agree on these, or one report would mix what cannot be compared.
_SETTINGS = ("method", "precision", "regions", "seed")
_MODEL = ("architecture", "target_layer", "grid", "preprocessing", "method", "precision")


@dataclass(frozen=True)
class _Piece:
    """One of the analyses: `images` has a row per row of its part of the test set, readable or not."""

    folder: Path
    manifest: dict[str, Any]
    images: pd.DataFrame
    problems: pd.DataFrame
    models: tuple[dict[str, Any], ...]


def analysis_folder(folder: Path) -> Path:
    """The analysis in a folder that `reportgen build` wrote, or the folder itself where it is the analysis."""
    inside = folder / "analysis"
    return inside if (inside / "manifest.json").is_file() else folder


def refuse_own_input(output: Path, folders: Sequence[Path]) -> None:
    """Refuse an output folder that is one of those that are read.

    Raises
    ------
    DataError
        It is.
    """
    taken = {place.resolve() for place in (output, output / "analysis")}
    for folder in folders:
        if analysis_folder(folder).resolve() in taken:
            raise DataError(f"{folder}: is read, and --output {output} would write over it; choose another --output")


def merge_analyses(folders: Sequence[Path], target: Path) -> None:
    """Write the analysis of all images of several analyses; what is in `target` already and right is kept.

    Parameters
    ----------
    folders
        Two or more, in the order in which their images are to stand.
    target
        `output/analysis`.

    Raises
    ------
    BuildError
        A folder holds no finished analysis of this version.
    DataError
        The analyses do not belong together: other classes, settings or models, or images that are in two of them.
    """
    if len(folders) < 2:
        raise DataError("merge needs two or more folders of finished analyses")
    pieces = [_open(analysis_folder(folder)) for folder in folders]
    if any(piece.folder.resolve() == target.resolve() for piece in pieces):
        raise DataError(f"{target}: is one of the analyses to merge; choose another --output")
    first = pieces[0]
    pieces = [first, *(_checked(first, piece) for piece in pieces[1:])]
    _refuse_overlap(pieces)
    ids = _unique_ids(pieces)
    stores: dict[str, list[tuple[PartStore, Sequence[str]]]] = {
        "images": [(PartStore(piece.folder / "images"), piece.manifest["parts"]) for piece in pieces]
    }
    if first.manifest["landmark_parts"]:
        stores["landmarks"] = [
            (PartStore(piece.folder / "landmarks"), piece.manifest["landmark_parts"]) for piece in pieces
        ]
    for index, model in enumerate(first.models):
        stores[f"models/{model['slug']}"] = [
            (PartStore(piece.folder / "models" / piece.models[index]["slug"]), piece.models[index]["parts"])
            for piece in pieces
        ]
    keys = {name: _join(parts, PartStore(target / name), ids) for name, parts in stores.items()}
    _finish(pieces, target, keys)


def _open(folder: Path) -> _Piece:
    manifest = read_manifest(folder)
    images = PartStore(folder / "images").read(manifest["parts"]).to_pandas()
    problems = pd.read_parquet(folder / "problems.parquet")
    return _Piece(folder, manifest, images, problems, tuple(manifest["models"]))


def _checked(first: _Piece, piece: _Piece) -> _Piece:
    """The piece with its models in the first one's order, or a DataError that says what keeps them apart."""
    a, b = first.manifest, piece.manifest
    both = f"{first.folder} and {piece.folder}"
    if a["classes"] != b["classes"]:
        raise DataError(f"{both}: classes differ ({', '.join(a['classes'])} and {', '.join(b['classes'])})")
    for name in _SETTINGS:
        if a["settings"][name] != b["settings"][name]:
            raise DataError(
                f"{both}: made with another {name} ({a['settings'][name]} and {b['settings'][name]}); "
                "analyse one of them again"
            )
    by_hash = {model["sha256"]: model for model in piece.models}
    theirs = [by_hash.get(model["sha256"]) for model in first.models]
    if len(by_hash) != len(first.models) or any(model is None for model in theirs):
        raise DataError(
            f"{both}: not the same models by the SHA-256 of their checkpoints "
            f"({_names(first.models)}; {_names(piece.models)}); a merge needs all models on all parts"
        )
    models = tuple(model for model in theirs if model is not None)
    for one, other in zip(first.models, models, strict=True):
        for name in _MODEL:
            if one.get(name) != other.get(name):
                raise DataError(
                    f"{both}: model '{one['name']}' was run with another {name} ({one.get(name)} and "
                    f"{other.get(name)}); analyse one of them again"
                )
    return _Piece(piece.folder, b, piece.images, piece.problems, models)


def _names(models: Sequence[dict[str, Any]]) -> str:
    return ", ".join(f"{model['name']} {model['sha256'][:8]}" for model in models)


def _refuse_overlap(pieces: Sequence[_Piece]) -> None:
    """An image counts once: the same content under the same path in two pieces is the same image."""
    seen: dict[tuple[str, str], Path] = {}
    shared: list[tuple[str, Path, Path]] = []
    for piece in pieces:
        here = set(zip(piece.images["path"], piece.images["sha256"], strict=True))
        shared += [(path, seen[path, digest], piece.folder) for path, digest in here if (path, digest) in seen]
        seen |= dict.fromkeys(here, piece.folder)
    if shared:
        path, one, other = min(shared, key=lambda entry: entry[0])
        raise DataError(
            f"{one} and {other}: {len(shared):,} images are in both (the first: {path}); "
            "merge joins disjoint parts, so take them out of one"
        )


def _unique_ids(pieces: Sequence[_Piece]) -> list[dict[str, str]]:
    """For each piece, the image ids that have to change because an earlier piece has the same content."""
    taken: set[str] = set()
    changes = []
    for piece in pieces:
        changed = {}
        own = set(piece.images["image_id"])
        for image_id in piece.images["image_id"]:
            if image_id not in taken:
                continue
            base, number = image_id.partition("-")[0], 2
            while f"{base}-{number}" in taken or f"{base}-{number}" in own:
                number += 1
            changed[image_id] = f"{base}-{number}"
            own.add(changed[image_id])
        changes.append(changed)
        taken |= own
    return changes


def _join(
    sources: Sequence[tuple[PartStore, Sequence[str]]], target: PartStore, ids: Sequence[dict[str, str]]
) -> list[str]:
    """Bring all parts of one table together; the keys of the joined table."""
    keys: list[str] = []
    for (store, parts), changed in zip(sources, ids, strict=True):
        for index, key in enumerate(parts):
            source = store.path(index, key)
            try:
                table = _renamed(source, changed) if changed else None
                here = key if table is None else content_hash(key, *table.column("image_id").to_pylist())[:16]
                if not target.has(len(keys), here):
                    if table is None:
                        write_atomically(target.path(len(keys), here), source.read_bytes())
                    else:
                        target.write(len(keys), here, table)
            except (OSError, pa.ArrowException) as error:
                raise BuildError(f"{source}: cannot be read ({error}); analyse that part again") from None
            keys.append(here)
    return keys


def _renamed(source: Path, changed: dict[str, str]) -> pa.Table | None:
    """The part with other image ids where it holds one that has to change, else None.

    A record under another id is another record: its key changes with it, so that a later build does not take it for
    the old one.
    """
    table = pq.read_table(source)
    ids = table.column("image_id").to_pylist()
    if changed.keys().isdisjoint(ids):
        return None
    keys = np.asarray(table.column(RECORD_KEY).to_numpy(), dtype=np.uint64)
    fresh = [
        int(content_hash(str(key), changed[name])[:16], 16) if name in changed else int(key)
        for name, key in zip(ids, keys, strict=True)
    ]
    named = pa.array([changed.get(name, name) for name in ids], table.schema.field("image_id").type)
    table = table.set_column(table.schema.get_field_index("image_id"), table.schema.field("image_id"), named)
    return table.set_column(table.schema.get_field_index(RECORD_KEY), RECORD_KEY, pa.array(fresh, pa.uint64()))


def _finish(pieces: Sequence[_Piece], target: Path, keys: dict[str, list[str]]) -> None:
    first = pieces[0].manifest
    problems = pd.concat([piece.problems for piece in pieces], ignore_index=True)
    schema = pa.schema([(str(name), pa.string()) for name in problems.columns])
    write_table(target / "problems.parquet", pa.Table.from_pandas(problems, schema, preserve_index=False))
    models = [{**model, "parts": keys[f"models/{model['slug']}"]} for model in pieces[0].models]
    manifest = {
        **first,
        "schema": SCHEMA_VERSION,
        "reportgen": __version__,
        "fingerprint": content_hash("merged", *(piece.manifest["fingerprint"] for piece in pieces)),
        "parts": keys["images"],
        "landmark_parts": keys.get("landmarks", []),
        "models": models,
        "data": {
            "source": " + ".join(dict.fromkeys(str(piece.manifest["data"]["source"]) for piece in pieces)),
            "rows": sum(piece.manifest["data"]["rows"] for piece in pieces),
            "listed": sum(piece.manifest["data"]["listed"] for piece in pieces),
        },
        "notes": _notes(pieces),
    }
    write_json(target / "manifest.json", manifest)
    for name, parts in keys.items():
        PartStore(target / name).prune(parts)


def _notes(pieces: Sequence[_Piece]) -> list[str]:
    sizes = ", ".join(f"{len(piece.images):,}" for piece in pieces)
    notes = [f"this analysis was joined from {len(pieces)} parts of {sizes} images"]
    for name in ("device", "versions"):
        found = [piece.manifest[name] for piece in pieces]
        if any(value != found[0] for value in found):
            notes.append(f"the parts were made with different {name}, so numbers may differ in their last digits")
    counts = pd.concat([piece.images["sha256"][piece.images["sha256"] != ""].drop_duplicates() for piece in pieces])
    copies = int(counts.duplicated().sum())
    if copies:
        notes.append(f"{copies:,} images have the same content as an image of another part, under another path")
    return list(dict.fromkeys([*notes, *(note for piece in pieces for note in piece.manifest["notes"])]))
