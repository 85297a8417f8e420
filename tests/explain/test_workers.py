"""One thread per core, and memory that stays while it is needed: numbers and settings come back as they were."""

import subprocess
import sys

import pytest
import torch

from reportgen.explain.workers import available_cores, worker_threads


def test_every_worker_computes_alone_and_the_process_gets_its_threads_back():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        with worker_threads(2) as pool:
            assert set(pool.map(lambda _: torch.get_num_threads(), range(8))) == {1}
        assert torch.get_num_threads() == 3
        with pytest.raises(ZeroDivisionError), worker_threads(2) as pool:
            pool.submit(lambda: 1 / 0).result()
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
    assert available_cores() >= 1


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_freed_memory_is_kept_within_and_given_back_afterwards():
    """A page that was given back is a page fault when it is touched again. Huge pages, of which the system may or may
    not have any, are switched off so that every page counts.
    """
    program = """
import ctypes, resource, numpy as np
ctypes.CDLL(None).prctl(41, 1, 0, 0, 0)  # PR_SET_THP_DISABLE
from reportgen.explain.workers import _glibc, memory_kept_between_batches
def pages():
    return int(open("/proc/self/statm").read().split()[1])
def faults(rounds):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(rounds):
        a = np.ones(6_000_000, np.float32); b = a + 1; del a, b
    return (resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / rounds
faults(3)
without = faults(20)
start = pages()
with memory_kept_between_batches():
    faults(3)
    within = faults(20)
    kept = pages()
print(_glibc() is not None, without, within, kept - start, pages() - start)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)
    glibc, without, within, kept, afterwards = done.stdout.split()
    if glibc == "False":
        pytest.skip("another C library")
    assert float(without) > 10_000  # of the 11,700 pages that a round touches
    assert float(within) < 100
    assert int(kept) > 5000
    assert int(afterwards) < 3000
