"""What was concluded is kept and read back as it was, or not at all."""

from __future__ import annotations

import json
import sys
import zlib
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from reportgen.commands import conclusions
from reportgen.commands.build import build
from reportgen.commands.conclusions import keep_conclusions, kept_conclusions
from reportgen.config import Config
from reportgen.progress import SilentProgress
from reportgen.site.report import DataNote, Report

ALWAYS = ("Reading the test set", "Hashing the inputs", "Reading the records")
GIVEN = ("analysis", "predictions", "load_image", "command")


class Stages(SilentProgress):
    def __init__(self) -> None:
        self.titles: list[str] = []

    def stage(self, title: str, total: int | None = None) -> Any:
        self.titles.append(title)
        return super().stage(title, total)


@pytest.fixture(scope="module")
def built(notebook: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Config, Report, str]:
    """A build with experiments, its report as it was judged, and the key of its conclusions."""
    output = tmp_path_factory.mktemp("built")
    config = Config(data=notebook / "processed_data.pkl", output=output)
    found: list[Any] = []
    with pytest.MonkeyPatch.context() as patch:

        def keep(*given: Any) -> None:
            found.extend(given)
            keep_conclusions(*given)

        patch.setattr("reportgen.commands.finish.keep_conclusions", keep)
        build(config)
    report, _, key = found
    return config, report, key


def same(a: Any, b: Any) -> bool:
    """Whether two values are equal down to the types and bits of their parts."""
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        return (
            a.dtype == b.dtype
            and a.shape == b.shape
            and (all(map(same, a.ravel(), b.ravel())) if a.dtype == object else a.tobytes() == b.tobytes())
        )
    if isinstance(a, pd.DataFrame):
        pd.testing.assert_frame_equal(a, b, check_exact=True)
        return True
    if is_dataclass(a):
        return all(same(getattr(a, entry.name), getattr(b, entry.name)) for entry in fields(a))
    if isinstance(a, dict | MappingProxyType):
        return list(a) == list(b) and all(same(a[name], b[name]) for name in a)
    if isinstance(a, tuple | list):
        return len(a) == len(b) and all(map(same, a, b))
    return bool(a == b or (a != a and b != b))


def test_a_report_is_read_back_bit_by_bit(built: tuple[Config, Report, str]) -> None:
    config, report, key = built
    again = kept_conclusions(config.output / "analysis", key, **{name: getattr(report, name) for name in GIVEN})
    assert again is not None
    for entry in fields(Report):
        assert same(getattr(again, entry.name), getattr(report, entry.name)), entry.name
    assert report.attention is not None and report.reasons is not None and report.components is not None
    assert kept_conclusions(config.output / "analysis", "another", analysis=report.analysis) is None


@pytest.mark.parametrize(
    "changed",
    [{"overlay": "classic"}, {"colormap": "magma"}, {"privacy": "outline"}, {"privacy": "blur", "zip": False}],
)
def test_a_change_of_what_is_shown_weighs_nothing_again(
    built: tuple[Config, Report, str], changed: dict[str, Any]
) -> None:
    config, _, _ = built
    stages = Stages()
    before = (config.output / "site/index.html").read_bytes()
    build(config.model_copy(update=changed), stages)
    assert set(stages.titles) <= {*ALWAYS, "Pictures", "Pages", "Zip"}
    assert "Pictures" in stages.titles
    stages.titles.clear()
    build(config, stages)
    assert (config.output / "site/index.html").read_bytes() == before
    assert "Weighing the evidence" not in stages.titles


def test_another_question_is_weighed(built: tuple[Config, Report, str]) -> None:
    config, _, _ = built
    stages = Stages()
    build(config.model_copy(update={"seed": 5, "experiments": "off"}), stages)
    assert "Weighing the evidence" in stages.titles
    build(config)


VALUES = [
    None, True, 3, 2**70, -0.0, float("nan"), float("inf"), 0.1, "é\u2028", b"\x00\xff", (1, (2.5, "x")), [],
    {"a": [1]}, {1: "one", (2, None): {}}, MappingProxyType({"k": (1,)}), frozenset({3, 1}), np.float64(0.1),
    np.int64(7), np.bool_(True),
    np.arange(6, dtype=np.float32).reshape(2, 3), np.asfortranarray(np.arange(6.0).reshape(2, 3)), np.zeros((0, 4)),
    np.array(["a", None, 2.5], dtype=object), np.array(["ab", "c"]), DataNote("t", "x", ("i",), True),
    pd.DataFrame({"n": [1, 2], "w": ["a", None], "x": [0.5, np.nan]}, index=[4, 2]),
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=lambda value: f"{type(value).__name__} {value!r:.20}")
def test_values_of_every_kind(value: Any) -> None:
    writer = conclusions._Writer(())
    plain = json.loads(json.dumps(writer.plain(value)))
    assert same(conclusions._Reader(writer.arrays, memoryview(b"".join(writer.parts)), ()).value(plain), value)


@pytest.mark.parametrize("value", [object(), np.array([object()]), lambda: 0, pd.Series([1])])
def test_what_cannot_be_kept_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="cannot be kept"):
        conclusions._Writer(()).plain(value)


def test_an_array_that_the_analysis_holds_or_that_stands_twice_is_kept_once() -> None:
    record, own = np.arange(3.0), np.arange(4.0)
    writer = conclusions._Writer((record,))
    plain = writer.plain((record, own, own))
    assert len(writer.arrays) == 1
    read = conclusions._Reader(writer.arrays, memoryview(b"".join(writer.parts)), (record,)).value(plain)
    assert read[0] is record and read[1] is read[2] and same(read[1], own)


@pytest.mark.parametrize(
    "plain",
    [
        {"fields": ["subprocess:Popen", []]},
        {"fields": ["reportgen.commands.build:build", []]},
        {"fields": ["reportgen.commands.conclusions:Path", []]},
        {"fields": ["reportgen.commands.conclusions:_Writer", []]},
        {"fields": ["reportgen.site.report:DataNote", ["too few"]]},
        {"fields": ["reportgen.never_loaded:Thing", []]},
        {"enum": ["reportgen.site.report:DataNote", "x"]},
        {"call": ["os.system", "true"]},
        {"array": 7},
        {"list": 3},
        {"list": [], "tuple": []},
    ],
)
def test_a_file_makes_nothing_but_values_of_this_package(
    built: tuple[Config, Report, str], tmp_path: Path, plain: Any
) -> None:
    _, report, _ = built
    head = json.dumps({"key": "k", "values": {"seed": plain}, "arrays": [], "experiments": []}).encode()
    body = conclusions._MARK + zlib.compress(len(head).to_bytes(8, "big") + head)
    (tmp_path / "conclusions.bin").write_bytes(body)
    loaded = set(sys.modules)
    assert kept_conclusions(tmp_path, "k", analysis=report.analysis) is None
    assert set(sys.modules) == loaded


def test_a_damaged_file_counts_as_none(built: tuple[Config, Report, str], tmp_path: Path) -> None:
    config, report, key = built
    whole = (config.output / "analysis/conclusions.bin").read_bytes()
    for damaged in (b"", whole[:200], whole[:-100], b"x" + whole, whole[:100] + b"?" + whole[101:]):
        (tmp_path / "conclusions.bin").write_bytes(damaged)
        assert kept_conclusions(tmp_path, key, analysis=report.analysis) is None
