"""ExpW: `label.lst`, a line for each face, which is cut from the photo in `origin`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from reportgen.errors import DataError
from reportgen.inputs.emotions import FER2013_ORDER
from reportgen.inputs.layouts.layout import Layout, Sighting, Source
from reportgen.inputs.listing import Listing
from reportgen.inputs.tables.columns import label_cells, text_cells

__all__ = ["EXPW"]

_FIELDS = 8  # image_name face_id top left right bottom confidence label


def _file(source: Source) -> Path | None:
    if not source.is_folder:
        return source.path if source.path.suffix.lower() == ".lst" else None
    return source.find("label.lst")


def _recognise(source: Source) -> Sighting | None:
    path = _file(source)
    if path is None:
        return None
    width = source.table(path).frame.shape[1]
    if width != _FIELDS:
        return None  # another list
    return Sighting(f"{path.name} with lines of {_FIELDS} fields")


def _read(source: Source) -> Listing:
    path = _file(source) or source.path
    frame = source.table(path).frame
    boxes = frame.iloc[:, 2:6].apply(pd.to_numeric, errors="coerce") if frame.shape[1] == _FIELDS else None
    if boxes is None or boxes.isna().any(axis=None):
        raise DataError(
            f"{path}: expected lines of {_FIELDS} fields (image_name face_id top left right bottom confidence label)"
        )
    top, left, right, bottom = boxes.to_numpy(dtype=np.int64).T
    folder = path.parent
    return Listing(
        pd.DataFrame(
            {
                "path": text_cells(frame.iloc[:, 0]),
                "emotion": label_cells(frame.iloc[:, 7]),
                "person": None,
                "face_id": frame.iloc[:, 1].to_numpy(),
                "face_confidence": frame.iloc[:, 6].to_numpy(),
            }
        ).astype({"path": object, "emotion": object}),
        folder,
        f"{source.title}, ExpW's list",
        classes=FER2013_ORDER,
        numbers=dict(enumerate(FER2013_ORDER)),
        numbers_from="the numbering of ExpW",
        boxes=np.stack([left, top, right, bottom], axis=1),
        notes=["faces cut from the photos by the boxes of label.lst"],
        roots=tuple(folder / name for name in ("origin", "image/origin", "image", "images", "img", "../image/origin")),
    )


EXPW = Layout("expw", "ExpW", ("`label.lst` with the photos in `origin`: faces cut by their boxes",), _recognise, _read)
