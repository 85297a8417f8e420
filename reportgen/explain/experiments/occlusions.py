"""Single errors, region by region: filled from around, or swapped for another face's; and other backgrounds.

The strips illustrate one image: does the true label gain when this region is removed, or comes from another face with
the same label? The backgrounds test a reason: heat is on the background, but does the error need it? Errors without
such heat get the same treatment, for comparison. All pictures of one image are made together with the unchanged one, so
that they differ by the change alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
import pandas as pd

from reportgen.analysis import Analysis
from reportgen.errors import DataError
from reportgen.explain.experiments.experiment import Experiment, PictureJob, Pictures, Pixels
from reportgen.explain.fingerprints import code_hash
from reportgen.faces.align import STABLE, fit_affine
from reportgen.faces.regions import is_face
from reportgen.faces.transplant import TRANSPLANTED, Portrait, fill_region, transplant
from reportgen.inputs.persons import propose_person_pattern

__all__ = ["BUDGETS", "OcclusionBudget", "occlusion_experiment"]

_COLUMNS = ("receiver", "purpose", "region", "fill", "donor")


@dataclass(frozen=True)
class OcclusionBudget:
    """How many images get which pictures.

    A strip costs 6 fills and 6 times `donors` swaps, a background `backgrounds` swaps, and every image one unchanged
    picture. The default comes to about 1,000 pictures, half as many as a test set of 2,000 images has.
    """

    strips: int
    hot: int
    controls: int
    donors: int = 2
    backgrounds: int = 3


BUDGETS: Mapping[str, OcclusionBudget] = MappingProxyType({
    "quick": OcclusionBudget(strips=10, hot=24, controls=12),
    "default": OcclusionBudget(strips=30, hot=72, controls=36),
    "full": OcclusionBudget(strips=120, hot=240, controls=120),
})  # fmt: skip


def occlusion_experiment(
    analysis: Analysis,
    strips: Sequence[int],
    hot: Sequence[int],
    controls: Sequence[int],
    budget: str,
    seed: int,
) -> Experiment | None:
    """The pictures to show; None where there are none.

    Parameters
    ----------
    strips
        Rows for which every region is changed, most important first; the budget takes from the front.
    hot, controls
        Rows whose background is swapped, with and without heat there, in the order in which they are taken.
    budget
        One of `BUDGETS`.
    """
    if analysis.faces is None:
        return None
    donors = _Donors(analysis, seed)
    usable, most = donors.usable, BUDGETS[budget]
    chosen_for = {
        "strip": [row for row in strips if usable[row]][: most.strips],
        "background": [row for row in hot if usable[row]][: most.hot],
        # With several models a row may be both; it then counts as hot alone.
        "control": [row for row in controls if usable[row] and row not in set(hot)][: most.controls],
    }
    rows: list[tuple[int, str, str, str, int]] = []
    jobs: list[PictureJob] = []
    for receiver in dict.fromkeys(row for chosen in chosen_for.values() for row in chosen):
        planned = [(receiver, "unchanged", "", "", -1)]
        if receiver in chosen_for["strip"]:
            given = donors.of_label(receiver, most.donors)
            for region in TRANSPLANTED:
                planned.append((receiver, "strip", region, "around", -1))
                planned += [(receiver, "strip", region, "donor", donor) for donor in given]
        for purpose in ("background", "control"):
            if receiver in chosen_for[purpose]:
                given = donors.of_other_labels(receiver, most.backgrounds)
                planned += [(receiver, purpose, "background", "donor", donor) for donor in given]
        rows += planned
        jobs.append(PictureJob(len(planned), partial(_make, planned, analysis.faces.points)))
    if not rows:
        return None
    design = pd.DataFrame(rows, columns=list(_COLUMNS))
    return Experiment("occlusions", design, jobs, (code_hash("faces", "explain/experiments/occlusions.py"),))


def _make(
    planned: Sequence[tuple[int, str, str, str, int]], points: npt.NDArray[np.floating], pictures: Pictures
) -> list[Pixels]:
    receiver = planned[0][0]
    face = Portrait(pictures[receiver], points[receiver])
    donors = {row: Portrait(pictures[row], points[row]) for row in dict.fromkeys(p[4] for p in planned) if row >= 0}
    made = []
    for _, purpose, region, fill, donor in planned:
        if purpose == "unchanged":
            made.append(face.pixels)
        elif fill == "around":
            made.append(fill_region(face, region))
        else:
            made.append(transplant(face, donors[donor], region))
    return made


class _Donors:
    """Whose regions and backgrounds may be used: never those of the receiver's own person or of a copy of the image.

    Parameters
    ----------
    seed
        Every receiver draws independently, so that adding a receiver changes no other's donors.
    """

    def __init__(self, analysis: Analysis, seed: int) -> None:
        if analysis.faces is None:
            raise AssertionError("donors need landmarks")
        self._labels = analysis.labels
        self._predicted = np.stack([model.predicted for model in analysis.models])  # (M, n)
        self._points = analysis.faces.points
        self._content = pd.factorize(analysis.images["sha256"])[0]
        # An image whose person is unknown counts as a person of its own.
        named = [person if person is not None else row for row, person in enumerate(_persons(analysis))]
        self._persons = pd.factorize(pd.Series(named, dtype=object))[0]
        self._seed = seed
        self.usable = np.array([
            source != "template" and is_face(points)
            for source, points in zip(analysis.faces.source, self._points, strict=True)
        ]) & (self._labels >= 0)  # fmt: skip

    def of_label(self, receiver: int, count: int) -> list[int]:
        """Images with the receiver's label: first those that all models get right, then those that any gets right."""
        right = self._predicted == self._labels
        same = self.usable & (self._labels == self._labels[receiver])
        first, second = same & right.all(axis=0), same & right.any(axis=0) & ~right.all(axis=0)
        found = chain(self._drawn(first, receiver, 0), self._drawn(second, receiver, 1))
        return list(islice((row for row in found if self._fits(receiver, row)), count))

    def of_other_labels(self, receiver: int, count: int) -> list[int]:
        """Images of emotions that are neither the label nor any prediction, each emotion in turn; then of the label."""
        predicted = set(self._predicted[:, receiver].tolist())
        others = self.usable & ~np.isin(self._labels, sorted(predicted | {int(self._labels[receiver])}))
        rest = self.usable & ~np.isin(self._labels, sorted(predicted)) & ~others
        return [*self._in_turn(others, receiver), *self._drawn(rest, receiver, 3)][:count]

    def _in_turn(self, allowed: npt.NDArray[np.bool_], receiver: int) -> list[int]:
        drawn = self._drawn(allowed, receiver, 2)
        seen: dict[int, int] = {}
        turns = []
        for place, row in enumerate(drawn):
            label = int(self._labels[row])
            seen[label] = seen.get(label, 0) + 1
            turns.append((seen[label], place, row))
        return [row for _, _, row in sorted(turns)]

    def _drawn(self, allowed: npt.NDArray[np.bool_], receiver: int, purpose: int) -> list[int]:
        others = (self._content != self._content[receiver]) & (self._persons != self._persons[receiver])
        rng = np.random.default_rng([self._seed, purpose, receiver])
        rows: list[int] = rng.permutation(np.flatnonzero(allowed & others)).tolist()
        return rows

    def _fits(self, receiver: int, donor: int) -> bool:
        """Whether the donor's face can be aligned: its landmarks may lie on a line."""
        index = list(STABLE)
        try:
            fit_affine(self._points[receiver][index], self._points[donor][index])
        except DataError:
            return False
        return True


def _persons(analysis: Analysis) -> list[str | None]:
    """The person in every image: as given, else as guessed from file names, which is enough to keep persons apart."""
    persons = [person if isinstance(person, str) else None for person in analysis.images["person"]]
    if any(persons):
        return persons
    proposal = propose_person_pattern([str(path) for path in analysis.images["path"]])
    return persons if proposal is None else list(proposal.of)
