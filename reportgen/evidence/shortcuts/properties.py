"""Properties of the photo beside the expression, and how each is associated with each emotion.

A photo's colour, brightness, sharpness or size can give its label away, and so can where the face lies in it. Where one
does, a model can learn it instead of the face, so every association is a reason to intervene, never a verdict on a
model.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import norm, rankdata

from reportgen.analysis import FaceRecords
from reportgen.evidence.performance.scores import FEW
from reportgen.evidence.stats.clustered import Clusters, proportion
from reportgen.evidence.stats.intervals import Estimate, Z
from reportgen.evidence.stats.multiple_testing import ALPHA, holm
from reportgen.faces.pose import pose_table
from reportgen.types import BoolArray, FloatArray, IntArray

__all__ = [
    "COLOURED",
    "MIN_AUC_DISTANCE",
    "Association",
    "PredictionSplit",
    "Property",
    "associations",
    "auc_interval",
    "file_name_kind",
    "photo_properties",
    "photos_having",
    "split_predictions",
]

COLOURED = 0.01
"""Colourfulness from which a photo counts as coloured: below it the eye sees no colour."""

MIN_AUC_DISTANCE = 0.14
"""How far an AUC must be from one half for a property to be associated with an emotion: that of two normal
distributions whose means are half a standard deviation apart, a medium effect in Cohen's terms."""


@dataclass(frozen=True)
class Property:
    """One property of every photo.

    Attributes
    ----------
    name
        In a word or two: "sharpness".
    more, less
        Adjectives for photos with more or less of it: "sharper", "softer".
    binary
        Whether it is there or not.
    value
        (n,) NaN where it is not known.
    scored
        Whether the classifier without a face sees it: not what is of the head, where an expression may have a part,
        nor a file's name, which no model sees.
    """

    name: str
    more: str
    less: str
    binary: bool
    value: FloatArray
    scored: bool = True

    @property
    def varies(self) -> bool:
        """Whether it can tell photos apart at all."""
        known = self.value[np.isfinite(self.value)]
        return len(known) > 0 and float(known.min()) < float(known.max())


@dataclass(frozen=True)
class Association:
    """Association of one property with one emotion.

    Attributes
    ----------
    name
        Of the property.
    auc
        Probability that a photo of the emotion has more of the property than a photo of another emotion, 0..1; .5 is no
        association. `n` counts persons where known, else photos of the emotion.
    typical, elsewhere
        Share of photos that have a binary property, else the median: in the emotion and in all others.
    p
        Adjusted (Holm) over emotions x properties.
    answer
        "yes", "no", "undetermined" or "insufficient evidence" (fewer than ten photos).
    """

    name: str
    emotion: str
    auc: Estimate
    typical: float
    elsewhere: float
    p: float
    answer: str

    @property
    def sign(self) -> int:
        """1 where the emotion's photos have more of the property, -1 where they have less."""
        return 1 if self.auc.value > 0.5 else -1


def photo_properties(images: pd.DataFrame, faces: FaceRecords | None = None) -> tuple[Property, ...]:
    """The properties of an analysis's images; `varies` says which of them mean anything in this set.

    Parameters
    ----------
    images, faces
        As in an analysis. What was not measured, as a face's place without regions, is not among them.
    """
    get = {name: images[name].to_numpy(dtype=np.float64) for name in ("width", "height", "jpeg_quality")}
    quality = {name: images[name].to_numpy(dtype=np.float64) for name in _MEASURED}
    jpeg = np.where(images["format"].to_numpy(dtype=object) == "JPEG", 1.0, 0.0)
    coloured = np.where(quality["colourfulness"] >= COLOURED, 1.0, 0.0)
    # A grey photo has no cast: beside photos in colour it would count as greener than they.
    red, yellow = (np.where(coloured > 0, quality[axis], np.nan) for axis in ("red_green", "yellow_blue"))
    found = (
        Property("colour", "in colour", "grey", True, coloured),
        Property("colourfulness", "more colourful", "less colourful", False, quality["colourfulness"]),
        Property("red cast", "redder", "greener", False, red),
        Property("yellow cast", "yellower", "bluer", False, yellow),
        Property("brightness", "brighter", "darker", False, quality["luminance"]),
        Property("contrast", "richer in contrast", "poorer in contrast", False, quality["contrast"]),
        Property("sharpness", "sharper", "softer", False, quality["sharpness"]),
        Property("size", "larger", "smaller", False, np.sqrt(get["width"] * get["height"])),
        Property("aspect", "wider", "narrower", False, get["width"] / np.maximum(get["height"], 1)),
        Property("JPEG file", "stored as JPEG", "stored in another format", True, jpeg),
        Property("JPEG quality", "of higher JPEG quality", "of lower JPEG quality", False, get["jpeg_quality"]),
    )
    poses = pose_table(faces)
    placed = tuple(
        Property(name, more, less, False, poses[measure], measure not in _FACIAL)
        for measure, (name, more, less) in _FRAMED.items()
        if measure in poses
    )
    stored = tuple(
        Property(name, more, less, False, images[name].to_numpy(dtype=np.float64))
        for name, more, less in (("noise", "noisier", "cleaner"), ("blockiness", "blockier", "less blocky"))
        if name in images
    )
    around = {} if faces is None else dict(faces.surroundings)
    if faces is not None and faces.eye_light is not None:
        around["eye_light"] = faces.eye_light
    surrounded = tuple(
        Property(name, more, less, False, around[measure].astype(np.float64), measure not in _FACIAL)
        for measure, (name, more, less) in _SURROUNDED.items()
        if measure in around
    )
    return (*found, *stored, *placed, *surrounded, *_sources(images))


_FRAMED = {
    "eyes": ("face size", "closer up", "farther away"),
    "x": ("horizontal face position", "framed further right", "framed further left"),
    "y": ("vertical face position", "framed lower", "framed higher"),
    "roll": ("head tilt", "tilted further clockwise", "tilted further anticlockwise"),
    "yaw": ("head turn", "turned further right", "turned further left"),
    "pitch": ("head nod", "bowed further", "raised further"),
}
"""By measure of `Pose`: of the property the name, and what photos are with more and with less of it."""

_SURROUNDED = {
    "background_luminance": ("background brightness", "brighter in the background", "darker in the background"),
    "background_colourfulness": (
        "background colour",
        "more colourful in the background",
        "less colourful in the background",
    ),
    "background_detail": ("background detail", "busier in the background", "plainer in the background"),
    "eye_light": ("light on the eyes", "lighter around the eyes", "darker around the eyes"),
    "face_detail": ("face detail", "richer in detail on the face", "poorer in detail on the face"),
}
"""The same by measure of `Surroundings`, and the light on the eyes, which dark glasses or a cap take away."""

_FACIAL = frozenset({"roll", "yaw", "pitch", "eye_light", "face_detail"})

_MOST_SOURCES = 3


def _sources(images: pd.DataFrame) -> tuple[Property, ...]:
    """Kinds of file names, as in "word_number": where emotions were collected from several sources, these tell.

    Of two kinds the rarer says it all; of more the commonest count.
    """
    names = [file_name_kind(path) for path in images["path"].tolist()] if "path" in images else []
    common = [kind for kind, count in Counter(names).most_common() if count >= FEW]
    if len(set(names)) < 2:
        return ()
    kept = common[1:] if len(set(names)) == 2 else common[:_MOST_SOURCES]
    return tuple(
        Property(
            f"file name like {kind}", f"named like {kind}", "named otherwise", True,
            np.array([name == kind for name in names], dtype=np.float64), scored=False,
        )
        for kind in kept
    )  # fmt: skip


def file_name_kind(path: str) -> str:
    """What a file name is made of, without folders and ending: words and numbers, and the signs between them."""
    stem = path.replace("\\", "/").rsplit("/", 1)[-1].rsplit(".", 1)[0]
    kind = re.sub(r"[^\W\d_]+", "word", re.sub(r"\d+", "0", stem)).replace("0", "number")
    # A person's name may have two words or three.
    return re.sub(r"(?:word[ _.-])+(?=word)", "", kind)[:40]


_MEASURED = ("colourfulness", "red_green", "yellow_blue", "luminance", "contrast", "sharpness")


def associations(
    properties: Sequence[Property], labels: IntArray, classes: Sequence[str], group: Clusters
) -> tuple[Association, ...]:
    """Every varying property against every emotion that has an image.

    Where persons are known the uncertainty is that of so many persons, because two photos of one person are not two
    observations. The effect itself is over photos: means over persons would differ by the number of photos alone, as
    two photos of a person are all in colour more often than twenty are.

    Parameters
    ----------
    labels
        (n,) -1 where unlabelled.
    group
        Person (else photo) of each of the n photos.
    """
    varying = [item for item in properties if item.varies]
    emotions = [e for e in range(len(classes)) if (labels == e).any()]
    found: list[tuple[Property, int, Estimate, float, float, float]] = []
    for item in varying:
        known = np.isfinite(item.value) & (labels >= 0)
        for e in emotions:
            of, rest = known & (labels == e), known & (labels != e)
            auc, p = _compare(item.value, of, rest, group)
            summary = np.mean if item.binary else np.median
            typical = float(summary(item.value[of])) if of.any() else np.nan
            elsewhere = float(summary(item.value[rest])) if rest.any() else np.nan
            found.append((item, e, auc, typical, elsewhere, p))
    enough = [int((labels == e).sum()) >= FEW for _, e, *_ in found]
    adjusted = holm([p if ok else np.nan for (*_, p), ok in zip(found, enough, strict=True)])
    return tuple(
        Association(item.name, classes[e], auc, typical, elsewhere, float(p), _answer(auc, float(p), enough=ok))
        for (item, e, auc, typical, elsewhere, _), p, ok in zip(found, adjusted, enough, strict=True)
    )


def _answer(auc: Estimate, p: float, *, enough: bool) -> str:
    if not enough or not auc.defined:
        return "insufficient evidence"
    if p < ALPHA and abs(auc.value - 0.5) >= MIN_AUC_DISTANCE:
        return "yes"
    if auc.low > 0.5 - MIN_AUC_DISTANCE and auc.high < 0.5 + MIN_AUC_DISTANCE:
        return "no"
    return "undetermined"


def _compare(value: FloatArray, of: BoolArray, rest: BoolArray, group: Clusters) -> tuple[Estimate, float]:
    """The share of pairs in which the first has more, with interval and Mann and Whitney's p for so many persons."""
    a, b = value[of], value[rest]
    m, n = (len(np.unique(group.code[chosen])) for chosen in (of, rest))
    if not m or not n:
        return Estimate(float("nan"), 0.0, 1.0, m), float("nan")
    both = np.concatenate([a, b])
    auc = float((rankdata(both)[: len(a)].sum() - len(a) * (len(a) + 1) / 2) / (len(a) * len(b)))
    _, ties = np.unique(both, return_counts=True)
    tied = float((ties**3 - ties).sum() / (len(both) ** 3 - len(both)))
    error = np.sqrt((1 - tied) * (m + n + 1) / (12 * m * n))
    p = 1.0 if error == 0 else float(2 * norm.sf(abs(auc - 0.5) / error))
    low, high = auc_interval(auc, m, n)
    return Estimate(auc, low, high, m), p


def auc_interval(auc: float, positives: int, negatives: int) -> tuple[float, float]:
    """95 % interval of an AUC: the values whose own standard error reaches the one found.

    Solving for the value, as Wilson's interval does for proportions, keeps the ends inside 0..1 and open at 0 and 1.
    Standard error: Hanley and McNeil 1982; solved so: Newcombe 2006, part 2.
    """
    theta = np.linspace(0.0, 1.0, 4001)
    first = theta / (2 - theta) - theta**2
    second = 2 * theta**2 / (1 + theta) - theta**2
    variance = theta * (1 - theta) + (positives - 1) * first + (negatives - 1) * second
    error = np.sqrt(np.maximum(variance, 0.0) / (positives * negatives))
    inside = np.flatnonzero(np.abs(theta - auc) <= Z * error + 0.5 / 4000)
    return min(auc, float(theta[inside[0]])), max(auc, float(theta[inside[-1]]))


@dataclass(frozen=True)
class PredictionSplit:
    """One model's predictions for photos with a property and for photos without it.

    Attributes
    ----------
    property
        Its name, such as "colour".
    having, lacking
        Words for photos with it and without it: "in colour", "grey"; of a quantity, split at the median photo:
        "brighter", "".
    n_having, n_lacking
        Labelled photos of either kind.
    right_having, right_lacking
        Share of correct predictions among them, with an interval that counts persons where they are known.
    predictions
        Per emotion that the model predicts from the property: its name, how many photos are predicted as it, and how
        many of these have the property.
    beside
        The same of emotions that only other models predict from it.
    """

    model: str
    property: str
    having: str
    lacking: str
    n_having: int
    n_lacking: int
    right_having: Estimate
    right_lacking: Estimate
    predictions: tuple[tuple[str, int, int], ...]
    beside: tuple[tuple[str, int, int], ...] = ()


def split_predictions(
    model: str,
    predicted: IntArray,
    labels: IntArray,
    classes: Sequence[str],
    known_by: Sequence[tuple[str, str]],
    properties: Sequence[Property],
    links: Sequence[Association],
    group: Clusters,
    known_to_others: Sequence[tuple[str, str]] = (),
) -> tuple[PredictionSplit, ...]:
    """Count for one model, once per property and direction.

    Parameters
    ----------
    predicted, labels
        (n,) index of the prediction and of the label, -1 where unlabelled.
    known_by
        Emotions that the model was shown to predict from a property, each with the property's name.
    links
        Tell whether the emotion's photos have more of the property or less.
    group
        Persons (else photos) of the n photos.
    known_to_others
        As `known_by`, of other models.
    """
    signs = {(link.emotion, link.name): link.sign for link in links}
    emotions: dict[tuple[str, int], list[str]] = {}
    for emotion, name in known_by:
        emotions.setdefault((name, signs[emotion, name]), []).append(emotion)
    others: dict[tuple[str, int], list[str]] = {}
    for emotion, name in known_to_others:
        others.setdefault((name, signs[emotion, name]), []).append(emotion)
    by_name = {item.name: item for item in properties}
    found = []
    for (name, sign), known in emotions.items():
        item = by_name[name]
        has, having, lacking = photos_having(item, sign)
        judged = np.isfinite(item.value) & (labels >= 0)
        right = predicted == labels
        counts = []
        for emotion in dict.fromkeys((*known, *others.get((name, sign), ()))):
            chosen = judged & (predicted == classes.index(emotion))
            counts.append((emotion, int(chosen.sum()), int((chosen & has).sum())))
        parts = [judged & has, judged & ~has]
        n, m = (int(part.sum()) for part in parts)
        right_having, right_lacking = (proportion(right[p], group.subset(np.flatnonzero(p))) for p in parts)
        found.append(
            PredictionSplit(
                model, name, having, lacking, n, m, right_having, right_lacking, tuple(counts[: len(known)]),
                tuple(counts[len(known) :]),
            )
        )  # fmt: skip
    return tuple(found)


def photos_having(item: Property, sign: int) -> tuple[BoolArray, str, str]:
    """(n,) photos that have the property, and phrases for those with it and without it."""
    words = (item.more, item.less) if sign > 0 else (item.less, item.more)
    if item.binary:
        return np.asarray(item.value == (1.0 if sign > 0 else 0.0)), *words
    middle = np.nanmedian(item.value)
    with np.errstate(invalid="ignore"):
        has = item.value > middle if sign > 0 else item.value < middle
    return np.asarray(has), words[0], ""
