"""The readers under mutated files, for seconds; `fuzz_readers.py` does the same for as long as you like."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
@pytest.mark.parametrize("reader", ["pickle", "checkpoint", "image"])
def test_mutated_files_give_data_or_one_line(reader: str) -> None:
    pytest.importorskip("atheris", reason="atheris is not installed (pip install atheris; Linux)")
    script = Path(__file__).with_name("fuzz_readers.py")
    command = [sys.executable, script, "--reader", reader, "--seconds", "3"]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    assert done.returncode == 0, done.stderr[-2000:]
