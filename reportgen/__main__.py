"""`python -m reportgen`, and what the installed command runs."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType

from reportgen.errors import INTERRUPTED

__all__ = ["main"]


def main() -> None:
    """Run the command line. Ctrl-C prints one line from the very start, even while libraries are still loading."""
    # Whoever started this process may have told it to ignore Ctrl-C, as nohup does: respect that.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupted)
    try:
        from reportgen.cli import main as run

        run()
    except KeyboardInterrupt:
        sys.stderr.write(f"{INTERRUPTED}\n")
        sys.exit(130)


def _interrupted(number: int, frame: FrameType | None) -> None:
    """Stop, and at once while a library is loading: some turn the interruption into an error of their own."""
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            # No clean-up is needed: a killed build resumes where it stopped.
            os.write(2, f"{INTERRUPTED}\n".encode())
            os._exit(130)
        frame = frame.f_back
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
