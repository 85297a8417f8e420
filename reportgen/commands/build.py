"""`reportgen build`, and the program in one page: from the user's files to the site.

    inputs -> (faces, models) explain -> analysis/ -> evidence -> site

`explain` and `merge` are the same with other images, or with an analysis that is already there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from reportgen.analysis import read_predictions, read_records, rows_with_maps
from reportgen.commands.build_cache import remember, site_key, unchanged
from reportgen.commands.conclude import alarms, conclude, measure_again
from reportgen.commands.experiments import Experiments
from reportgen.commands.settle import Settled, read_inputs, settle
from reportgen.config import Config
from reportgen.evidence.errors.findings import find_reasons
from reportgen.evidence.examples.sampling import draw_sample
from reportgen.evidence.tables import write_tables
from reportgen.explain.analyse import analyse
from reportgen.files import sweep_leftovers
from reportgen.inputs.discover import Discovery, discover
from reportgen.inputs.priors import training_priors
from reportgen.inputs.testset import TestSet
from reportgen.lock import build_lock
from reportgen.output_guard import Kind, check_output, claim
from reportgen.progress import Progress, SilentProgress
from reportgen.result import BuildResult
from reportgen.site.bundle.zip import archive_date
from reportgen.site.publish import publish
from reportgen.site.wording.input_choice import choice_texts
from reportgen.site.wording.models import class_order_warning
from reportgen.site.wording.scope import doubts_about_models
from reportgen.site.wording.tables import report_tables

__all__ = ["build", "make_report", "own_output", "run"]


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
        folder = found.config.output / "analysis"
        settled = settle(found, read, folder, progress)
        for name, choices in settled.choices.items():
            for said in (said for choice in choices for said in choice_texts(name, choice) if not said.advice):
                progress.note(f"{said.title}: {said.text}")
        analyse(settled.config, settled.test_set, folder, progress, found.missing, settled.recorded)
        return make_report(settled.config, kind, settled.test_set, found.missing, progress, found.config)


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
    folder = config.output / "analysis"
    running, config = config, written or config
    everything = read_predictions(folder)
    key = site_key(everything, test_set, config)
    before = unchanged(config, key)
    if before is not None:
        progress.note("nothing has changed: the report is up to date")
        return before
    with progress.stage("Reading the records"):
        most = config.max_explained_images
        sample = draw_sample(everything.labels, most, config.seed, among=rows_with_maps(everything))
        analysis = read_records(everything, sample)
    experiments = Experiments(analysis, test_set, running, progress)
    transplants, interventions = experiments.transplants(), experiments.interventions()
    components = experiments.components()
    with progress.stage("Weighing the evidence"):
        report = conclude(everything, analysis, test_set, config, transplants, interventions, components)
    clean = experiments.without_cues(report)
    if clean:
        report = measure_again(report, transplants, clean)
    reasons = find_reasons(
        analysis,
        None if report.attention is None else report.attention.measures,
        experiments.occlusions(report),
        training_priors(test_set.training, analysis.classes),
        shortcuts=experiments.shortcut_errors(report),
        unweighted=config.assume_unweighted_training,
    )
    report = replace(report, reasons=reasons)
    write_tables(folder / "tables", *report_tables(report))
    published = publish(report, config.output, config, progress)
    doubts = [class_order_warning(order) for order in report.class_orders if order is not None]
    result = BuildResult(
        published.site,
        published.zip,
        folder,
        alarms(report, missing),
        (*doubts, *doubts_about_models(report), *published.warnings),
        published.single,
        published.mail,
    )
    remember(config, kind, key, result)
    return result
