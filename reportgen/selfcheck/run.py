"""All trials of a plan, on several processes, each resumable by itself."""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from reportgen.errors import BuildError, ConfigError, OutputError
from reportgen.progress import Progress, SilentProgress
from reportgen.selfcheck.outcome import Outcome
from reportgen.selfcheck.plan import Trial
from reportgen.selfcheck.trial import Effort, run_trial

__all__ = ["run_plan"]


def run_plan(
    trials: Sequence[Trial],
    work: Path,
    effort: Effort | None = None,
    workers: int = 1,
    progress: Progress | None = None,
) -> tuple[Outcome, ...]:
    """Run every trial; those that are done already cost nothing.

    Parameters
    ----------
    work
        Folder of the intermediate results; made if it is not there.
    workers
        Trials under way at once, one core each. The outcomes do not depend on it.

    Returns
    -------
    One outcome per trial, in the plan's order.

    Raises
    ------
    ReportError
        A trial failed; what is done stays on disk.
    """
    effort, told = effort or Effort(), progress or SilentProgress()
    if workers < 1:
        raise ConfigError(f"--workers {workers}: expected at least 1")
    try:
        work.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{work}: cannot be made ({error.strerror}); choose another --work") from None
    outcomes: dict[str, Outcome] = {}
    with told.stage("Training and judging models", len(trials)) as step:
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
                    raise BuildError(f"{work}: a worker was ended from outside; the same command goes on") from None
                finally:
                    pool.shutdown(wait=True, cancel_futures=True)
    return tuple(outcomes[trial.name] for trial in trials)
