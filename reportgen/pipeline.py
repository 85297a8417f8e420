"""One build, from the user's files to the site: the only module that sees every room.

inputs -> (faces, models) explain -> analysis/ -> evidence -> site
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from reportgen.analysis import (
    Analysis,
    AnalysisAnswers,
    content_hash,
    read_answers,
    read_manifest,
    read_records,
    sweep_leftovers,
    write_json,
)
from reportgen.config import Config
from reportgen.errors import printable
from reportgen.evidence.agreement import compare_models
from reportgen.evidence.attention_case import judge_attention
from reportgen.evidence.certificate import read_certificate
from reportgen.evidence.class_order import likely_order
from reportgen.evidence.data_notes import TrainingOverlap, data_notes
from reportgen.evidence.map_agreement_case import find_agreements
from reportgen.evidence.mining import Mined, mine
from reportgen.evidence.occlusion_choice import choose_occlusions
from reportgen.evidence.occlusions import measure_occlusions
from reportgen.evidence.reason_case import find_reasons
from reportgen.evidence.reasons import ReasonFindings
from reportgen.evidence.sample import draw_sample
from reportgen.evidence.scores import score_model
from reportgen.evidence.shortcuts import judge_shortcuts
from reportgen.evidence.tables import write_tables
from reportgen.evidence.use_case import judge_use
from reportgen.explain.analyse import analyse
from reportgen.explain.experiments import Experiment, perform
from reportgen.explain.interventions import intervention_experiment
from reportgen.explain.occlusion import occlusion_experiment
from reportgen.explain.plan import code_hash, judging_code
from reportgen.explain.transplants import transplant_experiment
from reportgen.inputs.discover import discover, discover_models, with_checkpoints
from reportgen.inputs.emotions import EMOTIONS
from reportgen.inputs.images import decode
from reportgen.inputs.persons import person_of, propose_person_pattern, training_overlap
from reportgen.inputs.priors import training_priors
from reportgen.inputs.relocate import find_again, reorder
from reportgen.inputs.testset import TestSet, images_without_labels, load_test_set
from reportgen.lock import build_lock
from reportgen.merge import merge_analyses
from reportgen.ownership import MANIFEST, check_output
from reportgen.parts import PartStore
from reportgen.progress import Progress, SilentProgress
from reportgen.result import BuildResult
from reportgen.site.archive import archive_date
from reportgen.site.publish import publish
from reportgen.site.recipe import settings_file
from reportgen.site.render import find_templates
from reportgen.site.report import Report

__all__ = ["BuildResult", "build", "explain", "merge"]

_STATE = ".reportgen.json"
_COMMAND_FLAGS = ("method", "precision", "regions", "experiments", "sample_images", "seed", "privacy")
_CERTIFICATE = ("selfcheck/data/certificate.json", "selfcheck/data/trials.csv")
_SITE_SETTINGS = (
    "experiments",
    "sample_images",
    "training_unweighted",
    "overlay",
    "colormap",
    "examples",
    "seed",
    "privacy",
    "zip",
    "single_file",
    "single_file_mb",
    "mail",
    "mail_mb",
    "size_warning_mb",
)


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
    return _build(found.config, test_set, found.missing, told)


def explain(config: Config, images: Sequence[Path], progress: Progress | None = None) -> BuildResult:
    """Build the same pictures and pages for images without labels.

    Raises
    ------
    ReportError
        No image is there, the models cannot be used, or the output cannot be written.
    """
    found = discover_models(config)
    test_set = images_without_labels(images, found.config.classes or EMOTIONS)
    return _build(found.config, test_set, found.missing, progress or SilentProgress())


def _build(config: Config, test_set: TestSet, missing: Sequence[str], progress: Progress) -> BuildResult:
    for sentence in missing:
        progress.note(f"warning: {sentence}")
    archive_date()  # a SOURCE_DATE_EPOCH that cannot be used is said before anything is computed
    with build_lock(config.output):
        check_output(config.output, zipped=config.zip, mailed=config.mail)
        return _build_alone(config, test_set, missing, progress)


def _build_alone(config: Config, test_set: TestSet, missing: Sequence[str], progress: Progress) -> BuildResult:
    """The build itself, while no other one writes here."""
    folder = config.output / "analysis"
    sweep_leftovers(config.output)
    analyse(config, test_set, folder, progress, missing)
    return _conclude(config, test_set, missing, progress)


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
    with build_lock(config.output):
        check_output(config.output, zipped=config.zip, mailed=config.mail)
        return _merge_alone(config, folders, told)


def _merge_alone(config: Config, folders: Sequence[Path], told: Progress) -> BuildResult:
    folder = config.output / "analysis"
    sweep_leftovers(config.output)
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
    return _conclude(config, test_set, (), told)


def _conclude(config: Config, test_set: TestSet, missing: Sequence[str], progress: Progress) -> BuildResult:
    """From a finished analysis to the site."""
    folder = config.output / "analysis"
    everything = read_answers(folder)
    key = _site_key(everything, config)
    before = _unchanged(config, key)
    if before is not None:
        progress.note("nothing has changed: the report is up to date")
        return before
    with progress.stage("Reading the records"):
        analysis = read_records(everything, draw_sample(everything.labels, config.sample_images, config.seed))
    answers = _experiments(analysis, test_set, config, progress)
    with progress.stage("Weighing the evidence"):
        report = _report(everything, analysis, test_set, config, *answers)
    report = replace(report, reasons=_reasons(report, test_set, config, progress))
    write_tables(folder / "tables", *report.tables)
    published = publish(report, config.output, config, progress)
    permuted = [order.sentence for order in report.class_orders if order is not None]
    warnings = (*permuted, *published.warnings)
    result = BuildResult(
        published.site, published.zip, folder, _alarms(report, missing), warnings, published.single, published.mail
    )
    _remember(config, key, result)
    return result


Said = Mapping[str, tuple[pd.DataFrame, npt.NDArray[np.float32]]]
"""Per model's slug the design of an experiment and the logits; empty where it was not made."""


def _experiments(analysis: Analysis, test_set: TestSet, config: Config, progress: Progress) -> tuple[Said, Said]:
    """The answers to regions transplanted and to properties taken away; nothing where no experiments are wanted."""
    if config.experiments == "off":
        return {}, {}

    def ask(experiment: Experiment | None, title: str) -> Said:
        if experiment is None:
            return {}
        found = perform(experiment, config, test_set, analysis, progress, title)
        return {slug: (said.design, said.logits) for slug, said in found.items()}

    return (
        ask(transplant_experiment(analysis, config.experiments, config.seed), "Transplanting regions"),
        ask(intervention_experiment(analysis, config.experiments, config.seed), "Taking properties away"),
    )


def _reasons(report: Report, test_set: TestSet, config: Config, progress: Progress) -> ReasonFindings | None:
    """Why images were misclassified, with pictures changed of errors that were found before."""
    analysis, attention = report.analysis, report.attention
    occlusions = None
    if config.experiments != "off" and attention is not None:
        chosen = choose_occlusions(analysis, attention.measures, report.mined, config.seed)
        experiment = occlusion_experiment(
            analysis, chosen.strips, chosen.hot, chosen.controls, config.experiments, config.seed
        )
        if experiment is not None:
            said = perform(experiment, config, test_set, analysis, progress, "Changing regions of errors")
            occlusions = measure_occlusions(
                experiment.design, {slug: answers.logits for slug, answers in said.items()}, analysis
            )
    return find_reasons(
        analysis,
        None if attention is None else attention.measures,
        occlusions,
        training_priors(test_set.training, analysis.classes),
        unweighted=config.training_unweighted,
        seed=config.seed,
    )


def _report(
    everything: AnalysisAnswers, analysis: Analysis, test_set: TestSet, config: Config, transplants: Said, changed: Said
) -> Report:
    """Everything that is concluded: scores from all answers, all else from the images that are looked at closely."""
    attention = judge_attention(analysis, config.seed)
    labels, classes = analysis.labels, analysis.classes
    rows = analysis.images["row"].to_numpy()

    def load_image(index: int) -> npt.NDArray[np.uint8]:
        return decode(test_set.read_bytes(int(rows[index]))).pixels

    blank = None if attention is None else [measures.own.blank for measures in attention.measures]
    shortcuts = judge_shortcuts(analysis, changed, config.seed, blank)
    notes = data_notes(
        everything.images, everything.problems, classes, everything.manifest["notes"], _overlap(test_set, config)
    )
    content = analysis.images["sha256"].tolist()
    mined = mine(
        analysis.models,
        labels,
        classes,
        config.examples,
        config.seed,
        content=content,
        unselected=config.examples if (labels < 0).any() else 0,
    )
    agreements, alike = find_agreements(analysis, config.examples, config.seed)
    return Report(
        analysis=analysis,
        answers=everything,
        scores=tuple(
            score_model(m.name, everything.labels, m.probabilities, classes, config.seed) for m in everything.models
        ),
        comparisons=tuple(compare_models(a, b, everything.labels) for a, b in combinations(everything.models, 2)),
        mined=Mined((*mined.picks, *alike)),
        class_orders=tuple(likely_order(everything.labels, m.predicted, classes) for m in everything.models),
        load_image=load_image,
        data_notes=(*shortcuts.duplicates.note(analysis.images), *notes),
        command=_command(config),
        attention=attention,
        use=None if attention is None else judge_use(analysis, attention, transplants, config.seed),
        shortcuts=shortcuts,
        agreements=agreements,
        certificate=read_certificate(),
        judging_code=judging_code(),
    )


def _command(config: Config) -> str | None:
    """The command that makes this report again from a folder with the same files; names only, no paths."""
    if config.data is None:
        return None
    models = [f"--model {shlex.quote(f'{name}={entry.checkpoint.name}')}" for name, entry in config.models.items()]
    flags = [
        f"--{name.replace('_', '-')} {getattr(config, name)}"
        for name in _COMMAND_FLAGS
        if getattr(config, name) != Config.model_fields[name].default
    ]
    return printable(" ".join(["reportgen build", f"--data {shlex.quote(config.data.name)}", *models, *flags]))


def _overlap(test_set: TestSet, config: Config) -> TrainingOverlap | None:
    """Persons in both test and training; where nothing names them, as far as the file names seem to tell."""
    paths, source = list(test_set.frame["path"]), "persons as given"
    pattern = re.compile(config.person_pattern) if config.person_pattern else None
    persons = [person if isinstance(person, str) else None for person in test_set.frame["person"]]
    if not any(persons) and pattern is None:
        proposal = propose_person_pattern(paths)
        if proposal is not None:
            pattern, source = proposal.compiled(), "persons as the file names seem to tell"
            persons = [person_of(path, pattern) for path in paths]
    overlap = training_overlap(paths, persons, test_set.training, pattern)
    if overlap is None:
        return None
    return TrainingOverlap(overlap.shared, overlap.known, overlap.same_path, source)


def _uses_the_background(report: Report) -> bool:
    """By the transplant test; where that was not made, heat on the background has to do."""
    if report.use is not None and report.use.tested:
        return any(finding.cheating for finding in report.use.backgrounds)
    verdicts = () if report.attention is None else report.attention.verdicts
    return any(verdict.kind == "background" and verdict.answer == "yes" for verdict in verdicts)


def _alarms(report: Report, missing: Sequence[str]) -> frozenset[str]:
    alarms = set()
    if missing or len(report.analysis.problems):
        alarms.add("error")
    if any(order is not None for order in report.class_orders):
        alarms.add("class-order")
    if _uses_the_background(report):
        alarms.add("cheating")
    if report.shortcuts is not None and report.shortcuts.found:
        alarms.add("cheating")
    return frozenset(alarms)


def _site_key(everything: AnalysisAnswers, config: Config) -> str:
    """Hash of all that the site is made from."""
    settings = {name: getattr(config, name) for name in _SITE_SETTINGS}
    return content_hash(
        json.dumps(everything.manifest, sort_keys=True),
        json.dumps(settings, sort_keys=True),
        code_hash("evidence", "explain", "site", "faces", "pipeline.py", "analysis.py", "parts.py", *_CERTIFICATE),
        judging_code(),
        *(part for file in sorted(find_templates().rglob("*.*")) for part in (file.name, file.read_bytes())),
        _command(config) or "",
        settings_file(config),
    )


def _unchanged(config: Config, key: str) -> BuildResult | None:
    """The last result, if it was made from the same and is still there."""
    try:
        state = json.loads((config.output / _STATE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    archive = config.output / "report.zip" if config.zip else None
    site = config.output / "site"
    if not isinstance(state, dict) or state.get("key") != key or not _is_whole(site):
        return None
    single = config.output / "report.html" if config.single_file else None
    mail = config.output / "report-mail.zip" if config.mail else None
    for packed, size in ((archive, "zip_size"), (single, "single_size"), (mail, "mail_size")):
        if packed is not None and (not packed.is_file() or packed.stat().st_size != state.get(size)):
            return None
    try:
        alarms, warnings = frozenset(map(str, state["alarms"])), tuple(map(str, state["warnings"]))
    except (KeyError, TypeError):
        return None
    return BuildResult(site, archive, config.output / "analysis", alarms, warnings, single, mail)


def _is_whole(site: Path) -> bool:
    """Whether every file that the site's own manifest lists is there."""
    try:
        listed = json.loads((site / MANIFEST).read_text(encoding="utf-8"))["files"]
        return all((site / name).is_file() for name in listed)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _remember(config: Config, key: str, result: BuildResult) -> None:
    state: dict[str, Any] = {
        "key": key,
        "alarms": sorted(result.alarms),
        "warnings": list(result.warnings),
        "zip_size": result.zip.stat().st_size if result.zip is not None else None,
        "single_size": result.single.stat().st_size if result.single is not None else None,
        "mail_size": result.mail.stat().st_size if result.mail is not None else None,
    }
    write_json(config.output / _STATE, state)
