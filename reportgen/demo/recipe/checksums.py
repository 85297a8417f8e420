"""Write `SHA256SUMS` over the demo's data, in the format of `sha256sum`.

python -m reportgen.demo.recipe.checksums
"""

from __future__ import annotations

import hashlib
from pathlib import Path

__all__ = ["main"]


def main() -> None:
    """Hash every file below `data/`, sorted by name."""
    folder = Path(__file__).resolve().parents[1] / "data"
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.name != "SHA256SUMS")
    lines = [f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.relative_to(folder).as_posix()}\n" for p in files]
    (folder / "SHA256SUMS").write_text("".join(lines), encoding="utf-8")
    print(f"{len(files)} files, {sum(p.stat().st_size for p in files) / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
