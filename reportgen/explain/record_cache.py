"""Records of earlier analyses that are still valid, found row by row.

Inserting one image moves every image after it, and so moves records into other parts. What was computed from those
images is as valid as before: each record carries the hash of everything it was computed from, and a record with the
requested hash is copied instead of computed again, whichever part it is in.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from reportgen.faces.landmark_table import landmarks_from_table
from reportgen.faces.landmarks import Landmarks
from reportgen.shards import RECORD_KEY, PartStore, is_part_name

__all__ = ["FaceCache", "RecordCache"]

Keys = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int64]

_OPEN = 8  # parts held in memory: neighbours in the test set were neighbours before


class RecordCache:
    """All records in a store, whichever part they are in. Safe to use from several threads.

    Parts that cannot be read, or that an earlier version wrote, count as empty: the cache only saves time.

    Parameters
    ----------
    paths
        The parts to search; None for all.
    """

    def __init__(self, store: PartStore, paths: Sequence[Path] | None = None) -> None:
        self._paths: list[Path] = []
        keys, files, rows = [], [], []
        for path in sorted(store.folder.glob("part-*.parquet")) if paths is None else paths:
            found = _keys_of(path) if is_part_name(path.name) else None
            if found is None:
                continue
            keys.append(found)
            files.append(np.full(len(found), len(self._paths), dtype=np.int64))
            rows.append(np.arange(len(found), dtype=np.int64))
            self._paths.append(path)
        every = np.concatenate(keys) if keys else np.empty(0, np.uint64)
        order = np.argsort(every, kind="stable")
        self._sorted = every[order]
        self._file = (np.concatenate(files) if files else np.empty(0, np.int64))[order]
        self._row = (np.concatenate(rows) if rows else np.empty(0, np.int64))[order]
        self._whole: dict[int, bool] = {}
        self._tables: OrderedDict[int, pa.Table] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._sorted)

    def places(self, keys: Keys) -> Places:
        """Where the records with these keys are, -1 for those that are missing or cannot be read.

        A part may have intact keys and another column that is damaged, so it is read before its records are counted on.
        """
        if not len(self._sorted):
            return np.full(len(keys), -1, dtype=np.int64)
        at = np.minimum(np.searchsorted(self._sorted, keys), len(self._sorted) - 1)
        there = self._sorted[at] == keys
        broken = [file for file in np.unique(self._file[at[there]]).tolist() if not self._is_whole(file)]
        return np.where(there & ~np.isin(self._file[at], broken), at, -1)

    def take(self, places: Places) -> pa.Table:
        """The records at these places, in this order; at least one."""
        pieces, back, start = [], np.empty(len(places), dtype=np.int64), 0
        for file in np.unique(self._file[places]):
            chosen = np.flatnonzero(self._file[places] == file)
            pieces.append(self._table(int(file)).take(pa.array(self._row[places[chosen]])))
            back[chosen] = np.arange(start, start + len(chosen))
            start += len(chosen)
        return pa.concat_tables(pieces, promote_options="default").take(pa.array(back))

    def _is_whole(self, file: int) -> bool:
        if file not in self._whole:
            try:
                self._table(file)
                self._whole[file] = True
            except (OSError, pa.ArrowException):
                self._whole[file] = False
        return self._whole[file]

    def _table(self, file: int) -> pa.Table:
        with self._lock:
            if file not in self._tables:
                self._tables[file] = pq.read_table(self._paths[file])
                if len(self._tables) > _OPEN:
                    self._tables.popitem(last=False)
            self._tables.move_to_end(file)
            return self._tables[file]


class FaceCache:
    """Landmarks that are on disk already: another model needs regions on its own grid, but no face detected again.

    Parameters
    ----------
    records
        Of the landmarks that are on disk.
    keys
        (n,) of the landmarks of every row of the test set.
    """

    def __init__(self, records: RecordCache, keys: Keys) -> None:
        self._records = records
        self._places = self._records.places(keys)

    def find(self, row: int) -> Landmarks | None:
        """The landmarks of a row, or None where they have to be found."""
        place = self._places[row]
        if place < 0:
            return None
        _, faces = landmarks_from_table(self._records.take(np.array([place])))
        return faces[0]


def _keys_of(path: Path) -> Keys | None:
    try:
        column = pq.read_table(path, columns=[RECORD_KEY]).column(RECORD_KEY)
        return np.asarray(column.to_numpy(), dtype=np.uint64)
    except (OSError, KeyError, pa.ArrowException):
        return None
