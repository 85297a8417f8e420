"""One build, from the user's files to the site: with `conclusions.py` the only module that sees every room.

inputs -> (faces, models) explain -> analysis/ -> evidence -> site
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from reportgen.analysis import Analysis, read_answers, read_manifest, read_records, sweep_leftovers
from reportgen.commands.build_cache import remember, site_key, unchanged
from reportgen.commands.conclude import Said, alarms, conclude
from reportgen.commands.merge import merge_analyses, refuse_own_input
from reportgen.config import Config
from reportgen.evidence.errors.findings import find_reasons
from reportgen.evidence.errors.occlusions import Occlusions, choose_occlusions, measure_occlusions
from reportgen.evidence.errors.reasons import ReasonFindings
from reportgen.evidence.errors.shortcut_errors import ShortcutErrors, choose_shortcut_errors, measure_shortcut_errors
from reportgen.evidence.examples.sampling import draw_sample
from reportgen.evidence.tables import write_tables
from reportgen.explain.analyse import analyse
from reportgen.explain.experiments.experiment import Experiment
from reportgen.explain.experiments.interventions import intervention_experiment, shortcut_error_experiment
from reportgen.explain.experiments.occlusions import occlusion_experiment
from reportgen.explain.experiments.perform import perform
from reportgen.explain.experiments.transplants import transplant_experiment
from reportgen.inputs.discover import discover, discover_models, with_checkpoints
from reportgen.inputs.emotions import EMOTIONS
from reportgen.inputs.priors import training_priors
from reportgen.inputs.relocate import find_again, reorder
from reportgen.inputs.testset import TestSet, images_without_labels, load_test_set
from reportgen.lock import build_lock
from reportgen.output_guard import Kind, check_output, claim
from reportgen.progress import Progress, SilentProgress
from reportgen.result import BuildResult
from reportgen.shards import PartStore
from reportgen.site.bundle.zip import archive_date
from reportgen.site.publish import publish
from reportgen.site.report import Report

__all__ = ["BuildResult", "build", "explain", "merge"]

Ask = Callable[[Experiment | None, str], Said]
"""Shows the pictures of an experiment to the models, under a title; no experiment, no answers."""


def build(config: Config, progress: Progress | None = None) -> BuildResult:
    """Build the report.

    Parameters
    ----------
    config
        Data and models may be left out: then the notebook's files in the working directory are used.
    progress
        Is told of stages; silent if None.

    Raises
    ------
    ReportError
        The inputs cannot be used, or the output cannot be written.
    """
    told = progress or SilentProgress()
    found = discover(config)
    with told.stage("Reading the test set"):
        test_set = load_test_set(found.config)
    return _build(found.config, "build", test_set, found.missing, told)


def explain(config: Config, images: Sequence[Path], progress: Progress | None = None) -> BuildResult:
    """Build the same pictures and pages for images without labels.

    Raises
    ------
    ReportError
        No image is there, the models cannot be used, or the output cannot be written.
    """
    found = discover_models(config)
    test_set = images_without_labels(images, found.config.classes or EMOTIONS)
    return _build(found.config, "explain", test_set, found.missing, progress or SilentProgress())


def _build(config: Config, kind: Kind, test_set: TestSet, missing: Sequence[str], progress: Progress) -> BuildResult:
    for sentence in missing:
        progress.note(f"warning: {sentence}")
    archive_date()  # a SOURCE_DATE_EPOCH that cannot be used is said before anything is computed
    with build_lock(config.output, progress.note):
        _prepare(config, kind)
        analyse(config, test_set, config.output / "analysis", progress, missing)
        return _publish(config, kind, test_set, missing, progress)


def _prepare(config: Config, kind: Kind) -> None:
    """Look at the output folder before anything is computed, while no other build writes there."""
    check_output(config.output, kind, zipped=config.zip, mailed=config.mail, single=config.single_file)
    sweep_leftovers(config.output)
    claim(config.output, kind)


def merge(config: Config, folders: Sequence[Path], progress: Progress | None = None) -> BuildResult:
    """Join analyses of disjoint parts of one test set, and build the report on all of it.

    Parameters
    ----------
    config
        `data` may name the whole test set; else the images are looked for under `image_root`, the working directory and
        the folders. Models are needed for experiments on changed images only.
    folders
        What `reportgen build` wrote for each part: its output, or the analysis inside.

    Raises
    ------
    ReportError
        The analyses do not belong together, an image is not found, or the output cannot be written.
    """
    told = progress or SilentProgress()
    archive_date()
    refuse_own_input(config.output, folders)
    with build_lock(config.output, told.note):
        _prepare(config, "merge")
        return _merge_alone(config, folders, told)


def _merge_alone(config: Config, folders: Sequence[Path], told: Progress) -> BuildResult:
    folder = config.output / "analysis"
    with told.stage("Joining the analyses", len(folders)):
        merge_analyses(folders, folder)
    manifest = read_manifest(folder)
    with told.stage("Finding the images"):
        images = PartStore(folder / "images").read(manifest["parts"]).to_pandas()
        if config.data is not None:
            test_set = reorder(load_test_set(config), images)
        else:
            near = [place for part in folders for place in (part, part.parent)]
            roots = [root for root in (config.image_root, Path.cwd(), *near) if root is not None]
            test_set = find_again(images, manifest["classes"], roots, str(manifest["data"]["source"]))
    config = with_checkpoints(config, manifest["models"])
    lost = [model["name"] for model in manifest["models"] if model["name"] not in config.models]
    if lost and config.experiments != "off":
        told.note(f"warning: no checkpoint of {', '.join(lost)}, so no experiment on changed images was made")
        config = config.model_copy(update={"experiments": "off"})
    return _publish(config, "merge", test_set, (), told)


def _publish(config: Config, kind: Kind, test_set: TestSet, missing: Sequence[str], progress: Progress) -> BuildResult:
    """From a finished analysis to the site."""
    folder = config.output / "analysis"
    everything = read_answers(folder)
    key = site_key(everything, test_set, config)
    before = unchanged(config, key)
    if before is not None:
        progress.note("nothing has changed: the report is up to date")
        return before
    with progress.stage("Reading the records"):
        analysis = read_records(everything, draw_sample(everything.labels, config.sample_images, config.seed))
    ask = partial(_ask, test_set, config, analysis, progress)
    answers = _experiments(analysis, config, ask)
    with progress.stage("Weighing the evidence"):
        report = conclude(everything, analysis, test_set, config, *answers)
    report = replace(report, reasons=_find_reasons(report, test_set, config, ask))
    write_tables(folder / "tables", *report.tables)
    published = publish(report, config.output, config, progress)
    permuted = [order.sentence for order in report.class_orders if order is not None]
    warnings = (*permuted, *published.warnings)
    result = BuildResult(
        published.site, published.zip, folder, alarms(report, missing), warnings, published.single, published.mail
    )
    remember(config, kind, key, result)
    return result


def _ask(
    test_set: TestSet, config: Config, analysis: Analysis, progress: Progress, experiment: Experiment | None, title: str
) -> Said:
    """The answers to one experiment."""
    if experiment is None:
        return {}
    found = perform(experiment, config, test_set, analysis, progress, title)
    return {slug: (said.design, said.logits) for slug, said in found.items()}


def _experiments(analysis: Analysis, config: Config, ask: Ask) -> tuple[Said, Said]:
    """The answers to regions transplanted and to properties taken away; nothing where no experiments are wanted."""
    if config.experiments == "off":
        return {}, {}
    return (
        ask(transplant_experiment(analysis, config.experiments, config.seed), "Transplanting regions"),
        ask(intervention_experiment(analysis, config.experiments, config.seed), "Taking properties away"),
    )


def _find_reasons(report: Report, test_set: TestSet, config: Config, ask: Ask) -> ReasonFindings | None:
    """Why images were misclassified, with pictures changed of errors that were found before."""
    attention = report.attention
    return find_reasons(
        report.analysis,
        None if attention is None else attention.measures,
        _occlusions(report, config, ask),
        training_priors(test_set.training, report.analysis.classes),
        shortcuts=_shortcut_errors(report, config, ask),
        unweighted=config.training_unweighted,
        seed=config.seed,
    )


def _occlusions(report: Report, config: Config, ask: Ask) -> Occlusions | None:
    """What changes when regions of errors do; None where nothing is to be shown."""
    analysis, attention = report.analysis, report.attention
    if config.experiments == "off" or attention is None:
        return None
    chosen = choose_occlusions(analysis, attention.measures, report.mined, config.seed)
    experiment = occlusion_experiment(
        analysis, chosen.strips, chosen.hot, chosen.controls, config.experiments, config.seed
    )
    if experiment is None:
        return None
    said = ask(experiment, "Changing regions of errors")
    return measure_occlusions(experiment.design, {slug: logits for slug, (_, logits) in said.items()}, analysis)


def _shortcut_errors(report: Report, config: Config, ask: Ask) -> Mapping[str, ShortcutErrors]:
    """Whether errors go with the property that a shortcut rests on; nothing where no experiments are wanted."""
    if config.experiments == "off":
        return {}
    analysis, found = report.analysis, () if report.shortcuts is None else report.shortcuts.found
    chosen = choose_shortcut_errors(analysis, found, config.experiments, config.seed)
    said = ask(shortcut_error_experiment(analysis, chosen), "Taking shortcuts away from errors")
    return measure_shortcut_errors(analysis, found, said)
