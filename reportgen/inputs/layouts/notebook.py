"""The notebook's pickle, and other pickles of tables: read without running anything in them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from reportgen.errors import DataError
from reportgen.inputs.class_lists import ClassList, stated_classes
from reportgen.inputs.layouts.layout import Layout, Sighting, Source
from reportgen.inputs.listing import Listing
from reportgen.inputs.pickles.safe_pickle import load_pickle
from reportgen.inputs.tables.columns import list_rows, read_training
from reportgen.inputs.tables.reading import as_frame, check_size

__all__ = ["NOTEBOOK"]

_SUFFIXES = (".pkl", ".pickle", ".p")
_TEST_FRAMES = ("test_df", "df_test", "test", "test_data", "val_df", "df_val", "val", "df", "data")
_TRAINING_FRAMES = ("train_df", "val_df", "df_train", "df_val", "train", "val")


def _file(source: Source) -> Path | None:
    if not source.is_folder:
        return source.path if source.path.suffix.lower() in _SUFFIXES else None
    return next(
        (path for place in ("", "data") if (path := source.path / place / "processed_data.pkl").is_file()), None
    )


def _recognise(source: Source) -> Sighting | None:
    path = _file(source)
    return None if path is None else Sighting(path.name)


def _read(source: Source) -> Listing:
    path = _file(source)
    if path is None:
        raise DataError(f"{source.path}: no pickle (expected processed_data.pkl or a .pkl file); give it to --data")
    check_size(path)
    content = load_pickle(path)
    notes: list[str] = []
    training: dict[str, pd.DataFrame] = {}
    declared: ClassList | None = None
    frame = as_frame(content)
    if isinstance(content, Mapping):
        try:
            declared = stated_classes(content, inside=True) if frame is None else None
        except DataError as error:
            if source.classes is None:
                raise DataError(f"{path}: {error}") from None
            notes.append(f"the pickle {error}; the settings count")
        if frame is None:
            frame, key = _test_frame(path, content)
            if key.startswith(("val", "df_val")):
                notes.append(f"no 'test_df' in the pickle: '{key}' is used")
            found = {name: as_frame(content.get(name)) for name in _TRAINING_FRAMES if name != key}
            training = {name: other for name, other in found.items() if other is not None}
    if frame is None:
        raise DataError(f"{path}: holds a {type(content).__name__}; expected a DataFrame or a dict with 'test_df'")
    listing = list_rows(path, frame, source.columns, notes, declared=declared, classes=source.classes)
    for name, other in training.items():
        rows = read_training(other, source.columns)
        if rows is not None:
            listing.training[name] = rows
    listing.roots = (path.parent / "images", path.parent.parent / "images", path.parent.parent)
    return listing


def _test_frame(path: Path, content: Mapping[Any, Any]) -> tuple[pd.DataFrame, str]:
    for key in _TEST_FRAMES:
        frame = as_frame(content.get(key))
        if frame is not None:
            return frame, key
    for images, labels in (("X_test", "y_test"), ("x_test", "y_test"), ("test_images", "test_labels")):
        held, classes = content.get(images), content.get(labels)
        if isinstance(held, np.ndarray | list) and classes is not None and len(held) == len(classes):
            return pd.DataFrame({"pixels": list(held), "label": _as_numbers(np.asarray(classes))}), images
    found = ", ".join(str(name) for name in list(content)[:8]) or "nothing"
    unread = any(value is None for value in content.values())
    tensors = "; tensors are not read, save them as arrays with tensor.numpy()" if unread else ""
    raise DataError(f"{path}: holds no test frame (found: {found}){tensors}; expected a DataFrame under 'test_df'")


def _as_numbers(labels: Any) -> list[Any]:
    """Labels of an array: of one-hot rows and rows of scores the place of the largest, None where several are."""
    if labels.ndim != 2:
        return list(labels)
    alone = (labels == labels.max(axis=1, keepdims=True)).sum(axis=1) == 1
    return [int(place) if clear else None for place, clear in zip(labels.argmax(axis=1), alone, strict=True)]


NOTEBOOK = Layout(
    "notebook",
    "The notebook's pickle",
    ("`processed_data.pkl` (`test_df`, `emotion_classes`); pickles of a frame, of rows, of `X_test` and `y_test`",),
    _recognise,
    _read,
)
