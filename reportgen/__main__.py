"""`python -m reportgen`, and what the installed command runs."""

from __future__ import annotations

import sys

from reportgen.errors import STOPPED

__all__ = ["main"]


def main() -> None:
    """Run the command line; Ctrl-C is one line from the first moment on, also while libraries are loaded."""
    try:
        from reportgen.cli import main as run

        run()
    except KeyboardInterrupt:
        sys.stderr.write(f"{STOPPED}\n")
        sys.exit(130)


if __name__ == "__main__":
    main()
