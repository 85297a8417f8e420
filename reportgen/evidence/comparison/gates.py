"""Whether a new build may take the place of an old one: one gate for each thing that must not get worse.

A gate is a function from the comparison to its tests, registered in `MEASURES` under its name in
`reportgen.settings.GATES`. What it could not measure it says too: that is no pass.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
from scipy.special import ndtr

from reportgen.evidence.comparison.change import MIN_CLUSTERS, PredictionChange
from reportgen.evidence.comparison.matching import Matched
from reportgen.evidence.damage import DamageKind
from reportgen.evidence.performance.permuted_classes import PermutedOrder
from reportgen.evidence.stats.intervals import Estimate, Z
from reportgen.evidence.stats.multiple_testing import ALPHA, holm
from reportgen.settings import GATES, Gate

__all__ = ["MEASURES", "Compared", "ComparedModel", "GateResult", "GateTest", "judge_gates"]

Outcome = Literal["passed", "failed", "unmeasured"]
Reason = Literal[
    "", "tolerated", "as before", "no labels", "no images", "too few images", "too few persons", "not tested",
    "older version", "no groups",
    "no changes",
]  # fmt: skip
"""Why a test passed although something is there, or why it was not made."""

_CHEATING: tuple[DamageKind, ...] = ("property", "background", "component", "mark")
_NONE = Estimate(math.nan, -math.inf, math.inf, 0)


@dataclass(frozen=True)
class ComparedModel:
    """One model in both builds.

    Attributes
    ----------
    name
        As the pages call it.
    before, after
        Its names in the two builds.
    answers
        What its predictions became.
    orders
        Another order of the classes that fits better, before and after.
    """

    name: str
    before: str
    after: str
    answers: PredictionChange
    orders: tuple[PermutedOrder | None, PermutedOrder | None]


@dataclass(frozen=True)
class Compared:
    """All that gates may ask.

    Attributes
    ----------
    proofs, groups, robustness
        The tables of these names of both builds; None where a build did not write it, as older versions do not.
    tolerances
        By gate, in points (hundredths).
    """

    models: tuple[ComparedModel, ...]
    matched: Matched
    proofs: tuple[pd.DataFrame | None, pd.DataFrame | None]
    tolerances: Mapping[Gate, float]
    groups: tuple[pd.DataFrame | None, pd.DataFrame | None] = (None, None)
    robustness: tuple[pd.DataFrame | None, pd.DataFrame | None] = (None, None)

    def tolerance(self, gate: Gate) -> float:
        """What a gate tolerates, as a share."""
        return self.tolerances.get(gate, 0.0) / 100


@dataclass(frozen=True)
class GateTest:
    """One thing that one gate looked at.

    Attributes
    ----------
    model, emotion, cue, grouping
        What it is about; "" where it concerns no single one. A cue has the name that the report gave it; a group is the
        cue, in its grouping.
    quantity
        What was compared: "accuracy", "recall", "Brier score", "images", "labels", or the kind of a cue.
    before, after
        The quantity's values, NaN where it has none.
    change
        After minus before with its interval; of a cue, the predictions that are lost without it.
    p
        That of no change, or of one that is just tolerated where it failed; adjusted (Holm) over all tests of the gate.
        NaN where there is no test of its own.
    reason
        Why it passed although something is there, or why it is unmeasured.
    """

    model: str
    quantity: str
    outcome: Outcome
    emotion: str = ""
    cue: str = ""
    before: float = math.nan
    after: float = math.nan
    change: Estimate = _NONE
    p: float = math.nan
    reason: Reason = ""
    grouping: str = ""


@dataclass(frozen=True)
class GateResult:
    """What one gate found.

    Attributes
    ----------
    tests
        Failed ones first, then unmeasured ones, each in the order of the models.
    tolerance
        In points.
    watched
        Whether a failure fails the command.
    """

    gate: Gate
    tests: tuple[GateTest, ...]
    tolerance: float
    watched: bool

    @property
    def outcome(self) -> Outcome:
        """Failed where a test failed, unmeasured where none was made; what passed may have gaps, see `unmeasured`."""
        if self.failed:
            return "failed"
        return "unmeasured" if self.tests and len(self.unmeasured) == len(self.tests) else "passed"

    @property
    def failed(self) -> tuple[GateTest, ...]:
        """The tests that failed."""
        return tuple(test for test in self.tests if test.outcome == "failed")

    @property
    def unmeasured(self) -> tuple[GateTest, ...]:
        """The tests that were not made."""
        return tuple(test for test in self.tests if test.outcome == "unmeasured")


Measure = Callable[[Compared], Iterator[GateTest]]


def judge_gates(compared: Compared, watched: Sequence[Gate]) -> tuple[GateResult, ...]:
    """What every gate found, in the order of `GATES`.

    The gate "unmeasured" fails where a test of a watched gate was not made.
    """
    results = []
    for gate, measure in MEASURES.items():
        tests = sorted(measure(compared), key=lambda test: ("failed", "unmeasured", "passed").index(test.outcome))
        tolerance = compared.tolerances.get(gate, 0.0)
        results.append(GateResult(gate, tuple(tests), tolerance, gate in watched))
    open_ones = [replace(test, outcome="failed") for one in results if one.watched for test in one.unmeasured]
    results.append(GateResult(Gate.UNMEASURED, tuple(open_ones), 0.0, Gate.UNMEASURED in watched))
    return tuple(sorted(results, key=lambda result: list(GATES).index(result.gate)))


def _regression(compared: Compared) -> Iterator[GateTest]:
    """Accuracy and every emotion's recall of every model are one family of tests."""
    found: list[tuple[GateTest, float]] = []
    for model in compared.models:
        answers = model.answers
        whole = answers.comparison
        scores = (answers.before.accuracy.value, answers.after.accuracy.value)
        found.append(_paired(model.name, "accuracy", "", scores, whole.difference, whole.p_value, whole.n))
        emotions = zip(answers.recalls, answers.before.emotions, answers.after.emotions, strict=True)
        for recall, before, after in emotions if whole.n else ():
            scores = (before.recall.value, after.recall.value)
            found.append(
                _paired(model.name, "recall", recall.emotion, scores, recall.difference, recall.p_value, recall.n)
            )
    yield from _worse(found, compared.tolerance(Gate.REGRESSION), -1)


def _paired(
    model: str, quantity: str, emotion: str, scores: tuple[float, float], change: Estimate, p: float, n: int
) -> tuple[GateTest, float]:
    """A test before it is judged, and its own p-value; NaN where it cannot be made."""
    reason: Reason = ""
    if not n:
        reason = "no images" if emotion else "no labels"
    elif change.too_few:
        reason = "too few persons"
    elif n < MIN_CLUSTERS:
        reason = "too few images"
    test = GateTest(
        model, quantity, "unmeasured" if reason else "passed", emotion, "", *scores, change, math.nan, reason
    )
    return test, math.nan if reason else p


def _worse(found: Sequence[tuple[GateTest, float]], tolerance: float, sign: int) -> Iterator[GateTest]:
    """Fail what is proven to have changed for the worse by more than the tolerance.

    Its own test says that something changed, and its interval that it is more than what is tolerated: the larger of
    the two p-values is adjusted (Holm), and the interval has to lie beyond the tolerance as well.

    Parameters
    ----------
    sign
        1 where more is worse, -1 where less is.
    """
    plain = np.array([p for _, p in found], dtype=np.float64)
    beyond = np.array([_beyond(test.change, tolerance, sign) if tolerance else 0.0 for test, _ in found])
    for (test, _), p, more in zip(found, holm(plain), holm(np.maximum(plain, beyond)), strict=True):
        if test.outcome == "unmeasured":
            yield test
            continue
        change = test.change
        failed = more < ALPHA and (change.low if sign > 0 else -change.high) > tolerance
        reason: Reason = "tolerated" if p < ALPHA and sign * change.value > 0 and not failed and tolerance else ""
        yield replace(test, p=float(more if failed else p), outcome="failed" if failed else "passed", reason=reason)


def _beyond(change: Estimate, tolerance: float, sign: int) -> float:
    """Two-sided p-value that a change is exactly what is tolerated: normal, with the error that the interval tells."""
    value = sign * change.value
    reach = value - (change.low if sign > 0 else -change.high)
    if value <= tolerance:
        return 1.0
    return float(2 * ndtr(-(value - tolerance) / (reach / Z))) if reach > 0 else 0.0


def _confidence(compared: Compared) -> Iterator[GateTest]:
    found = []
    for model in compared.models:
        answers = model.answers
        scores = (answers.before.brier, answers.after.brier)
        n = answers.comparison.n
        found.append(_paired(model.name, "Brier score", "", scores, answers.brier, answers.brier_p, n))
    yield from _worse(found, compared.tolerance(Gate.CONFIDENCE), 1)


def _cheating(compared: Compared) -> Iterator[GateTest]:
    for model in compared.models:
        for kind in _CHEATING:
            yield from _new_proofs(compared, model, kind, compared.tolerance(Gate.CHEATING))


def _leakage(compared: Compared) -> Iterator[GateTest]:
    for model in compared.models:
        yield from _new_proofs(compared, model, "leakage", compared.tolerance(Gate.LEAKAGE))


def _new_proofs(compared: Compared, model: ComparedModel, kind: DamageKind, tolerance: float) -> Iterator[GateTest]:
    """What is proven now and was not before, else one test that says that nothing is."""
    old, new = compared.proofs
    if new is None or old is None:
        yield GateTest(model.name, kind, "unmeasured", reason="older version")
        return
    known = {(row.emotion, row.cue) for row in _lines(old, model.before, kind) if row.state == "proven"}
    lines = _lines(new, model.after, kind)
    twice = _named(new, model.after) if kind == "component" else frozenset()
    proven = [line for line in lines if line.state == "proven" and line.emotion not in twice]
    fresh = [line for line in proven if (line.emotion, line.cue) not in known]
    for line in fresh:
        tolerated = tolerance > 0 and line.lost.value <= tolerance
        yield GateTest(
            model.name, kind, "passed" if tolerated else "failed", line.emotion, line.words, change=line.lost,
            reason="tolerated" if tolerated else "",
        )  # fmt: skip
    if not fresh:
        tested = any(line.state != "not tested" for line in lines)
        yield GateTest(
            model.name, kind, "passed" if tested else "unmeasured",
            reason="as before" if proven else "" if tested else "not tested",
        )  # fmt: skip


def _named(proofs: pd.DataFrame, model: str) -> frozenset[str]:
    """Emotions with a proven cue that has a name: a component beside it may be the same thing seen twice."""
    kinds = [kind for kind in _CHEATING if kind != "component"]
    return frozenset(line.emotion for kind in kinds for line in _lines(proofs, model, kind) if line.state == "proven")


@dataclass(frozen=True)
class _Line:
    """A line of the table "proofs"; see `PROOF_COLUMNS`."""

    emotion: str
    cue: str
    words: str
    state: str
    lost: Estimate


def _lines(proofs: pd.DataFrame, model: str, kind: DamageKind) -> list[_Line]:
    mine = proofs[(proofs["model"] == model) & (proofs["kind"] == kind)]
    return [
        _Line(
            row["emotion"], row["cue"], row["words"], row["state"],
            Estimate(row["lost"], row["lost_low"], row["lost_high"], row["n"]),
        )
        for row in mine.to_dict("records")
    ]  # fmt: skip


def _class_order(compared: Compared) -> Iterator[GateTest]:
    for model in compared.models:
        before, after = model.orders
        if not model.answers.comparison.n:
            yield GateTest(model.name, "class order", "unmeasured", reason="no labels")
        elif after is None or before is not None:
            yield GateTest(model.name, "class order", "passed", reason="" if after is None else "as before")
        else:
            yield GateTest(
                model.name, "class order", "failed", before=after.accuracy_now, after=after.accuracy_then,
                cue=", ".join(after.order),
            )  # fmt: skip


def _test_set(compared: Compared) -> Iterator[GateTest]:
    """Shares of the images of either build: those that the other lacks, and those with another label there."""
    matched, tolerance = compared.matched, compared.tolerance(Gate.TEST_SET)
    shared, relabelled = len(matched.before), int(matched.relabelled.sum())
    alone = matched.only_before + matched.only_after
    for quantity, n, of in (("images", alone, shared + alone), ("labels", relabelled, shared)):
        failed = n > 0 and n > tolerance * of
        yield GateTest(
            "", quantity, "failed" if failed else "passed", change=Estimate(n / of, n / of, n / of, n),
            reason="tolerated" if n and not failed else "",
        )  # fmt: skip


def _group_gap(compared: Compared) -> Iterator[GateTest]:
    """Groups that are proven to fare worse than other photos of the same emotions.

    A gap fails where it was not proven before and is wider now; or where it was, and has proven to be wider now by more
    than the tolerance. The interval of that takes the two gaps to be independent, which on the same images makes it too
    wide rather than too narrow.
    """
    old, new = compared.groups
    tolerance, grown = compared.tolerance(Gate.GROUP_GAP), list[tuple[GateTest, float]]()
    for model in compared.models:
        before = {} if old is None else _gaps(old, model.before)
        after = {} if new is None else _gaps(new, model.after)
        shared = [key for key in after if key in before]
        if not shared:
            yield GateTest(model.name, "groups", "unmeasured", reason="no groups")
        for key in shared:
            (was, proven), (now, worse) = before[key], after[key]
            grouping, group, emotion, score = key
            values = (was.value, now.value, now)
            test = GateTest(model.name, f"{score} gap", "passed", emotion, group, *values, grouping=grouping)
            wider = was.value - now.value
            if not worse:
                yield test
            elif proven:
                half = math.hypot(now.high - now.low, was.high - was.low) / 2
                change = Estimate(-wider, -wider - half, -wider + half, now.n)
                p = float(2 * ndtr(-abs(wider) / (half / Z))) if half > 0 else 1.0
                grown.append((replace(test, change=change), p))
            else:
                tolerated = -now.value <= tolerance
                yield replace(
                    test, outcome="failed" if wider > 0 and not tolerated else "passed",
                    reason="tolerated" if wider > 0 and tolerated else "",
                )  # fmt: skip
    yield from _worse(grown, tolerance, -1)


def _gaps(groups: pd.DataFrame, model: str) -> dict[tuple[str, str, str, str], tuple[Estimate, bool]]:
    """By grouping, group, emotion and score: the gap, below 0 where the group fares worse, and whether it is proven."""
    tested = groups[(groups["model"] == model) & (groups["answer"] != "insufficient evidence")]
    return {
        (str(row["grouping"]), str(row["group"]), str(row["emotion"]), str(row["score"])): (
            Estimate(row["gap"], row["low"], row["high"], row["photos"]),
            row["answer"] == "yes" and row["gap"] < 0,
        )
        for row in tested.to_dict("records")
    }


def _robustness(compared: Compared) -> Iterator[GateTest]:
    """Changes of all emotions' photos that break a model now and were not proven to, and that cost more than before."""
    old, new = compared.robustness
    tolerance = compared.tolerance(Gate.ROBUSTNESS)
    for model in compared.models:
        before = {} if old is None else _drops(old, model.before)
        after = {} if new is None else _drops(new, model.after)
        shared = [key for key in after if key in before]
        if not shared:
            yield GateTest(model.name, "robustness", "unmeasured", reason="no changes")
        for key in shared:
            (was, broke), (now, breaks) = before[key], after[key]
            more = now.value - was.value
            fresh = breaks and not broke and more > 0
            failed = fresh and more > tolerance
            reason: Reason = "tolerated" if fresh and not failed else "as before" if breaks and broke else ""
            yield GateTest(
                model.name, "robustness", "failed" if failed else "passed", "", key[1], was.value, now.value, now,
                reason=reason, grouping=key[0],
            )  # fmt: skip


def _drops(robustness: pd.DataFrame, model: str) -> dict[tuple[str, str], tuple[Estimate, bool]]:
    """By change and severity: the drop of recall over all emotions, and whether it is proven to break the model."""
    mine = robustness[(robustness["model"] == model) & (robustness["emotion"] == "all")]
    return {
        (str(row["change"]), str(row["severity"])): (
            Estimate(row["drop"], row["drop_low"], row["drop_high"], row["images"]),
            row["answer"] == "breaks",
        )
        for row in mine[mine["answer"] != "insufficient evidence"].to_dict("records")
    }


MEASURES: Mapping[Gate, Measure] = {
    Gate.REGRESSION: _regression,
    Gate.CHEATING: _cheating,
    Gate.GROUP_GAP: _group_gap,
    Gate.ROBUSTNESS: _robustness,
    Gate.LEAKAGE: _leakage,
    Gate.CLASS_ORDER: _class_order,
    Gate.CONFIDENCE: _confidence,
    Gate.TEST_SET: _test_set,
}
"""What every gate looks at; another gate is one more line, and its words in `reportgen.settings.GATES`."""
