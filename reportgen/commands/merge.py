"""`reportgen merge`: merges analyses of disjoint parts of one test set, made on different machines, into one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from reportgen._version import __version__
from reportgen.analysis import SCHEMA_VERSION, content_hash, read_manifest
from reportgen.commands.build import make_report, own_output
from reportgen.config import Config, ModelConfig
from reportgen.errors import DataError
from reportgen.files import write_json
from reportgen.inputs.discover import with_checkpoints
from reportgen.inputs.label_corrections import Correction, correct_labels, read_corrections
from reportgen.inputs.label_files import read_ratings, sort_label_files
from reportgen.inputs.relocate import find_again, reorder
from reportgen.inputs.testset import TestSet, load_test_set
from reportgen.merge_shards import common_kinds, merge_parts, unique_ids
from reportgen.progress import Progress, SilentProgress
from reportgen.result import BuildResult
from reportgen.settings import recorded_settings
from reportgen.shards import PartStore, prune_models, write_table

__all__ = ["analysis_folder", "find_in_whole", "merge", "merge_analyses", "refuse_own_input"]

# Two parts must agree on these of a model, or one report would mix what cannot be compared.
_MODEL = ("architecture", "target_layer", "grid", "cell_centres", "preprocessing", "classes", "output",
          "output_columns", "method", "precision", "settings")  # fmt: skip
# What a hash stands for.
_SPELT = {"settings": "factory (or its source), region_masks or columns.landmarks"}


@dataclass(frozen=True)
class _Piece:
    """One of the analyses: `images` has a row per row of its part of the test set, readable or not."""

    folder: Path
    manifest: dict[str, Any]
    images: pd.DataFrame
    problems: pd.DataFrame
    models: tuple[dict[str, Any], ...]


def merge(config: Config, folders: Sequence[Path], progress: Progress | None = None) -> BuildResult:
    """Merge analyses of disjoint parts of one test set, and build the report on all of it.

    Parameters
    ----------
    config
        `data` may name the whole test set; else the images are looked for under `image_root`, the working directory and
        the folders. Models are needed for experiments on changed images only. `labels` are raters' votes for images of
        the whole, or corrections of its labels.
    folders
        What `reportgen build` wrote for each part: its output, or the analysis inside.
    progress
        Shows the stages; silent if None.

    Raises
    ------
    ReportError
        The analyses do not belong together, an image is not found, a file of labels does not fit, or the output cannot
        be written.
    """
    progress = progress or SilentProgress()
    refuse_own_input(config.output, folders)
    further = sort_label_files(config.labels)
    given = [one for file in further.corrections for one in read_corrections(file)]
    folder = config.output / "analysis"
    with own_output(config, "merge", progress):
        with progress.stage("Merging the analyses", len(folders)):
            merge_analyses(folders, folder, given)
        manifest = read_manifest(folder)
        with progress.stage("Finding the images"):
            images = PartStore(folder / "images").read(manifest["parts"]).to_pandas()
            if config.data is not None:
                votes_only = config.model_copy(update={"labels": tuple(further.ratings)})
                test_set = find_in_whole(votes_only, manifest["classes"], images)
            else:
                near = [place for part in folders for place in (part, part.parent)]
                roots = [root for root in (config.image_root, Path.cwd(), *near) if root is not None]
                test_set = find_again(images, manifest["classes"], roots, str(manifest["data"]["source"]))
                if further.ratings:
                    notes = list(test_set.notes)
                    names = test_set.frame["path"].tolist()
                    votes = read_ratings(further.ratings, names, test_set.classes, None, notes)
                    test_set = replace(test_set, votes=votes, notes=tuple(notes))
        config = with_checkpoints(config, manifest["models"])
        lost = [model["name"] for model in manifest["models"] if model["name"] not in config.models]
        if lost and config.experiments != "off":
            progress.note(f"warning: no checkpoint of {', '.join(lost)}, so no experiment on changed images was made")
            config = config.model_copy(update={"experiments": "off"})
        return make_report(config, "merge", test_set, (), progress)


def find_in_whole(config: Config, classes: Sequence[str], images: pd.DataFrame) -> TestSet:
    """The rows of the whole test set that the parts have, in the order of the merged analysis.

    Parameters
    ----------
    config
        With the whole test set as `data`; needs no models.
    classes
        Of the analysis: they are the classes of the set where the settings name none.
    images
        As for `reorder`.

    Raises
    ------
    DataError
        The test set cannot be read, or lacks an image.
    """
    analysed = {"the analysis": ModelConfig(checkpoint=Path(), classes=tuple(classes))}
    settings: dict[str, Any] = {"models": analysed}
    if config.classes == "auto":
        settings["classes"] = None  # the parts chose
    return reorder(load_test_set(config.model_copy(update=settings), keep_copies=True), images)


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


def merge_analyses(folders: Sequence[Path], target: Path, given: Sequence[Correction] = ()) -> None:
    """Write the analysis of all images of several analyses; what is in `target` already and right is kept.

    Parameters
    ----------
    folders
        Two or more, in the order in which their images are to stand.
    target
        `output/analysis`.
    given
        Labels to correct. No model runs, so that maps of images whose label changes stay beside scrambled weights of
        the label that they had.

    Raises
    ------
    BuildError
        A folder holds no finished analysis of this version.
    DataError
        The analyses do not belong together: other classes, settings or models, or images that are in two of them. A
        correction does not fit.
    """
    if len(folders) < 2:
        raise DataError("merge needs two or more folders of finished analyses")
    pieces = [_open(analysis_folder(folder)) for folder in folders]
    if any(piece.folder.resolve() == target.resolve() for piece in pieces):
        raise DataError(f"{target}: is one of the analyses to merge; choose another --output")
    first = pieces[0]
    pieces = [first, *(_checked(first, piece) for piece in pieces[1:])]
    _refuse_overlap(pieces)
    ids = unique_ids([piece.images["image_id"] for piece in pieces])
    corrections, labels = _corrected(pieces, given)
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
    kinds = common_kinds(stores["images"])
    keys = {
        name: merge_parts(parts, PartStore(target / name), ids, kinds if name == "images" else {}, labels)
        for name, parts in stores.items()
    }
    _finish(pieces, target, keys, corrections)


def _corrected(
    pieces: Sequence[_Piece], given: Sequence[Correction]
) -> tuple[tuple[Correction, ...], list[dict[str, tuple[str, int]]]]:
    """The corrections in the analysis's words, and for each piece, by image id, the new emotion and its class."""
    if not given:
        return (), [{} for _ in pieces]
    classes = pieces[0].manifest["classes"]
    frames = [piece.images[["image_id", "path", "emotion", "label"]] for piece in pieces]
    problems = pd.concat([piece.problems for piece in pieces], ignore_index=True)
    left_out = dict(zip(problems["path"], problems["kind"], strict=True))
    whole = pd.concat(frames, ignore_index=True).astype({"emotion": object})
    after, corrections = correct_labels(whole, classes, given, left_out)
    labels, start = [], 0
    for frame in frames:
        own = after.iloc[start : start + len(frame)]
        changed = own[own["label"] != whole.loc[own.index, "label"]]
        labels.append({
            image: (str(emotion), int(label))
            for image, emotion, label in zip(changed["image_id"], changed["emotion"], changed["label"], strict=True)
        })  # fmt: skip
        start += len(frame)
    return corrections, labels


def _open(folder: Path) -> _Piece:
    manifest = read_manifest(folder)
    if any(model.get("settings") is None for model in manifest["models"]):
        raise DataError(
            f"{folder}: made by an earlier version, which did not record all that has to agree; analyse it again"
        )
    images = PartStore(folder / "images").read(manifest["parts"]).to_pandas()
    problems = pd.read_parquet(folder / "problems.parquet")
    return _Piece(folder, manifest, images, problems, tuple(manifest["models"]))


def _checked(first: _Piece, piece: _Piece) -> _Piece:
    """The piece with its models in the first one's order, or a DataError that says what keeps them apart."""
    a, b = first.manifest, piece.manifest
    both = f"{first.folder} and {piece.folder}"
    if a["classes"] != b["classes"]:
        raise DataError(f"{both}: classes differ ({', '.join(a['classes'])} and {', '.join(b['classes'])})")
    for name in recorded_settings():
        if a["settings"][name] != b["settings"][name]:
            raise DataError(
                f"{both}: made with another {name} ({a['settings'][name]} and {b['settings'][name]}); "
                "analyse one of them again"
            )
    return _Piece(piece.folder, b, piece.images, piece.problems, _same_models(first.models, piece.models, both))


def _same_models(
    wanted: Sequence[dict[str, Any]], given: Sequence[dict[str, Any]], both: str
) -> tuple[dict[str, Any], ...]:
    """Those of `given` that are the wanted ones, whatever their names, in the wanted order; a checkpoint may be there
    several times, run in several ways.
    """
    left, found = list(given), {}
    for index, model in enumerate(wanted):
        same = [other for other in left if not _differences(model, other)]
        if same:
            found[index] = next((other for other in same if other["name"] == model["name"]), same[0])
            left.remove(found[index])
    if sorted(m["sha256"] for m in wanted) != sorted(m["sha256"] for m in given):
        raise DataError(
            f"{both}: not the same models by the SHA-256 of their checkpoints "
            f"({_names(wanted)}; {_names(given)}); a merge needs all models on all parts"
        )
    for index, model in enumerate(wanted):
        if index not in found:
            alike = [other for other in left if other["sha256"] == model["sha256"]]
            other = next((other for other in alike if other["name"] == model["name"]), alike[0])
            raise DataError(
                f"{both}: model '{model['name']}' was run with another {_differences(model, other)[0]}; analyse one of "
                "them again with the settings of the other"
            )
    return tuple(found[index] for index in range(len(wanted)))


def _differences(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """What keeps two models' records apart, in words; empty where they can stand in one table."""
    if one["sha256"] != other["sha256"]:
        return ["checkpoint"]
    names = [name for name in _MODEL if one.get(name) != other.get(name)]
    return [_SPELT.get(name, f"{name} ({_spelled(one.get(name))} and {_spelled(other.get(name))})") for name in names]


def _spelled(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


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


def _finish(pieces: Sequence[_Piece], target: Path, keys: dict[str, list[str]], given: Sequence[Correction]) -> None:
    first = pieces[0].manifest
    problems = pd.concat([piece.problems for piece in pieces], ignore_index=True)
    schema = pa.schema([(str(name), pa.string()) for name in problems.columns])
    write_table(target / "problems.parquet", pa.Table.from_pandas(problems, schema, preserve_index=False))
    models = [
        {
            **model,
            "parts": keys[f"models/{model['slug']}"],
            "input_choices": [choice for piece in pieces for choice in piece.models[index].get("input_choices", ())],
            "precision_change": _together([piece.models[index]["precision_change"] for piece in pieces]),
        }
        for index, model in enumerate(pieces[0].models)
    ]
    corrections = {one["file"]: one for piece in pieces for one in piece.manifest["data"].get("corrections", ())}
    for one in given:
        # Corrected once more: what counts is the label that the image had first.
        original = corrections.get(one.file, {"old": one.old})["old"]
        corrections[one.file] = {**one.as_json(), "old": original}
    manifest = {
        **first,
        "schema": SCHEMA_VERSION,
        "reportgen": __version__,
        "fingerprint": content_hash("merged", *(piece.manifest["fingerprint"] for piece in pieces), *keys["images"]),
        "parts": keys["images"],
        "landmark_parts": keys.get("landmarks", []),
        "models": models,
        "data": {
            "source": " + ".join(dict.fromkeys(str(piece.manifest["data"]["source"]) for piece in pieces)),
            "rows": sum(piece.manifest["data"]["rows"] for piece in pieces),
            "listed": sum(piece.manifest["data"]["listed"] for piece in pieces),
            **({"corrections": list(corrections.values())} if corrections else {}),
        },
        "notes": _notes(pieces, given),
    }
    write_json(target / "manifest.json", manifest)
    for name, parts in keys.items():
        PartStore(target / name).prune(parts)
    prune_models(target, [model["slug"] for model in models])


def _together(changes: Sequence[dict[str, Any] | None]) -> dict[str, Any] | None:
    """What the shorter numbers changed in all parts (see `Change`).

    Images and predictions are counted. The median and the 95th percentile over all images are not known from those of
    the parts, but they are at most the largest of these.
    """
    measured = [change for change in changes if change is not None]
    if not measured:
        return None
    images = sum(change["images"] for change in measured)
    return {
        "images": images,
        "predictions": sum(change["predictions"] for change in measured),
        "map_median": max(change["map_median"] for change in measured),
        "map_high": max(change["map_high"] for change in measured),
        "again": sum(change["again"] * change["images"] for change in measured) / max(images, 1),
    }


def _notes(pieces: Sequence[_Piece], given: Sequence[Correction]) -> list[str]:
    sizes = ", ".join(f"{len(piece.images):,}" for piece in pieces)
    notes = [f"this analysis was merged from {len(pieces)} parts of {sizes} images"]
    for name in ("device", "versions"):
        found = [piece.manifest[name] for piece in pieces]
        if any(value != found[0] for value in found):
            notes.append(f"the parts were made with different {name}, so numbers may differ in their last digits")
    if any(model["precision_change"] is not None for model in pieces[0].models):
        notes.append(
            "what bfloat16 changed was measured on each part: images and predictions are added up, differences of maps "
            "are those of the part where they are largest"
        )
    if given:
        changed = sum(one.old != one.new for one in given)
        notes.append(f"labels changed by hand: {changed:,}; confirmed by hand: {len(given) - changed:,}")
        if changed and any(model.get("random_heads", True) for model in pieces[0].models):
            notes.append(
                "labels were corrected after the models had run: of those images, whether a heatmap is blank was told "
                "by scrambled weights of the old label"
            )
    counts = pd.concat([piece.images["sha256"][piece.images["sha256"] != ""].drop_duplicates() for piece in pieces])
    copies = int(counts.duplicated().sum())
    if copies:
        notes.append(f"{copies:,} images have the same content as an image of another part, under another path")
    return list(dict.fromkeys([*notes, *(note for piece in pieces for note in piece.manifest["notes"])]))
