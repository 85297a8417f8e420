"""`reportgen build`, and the program in one page: from the user's files to the site.

    inputs -> (faces, models) explain -> analysis/ -> evidence -> site

What comes behind `analysis/` is in `finish.py`, which is loaded only where something has changed. `explain` and `merge`
are the same with other images, or with an analysis that is already there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from reportgen.analysis import read_manifest
from reportgen.commands.build_cache import conclusions_key, remember, site_key, unchanged
from reportgen.commands.settle import Settled, read_inputs, settle
from reportgen.config import Config
from reportgen.explain.analyse import analyse
from reportgen.files import sweep_leftovers
from reportgen.inputs.discover import Discovery, discover
from reportgen.inputs.testset import TestSet
from reportgen.lock import build_lock
from reportgen.output_guard import Kind, check_output, claim
from reportgen.progress import Progress, SilentProgress
from reportgen.result import BuildResult
from reportgen.shards import check_ends
from reportgen.site.bundle.zip import archive_date

__all__ = ["build", "judge_only", "make_report", "own_output", "run"]


def build(config: Config, progress: Progress | None = None) -> BuildResult:
    """Build the report.

    Parameters
    ----------
    config
        Data and models may be left out: then the notebook's files in the working directory are used.
    progress
        Shows the stages; silent if None.

    Raises
    ------
    ReportError
        The inputs cannot be used, or the output cannot be written.
    """
    progress = progress or SilentProgress()
    found = discover(config)
    return run(found, "build", read_inputs(found, progress), progress)


def run(found: Discovery, kind: Kind, read: Settled, progress: Progress) -> BuildResult:
    """Run the models over the images, then make the report.

    Parameters
    ----------
    found
        The settings as the user gave them, with data and models filled in.
    read
        The test set, with the settings that reading it has completed.

    Raises
    ------
    ReportError
        A model cannot be used, or the output cannot be written.
    """
    for sentence in found.missing:
        progress.note(f"warning: {sentence}")
    with own_output(found.config, kind, progress):
        settled = _analyse(found, read, progress)
        return make_report(settled.config, kind, settled.test_set, found.missing, progress, found.config)


def judge_only(config: Config) -> Path:
    """A build without its site, for those who read nothing but the tables of its conclusions.

    Returns
    -------
    Folder of the analysis, with the tables in `tables/`.

    Raises
    ------
    ReportError
        As `build`.
    """
    from reportgen.commands.finish import judge  # all that judges takes seconds to load

    progress = SilentProgress()
    found = discover(config)
    read = read_inputs(found, progress)
    with own_output(found.config, "build", progress):
        settled = _analyse(found, read, progress)
        with _one_thread():
            judge(settled.config, found.config, settled.test_set, "", progress)
    return found.config.output / "analysis"


def _analyse(found: Discovery, read: Settled, progress: Progress) -> Settled:
    """Run the models over the images; what is open about a model is decided first, and said."""
    folder = found.config.output / "analysis"
    settled = settle(found, read, folder, progress)
    if settled.choices:
        from reportgen.site.wording.input_choice import choice_texts  # most builds have no such words to say

        for name, choices in settled.choices.items():
            for said in (said for choice in choices for said in choice_texts(name, choice) if not said.advice):
                progress.note(f"{said.title}: {said.text}")
    analyse(settled.config, settled.test_set, folder, progress, found.missing, settled.recorded)
    return settled


def _one_thread() -> AbstractContextManager[object]:
    """One thread for a product of matrices: a sum that several threads share out is rounded by their number, and those
    of judging are so small that they would mostly wait for each other.
    """
    from threadpoolctl import threadpool_limits

    limits: AbstractContextManager[object] = threadpool_limits(1, user_api="blas")
    return limits


@contextmanager
def own_output(config: Config, kind: Kind, progress: Progress) -> Iterator[None]:
    """Hold the output folder for one command, checked before anything is computed.

    Raises
    ------
    ConfigError
        SOURCE_DATE_EPOCH is no time.
    OutputError
        Another build writes there, or the folder holds what is not this command's to replace.
    """
    archive_date()
    with build_lock(config.output, progress.note):
        check_output(config.output, kind, zipped=config.zip, mailed=config.mail, single=config.single_file)
        sweep_leftovers(config.output)
        claim(config.output, kind)
        yield


def make_report(
    config: Config,
    kind: Kind,
    test_set: TestSet,
    missing: Sequence[str],
    progress: Progress,
    written: Config | None = None,
) -> BuildResult:
    """Make the site from a finished analysis; nothing is made where nothing has changed since the last one.

    Parameters
    ----------
    config
        The settings that the models run with.
    missing
        One sentence for each model whose checkpoint was not found.
    written
        The settings as the user gave them, where evidence has added to them: whoever follows the report's recipe has
        the same choices made again, and the same images left out.

    Raises
    ------
    ReportError
        A model that an experiment needs cannot be used, or the output cannot be written.
    """
    running, config = config, written or config
    conclusions = conclusions_key(read_manifest(config.output / "analysis"), test_set, config)
    key = site_key(conclusions, config)
    before = unchanged(config, key)
    if before is not None:
        check_ends(config.output / "analysis")  # people read it, too
        progress.note("nothing has changed: the report is up to date")
        return before
    from reportgen.commands.finish import finish  # all that judges and draws takes seconds to load

    with _one_thread():
        result = finish(running, config, test_set, conclusions, missing, progress)
    remember(config, kind, key, result)
    return result
