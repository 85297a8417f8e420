"""Clusters of the heatmaps of one emotion that concentrate on the same place.

Spectral clustering of heatmaps finds strategies that a mean map hides (SpRAy: Lapuschkin et al. 2019). Maps are
compared in the frame of the median face, so that a place means the same on every photo. Exploratory: shown, never a
verdict.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh
from scipy.spatial.distance import pdist, squareform
from sklearn.cluster import SpectralClustering

from reportgen.analysis import ModelRecords
from reportgen.cell_grid import CellGrid
from reportgen.evidence.attention.profiles import warp_maps
from reportgen.evidence.stats.clustered import clusters, proportion
from reportgen.evidence.stats.intervals import Estimate
from reportgen.faces.regions import INNER, REGIONS
from reportgen.types import BoolArray, FloatArray, IntArray, ObjectArray

__all__ = [
    "MAX_MAPS",
    "MIN_MAPS",
    "PLACES",
    "MapCluster",
    "choose_k",
    "cluster_maps",
    "neighbour_affinity",
]


MAX_MAPS = 240
"""Most maps of an emotion that are clustered, drawn at random: the time grows with their square."""

MIN_MAPS = 20
"""Fewer maps are not clustered."""

SMALL = 0.5
"""A cluster of at most this share of the maps is small: most of the emotion's maps concentrate elsewhere."""

PLACES = (*INNER, "background")
"""Regions that name a cluster."""

_FRAME = 14
_MOST_CLUSTERS = 6
_NEIGHBOUR = 7
_NO_LINK = 1e-6
_EXEMPLARS = 6


@dataclass(frozen=True)
class MapCluster:
    """One group of one emotion's heatmaps of one model.

    Attributes
    ----------
    of
        How many groups the emotion has; 1 where the maps form no groups.
    region
        The place with the highest enrichment.
    second
        Where several groups share `region`: another place that has more heat here than in the other groups, "" where
        none has; else None.
    count, total
        Maps in the group, maps that were clustered.
    enrichment
        Heat per area of each of the places (five regions, background), in their order.
    background
        Share of the heat that lies on the background, 0..1.
    accuracy
        Of the group's images, with an interval that counts persons where they are known.
    suspect
        Small, and with more heat on the background than its area alone would get.
    rows
        Rows of the analysis, all of the group, the most typical first.
    """

    model: str
    emotion: str
    number: int
    of: int
    region: str
    count: int
    total: int
    enrichment: tuple[float, ...]
    background: float
    accuracy: Estimate
    suspect: bool
    rows: tuple[int, ...]
    second: str | None = None

    @property
    def share(self) -> float:
        """Its share of the clustered maps, 0..1."""
        return self.count / self.total

    @property
    def exemplars(self) -> tuple[int, ...]:
        """The most typical images."""
        return self.rows[:_EXEMPLARS]


def cluster_maps(
    model: ModelRecords,
    labels: IntArray,
    classes: Sequence[str],
    affines: FloatArray,
    null_map: BoolArray,
    seed: int,
    persons: ObjectArray | None = None,
) -> tuple[MapCluster, ...]:
    """Group every emotion's maps (of the labelled class on its images) of one model.

    Parameters
    ----------
    affines
        (n, 2, 3) as from `reportgen.faces.align.face_affines`.
    null_map
        (n,) maps to leave out.
    persons
        (n,) unit of each image, as `stats.units` gives them; None: every image counts for itself.
    """
    if model.masks is None:
        return ()
    found: list[MapCluster] = []
    usable = ~null_map & np.isfinite(affines).all(axis=(1, 2)) & (labels >= 0)
    for e in range(len(classes)):
        rows = np.flatnonzero(usable & (labels == e))
        if len(rows) > MAX_MAPS:
            rows = np.sort(np.random.default_rng([seed, e]).choice(rows, MAX_MAPS, replace=False))
        maps = np.maximum(model.maps[rows, e].astype(np.float64), 0.0)
        mass = maps.sum(axis=(1, 2))
        rows, maps, mass = rows[mass > 0], maps[mass > 0], mass[mass > 0]
        if len(rows) < MIN_MAPS:
            continue
        share = maps / mass[:, None, None]
        features = _features(share, affines[rows], model.grid)
        group = _group(features, seed)
        found += _describe(model, classes[e], e, rows, share, features, group, persons)
    return tuple(found)


def _features(share: FloatArray, affines: FloatArray, grid: CellGrid) -> FloatArray:
    """(n, frame cells) square roots of the aligned shares, so that their distance is Hellinger's."""
    warped = np.nan_to_num(warp_maps(share, affines, _FRAME, grid)).reshape(len(share), -1).astype(np.float64)
    total = warped.sum(axis=1, keepdims=True)
    return np.asarray(np.sqrt(warped / np.where(total > 0, total, 1.0)))


def neighbour_affinity(features: FloatArray) -> FloatArray:
    """(n, n) similarity 0..1 of each map and its seven nearest, or those whose nearest it is; next to nothing else.

    A map's own scale is the distance of its seventh neighbour (Zelnik-Manor and Perona 2004); a sparse graph lets
    groups show in its eigenvalues, a full one hardly does (von Luxburg 2007, section 8.2).
    """
    distance = squareform(pdist(features))
    near = np.argsort(distance, axis=1, kind="stable")[:, : _NEIGHBOUR + 1]
    scale = np.maximum(np.take_along_axis(distance, near[:, -1:], axis=1)[:, 0], 1e-9)
    similar = np.exp(-(distance**2) / (scale[:, None] * scale[None, :]))
    linked = np.zeros(similar.shape, dtype=bool)
    np.put_along_axis(linked, near, values=True, axis=1)
    # Groups without any link would leave it open which of equal eigenvectors a library returns.
    return np.asarray(np.where(linked | linked.T, similar, _NO_LINK))


def choose_k(affinity: FloatArray) -> int:
    """The number of groups: where the gap between neighbouring eigenvalues of the normalised Laplacian is largest.

    1 where the first gap is: the maps then form no groups. Source: von Luxburg 2007, section 8.3.
    """
    degree = affinity.sum(axis=1)
    scaled = affinity / np.sqrt(degree[:, None] * degree[None, :])
    top = min(_MOST_CLUSTERS, len(affinity) - 1)
    values = 1 - eigh(scaled, eigvals_only=True, subset_by_index=(len(affinity) - top - 1, len(affinity) - 1))[::-1]
    return int(np.argmax(np.diff(values))) + 1


def _group(features: FloatArray, seed: int) -> IntArray:
    affinity = neighbour_affinity(features)
    k = choose_k(affinity)
    if k == 1:
        return np.zeros(len(features), dtype=np.int64)
    fitted = SpectralClustering(k, affinity="precomputed", assign_labels="cluster_qr", random_state=seed).fit(affinity)
    return np.asarray(fitted.labels_, dtype=np.int64)


def _describe(
    model: ModelRecords,
    emotion: str,
    e: int,
    rows: IntArray,
    share: FloatArray,
    features: FloatArray,
    group: IntArray,
    persons: ObjectArray | None,
) -> list[MapCluster]:
    assert model.masks is not None  # noqa: S101  (the caller has looked)
    masks = model.masks[rows][:, [REGIONS.index(place) for place in PLACES]]
    on = (share[:, None] * masks).sum(axis=(2, 3))  # (n, places)
    area = masks.mean(axis=(2, 3))
    codes = sorted(set(group.tolist()), key=lambda code: (-(group == code).sum(), code))
    heat = []
    for code in codes:
        of = group == code
        with np.errstate(invalid="ignore", divide="ignore"):
            heat.append(np.nan_to_num(on[of].sum(axis=0) / area[of].sum(axis=0)))
    places = _places(heat, [_apart(on / np.maximum(area, 1e-12), group == code) for code in codes])
    found = []
    for number, (code, enrichment, (first, second)) in enumerate(zip(codes, heat, places, strict=True), start=1):
        of = group == code
        centre = features[of].mean(axis=0)
        order = np.argsort(((features[of] - centre) ** 2).sum(axis=1), kind="stable")
        right = model.predicted[rows[of]] == e
        small = len(codes) > 1 and of.mean() <= SMALL
        found.append(
            MapCluster(
                model=model.name,
                emotion=emotion,
                number=number,
                of=len(codes),
                region=first,
                count=int(of.sum()),
                total=len(rows),
                enrichment=tuple(enrichment.tolist()),
                background=float(on[of, -1].mean()),
                accuracy=proportion(right, clusters(None if persons is None else persons[rows[of]], len(right))),
                suspect=bool(small and enrichment[-1] > 1),
                rows=tuple(rows[of][order].tolist()),
                second=second,
            )
        )
    return found


def _apart(heat: FloatArray, of: BoolArray) -> FloatArray:
    """(places,) how far a group's heat per area lies above the other groups', in standard deviations."""
    if of.all():
        return np.zeros(heat.shape[1])
    low = np.minimum(heat, np.quantile(heat, 0.99, axis=0))  # a place that hardly shows divides by next to nothing
    return np.asarray((low[of].mean(axis=0) - low[~of].mean(axis=0)) / np.maximum(low.std(axis=0), 1e-9))


def _places(heat: Sequence[FloatArray], apart: Sequence[FloatArray]) -> list[tuple[str, str | None]]:
    """The warmest place of each group; where several share it, which other place sets the group apart, "" for none."""
    warmest = [int(values.argmax()) for values in heat]
    found: list[tuple[str, str | None]] = []
    for first, above in zip(warmest, apart, strict=True):
        others = [place for place in range(len(PLACES)) if place != first]
        most = max(others, key=lambda place: float(above[place]))
        second = None if warmest.count(first) == 1 else PLACES[most] if above[most] > 0 else ""
        found.append((PLACES[first], second))
    return found
