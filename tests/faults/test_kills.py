"""Builds that are killed or interrupted go on and end with the bytes of an undisturbed one."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("kill_builds.py")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="the builds run in forks, which this system does not have"),
]


def killed(number: int, name: str) -> str:
    command = [sys.executable, str(SCRIPT), "--kills", str(number), "--signal", name]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_builds_killed_at_random_go_on() -> None:
    said = killed(20, "KILL")
    assert "20 of 20 went on" in said
    assert len(re.findall(r"^ +\d+ ", said, re.MULTILINE)) >= 2, "all kills fell into the same moment"


def test_builds_interrupted_at_random_go_on() -> None:
    assert "6 of 6 went on" in killed(6, "INT")
