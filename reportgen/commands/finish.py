"""From a finished analysis to the site: the records are judged, experiments made, conclusions drawn and published."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from reportgen.analysis import Analysis, AnalysisPredictions, read_predictions, read_records, rows_with_maps
from reportgen.commands.conclude import alarms, conclude, image_loader, weigh_swaps
from reportgen.commands.conclusions import keep_conclusions, kept_conclusions
from reportgen.commands.experiments import Experiments
from reportgen.commands.repairs import preview_repairs
from reportgen.config import Config
from reportgen.evidence.errors.findings import find_reasons
from reportgen.evidence.examples.sampling import draw_sample
from reportgen.evidence.groups.judging import judge_groups
from reportgen.evidence.tables import write_tables
from reportgen.inputs.priors import training_priors
from reportgen.inputs.testset import TestSet
from reportgen.progress import Progress
from reportgen.result import BuildResult
from reportgen.site.publish import publish
from reportgen.site.recipe import build_command
from reportgen.site.report import Report
from reportgen.site.report_tables import report_tables
from reportgen.site.wording.models import class_order_warning
from reportgen.site.wording.performance.groups import missing_columns
from reportgen.site.wording.scope import doubts_about_models

__all__ = ["finish", "judge"]


def finish(
    running: Config, config: Config, test_set: TestSet, key: str, missing: Sequence[str], progress: Progress
) -> BuildResult:
    """Judge the analysis in `output/analysis` and write the site.

    Parameters
    ----------
    running, config
        The settings that the models run with, and those that the report states.
    key
        That of the conclusions: those that are kept under it are shown as they are.
    missing
        One sentence for each model whose checkpoint was not found.

    Raises
    ------
    ReportError
        A model that an experiment needs cannot be used, or the output cannot be written.
    """
    report = judge(running, config, test_set, key, progress)
    published = publish(report, config.output, config, progress)
    doubts = [class_order_warning(order) for order in report.class_orders if order is not None]
    return BuildResult(
        published.site,
        published.zip,
        config.output / "analysis",
        alarms(report, missing),
        (*doubts, *doubts_about_models(report), *missing_columns(report), *published.warnings),
        published.single,
        published.mail,
    )


def judge(running: Config, config: Config, test_set: TestSet, key: str, progress: Progress) -> Report:
    """All that is concluded from the analysis in `output/analysis`, whose tables are written there.

    Parameters
    ----------
    running, config, key
        As for `finish`; with an empty key nothing is kept, and what would flip predictions, robustness and repairs are
        not looked for, as only pages show them.

    Raises
    ------
    ReportError
        A model that an experiment needs cannot be used, or the folder cannot be written.
    """
    folder = config.output / "analysis"
    with progress.stage("Reading the records"):
        everything = read_predictions(folder)
        most = config.max_explained_images
        sample = draw_sample(everything.labels, most, config.seed, among=rows_with_maps(everything))
        analysis = read_records(everything, sample)
    report = kept_conclusions(
        folder,
        key,
        analysis=analysis,
        predictions=everything,
        load_image=image_loader(analysis, test_set),
        command=build_command(config),
    )
    if report is None:
        report = _concluded(everything, analysis, test_set, running, config, progress, shown=bool(key))
        if key:
            with suppress(TypeError):  # what cannot be kept is weighed again another time
                keep_conclusions(report, folder, key)
    write_tables(folder / "tables", *report_tables(report))
    return report


def _concluded(
    everything: AnalysisPredictions,
    analysis: Analysis,
    test_set: TestSet,
    running: Config,
    config: Config,
    progress: Progress,
    *,
    shown: bool,
) -> Report:
    """Make the experiments and weigh all that is known."""
    experiments = Experiments(analysis, test_set, running, progress)
    interventions, components, marks = experiments.interventions(), experiments.components(), experiments.marks()
    with progress.stage("Weighing the evidence"):
        report = conclude(everything, analysis, test_set, config, interventions, components, marks)
    transplants = experiments.transplants(report)
    with progress.stage("Weighing the swaps"):
        report = weigh_swaps(report, transplants)
    clean = experiments.without_cues(report)
    if clean:
        report = weigh_swaps(report, transplants, clean)
    report = replace(report, places=experiments.places(report), flips=experiments.flips(report) if shown else None)
    with progress.stage("Comparing groups"):
        groups = judge_groups(analysis, report.importance, config.groups, config.seed)
    reasons = find_reasons(
        analysis,
        None if report.attention is None else report.attention.measures,
        experiments.occlusions(report),
        training_priors(test_set.training, analysis.classes),
        shortcuts=experiments.shortcut_errors(report),
        unweighted=config.assume_unweighted_training,
    )
    robustness = experiments.robustness(report.importance) if shown else None
    report = replace(report, reasons=reasons, groups=groups, robustness=robustness)
    return replace(report, repairs=preview_repairs(report, experiments, interventions.cues) if shown else None)
