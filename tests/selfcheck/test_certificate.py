"""What a run writes is what the report reads; it says on what machine, and nothing else about it."""

import platform
import socket

import pandas as pd
import pytest

from reportgen.evidence.certificate import read_certificate
from reportgen.explain.fingerprints import judging_code
from reportgen.selfcheck.artefacts import Artefact
from reportgen.selfcheck.certificate import describe_machine, write_certificate
from reportgen.selfcheck.outcome import COLUMNS, Outcome
from reportgen.selfcheck.plan import Trial
from reportgen.selfcheck.reliance import Reliance
from reportgen.selfcheck.report_verdicts import ReportVerdict
from reportgen.selfcheck.summary import summarise


def outcomes():
    taught = Trial("side-badge-00", "off-face", Artefact("side badge", "left"), "fear", 0.8, 0.0, "fine", 1)
    clean = Trial("clean-00", "clean", Artefact("side badge", "left"), "fear", 0.0, 0.0, "fine", 2)
    seconds = {"training": 30.0, "build": 30.0}
    found = (ReportVerdict("fear", "background", 2.0, "yes"),)
    return (
        Outcome(taught, 0.6, 0.5, Reliance(0.6, 0.7, 240), found, seconds),
        Outcome(clean, 0.6, 0.5, Reliance(0.0, float("nan"), 240), (), seconds),
    )


def test_a_written_certificate_is_read_back_number_for_number(tmp_path):
    summary = summarise(outcomes())
    write_certificate(tmp_path, summary, outcomes(), "full")
    read = read_certificate(tmp_path)
    assert read is not None
    for name in ("detection", "clean", "heat_detection"):
        wrote, got = getattr(summary, name), getattr(read, name)
        assert got.n == wrote.n
        assert got.low == pytest.approx(wrote.low, abs=1e-6)
        assert got.value == pytest.approx(wrote.value, abs=1e-6)
    assert not read.distractors.defined
    assert [kind.kind for kind in read.kinds] == ["side badge"]
    assert read.targets == tuple((t.title, t.wanted, t.found, t.met) for t in summary.targets)
    assert read.is_of(judging_code())
    assert not read.is_of("other")


def test_the_table_has_every_model_and_every_column(tmp_path):
    write_certificate(tmp_path, summarise(outcomes()), outcomes(), "full")
    table = pd.read_csv(tmp_path / "trials.csv")
    assert table["model"].tolist() == ["side-badge-00", "clean-00"]
    assert list(table.columns) == list(COLUMNS)


def test_a_quick_run_certifies_nothing(tmp_path):
    write_certificate(tmp_path, summarise(outcomes()), outcomes(), "quick")
    assert read_certificate(tmp_path) is None


def test_the_machine_is_described_but_not_named():
    said = describe_machine()
    assert said["cores"] >= 1
    assert said["processor"]
    names = {name for name in (platform.node(), socket.gethostname()) if len(name) > 3}
    assert not any(name in str(said) for name in names)
