"""Nothing grows while it builds for long; `REPORTGEN_LONG_RUN` sets the seconds: 60 in CI, an hour by hand."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="memory and files are read from /proc")
def test_memory_threads_and_files_do_not_grow() -> None:
    seconds = os.environ.get("REPORTGEN_LONG_RUN", "15")
    script = Path(__file__).with_name("long_run.py")
    done = subprocess.run(
        [sys.executable, str(script), "--seconds", seconds], capture_output=True, text=True, check=False
    )
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
