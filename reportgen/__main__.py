"""`python -m reportgen`, and what the installed command runs."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType

from reportgen.errors import STOPPED

__all__ = ["main"]


def main() -> None:
    """Run the command line; Ctrl-C is one line from the first moment on, also while libraries are loaded."""
    # Whoever started this may have Ctrl-C ignored, as nohup does: that stays.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupted)
    try:
        from reportgen.cli import main as run

        run()
    except KeyboardInterrupt:
        sys.stderr.write(f"{STOPPED}\n")
        sys.exit(130)


def _interrupted(number: int, frame: FrameType | None) -> None:
    """Stop; at once where a library is half loaded, as some turn the interruption into an error of their own."""
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            # Ending without clearing up is safe: a killed build goes on where it stopped.
            os.write(2, f"{STOPPED}\n".encode())
            os._exit(130)
        frame = frame.f_back
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
