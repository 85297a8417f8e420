"""What there is to set: each setting declared once, with its help, default, choices, flag and what it affects.

The command line reads this module alone, so that `--help` loads nothing else. What a value may be beside one of the
choices, and where settings come from, is in `reportgen.config`.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, get_args

__all__ = [
    "GATES",
    "RENAMED",
    "SETTINGS",
    "SIZELESS",
    "Affected",
    "Budget",
    "Colormap",
    "Engine",
    "Gate",
    "Method",
    "Overlay",
    "Precision",
    "Privacy",
    "Regions",
    "Setting",
    "is_plain",
    "recorded_settings",
    "settings_affecting",
    "with_new_names",
]

Affected = Literal["analysis", "evidence", "site", "presentation"]
"""The records; what is concluded from them; what the site holds; how its pictures look."""

Method = Literal["auto", "gradcam", "gradcam++", "hirescam", "layercam", "xgradcam", "lrp"]
Precision = Literal["float32", "bf16", "auto"]
Regions = Literal["auto", "template", "none"]
Budget = Literal["off", "quick", "default", "full"]
Overlay = Literal["perceptual", "classic"]
Colormap = Literal["inferno", "viridis", "magma", "jet"]
Privacy = Literal["none", "blur", "outline"]
Engine = Literal["local", "ray"]


class Gate(StrEnum):
    """What `reportgen diff --fail-on` can watch for."""

    REGRESSION = "regression"
    CHEATING = "cheating"
    GROUP_GAP = "group-gap"
    ROBUSTNESS = "robustness"
    LEAKAGE = "leakage"
    CLASS_ORDER = "class-order"
    CONFIDENCE = "confidence"
    TEST_SET = "test-set"
    UNMEASURED = "unmeasured"


GATES = {
    Gate.REGRESSION: "accuracy, or the recall of an emotion, is proven to have fallen",
    Gate.CHEATING: "a shortcut is proven now that was not before",
    Gate.GROUP_GAP: "a gap between groups of persons is proven to have grown, or is proven now and was not before",
    Gate.ROBUSTNESS: "a change of the photos, such as blur, is proven to break a model and was not before",
    Gate.LEAKAGE: "training is proven to have leaked into the test set, and was not before",
    Gate.CLASS_ORDER: "the outputs fit the labels in another order only, and did not before",
    Gate.CONFIDENCE: "the Brier score of the probabilities is proven to have risen",
    Gate.TEST_SET: "images or labels differ between the two",
    Gate.UNMEASURED: "something that is watched for could not be measured",
}
"""What each gate finds, in the order of a summary."""

SIZELESS = frozenset({Gate.CLASS_ORDER, Gate.UNMEASURED})
"""Gates that measure no size, so that nothing of it can be tolerated."""

RENAMED = {"sample_images": "max_explained_images", "training_unweighted": "assume_unweighted_training"}
"""New names of settings by their old ones, which go on working."""


@dataclass(frozen=True)
class Setting:
    """What the program has to know of a setting beside its type.

    Attributes
    ----------
    help
        One line for `--help` and the README.
    affects
        What has to be made again when it changes; empty where the report stays the same.
    flag
        The command line's name for it, where it has one.
    default
        None also where the default is a whole section, such as `columns`.
    choices
        The words it may be; empty where it is none of a few.
    local
        It is about this machine, or about the files that are handed on: no part of a recipe for the same report.
    """

    help: str
    affects: tuple[Affected, ...] = ()
    flag: str | None = None
    default: Any = None
    choices: tuple[str, ...] = ()
    local: bool = False


SETTINGS = {
    "data": Setting(
        "Test set: pickle, CSV, TSV, Parquet, JSON lines or a folder.", ("analysis",), "--data", local=True
    ),
    "dataset": Setting("Data set whose layout it has, if not recognised.", ("analysis",), "--dataset"),
    "models": Setting("The models, by name.", ("analysis",), "--model", local=True),
    "output": Setting("Folder to write into.", (), "--output", Path("output"), local=True),
    "image_root": Setting("Where relative image paths are looked for as well.", (), "--image-root", local=True),
    "columns": Setting("Which column means what.", ("analysis",)),
    "person_pattern": Setting(
        "Regular expression with one group: the person, from the file's name.", ("analysis", "evidence")
    ),
    "labels": Setting(
        "Files of further labels: one per rater (their votes are shown beside the labels), or corrections.",
        ("analysis",), "--labels",
    ),
    "classes": Setting(
        "The emotions, in the order of the models' outputs; auto: the known order that a sample shows.", ("analysis",)
    ),
    "method": Setting(
        "How heatmaps are computed; auto: LRP for transformers, else Grad-CAM.",
        ("analysis",), "--method", "auto", get_args(Method),
    ),
    "precision": Setting(
        "Arithmetic of the forward pass; auto: bf16 where it is clearly faster.",
        ("analysis",), "--precision", "float32", get_args(Precision),
    ),
    "regions": Setting(
        "Where regions come from; auto finds the face.", ("analysis",), "--regions", "auto", get_args(Regions)
    ),
    "region_masks": Setting("Your own regions, one label image per image.", ("analysis",)),
    "experiments": Setting(
        "Budget for changed images that are shown to the models.",
        ("evidence",), "--experiments", "default", get_args(Budget),
    ),
    "max_explained_images": Setting(
        "Most images whose heatmaps are judged and shown; scores use all.",
        ("evidence",), "--max-explained-images", 10_000,
    ),
    "max_ablated_images": Setting(
        "Most images whose heatmaps are made by hiding places, 49 forward passes each (ONNX files).",
        ("analysis",), default=400,
    ),
    "groups": Setting(
        "Columns, and pairs of them as a*b, by which scores are compared; all columns with few values if not given.",
        ("evidence",), "--groups",
    ),
    "seed": Setting("Seed of everything that is sampled.", ("analysis", "evidence"), "--seed", 0),
    "assume_unweighted_training": Setting(
        "True: training used no class weights and no balanced sampling, so that rare emotions can explain errors.",
        ("evidence",), default=False,
    ),
    "examples": Setting("Examples per emotion, model and kind.", ("evidence",), default=6),
    "overlay": Setting(
        "How heatmaps are drawn; classic: jet, half and half, as in the notebook.",
        ("presentation",), default="perceptual", choices=get_args(Overlay),
    ),
    "colormap": Setting(
        "Colours of the heatmaps.", ("presentation",), default="inferno", choices=get_args(Colormap)
    ),
    "privacy": Setting(
        "Hide faces and names, so that the report may be shared.", ("site",), "--privacy", "none", get_args(Privacy)
    ),
    "zip": Setting("Write report.zip.", ("site",), "--zip/--no-zip", True, local=True),
    "single_file": Setting(
        "Also write the whole report as one HTML file.", ("site",), "--single-file", False, local=True
    ),
    "single_file_mb": Setting("Most MB of that file.", ("site",), default=30.0, local=True),
    "mail": Setting(
        "Also write a zip that fits a mail, made smaller where it must be.", ("site",), "--mail", False, local=True
    ),
    "mail_mb": Setting("Most MB of that zip.", ("site",), default=20.0, local=True),
    "size_warning_mb": Setting("MB of report.zip above which a build warns.", ("site",), default=40.0, local=True),
    "device": Setting("auto, cpu, cuda, cuda:N or mps.", ("analysis",), "--device", "auto", local=True),
    "workers": Setting("Threads; one per core if not given.", local=True),
    "shard_images": Setting("Images per part of the analysis.", default=128, local=True),
    "engine": Setting("This machine, or a cluster (see Clusters).", (), "--engine", "local", get_args(Engine)),
    "ray": Setting("The cluster."),
    "tolerances": Setting(
        "What `reportgen diff` tolerates, by gate, in points (hundredths); 0 where not given.", local=True
    ),
    "unsafe_load": Setting(
        "Load checkpoints that run code. Only your own files.", (), "--unsafe-load", False, local=True
    ),
}  # fmt: skip
"""Every setting by its name, in the order of the README's table."""


def settings_affecting(*affected: Affected) -> tuple[str, ...]:
    """Names of the settings whose change makes any of these anew."""
    return tuple(name for name, declared in SETTINGS.items() if set(affected) & set(declared.affects))


def recorded_settings() -> tuple[str, ...]:
    """Names of the settings that the analysis records, and that two analyses must share to be merged."""
    return tuple(name for name in settings_affecting("analysis") if is_plain(name) and not SETTINGS[name].local)


def is_plain(name: str) -> bool:
    """Whether a setting is one word, number or yes/no, with a default."""
    return isinstance(SETTINGS[name].default, str | int | float)


def with_new_names(values: dict[str, Any]) -> dict[str, Any]:
    """The same values under the settings' present names, with a `FutureWarning` for each old one.

    Raises
    ------
    ValueError
        A setting is there under both of its names.
    """
    found = dict(values)
    for old, new in RENAMED.items():
        value = found.pop(old, None)
        if value is None:
            continue
        if found.get(new) is not None:
            raise ValueError(f"{old} is the old name of {new}; give one of them")
        found[new] = value
        warnings.warn(f"{old} is now called {new}; the old name still works", FutureWarning, stacklevel=2)
    return found
