"""Every reader under mutated files, for seconds; `fuzz_readers.py` does the same for as long as you like."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from fuzz.fuzz_readers import READERS, run


@pytest.mark.slow
def test_mutated_files_give_data_or_one_line() -> None:
    """Two readers at a time, each in a process of its own; about a minute for all."""
    pytest.importorskip("atheris", reason="atheris is not installed (pip install atheris; Linux)")
    with ThreadPoolExecutor(2) as pool:
        found = dict(zip(READERS, pool.map(lambda reader: run(reader, 3, 1), READERS), strict=True))
    print("fuzzed:", {reader: runs for reader, (runs, _) in found.items()})
    assert {reader: trouble for reader, (_, trouble) in found.items() if trouble} == {}
    # Seeds count as inputs too: without any beyond them a reader has not been fuzzed at all.
    assert min(runs for runs, _ in found.values()) > 20, found
