"""The rules of JUnit XML as build servers read it (those of Jenkins' xUnit plugin, junit-10): what may stand where."""

import re
from xml.etree import ElementTree

TIME, WHOLE = re.compile(r"\d*(\.\d*)?"), re.compile(r"\d+")
SUITE = {"group", "time", "skipped", "timestamp", "hostname", "id", "package", "file", "log", "url"}
# By element: the attributes it needs, those it may have beside them, and its children.
RULES = {
    "testsuites": (set(), {"name", "time", "tests", "failures", "errors"}, {"testsuite"}),
    "testsuite": (
        {"name", "tests", "failures", "errors"},
        SUITE,
        {"testsuite", "properties", "testcase", "system-out", "system-err"},
    ),
    "testcase": (
        {"name"},
        {"time", "classname", "group"},
        {"skipped", "error", "failure", "system-out", "system-err"},
    ),
    "failure": (set(), {"message", "type"}, set()),
    "skipped": (set(), {"message", "type"}, set()),
    "system-out": (set(), set(), set()),
}


def validate(content: bytes) -> ElementTree.Element:
    """The root of a valid document.

    Raises
    ------
    AssertionError
        A rule is broken, or a count does not fit what is there.
    """
    root = ElementTree.fromstring(content)
    assert root.tag == "testsuites"
    for element in root.iter():
        required, further, children = RULES[element.tag]
        assert required <= element.attrib.keys() <= required | further, (element.tag, element.attrib)
        assert {child.tag for child in element} <= children
        assert not children or not (element.text or "").strip()
        for name in {"tests", "failures", "errors", "skipped"} & element.attrib.keys():
            assert WHOLE.fullmatch(element.attrib[name])
        assert TIME.fullmatch(element.attrib.get("time", "0"))
    for suite in (root, *root):
        cases = list(suite.iter("testcase"))
        assert int(suite.attrib["tests"]) == len(cases)
        assert int(suite.attrib["failures"]) == len(list(suite.iter("failure")))
        if "skipped" in suite.attrib:
            assert int(suite.attrib["skipped"]) == len(list(suite.iter("skipped")))
    return root
