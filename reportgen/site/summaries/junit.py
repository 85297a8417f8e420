"""Gates as JUnit XML, which build servers show beside their own tests: a suite per gate, a case per test."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from reportgen.evidence.comparison.gates import GateResult
from reportgen.output_guard import JUNIT_NAME
from reportgen.site.summaries.gates import sentence_of, subject_of

__all__ = ["junit_xml"]

# What XML 1.0 cannot hold.
_FORBIDDEN = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_xml(results: Sequence[GateResult]) -> bytes:
    """The watched gates, or all of them where none is watched, as `testsuites`.

    A test that failed is a `failure`, one that was not made is `skipped`. The time of each is 0: what is timed is the
    build.
    """
    shown = [result for result in results if result.watched] or list(results)
    counted = [_counts(result) for result in shown]
    total = {name: sum(int(counts[name]) for counts in counted) for name in ("tests", "failures", "errors")}
    root = Element("testsuites", {"name": JUNIT_NAME, **{name: str(n) for name, n in total.items()}, "time": "0"})
    for result, counts in zip(shown, counted, strict=True):
        suite = SubElement(root, "testsuite", {"name": result.gate, **counts, "time": "0"})
        for test in result.tests:
            name, said = _clean(subject_of(test)), _clean(sentence_of(test))
            case = SubElement(suite, "testcase", {"name": name, "classname": f"reportgen.{result.gate}", "time": "0"})
            if test.outcome == "failed":
                SubElement(case, "failure", {"message": said, "type": result.gate}).text = said
            elif test.outcome == "unmeasured":
                SubElement(case, "skipped", {"message": said})
            else:
                SubElement(case, "system-out").text = said
    indent(root)
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode").encode() + b"\n"


def _counts(result: GateResult) -> dict[str, str]:
    return {
        "tests": str(len(result.tests)),
        "failures": str(len(result.failed)),
        "errors": "0",
        "skipped": str(len(result.unmeasured)),
    }


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("\ufffd", text)
