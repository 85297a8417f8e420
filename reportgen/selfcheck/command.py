"""`reportgen selfcheck`: run a plan, print the score, write the certificate."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from reportgen.errors import ConfigError
from reportgen.explain.workers import available_cores
from reportgen.progress import Progress
from reportgen.selfcheck.certificate import write_certificate
from reportgen.selfcheck.plan import full_plan, quick_plan
from reportgen.selfcheck.run import run_plan
from reportgen.selfcheck.show import show
from reportgen.selfcheck.summary import Summary, summarise

__all__ = ["selfcheck"]


def selfcheck(quick: bool, work: Path, workers: int | None, console: Console, progress: Progress) -> Summary:
    """Run the quick or the full plan.

    Parameters
    ----------
    work
        Keeps what is done; the same command goes on where a killed one was.
    workers
        Models under way at once; None for as many as there are cores.

    Raises
    ------
    ReportError
        A trial failed, or the folder cannot be written.
    """
    if workers is not None and workers < 1:
        raise ConfigError(f"--workers {workers}: expected at least 1")
    trials = quick_plan() if quick else full_plan()
    outcomes = run_plan(trials, work, workers=workers or min(available_cores(), len(trials)), progress=progress)
    summary = summarise(outcomes)
    show(summary, console)
    path = write_certificate(work, summary, outcomes, "quick" if quick else "full")
    progress.note(f"certificate: {path}")
    progress.note(f"every model: {path.with_name('trials.csv')}")
    return summary
