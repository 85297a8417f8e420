"""`reportgen selfcheck`: run a plan on several processes, print the score, write the certificate."""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from rich.console import Console

from reportgen.errors import BuildError, ConfigError, OutputError
from reportgen.explain.workers import available_cores
from reportgen.progress import Progress, SilentProgress
from reportgen.selfcheck.certificate import write_certificate
from reportgen.selfcheck.outcome import Outcome
from reportgen.selfcheck.plan import Trial, full_plan, quick_plan
from reportgen.selfcheck.show import show
from reportgen.selfcheck.summary import Summary, summarise
from reportgen.selfcheck.trial import Effort, run_trial

__all__ = ["run_plan", "selfcheck"]


def selfcheck(quick: bool, work: Path, workers: int | None, console: Console, progress: Progress) -> Summary:
    """Run the quick or the full plan.

    Parameters
    ----------
    work
        Stores what is done; the same command resumes an interrupted run.
    workers
        Models trained at the same time; None for one per core.

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


def run_plan(
    trials: Sequence[Trial],
    work: Path,
    effort: Effort | None = None,
    workers: int = 1,
    progress: Progress | None = None,
) -> tuple[Outcome, ...]:
    """Run every trial that is not done yet.

    Parameters
    ----------
    work
        Folder of the intermediate results; created if missing.
    workers
        Trials run at the same time, one core each. The outcomes do not depend on it.

    Returns
    -------
    One outcome per trial, in the plan's order.

    Raises
    ------
    ReportError
        A trial failed; finished trials stay on disk.
    """
    effort, progress = effort or Effort(), progress or SilentProgress()
    if workers < 1:
        raise ConfigError(f"--workers {workers}: expected at least 1")
    try:
        work.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{work}: cannot be made ({error.strerror}); choose another --work") from None
    outcomes: dict[str, Outcome] = {}
    with progress.stage("Training and judging models", len(trials)) as step:
        if workers == 1:
            for trial in trials:
                outcomes[trial.name] = run_trial(trial, work, effort)
                step.advance()
        else:
            # A fresh process each: torch must not be copied by fork while its threads run.
            context = multiprocessing.get_context("spawn")
            with ProcessPoolExecutor(workers, mp_context=context) as pool:
                waiting = {pool.submit(run_trial, trial, work, effort): trial for trial in trials}
                try:
                    for future in as_completed(waiting):
                        outcomes[waiting[future].name] = future.result()
                        step.advance()
                except BrokenProcessPool:
                    raise BuildError(f"{work}: a worker process was killed; run the same command to resume") from None
                finally:
                    pool.shutdown(wait=True, cancel_futures=True)
    return tuple(outcomes[trial.name] for trial in trials)
