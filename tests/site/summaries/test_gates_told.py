"""Gates in words and as JUnit XML."""

import math
from dataclasses import replace

import pytest
from junit_rules import validate

from reportgen.evidence.comparison.gates import GateResult, GateTest
from reportgen.evidence.stats.intervals import Estimate
from reportgen.settings import Gate
from reportgen.site.summaries.gates import gate_lines, gate_text, sentence_of
from reportgen.site.summaries.junit import junit_xml

CHANGE = Estimate(-0.2, -0.3, -0.1, 100)
FALL = GateTest("CNN", "recall", "failed", "fear", "", 0.8, 0.6, CHANGE, 0.0004)
CUE = GateTest("CNN", "property", "failed", "fear", "colour", change=Estimate(0.32, 0.2, 0.44, 40))
GAP = GateTest("CNN", "mark", "unmeasured", reason="not tested")
NEW = GateTest(
    "CNN", "accuracy gap", "failed", "", "open", -0.04, -0.14, Estimate(-0.14, -0.2, -0.08, 80), grouping="mouth"
)  # fmt: skip
GROWN = replace(
    NEW, cue="f", grouping="sex", before=-0.1, after=-0.3, change=Estimate(-0.2, -0.27, -0.13, 80), p=0.01
)  # fmt: skip
BROKEN = Estimate(0.3, 0.2, 0.4, 60)
FINE = GateTest("CNN", "background", "passed")


@pytest.mark.parametrize(
    ("test", "said"),
    [
        (
            FALL,
            "Recall of CNN for fear fell from 80.0\u202f% to 60.0\u202f%: −20.0 points [−30.0, −10.0], p < .001 after "
            "Holm's adjustment.",
        ),
        (
            CUE,
            "CNN relies on colour for fear, which was not proven before: without it 32 points [20, 44] of recall are "
            "lost.",
        ),
        (GAP, "CNN: marks on faces: not measured, as the new build did not test it."),
        (FINE, "CNN, the background: nothing new is proven."),
        (
            GateTest("CNN", "property", "passed", reason="as before"),
            "CNN, properties of the photo: nothing new is proven; what is proven was proven before.",
        ),
        (
            GateTest("", "images", "failed", change=Estimate(0.1, 0.1, 0.1, 12)),
            "12 images (10.0\u202f%) are in one of the builds alone.",
        ),
        (GateTest("", "labels", "passed", change=Estimate(0.0, 0.0, 0.0, 0)), "The labels are the same."),
        (
            GateTest("CNN", "class order", "failed", cue="fear, joy", before=0.1, after=0.9),
            "The outputs of CNN fit the labels in another order (fear, joy): accuracy is 10\u202f% as they are and "
            "90\u202f% in that order.",
        ),
        (
            GateTest("CNN", "Brier score", "failed", "", "", 0.3, 0.5, Estimate(0.2, 0.1, 0.3, 100), 0.002),
            "Brier score of CNN rose from .300 to .500: +0.200 [+0.100, +0.300], p = .002 after Holm's adjustment.",
        ),
        (
            GateTest(
                "CNN",
                "recall gap",
                "failed",
                "fear",
                "open",
                -0.04,
                -0.14,
                Estimate(-0.14, -0.2, -0.08, 80),
                grouping="mouth",
            ),
            "Recall for fear of CNN on photos with the mouth open is 14.0 points [8.0, 20.0] lower than on other "
            "photos of the same emotions, which was not proven before (4.0 points).",
        ),
        (
            GateTest(
                "CNN",
                "accuracy gap",
                "failed",
                "",
                "f",
                -0.1,
                -0.3,
                Estimate(-0.2, -0.27, -0.13, 80),
                0.01,
                grouping="sex",
            ),
            "The gap in accuracy of CNN on photos with sex: f went from 10.0 points to 30.0 points: +20.0 "
            "points [+13.0, +27.0], p = .01 after Holm's adjustment.",
        ),
        (
            replace(GROWN, quantity="robustness", grouping="blur", cue="4.0", before=0.05, after=0.3, change=BROKEN),
            "Blurred by 4 px, CNN loses 30.0 points [20.0, 40.0] of recall, where it was not proven to break before "
            "(5.0 points).",
        ),
        (
            GateTest("CNN", "groups", "unmeasured", reason="no groups"),
            "CNN: groups: not measured, as no group of photos was compared in both builds.",
        ),
        (
            GateTest("CNN", "accuracy", "unmeasured", reason="no labels"),
            "CNN: accuracy: not measured, as no image has a label in both.",
        ),
    ],
)
def test_every_test_is_a_sentence(test, said):
    assert sentence_of(test) == said


@pytest.mark.parametrize(
    ("tests", "tolerance", "said"),
    [
        ((FALL, FINE), 0.0, "1 of 2 tests failed"),
        ((FINE,), 2.0, "The test passed; tolerated: 2 points"),
        ((GAP,), 0.0, "No test could be made"),
        ((GAP, FINE, FINE), 0.0, "All 2 tests passed, 1 could not be made"),
    ],
)
def test_a_gate_says_how_many_tests_it_made(tests, tolerance, said):
    assert gate_text(GateResult(Gate.REGRESSION, tests, tolerance, watched=True)) == said


def test_the_terminal_names_what_failed_and_else_what_is_open():
    lines = gate_lines(GateResult(Gate.CHEATING, (CUE, GAP, FINE), 0.0, watched=True))
    assert lines[0].startswith("cheating: failed. 1 of 2 tests failed, 1 could not be made.") and len(lines) == 2
    joy = replace(FALL, outcome="unmeasured", emotion="joy", reason="no images")
    several = (GAP, replace(GAP, quantity="property"), joy)
    said = [
        "CNN: marks on faces and properties of the photo: not measured, as the new build did not test it.",
        "CNN: recall of joy: not measured, as no image has this label.",
    ]
    for gate in (Gate.CHEATING, Gate.UNMEASURED):
        outcome = "failed" if gate == Gate.UNMEASURED else "unmeasured"
        tests = tuple(replace(test, outcome=outcome) for test in several)
        assert [line.strip() for line in gate_lines(GateResult(gate, tests, 0.0, watched=True))[1:]] == said


def test_the_xml_is_junit_and_holds_every_watched_test():
    results = [
        GateResult(Gate.REGRESSION, (FALL, FINE), 0.0, watched=True),
        GateResult(Gate.CHEATING, (CUE, GAP), 0.0, watched=True),
        GateResult(Gate.CONFIDENCE, (FALL,), 0.0, watched=False),
    ]
    root = validate(junit_xml(results))
    assert [suite.attrib["name"] for suite in root] == ["regression", "cheating"]
    assert (root.attrib["tests"], root.attrib["failures"]) == ("4", "2")
    (failure,) = root[0].iter("failure")
    assert failure.attrib["message"] == failure.text == sentence_of(FALL)
    (skipped,) = root[1].iter("skipped")
    assert skipped.attrib["message"] == sentence_of(GAP)
    everything = validate(junit_xml([GateResult(Gate.CONFIDENCE, (FALL,), 0.0, watched=False)]))
    assert len(everything) == 1  # nothing is watched: then all are there


def test_names_cannot_break_the_xml():
    hostile = 'a<b>&"\x00\x1b\ud800]]>'
    root = validate(junit_xml([GateResult(Gate.REGRESSION, (GateTest(hostile, "accuracy", "passed", change=Estimate(
        math.nan, -1.0, 1.0, 0)),), 0.0, watched=True)]))  # fmt: skip
    (case,) = root.iter("testcase")
    assert case.attrib["name"].startswith('a<b>&"')


def test_a_broken_file_is_noticed():
    with pytest.raises(AssertionError):
        validate(
            b'<testsuites tests="2" failures="0"><testsuite name="a" tests="2" failures="0" errors="0"/></testsuites>'
        )
    with pytest.raises(AssertionError):
        validate(b"<testsuites><testcase/></testsuites>")
