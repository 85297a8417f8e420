"""Writes the files of a site, and the list of them that says later which are ours."""

from __future__ import annotations

import hashlib
from pathlib import Path

from reportgen.files import write_json
from reportgen.output_guard import MANIFEST, MARK

__all__ = ["SiteWriter"]


class SiteWriter:
    """Writes files below a folder and remembers them; may be called from several threads.

    Attributes
    ----------
    files
        Hash and size of every file by its path.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self.files: dict[str, tuple[str, int]] = {}

    def __call__(self, path: str, content: bytes) -> None:
        """Write one file."""
        target = self._root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        self.files[path] = (hashlib.sha256(content).hexdigest(), len(content))

    def close(self) -> None:
        """Write the manifest beside the files; it is not among them."""
        digests = {name: digest for name, (digest, _) in sorted(self.files.items())}
        write_json(self._root / MANIFEST, {"made_by": MARK, "files": digests})
