"""A checkpoint's hash: that of its bytes now, however often it is asked for."""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path

import pytest

from reportgen.errors import CheckpointError
from reportgen.inputs.checkpoints.file import checkpoint_sha256


def test_a_file_that_was_written_to_or_replaced_has_another_hash(tmp_path: Path) -> None:
    path = tmp_path / "model.pth"
    path.write_bytes(b"first")
    assert checkpoint_sha256(path) == checkpoint_sha256(path) == sha256(b"first").hexdigest()
    before = path.stat()
    while path.stat().st_ctime_ns == before.st_ctime_ns:  # clocks of file systems tick every few milliseconds
        path.write_bytes(b"other")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert checkpoint_sha256(path) == sha256(b"other").hexdigest()
    (tmp_path / "new").write_bytes(b"third")
    (tmp_path / "new").replace(path)
    assert checkpoint_sha256(path) == sha256(b"third").hexdigest()
    path.unlink()
    with pytest.raises(CheckpointError, match="cannot be read"):
        checkpoint_sha256(path)
