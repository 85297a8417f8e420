"""What the pass records of every image: facts of the file, landmarks, and each model's output."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from contextlib import nullcontext

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from reportgen.analysis import SURROUNDINGS_COLUMNS
from reportgen.errors import BuildError
from reportgen.explain.explainer import Question
from reportgen.explain.face_finder import view_of
from reportgen.explain.loading import AnyExplainer
from reportgen.explain.tasks import Item
from reportgen.faces.landmark_table import landmarks_table
from reportgen.faces.light import cheek_light, eye_light, face_contrast
from reportgen.faces.regions import REGIONS
from reportgen.faces.surroundings import measure_surroundings
from reportgen.inputs.images.decoding import ORIGIN_COLUMNS
from reportgen.inputs.images.quality import QUALITY_COLUMNS, image_quality
from reportgen.shards import RECORD_KEY, Keys, PartStore, array_column

__all__ = ["FaceRecorder", "ImageFacts", "ModelRecorder"]

_REAL = pa.float32()


class ImageFacts:
    """One row per image: what the test set lists and what decoding found.

    Parameters
    ----------
    frame
        One row per image of the test set, columns of the images table but for those found by decoding.
    """

    def __init__(self, store: PartStore, keys: Keys, frame: pd.DataFrame | pa.Table) -> None:
        self.store = store
        self.keys = keys
        self._table = frame if isinstance(frame, pa.Table) else pa.Table.from_pandas(frame, preserve_index=False)

    def record(self, items: Sequence[Item]) -> pa.Table:
        """See `Recorder.record`; unreadable images get a row too, with the reason in `problem`."""
        rows = self._table.take(pa.array([item.row for item in items]))
        found = [item.decoded for item in items]
        columns = {
            RECORD_KEY: pa.array(self.keys.rows[[item.row for item in items]]),
            "width": pa.array([d.width if d else 0 for d in found], pa.int32()),
            "height": pa.array([d.height if d else 0 for d in found], pa.int32()),
            "notes": pa.array(["; ".join(d.notes) if d else "" for d in found], pa.string()),
            "problem": pa.array([item.problem for item in items], pa.string()),
            "format": pa.array([d.format if d else None for d in found], pa.string()),
            "jpeg_quality": pa.array([d.jpeg_quality if d else math.nan for d in found], pa.float32()),
            **{
                name: pa.array([(getattr(d, name) if d else "") or None for d in found], pa.string())
                for name in ORIGIN_COLUMNS
            },
        }
        qualities = [image_quality(d.samples) if d else None for d in found]
        for name in QUALITY_COLUMNS:
            kind = pa.string() if name == "perceptual_hash" else pa.float32()
            columns[name] = pa.array([None if q is None else getattr(q, name) for q in qualities], kind)
        for name, column in columns.items():
            rows = rows.append_column(name, column)
        # The pandas block in the schema would carry the whole frame's index description into every part.
        return rows.replace_schema_metadata(None)


class FaceRecorder:
    """The landmarks of every readable image, and what of the face's light is measured on its pixels."""

    def __init__(self, store: PartStore, keys: Keys, image_ids: Sequence[str]) -> None:
        self.store = store
        self.keys = keys
        self._ids = list(image_ids)

    def record(self, items: Sequence[Item]) -> pa.Table:
        """See `Recorder.record`; unreadable images have no row."""
        found = [
            (item.row, item.face, item.decoded.samples)
            for item in items
            if item.face is not None and item.decoded is not None
        ]
        table = landmarks_table([self._ids[row] for row, *_ in found], [face.landmarks for _, face, _ in found])
        cheeks = np.array([cheek_light(rgb, face.landmarks) for _, face, rgb in found]).reshape(-1, 2)
        columns = {
            "regions_from": pa.array([face.regions_from for _, face, _ in found], pa.string()),
            "face_contrast": pa.array([face_contrast(rgb, face.landmarks.points) for _, face, rgb in found], _REAL),
            "eye_light": pa.array([eye_light(rgb, face.landmarks) for _, face, rgb in found], _REAL),
            "cheek_light": pa.array(cheeks[:, 0], _REAL),
            "cheek_balance": pa.array(cheeks[:, 1], _REAL),
            RECORD_KEY: pa.array(self.keys.rows[[row for row, *_ in found]]),
        }
        around = [
            None if face.landmarks.source == "template" else measure_surroundings(rgb, face.landmarks.points)
            for _, face, rgb in found
        ]
        for name in SURROUNDINGS_COLUMNS:
            columns[name] = pa.array([math.nan if one is None else getattr(one, name) for one in around], _REAL)
        for name, column in columns.items():
            table = table.append_column(name, column)
        return table


class ModelRecorder:
    """One model's logits, maps and probes; unreadable images have no row.

    Parameters
    ----------
    frame
        The images table: `image_id`, `label` (-1 for none) and `sha256` of every row of the test set.
    exclusive
        A GPU takes one batch at a time; on a processor every worker runs its own.
    mapped
        (n,) whether a row is to have a map; None where all have one.
    """

    def __init__(
        self,
        store: PartStore,
        keys: Keys,
        explainer: AnyExplainer,
        frame: pd.DataFrame,
        *,
        exclusive: bool,
        mapped: npt.NDArray[np.bool_] | None = None,
    ) -> None:
        self.store = store
        self.keys = keys
        self._explainer = explainer
        self._ids = pa.array(frame["image_id"], pa.string())
        self._labels = frame["label"].to_numpy()
        self._seeds = np.array([_seed(digest) for digest in frame["sha256"]], dtype=np.int64)
        self._mapped = mapped
        self._turn = threading.Lock() if exclusive else nullcontext()

    def record(self, items: Sequence[Item]) -> pa.Table:
        """See `Recorder.record`."""
        readable = [item for item in items if item.decoded is not None]
        questions = [self._question(item) for item in readable]
        rows = [item.row for item in readable]
        with self._turn:
            explanation = self._explainer.explain(questions)
        columns = {
            "image_id": self._ids.take(pa.array(rows, pa.int64())),
            "logits": array_column(explanation.logits),
            "maps": array_column(explanation.maps),
        }
        if explanation.features.shape[1]:
            # Half precision: what is concluded from them does not hang on a thousandth.
            most = float(np.finfo(np.float16).max)
            columns["features"] = array_column(np.clip(explanation.features, -most, most), np.float16)
        if self._mapped is not None:
            columns["mapped"] = pa.array([question.mapped for question in questions], pa.bool_())
        if self._explainer.probing:
            shape = (len(questions), len(REGIONS), *self._explainer.grid.shape)
            masks = np.array([question.masks for question in questions], np.float32).reshape(shape)
            columns |= {
                "masks": array_column(masks),
                "peak_changed": pa.array(explanation.peak_changed),
                "control_changed": pa.array(explanation.control_changed),
            }
            if explanation.null_mass.shape[1]:
                columns |= {
                    "null_mass": array_column(explanation.null_mass),
                    "null_share": array_column(explanation.null_share),
                }
        return pa.table({**columns, RECORD_KEY: pa.array(self.keys.rows[rows])})

    def _question(self, item: Item) -> Question:
        explainer = self._explainer
        decoded, spec = item.decoded, explainer.preprocessing
        if decoded is not None and spec.cuts_unevenly(decoded.width, decoded.height):
            raise BuildError(
                f"image {item.row + 1} has {decoded.width} x {decoded.height} pixels, of which the model sees only the "
                "square in the middle; crop the images to squares, or set width, height and resize = 'stretch' in the "
                "model's preprocessing"
            )
        image = item.input_for(spec)
        if item.face is None:
            # All-zero masks make every share undefined, as it is without regions.
            masks = np.zeros((len(REGIONS), *explainer.grid.shape), np.float32)
        else:
            masks = item.face.masks[view_of(explainer.grid, spec)]
        mapped = self._mapped is None or bool(self._mapped[item.row])
        return Question(int(self._seeds[item.row]), int(self._labels[item.row]), image, masks, mapped)


def _seed(digest: str) -> int:
    """Random draws for an image follow its content, since its place in the test set may change."""
    return int(digest[:15] or "0", 16)
