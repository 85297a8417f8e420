"""The transplant test's pictures: each face with one region of other faces, of its own emotion and of other emotions.

What a model uses shows in the difference: both pictures of a pair have the same seams, so only the emotion that the
region shows differs (after Xiao et al. 2021, "mixed-same minus mixed-rand", who did it with backgrounds).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.metrics import roc_auc_score

from reportgen.analysis import Analysis
from reportgen.explain.experiments.experiment import Experiment, PictureJob, Pictures, Pixels
from reportgen.explain.fingerprints import code_hash
from reportgen.faces.transplant import BACKGROUND_TONES, TRANSPLANTED, Portrait, transplant
from reportgen.inputs.images.disturbances import DISTURBANCES, disturb

__all__ = [
    "BUDGETS",
    "TransplantBudget",
    "background_cue_experiment",
    "changed_swap_experiment",
    "design_transplants",
    "eligible_faces",
    "exchange_experiment",
    "portraits",
    "transplant_experiment",
    "without_cue_experiment",
]

_CODE = ("faces/transplant.py", "faces/regions.py", "faces/warp.py", "explain/experiments/transplants.py")
_CACHED = 256  # portraits; at most 650 KB each at 224 pixels beside the photo itself
# An emotion with fewer faces neither receives nor donates: fewer cannot reach significance, and a few faces would stand
# for the whole emotion.
_LEAST_FACES = 6
# How far from 1/2 the area under the ROC curve of an emotion's colourfulness, brightness or contrast must lie before
# the test is made without matching them as well.
_TELLING = 0.2
_TONES = ("colourfulness", "luminance", "contrast")


@dataclass(frozen=True)
class TransplantBudget:
    """How many pictures an emotion and region gets.

    `pairs`: for a facial region, receivers with one donor of their own and one of another emotion each; where an
    emotion has fewer faces, each receives more often. `rival`: how many of them receive once more, from the emotion
    with which theirs is confused most. `background`, `background_same`, `background_other`: receivers
    for the background and donors of each kind; the gravest claim of the report rests on it, and its donors differ most
    where half of the photos bear an artefact. Backgrounds are always exchanged both ways, with light and colour matched
    and as they are; `unmatched`: whether regions of the face are as well, for emotions that differ in light or colour.
    """

    pairs: int
    rival: int
    background: int
    background_same: int
    background_other: int
    unmatched: bool = False


BUDGETS: Mapping[str, TransplantBudget] = MappingProxyType(
    {
        "quick": TransplantBudget(14, 10, 12, 3, 2),
        "default": TransplantBudget(36, 22, 24, 3, 2),
        "full": TransplantBudget(100, 60, 36, 4, 6, unmatched=True),
    }
)
"""For a facial region, many receivers with one donor per side beat few with many: the donors' variance counts the same,
the receivers' less, and there are more receivers to estimate from. On a ResNet18 and photos, 22 receivers with 1 + 1
donors instead of 11 with 2 + 2 narrowed the intervals of regions in use by a fifth, for the same number of pictures."""


def transplant_experiment(
    analysis: Analysis, budget: str, seed: int, backgrounds_only: Sequence[int] = ()
) -> Experiment | None:
    """The experiment for a budget of `BUDGETS`; None where no emotion has enough faces.

    Parameters
    ----------
    backgrounds_only
        Emotions of which parts of the face are not swapped, because nothing could be concluded. They still give to
        others, and the pictures of those are the same as without this.
    """
    design = design_transplants(analysis, BUDGETS[budget], seed)
    idle = design["emotion"].isin(list(backgrounds_only)) & (design["region"] != "background")
    made = _experiment("transplants", design[~idle].reset_index(drop=True), analysis)
    return None if made is None else replace(made, features=True)


def without_cue_experiment(
    analysis: Analysis, budget: str, seed: int, only: Mapping[int, npt.NDArray[np.int64]]
) -> Experiment | None:
    """Transplants of facial regions between the given rows of each emotion, and from other emotions; None where there
    are too few.
    """
    return _experiment("transplants_without_cue", design_transplants(analysis, BUDGETS[budget], seed, only), analysis)


def background_cue_experiment(analysis: Analysis, design: pd.DataFrame, emotions: Sequence[int]) -> Experiment | None:
    """Further pictures that tell by what of the background an emotion is predicted; None where no emotion is given.

    Parameters
    ----------
    design
        Of the transplants: the same faces keep their own background and take over, one at a time, brightness, contrast
        and colour of the same donors' backgrounds.
    """
    pairs = design[(design["kind"] == "unmatched") & (design["region"] == "background")]
    pairs = pairs[pairs["emotion"].isin(list(emotions))]
    parts = [pairs.assign(kind=kind) for kind in BACKGROUND_TONES]
    crossed = pd.concat(parts, ignore_index=True).sort_values(["emotion", "receiver"], kind="stable", ignore_index=True)
    return _experiment("background_cues", crossed, analysis)


def exchange_experiment(analysis: Analysis, own: Sequence[int], others: Sequence[int]) -> Experiment | None:
    """Backgrounds as they are, exchanged between faces of one emotion and faces of others; None where either has none.

    Parameters
    ----------
    own, others
        Rows; those without landmarks of their own are left out.

    Returns
    -------
    Experiment
        Its design has the columns of `design_transplants`.
    """
    usable, labels = eligible_faces(analysis), analysis.labels
    own, others = ([row for row in rows if usable[row]] for rows in (own, others))
    if not own or not others:
        return None
    pairs = [(row, others[k % len(others)]) for k, row in enumerate(own)]
    pairs += [(row, own[k % len(own)]) for k, row in enumerate(others)]
    receiver, donor = (np.array(part, dtype=np.int64) for part in zip(*pairs, strict=True))
    design = pd.DataFrame({
        "emotion": labels[receiver], "receiver": receiver, "donor": donor, "donor_emotion": labels[donor],
        "region": "background", "kind": "unmatched",
    })  # fmt: skip
    design = design.sort_values(["emotion", "receiver"], kind="stable", ignore_index=True)
    made = _experiment("exchanges", design, analysis)
    return None if made is None else replace(made, features=True)


def changed_swap_experiment(analysis: Analysis, design: pd.DataFrame, side: int) -> Experiment | None:
    """Swaps between faces that are made worse alike, before one gives to the other; None where none are chosen.

    Parameters
    ----------
    design
        As that of the transplants, with `change` and `level` (place of the severity in `DISTURBANCES`).
    side
        Of the pictures of the same swaps without a change.
    """
    if design.empty or analysis.faces is None:
        return None
    points = analysis.faces.points

    @lru_cache(maxsize=_CACHED)
    def portrait(pictures: Pictures, index: int, change: str, level: int) -> Portrait:
        severity = DISTURBANCES[change].levels[level]
        return Portrait(disturb(change, severity, pictures[index], points[index]), points[index])

    jobs = []
    design = design.sort_values(["change", "level", "emotion", "receiver"], kind="stable", ignore_index=True)
    for (change, level, _, _), rows in design.groupby(["change", "level", "emotion", "receiver"], sort=False):
        jobs.append(_job(rows, partial(portrait, change=change, level=level)))
    levels = repr([(key, entry.levels) for key, entry in DISTURBANCES.items()])
    return Experiment(
        "robustness-importance", design, jobs, (levels, code_hash("inputs/images/disturbances.py", *_CODE)), side
    )


def _experiment(name: str, design: pd.DataFrame, analysis: Analysis) -> Experiment | None:
    if design.empty or analysis.faces is None:
        return None
    portrait_of = portraits(analysis)
    jobs = [_job(rows, portrait_of) for _, rows in design.groupby(["emotion", "receiver"], sort=False)]
    return Experiment(name, design, jobs, (code_hash(*_CODE),))


def portraits(analysis: Analysis) -> Callable[[Pictures, int], Portrait]:
    """A function that gives the face of an image with its landmarks; recent ones stay in memory."""
    if analysis.faces is None:
        raise ValueError("transplants need landmarks")
    points = analysis.faces.points

    @lru_cache(maxsize=_CACHED)
    def portrait(pictures: Pictures, index: int) -> Portrait:
        return Portrait(pictures[index], points[index])

    return portrait


def eligible_faces(analysis: Analysis) -> npt.NDArray[np.bool_]:
    """(n,) whether an image has a label, and landmarks of its own, not those of the median face."""
    if analysis.faces is None:
        return np.zeros(len(analysis.labels), dtype=bool)
    own = np.asarray([source != "template" for source in analysis.faces.source])
    return np.asarray(own & (analysis.labels >= 0))


def design_transplants(
    analysis: Analysis, budget: TransplantBudget, seed: int, only: Mapping[int, npt.NDArray[np.int64]] | None = None
) -> pd.DataFrame:
    """One row per picture: `emotion` (of the receiver), `receiver`, `donor` (rows of the analysis), `donor_emotion`,
    `region`, `kind` (a `Tone` of `reportgen.faces.transplant`, or "rival": matched as well, but all donors are of the
    emotion with which the receiver's is confused most, so that these pictures count for that pair alone).

    Receivers are drawn person by person, so that they include as many persons as possible. A donor never shows the
    receiver's own person and is never a copy of the same file; donors that are colourful or grey like the receiver come
    first, then those used least. The other emotions take turns, so that none dominates. Backgrounds are exchanged a
    second time with the donors' pixels as they are, between the same faces; and where the budget allows so are regions
    of the face, for emotions that differ in colourfulness, brightness or contrast.

    Parameters
    ----------
    only
        By emotion, the rows that may receive, and give to others of their emotion: then no other emotion receives, and
        backgrounds are left alone. None: every face with landmarks of its own.
    """
    labels, usable = analysis.labels, eligible_faces(analysis)
    persons = _persons(analysis)
    content = analysis.images["sha256"].to_numpy(dtype=object)
    colourful = analysis.images["colourfulness"].to_numpy(dtype=np.float64) > _grey_limit()
    rng = np.random.default_rng([seed, 0x7A])
    order = rng.permutation(len(labels))
    used = np.zeros(len(labels), dtype=np.int64)
    by_emotion = {e: order[(labels[order] == e) & usable[order]] for e in range(len(analysis.classes))}
    receiving = by_emotion
    if only is not None:
        receiving = {e: by_emotion[e][np.isin(by_emotion[e], rows)] for e, rows in only.items()}
    rows: list[tuple[bool, int, int, int, int, str]] = []

    def donors(receiver: int, emotion: int, count: int) -> list[int]:
        own = only is not None and emotion == labels[receiver]
        pool = receiving[emotion] if own else by_emotion[emotion]
        pool = pool[(persons[pool] != persons[receiver]) & (content[pool] != content[receiver])]
        unlike = colourful[pool] != colourful[receiver]
        chosen = pool[np.lexsort((np.arange(len(pool)), used[pool], unlike))][:count]
        used[chosen] += 1
        return [int(donor) for donor in chosen]

    for emotion, candidates in receiving.items():
        receivers = _one_person_after_the_other(candidates, persons)
        others = [d for d, pool in by_emotion.items() if d != emotion and len(pool) >= _LEAST_FACES]
        if len(receivers) < _LEAST_FACES or not others:
            continue
        chosen, rival = receivers[: budget.pairs], _rival(analysis, emotion, others)
        each = round(budget.pairs / len(chosen))
        for outside, faces, same, other in (
            (False, chosen, each, each),
            (True, receivers[: budget.background], budget.background_same, budget.background_other),
        ):
            for turn, receiver in enumerate(() if outside and only is not None else faces):
                given = [(donor, emotion) for donor in donors(receiver, emotion, same)]
                for step in range(other):
                    d = others[(turn * other + step) % len(others)]
                    given += [(donor, d) for donor in donors(receiver, d, 1)]
                rows += [(outside, emotion, receiver, donor, d, "matched") for donor, d in given]
        if rival is not None:
            for receiver in chosen[: budget.rival]:
                rows += [(False, emotion, receiver, donor, rival, "rival") for donor in donors(receiver, rival, 1)]
    pairs = pd.DataFrame(rows, columns=["outside", "emotion", "receiver", "donor", "donor_emotion", "kind"])
    telling = _differing_in_tone(analysis) if budget.unmatched else []
    again = pairs["outside"].astype(bool) | (pairs["emotion"].isin(telling) & (pairs["kind"] == "matched"))
    parts = [pairs, pairs[again].assign(kind="unmatched")]
    regions = pd.DataFrame({"region": TRANSPLANTED, "outside": [name == "background" for name in TRANSPLANTED]})
    crossed = pd.concat(parts, ignore_index=True).astype({"outside": bool}).merge(regions, on="outside")
    crossed = crossed.sort_values(["emotion", "receiver"], kind="stable", ignore_index=True)
    return crossed[["emotion", "receiver", "donor", "donor_emotion", "region", "kind"]]


def _job(rows: pd.DataFrame, portrait_of: Callable[[Pictures, int], Portrait]) -> PictureJob:
    columns = [rows[name].tolist() for name in ("receiver", "donor", "region", "kind")]

    def make(pictures: Pictures) -> Sequence[Pixels]:
        return [
            transplant(
                portrait_of(pictures, receiver), portrait_of(pictures, donor), region,
                "matched" if kind == "rival" else kind,
            )
            for receiver, donor, region, kind in zip(*columns, strict=True)
        ]  # fmt: skip

    return PictureJob(len(rows), make)


def _persons(analysis: Analysis) -> npt.NDArray[np.object_]:
    """(n,) person, or a unique name where it is unknown."""
    given = analysis.images["person"]
    return np.asarray([p if known else f"\0{i}" for i, (p, known) in enumerate(zip(given, given.notna(), strict=True))],
                      dtype=object)  # fmt: skip


def _one_person_after_the_other(rows: npt.NDArray[np.int64], persons: npt.NDArray[np.object_]) -> list[int]:
    """First one image of every person in the given order, then a second of each, and so on."""
    if not len(rows):
        return []
    turn = pd.Series(persons[rows]).groupby(persons[rows], sort=False).cumcount().to_numpy()
    return [int(row) for row in rows[np.argsort(turn, kind="stable")]]


def _rival(analysis: Analysis, emotion: int, others: Sequence[int]) -> int | None:
    """The emotion with which one is confused most, in either direction and over all models; None without an error."""
    labels, confused = analysis.labels, np.zeros(len(analysis.classes), dtype=np.int64)
    for model in analysis.models:
        errors = (labels >= 0) & (model.predicted != labels)
        confused += np.bincount(model.predicted[errors & (labels == emotion)], minlength=len(confused))
        confused += np.bincount(labels[errors & (model.predicted == emotion)], minlength=len(confused))
    best = max(others, key=lambda other: int(confused[other]))
    return best if confused[best] else None


def _differing_in_tone(analysis: Analysis) -> list[int]:
    labels, differing = analysis.labels, []
    labelled = labels >= 0
    for emotion in range(len(analysis.classes)):
        own = labels[labelled] == emotion
        if not own.any() or own.all():
            continue
        values = (analysis.images[tone].to_numpy(dtype=np.float64)[labelled] for tone in _TONES)
        if any(abs(float(roc_auc_score(own, value)) - 0.5) >= _TELLING for value in values):
            differing.append(emotion)
    return differing


def _grey_limit() -> float:
    """Colourfulness below which a photo counts as grey: chroma of about a grey level, as re-encoding leaves it."""
    return 0.01
