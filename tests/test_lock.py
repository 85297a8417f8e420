"""One build at a time: by the system's lock, which ends with its process."""

import os
import threading

import pytest

from reportgen import lock
from reportgen.errors import OutputError
from reportgen.lock import LOCK, UNLOCKED, build_lock


def test_the_folder_is_made_and_the_file_goes(tmp_path):
    folder, told = tmp_path / "a/b", []
    with build_lock(folder, told.append):
        assert told == []
        assert (folder / LOCK).read_text() == f"{os.getpid()}\n"
    assert list(folder.iterdir()) == []


def test_a_second_one_is_refused_with_the_first_ones_number_and_changes_nothing(tmp_path):
    with build_lock(tmp_path):
        said = rf"another build \(process {os.getpid()}\) is writing here; wait"
        with pytest.raises(OutputError, match=said), build_lock(tmp_path):
            raise AssertionError
        assert (tmp_path / LOCK).read_text() == f"{os.getpid()}\n"
    with build_lock(tmp_path):
        pass


@pytest.mark.parametrize("content", ["", "4711\n", "not a number", "x" * 5000])
def test_a_file_that_nobody_holds_is_taken_over(tmp_path, content):
    (tmp_path / LOCK).write_text(content)
    with build_lock(tmp_path):
        assert (tmp_path / LOCK).read_text() == f"{os.getpid()}\n"
    assert not (tmp_path / LOCK).exists()


def test_it_is_released_when_the_build_fails(tmp_path):
    with pytest.raises(KeyboardInterrupt), build_lock(tmp_path):
        raise KeyboardInterrupt
    with build_lock(tmp_path):
        pass


def test_of_many_at_once_one_at_a_time_gets_it(tmp_path):
    """Also while files are removed under those who have just opened them."""
    inside, most, entered, refused = 0, 0, 0, 0
    guard = threading.Lock()

    def build():
        nonlocal inside, most, entered, refused
        for _ in range(60):
            try:
                with build_lock(tmp_path):
                    with guard:
                        inside += 1
                        entered += 1
                        most = max(most, inside)
                    with guard:
                        inside -= 1
            except OutputError:
                with guard:
                    refused += 1

    threads = [threading.Thread(target=build) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
    assert entered + refused == 360
    assert list(tmp_path.iterdir()) == []


def test_a_drive_without_locks_is_no_reason_not_to_build(tmp_path, monkeypatch):
    fcntl = pytest.importorskip("fcntl")

    def none(*_):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", none)
    told = []
    with build_lock(tmp_path, told.append):
        assert told == [UNLOCKED]
        assert "\n" not in UNLOCKED


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    said = r"file/out: cannot be written \(.*\); check space and permissions"
    with pytest.raises(OutputError, match=said), build_lock(tmp_path / "file/out"):
        pass


def test_windows_locks_far_behind_the_number_and_removes_after_closing(tmp_path, monkeypatch):
    """The other system's branch, run here with its module played: nothing else of it needs that system."""
    import importlib
    import sys
    import types

    calls = []

    def locking(descriptor, mode, count):
        calls.append((os.lseek(descriptor, 0, os.SEEK_CUR), mode, count))
        if len(calls) == 2:
            raise OSError(13, "Permission denied")

    played = types.SimpleNamespace(LK_NBLCK=2, locking=locking)
    monkeypatch.setitem(sys.modules, "msvcrt", played)
    monkeypatch.setattr(sys, "platform", "win32")
    try:
        importlib.reload(lock)
        with lock.build_lock(tmp_path), pytest.raises(OutputError, match="another build"), lock.build_lock(tmp_path):
            pass
        assert calls == [(1 << 30, 2, 1)] * 2
        assert not (tmp_path / LOCK).exists()
    finally:
        monkeypatch.undo()
        importlib.reload(lock)
