"""What would flip a prediction: the fewest regions of another face that make a model predict that face's emotion.

An error is given regions of faces with its label, which the model predicts correctly: what has to change before the
label is predicted? A correct image is given those of the emotion with which its own is confused. First every region by
itself; where none is enough but all six together are, pairs and then sets of three, the most promising first, then all.

The smallest set was looked for until it was found, with one donor. How often a region does it is therefore counted on
images drawn at random, with a second donor, beside a third face of the emotion that is predicted already: what that one
changes is the doing of the swap itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from types import MappingProxyType
from typing import Literal

import numpy as np
import pandas as pd
from scipy.special import softmax

from reportgen.analysis import Analysis, ModelRecords
from reportgen.evidence.examples.mining import Mined
from reportgen.evidence.examples.sampling import persons_in_turn, with_own_face
from reportgen.evidence.performance.margins import log_odds
from reportgen.evidence.shortcuts.properties import COLOURED
from reportgen.evidence.stats.clustered import Clusters, clusters, mean_test, proportion
from reportgen.evidence.stats.intervals import Estimate
from reportgen.evidence.stats.multiple_testing import ALPHA, holm
from reportgen.evidence.stats.units import units_of
from reportgen.faces.landmarks import ACTIONS
from reportgen.faces.transplant import TRANSPLANTED
from reportgen.types import AnyFloatArray, BoolArray, FloatArray, IntArray

__all__ = [
    "BUDGETS",
    "FLIP_COLUMNS",
    "ActionChange",
    "FlipBudget",
    "FlipCase",
    "FlipFindings",
    "FlipResult",
    "FlipSearch",
    "FlipStep",
    "FlipSummary",
    "SwapTrial",
    "choose_flips",
    "judge_flips",
]

Outcome = Literal["set", "more", "none", "open"]
"""A set of at most three regions flips the prediction; only more of them do; not even all six do; or the budget ended
before the smallest set was found."""

MOST_REGIONS = 3
"""Larger sets are not looked for: most of the face is then another's."""
_LEAST_ERRORS = 3  # a confused pair with fewer is no pair to sum up
_SHOWN_ACTIONS, _LEAST_CHANGE = 3, 0.1
_REGIONS_OF_ACTIONS: Mapping[str, tuple[str, ...]] = MappingProxyType({
    "brow": ("eyes+brows",),
    "eye": ("eyes+brows",),
    "nose": ("nose",),
    "mouth": ("mouth",),
    "jaw": ("mouth", "cheeks+jaw"),
    "cheek": ("cheeks+jaw",),
})  # fmt: skip
_GAZE = "eyeLook"  # where the eyes look is no expression


@dataclass(frozen=True)
class FlipBudget:
    """How much is tried for each model.

    Attributes
    ----------
    pairs
        Confused pairs, the most frequent first, that are summed up.
    errors, correct
        Of each pair, errors and correct images of its true emotion that are drawn at random.
    shown
        Errors with a page of their own, each the most confident of its pair.
    pictures
        At most so many changed pictures.
    """

    pairs: int
    errors: int
    correct: int
    shown: int
    pictures: int


BUDGETS: Mapping[str, FlipBudget] = MappingProxyType(
    {"default": FlipBudget(2, 8, 8, 8, 440), "full": FlipBudget(10, 24, 12, 60, 4200)}
)
"""By the setting `experiments`; "quick" and "off" have none. Eight images can show a difference, and a few of each of
many pairs could not. The default is at most a fifth of what region importance costs on 2,000 images."""


@dataclass(frozen=True)
class FlipCase:
    """One image of one model, and whose regions it is given.

    Attributes
    ----------
    row, current, target
        Of the analysis; the model's prediction for it, and the emotion to which it may flip: on an error the label.
    error
        Whether the prediction is wrong.
    drawn, shown
        Whether it was drawn at random, so that it counts; and whether it was chosen for its page.
    donor, again, control
        Rows of two faces with the target emotion, and of one with the emotion that is predicted, all of other persons
        and predicted correctly; -1 where there is none.
    """

    row: int
    current: int
    target: int
    error: bool
    drawn: bool
    shown: bool
    donor: int = -1
    again: int = -1
    control: int = -1


@dataclass(frozen=True)
class SwapTrial:
    """One picture: regions of `donor`, in the order of `TRANSPLANTED`, on the face of `receiver`; no regions: the face
    as it is. `case` is the place of its case.
    """

    case: int
    receiver: int
    donor: int
    regions: tuple[str, ...]


@dataclass(frozen=True)
class FlipStep:
    """The model's answer once a region was added to the ones before.

    Attributes
    ----------
    region
        "" for the unchanged face, "all" for all six at once.
    target, current
        Probability of the emotion to which it may flip, and of the emotion predicted at first.
    odds
        Log-odds of the target.
    predicted
        Class with the highest probability.
    """

    region: str
    target: float
    current: float
    odds: float
    predicted: int


@dataclass(frozen=True)
class ActionChange:
    """A facial action, 0..1 of each, mean of both sides: on the face, on its donor."""

    action: str
    face: float
    donor: float


@dataclass(frozen=True)
class FlipResult:
    """What was found for one image.

    Attributes
    ----------
    regions
        The smallest set, each as in `steps` behind the first; empty unless `outcome` is "set".
    steps
        The unchanged face, then with one region of the set after the other, the most effective first; where there is no
        set the unchanged face and all six regions.
    alone
        Regions of which each by itself flips the prediction.
    actions
        Facial actions of the set's regions that differ most between the face and its donor.
    """

    case: FlipCase
    outcome: Outcome
    regions: tuple[str, ...]
    steps: tuple[FlipStep, ...]
    alone: tuple[str, ...]
    actions: tuple[ActionChange, ...] = ()


@dataclass(frozen=True)
class FlipSummary:
    """One confused pair of one model: errors that were drawn, or correct images of its true emotion.

    Attributes
    ----------
    current, target
        Emotion that is predicted, and the one whose faces give.
    images
        How many were tried.
    alone
        By region, the share of images that become the target with that region alone, of a first donor.
    lead
        Region with the largest share; "" where no region alone flips any image.
    again, control
        The same share for that region with a second donor of the target, and with a donor of the emotion that is
        predicted already.
    p
        That the two are equal: sign-flip test over units, or studentised bootstrap; adjusted (Holm) over the model's
        summaries.
    outcomes
        By "1", "2", "3" (regions of the smallest set), "more", "none" and "open", how many images.
    actions
        Facial actions of the leading region, mean over the images that it flips, where they differ clearly.
    """

    model: str
    slug: str
    current: str
    target: str
    error: bool
    images: int
    alone: Mapping[str, Estimate]
    lead: str
    again: Estimate | None
    control: Estimate | None
    p: float
    outcomes: Mapping[str, int]
    actions: tuple[ActionChange, ...]

    @property
    def clear(self) -> bool:
        """Whether the second donors of the target flip clearly more than those of the predicted emotion."""
        return bool(self.p < ALPHA and self.again and self.control and self.again.value > self.control.value)


@dataclass(frozen=True)
class FlipFindings:
    """What would flip the models' predictions.

    Attributes
    ----------
    flips
        By model's slug and row; an image that was given regions of several emotions counts with the first.
    summaries
        In the order of the models and of their pairs.
    pictures
        By slug, how many changed pictures were shown.
    tables
        Tidy; columns as in `FLIP_COLUMNS`.
    """

    flips: Mapping[str, Mapping[int, FlipResult]]
    summaries: tuple[FlipSummary, ...]
    pictures: Mapping[str, int]
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)


def choose_flips(
    analysis: Analysis, model: ModelRecords, mined: Mined, budget: FlipBudget, seed: int
) -> tuple[FlipCase, ...]:
    """The images to try and the faces that give, by rule; the same seed gives the same choice."""
    if analysis.faces is None:
        return ()
    labels, predicted, classes = analysis.labels, model.predicted, len(analysis.classes)
    usable = (labels >= 0) & with_own_face(analysis.faces)
    right = usable & (predicted == labels)
    giving = np.bincount(labels[right], minlength=classes) > 0
    wrong = np.flatnonzero(usable & (predicted != labels))
    wrong = wrong[giving[labels[wrong]]]
    counts = Counter(zip(labels[wrong].tolist(), predicted[wrong].tolist(), strict=True))
    ranked = sorted(counts, key=lambda pair: (-counts[pair], pair))
    units = clusters(units_of(analysis.images), len(labels)).code
    wanted: dict[tuple[int, int], FlipCase] = {}

    def want(rows: Sequence[int], target: int | None, *, drawn: bool) -> None:
        for row in rows:
            current, label = int(predicted[row]), int(labels[row])
            aim = label if target is None else target
            before = wanted.get((row, aim), FlipCase(row, current, aim, current != label, False, False))
            wanted[row, aim] = replace(before, drawn=before.drawn or drawn, shown=before.shown or not drawn)

    summed = [pair for pair in ranked if counts[pair] >= _LEAST_ERRORS][: budget.pairs]
    for truth, answer in summed:
        rng = np.random.default_rng([seed, 0xF1, truth, answer])
        errors = wrong[(labels[wrong] == truth) & (predicted[wrong] == answer)]
        want(persons_in_turn(rng.permutation(errors), units)[: budget.errors].tolist(), None, drawn=True)
    picks = [pick for pick in mined.picks if (pick.model, pick.other, pick.kind) == (model.slug, "", "confusion")]
    allowed = set(wrong.tolist())
    picks = sorted((pick for pick in picks if pick.image in allowed), key=lambda pick: pick.rank)
    want([pick.image for pick in picks][: budget.shown], None, drawn=False)
    for truth, answer in summed:
        if not giving[answer]:
            continue
        rng = np.random.default_rng([seed, 0xF2, truth, answer])
        own = np.flatnonzero(right & (labels == truth))
        want(persons_in_turn(rng.permutation(own), units)[: budget.correct].tolist(), answer, drawn=True)
        typical = [pick.image for pick in mined.of(model.slug, analysis.classes[truth], "typical-correct")]
        want([row for row in typical if right[row]][:1], answer, drawn=False)
    give = _Givers(analysis, model, right, units, seed)
    cases = [give(case) for case in wanted.values()]
    return tuple(case for case in cases if case.donor >= 0)


class _Givers:
    """Fair donors: another person's, no copy, predicted correctly; colourful or grey like the receiver first, then
    those used least.
    """

    def __init__(
        self, analysis: Analysis, model: ModelRecords, right: BoolArray, units: IntArray, seed: int
    ) -> None:  # fmt: skip
        order = np.random.default_rng([seed, 0xF3]).permutation(len(right))
        self._of = {e: order[right[order] & (analysis.labels[order] == e)] for e in range(len(analysis.classes))}
        self._units = units
        self._colourful = analysis.images["colourfulness"].to_numpy(dtype=np.float64) > COLOURED
        self._used = np.zeros(len(right), dtype=np.int64)

    def __call__(self, case: FlipCase) -> FlipCase:
        donor, again = self._best(case.row, case.target, 2)
        (control,) = self._best(case.row, case.current, 1)
        return replace(case, donor=donor, again=again, control=control)

    def _best(self, receiver: int, emotion: int, count: int) -> list[int]:
        """Of different persons; -1 where there are no more."""
        pool = self._of[emotion]
        pool = pool[self._units[pool] != self._units[receiver]]
        unlike = self._colourful[pool] != self._colourful[receiver]
        ordered = pool[np.lexsort((np.arange(len(pool)), self._used[pool], unlike))]
        _, first = np.unique(self._units[ordered], return_index=True)
        chosen = ordered[np.sort(first)][:count]
        self._used[chosen] += 1
        return [*(int(row) for row in chosen), *[-1] * (count - len(chosen))]


_Set = frozenset[str]
_ALL: _Set = frozenset(TRANSPLANTED)
_SINGLES = tuple(frozenset([name]) for name in TRANSPLANTED)


class FlipSearch:
    """The search for the smallest sets of one model, step by step: `next` tells which pictures are wanted, `learn`
    takes the model's answers.
    """

    def __init__(self, cases: Sequence[FlipCase], pictures: int) -> None:
        self.cases = tuple(cases)
        self.shown = 0
        self._left = pictures - 2 * sum(case.drawn for case in cases)  # for the search; the rest is for repeats
        self._known: dict[tuple[int, int], dict[_Set, FloatArray]] = {}
        self._steps: list[Callable[[], list[SwapTrial]]] = [
            lambda: [t for k in range(len(self.cases)) for t in self._trials(k, [frozenset(), *_SINGLES])],
            lambda: self._searched(lambda k: [_ALL], promising=False),
            lambda: self._searched(lambda k: self._beside_best(k, 1)),
            lambda: self._searched(lambda k: _sets(2)),
            lambda: self._searched(lambda k: self._beside_best(k, 2)),
            lambda: self._searched(lambda k: _sets(3)),
            self._repeats,
        ]

    def next(self) -> tuple[SwapTrial, ...]:
        """The pictures of the next step; empty when the search is over."""
        while self._steps:
            trials = self._steps.pop(0)()
            if trials:
                self.shown += sum(bool(trial.regions) for trial in trials)
                return tuple(trials)
        return ()

    def learn(self, trials: Sequence[SwapTrial], logits: AnyFloatArray) -> None:
        """The (n, C) logits of the pictures of a step."""
        for trial, answer in zip(trials, logits, strict=True):
            known = self._known.setdefault((trial.case, trial.donor), {})
            known[frozenset(trial.regions)] = np.asarray(answer, dtype=np.float64)

    def answers(self, k: int, donor: int | None = None) -> Mapping[frozenset[str], FloatArray]:
        """What is known of a case, by set of regions; of its first donor where no other is named."""
        return self._known.get((k, self.cases[k].donor if donor is None else donor), {})

    def stands(self, k: int) -> bool:
        """Whether the unchanged picture is predicted as in the pass; else there is nothing to flip."""
        return int(self.answers(k)[frozenset()].argmax()) == self.cases[k].current

    def flipping(self, k: int) -> list[frozenset[str]]:
        """The sets that flip a case, the smallest first, of equal ones the most effective."""
        target = self.cases[k].target
        found = [chosen for chosen, answer in self.answers(k).items() if chosen and int(answer.argmax()) == target]
        return sorted(found, key=lambda chosen: (len(chosen), -self.odds(k, chosen), sorted(chosen)))

    def odds(self, k: int, chosen: frozenset[str]) -> float:
        """Log-odds of the target with a set that was tried."""
        return float(log_odds(self.answers(k)[chosen][None], np.array([self.cases[k].target]))[0])

    def complete(self, k: int, size: int) -> bool:
        """Whether all sets of a size were tried."""
        return all(chosen in self.answers(k) for chosen in _sets(size))

    def lead(self, group: Sequence[int]) -> str:
        """Region that flips most of some cases by itself, of equal ones the most effective; "" where none does."""
        flips = {name: sum(only in self.flipping(k) for k in group) for name, only in _named(_SINGLES)}
        if not any(flips.values()):
            return ""
        gain = {name: sum(self.odds(k, only) for k in group) for name, only in _named(_SINGLES)}
        return max(TRANSPLANTED, key=lambda name: (flips[name], gain[name]))

    def groups(self) -> dict[tuple[int, int, bool], list[int]]:
        """Cases that count, by prediction, target and whether they are errors."""
        found: dict[tuple[int, int, bool], list[int]] = {}
        for k, case in enumerate(self.cases):
            if case.drawn and self.stands(k):
                found.setdefault((case.current, case.target, case.error), []).append(k)
        return found

    def _trials(self, k: int, wanted: Sequence[_Set], donor: int | None = None) -> list[SwapTrial]:
        case, known = self.cases[k], self.answers(k, donor)
        giver = case.donor if donor is None else donor
        new = [chosen for chosen in dict.fromkeys(wanted) if chosen not in known]
        if donor is None:
            self._left -= sum(bool(chosen) for chosen in new)
        return [SwapTrial(k, case.row, giver, tuple(sorted(chosen, key=TRANSPLANTED.index))) for chosen in new]

    def _searched(self, wanted: Callable[[int], Sequence[_Set]], *, promising: bool = True) -> list[SwapTrial]:
        """Further sets of cases that nothing has flipped (if `promising`, all regions have); those with pages first."""
        trials: list[SwapTrial] = []
        for k in sorted(range(len(self.cases)), key=lambda k: not self.cases[k].shown):
            found = self.flipping(k)
            if not self.stands(k) or (found != [_ALL] if promising else found):
                continue
            sets = [chosen for chosen in wanted(k) if chosen not in self.answers(k)]
            if len(sets) <= self._left:
                trials += self._trials(k, sets)
        return trials

    def _beside_best(self, k: int, size: int) -> list[_Set]:
        """The best set of a size with one more region; none where not all of that size were tried."""
        if not self.complete(k, size):
            return []
        best = max(_sets(size), key=lambda chosen: self.odds(k, chosen))
        return [best | only for only in _SINGLES if not only <= best]

    def _repeats(self) -> list[SwapTrial]:
        trials: list[SwapTrial] = []
        for group in self.groups().values():
            lead = self.lead(group)
            for k in group if lead else ():
                case = self.cases[k]
                for donor in (case.again, case.control):
                    if donor >= 0:
                        trials += self._trials(k, [frozenset([lead])], donor)
        return trials


def _sets(size: int) -> list[_Set]:
    return [frozenset(chosen) for chosen in combinations(TRANSPLANTED, size)]


def _named(singles: Sequence[_Set]) -> list[tuple[str, _Set]]:
    return [(next(iter(only)), only) for only in singles]


def judge_flips(analysis: Analysis, searches: Mapping[str, FlipSearch], seed: int) -> FlipFindings:
    """What the searches found, by model's slug."""
    group = clusters(units_of(analysis.images), len(analysis.labels))
    flips: dict[str, Mapping[int, FlipResult]] = {}
    summaries: list[FlipSummary] = []
    every: list[tuple[ModelRecords, FlipResult]] = []
    for model in analysis.models:
        search = searches.get(model.slug)
        if search is None:
            continue
        found = {k: _flip(search, k, analysis) for k in range(len(search.cases)) if search.stands(k)}
        by_row: dict[int, FlipResult] = {}
        for flip in sorted(found.values(), key=lambda one: not one.case.shown):
            by_row.setdefault(flip.case.row, flip)
        flips[model.slug] = MappingProxyType(by_row)
        every += [(model, flip) for flip in found.values()]
        own = [
            _summary(model, search, found, cases, key, analysis, group, seed) for key, cases in search.groups().items()
        ]
        adjusted = holm([summary.p for summary in own])
        summaries += [replace(one, p=float(p)) for one, p in zip(own, adjusted, strict=True)]
    return FlipFindings(
        MappingProxyType(flips),
        tuple(summaries),
        MappingProxyType({slug: search.shown for slug, search in searches.items()}),
        {"flips": _flip_table(analysis, every), "flip_pairs": _pair_table(summaries)},
    )


def _flip(search: FlipSearch, k: int, analysis: Analysis) -> FlipResult:
    case, found = search.cases[k], search.flipping(k)
    smallest = found[0] if found else None
    start = _step(search, k, "", frozenset())
    alone = tuple(name for name, only in _named(_SINGLES) if only in found)
    if smallest is not None and len(smallest) <= MOST_REGIONS:
        chain = _chain(search, k, smallest)
        steps = tuple(_step(search, k, name, frozenset(chain[: place + 1])) for place, name in enumerate(chain))
        actions = _changes(analysis, [case], smallest)
        return FlipResult(case, "set", chain, (start, *steps), alone, actions)
    if smallest is None:
        outcome: Outcome = "none" if _ALL in search.answers(k) else "open"
    else:
        outcome = "more" if search.complete(k, MOST_REGIONS) else "open"
    whole = (_step(search, k, "all", _ALL),) if _ALL in search.answers(k) else ()
    return FlipResult(case, outcome, (), (start, *whole), alone)


def _chain(search: FlipSearch, k: int, chosen: _Set) -> tuple[str, ...]:
    """The regions of a set, each the one that adds most to those before it."""
    order: list[str] = []
    while len(order) < len(chosen):
        rest = [name for name in TRANSPLANTED if name in chosen and name not in order]
        order.append(max(rest, key=lambda name: search.odds(k, frozenset([*order, name]))))
    return tuple(order)


def _step(search: FlipSearch, k: int, region: str, chosen: _Set) -> FlipStep:
    case, answer = search.cases[k], search.answers(k)[chosen]
    p = softmax(answer)
    odds = search.odds(k, chosen)
    return FlipStep(region, float(p[case.target]), float(p[case.current]), odds, int(answer.argmax()))


def _changes(analysis: Analysis, cases: Sequence[FlipCase], regions: frozenset[str]) -> tuple[ActionChange, ...]:
    """Facial actions of some regions that differ most between faces and donors, means over the cases and both sides."""
    if analysis.faces is None:
        return ()
    face, donor = (
        analysis.faces.actions[[getattr(case, who) for case in cases]].astype(np.float64) for who in ("row", "donor")
    )
    known = np.isfinite(face).all(axis=1) & np.isfinite(donor).all(axis=1)
    stems: dict[str, list[int]] = {}
    for place, name in enumerate(ACTIONS):
        stem = name.removesuffix("Left").removesuffix("Right")
        places = next((found for prefix, found in _REGIONS_OF_ACTIONS.items() if name.startswith(prefix)), ())
        if regions & set(places) and not name.startswith(_GAZE):
            stems.setdefault(stem if stem not in ("mouth", "jaw") else name, []).append(place)
    if not known.any():
        return ()
    found = [
        ActionChange(stem, float(face[known][:, at].mean()), float(donor[known][:, at].mean()))
        for stem, at in stems.items()
    ]
    found = [change for change in found if abs(change.donor - change.face) >= _LEAST_CHANGE]
    return tuple(sorted(found, key=lambda change: -abs(change.donor - change.face))[:_SHOWN_ACTIONS])


def _summary(
    model: ModelRecords,
    search: FlipSearch,
    found: Mapping[int, FlipResult],
    cases: Sequence[int],
    key: tuple[int, int, bool],
    analysis: Analysis,
    group: Clusters,
    seed: int,
) -> FlipSummary:
    current, target, error = key

    def share(values: Sequence[bool], of: Sequence[int]) -> Estimate:
        rows = np.array([search.cases[k].row for k in of], dtype=np.int64)
        return proportion(np.array(values, dtype=bool), group.subset(rows))

    def flips(k: int, donor: int, only: _Set) -> bool:
        return int(search.answers(k, donor)[only].argmax()) == target

    lead = search.lead(cases)
    again = control = None
    p = float("nan")
    if lead:
        only = frozenset([lead])
        tried = [k for k in cases if search.cases[k].again >= 0]
        second = {k: flips(k, search.cases[k].again, only) for k in tried}
        compared = [k for k in cases if search.cases[k].control >= 0]
        third = {k: flips(k, search.cases[k].control, only) for k in compared}
        again = share(list(second.values()), tried) if tried else None
        control = share(list(third.values()), compared) if compared else None
        both = [k for k in tried if k in third]
        if both:
            difference = np.array([[float(second[k]) - float(third[k])] for k in both])
            rows = np.array([search.cases[k].row for k in both], dtype=np.int64)
            p = float(mean_test(difference, group.subset(rows), seed)[0][0])
    outcomes = Counter(str(len(found[k].regions)) if found[k].outcome == "set" else found[k].outcome for k in cases)
    flipped = [search.cases[k] for k in cases if lead and lead in found[k].alone]
    return FlipSummary(
        model=model.name,
        slug=model.slug,
        current=analysis.classes[current],
        target=analysis.classes[target],
        error=error,
        images=len(cases),
        alone={name: share([name in found[k].alone for k in cases], cases) for name in TRANSPLANTED},
        lead=lead,
        again=again,
        control=control,
        p=p,
        outcomes=dict(outcomes),
        actions=_changes(analysis, flipped, frozenset([lead])) if flipped else (),
    )


def _flip_table(analysis: Analysis, every: Sequence[tuple[ModelRecords, FlipResult]]) -> pd.DataFrame:
    ids, names = analysis.images["image_id"].tolist(), analysis.classes
    rows = [
        {
            "image_id": ids[flip.case.row],
            "model": model.name,
            "emotion": names[analysis.labels[flip.case.row]],
            "predicted": names[flip.case.current],
            "target": names[flip.case.target],
            "drawn": flip.case.drawn,
            "outcome": flip.outcome,
            "regions": list(flip.regions),
            "alone": list(flip.alone),
            "donor": ids[flip.case.donor],
            "before": flip.steps[0].target,
            "after": flip.steps[-1].target,
            "odds_before": flip.steps[0].odds,
            "odds_after": flip.steps[-1].odds,
        }
        for model, flip in every
    ]
    return pd.DataFrame(rows, columns=list(FLIP_COLUMNS["flips"]))


def _pair_table(summaries: Sequence[FlipSummary]) -> pd.DataFrame:
    rows = []
    for summary in summaries:
        for region, share in summary.alone.items():
            lead = region == summary.lead
            again, control = (summary.again, summary.control) if lead else (None, None)
            rows.append({
                "model": summary.model, "predicted": summary.current, "target": summary.target,
                "errors": summary.error, "region": region, "images": summary.images,
                "alone": share.value, "low": share.low, "high": share.high,
                **_share("again", again), **_share("control", control), "p": summary.p if lead else float("nan"),
            })  # fmt: skip
    return pd.DataFrame(rows, columns=list(FLIP_COLUMNS["flip_pairs"]))


def _share(name: str, share: Estimate | None) -> dict[str, float]:
    nan = float("nan")
    low, high, value = (nan, nan, nan) if share is None else (share.low, share.high, share.value)
    return {name: value, f"{name}_low": low, f"{name}_high": high}


FLIP_COLUMNS: Mapping[str, Mapping[str, str]] = MappingProxyType({
    "flips": {
        "image_id": "image, as in the table of images",
        "model": "name of the model",
        "emotion": "labelled emotion",
        "predicted": "the model's prediction",
        "target": "emotion of the face that gives its regions: on an error the label",
        "drawn": "whether the image was drawn at random and counts in flip_pairs; else it was chosen for its page",
        "outcome": "set: some set of at most three regions makes the model predict the target; more: only larger sets; "
        "none: not even all six regions; open: the budget ended before the smallest set was found",
        "regions": "the smallest set, the most effective region first",
        "alone": "regions of which each by itself makes the model predict the target",
        "donor": "image_id of the face that gives",
        "before": "probability of the target on the unchanged image, 0..1",
        "after": "the same with the set; without one with all six regions, where that was tried",
        "odds_before": "log-odds of the target on the unchanged image",
        "odds_after": "the same with the set, or with all six regions",
    },
    "flip_pairs": {
        "model": "name of the model",
        "predicted": "emotion that is predicted",
        "target": "emotion of the faces that give",
        "errors": "whether the images are errors, whose label is the target; else correct images",
        "region": "region that is swapped by itself",
        "images": "images that were tried, drawn at random",
        "alone": "share of images that become the target with this region of a first donor, 0..1",
        "low": "lower end of the 95 % interval of alone",
        "high": "upper end of the 95 % interval of alone",
        "again": "the same with a second donor; for the region with the largest share",
        "again_low": "lower end of its 95 % interval",
        "again_high": "upper end of its 95 % interval",
        "control": "the same with a donor of the emotion that is predicted already",
        "control_low": "lower end of its 95 % interval",
        "control_high": "upper end of its 95 % interval",
        "p": "two-sided p that again and control are equal, adjusted (Holm) over the model's pairs",
    },
})  # fmt: skip
