"""What is concluded from an analysis and from experiments: the evidence, gathered into one report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import combinations
from types import MappingProxyType
from typing import Literal

import numpy as np
import numpy.typing as npt

from reportgen.analysis import Analysis, AnalysisPredictions
from reportgen.commands.experiments import CueAnswers, ExperimentAnswers
from reportgen.config import Config
from reportgen.evidence.attention.findings import judge_attention
from reportgen.evidence.certificate import read_certificate
from reportgen.evidence.data_findings import TrainingOverlap, find_in_data
from reportgen.evidence.examples.map_agreement import find_agreements
from reportgen.evidence.examples.mining import Mined, mine
from reportgen.evidence.importance.findings import judge_importance
from reportgen.evidence.performance.corrected_labels import weigh_corrections
from reportgen.evidence.performance.leakage import measure_leakage
from reportgen.evidence.performance.model_comparison import compare_models
from reportgen.evidence.performance.permuted_classes import likely_order
from reportgen.evidence.performance.recalibration import recalibrate
from reportgen.evidence.performance.scores import score_model
from reportgen.evidence.performance.stated_accuracy import stated_accuracies
from reportgen.evidence.performance.votes import judge_votes
from reportgen.evidence.shortcuts.components import ComponentFindings
from reportgen.evidence.shortcuts.findings import judge_shortcuts
from reportgen.evidence.shortcuts.marks import MarkFindings
from reportgen.evidence.stats.clustered import clusters
from reportgen.evidence.stats.units import units_of
from reportgen.explain.fingerprints import judging_code
from reportgen.inputs.images.decoding import decode
from reportgen.inputs.persons import propose_person_pattern, training_overlap
from reportgen.inputs.testset import TestSet
from reportgen.site.recipe import build_command
from reportgen.site.report import Report
from reportgen.site.wording.data_notes import data_notes

__all__ = ["alarms", "conclude", "depends_on_background", "image_loader", "weigh_swaps"]


def conclude(
    everything: AnalysisPredictions,
    analysis: Analysis,
    test_set: TestSet,
    config: Config,
    interventions: CueAnswers,
    components: ComponentFindings | None,
    marks: MarkFindings | None,
) -> Report:
    """Gather all conclusions but region importance and the reasons of errors: their experiments follow from these.

    Parameters
    ----------
    everything
        All predictions: scores, comparisons and the class order come from them.
    analysis
        The sample of images whose heatmaps are judged: everything else comes from it.
    """
    attention = judge_attention(analysis, config.seed)
    labels, classes = analysis.labels, analysis.classes
    units = units_of(everything.images)
    blank = None if attention is None else [measures.own.null_map for measures in attention.measures]
    shortcuts = judge_shortcuts(
        analysis, interventions.removed, config.seed, interventions.cues, interventions.added, blank
    )
    overlap, seen = _overlap(test_set, config)
    data = find_in_data(everything.images, everything.problems, classes, everything.manifest["notes"], overlap)
    group = clusters(units, len(everything.labels))
    trained_on = np.array([seen.get(path) for path in everything.images["path"]], dtype=np.float64)
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
    scores = tuple(
        score_model(m.name, everything.labels, m.probabilities, classes, config.seed, units) for m in everything.models
    )
    leakages = tuple(
        leakage
        for m in everything.models
        if (leakage := measure_leakage(m.name, m.predicted, everything.labels, trained_on, group)) is not None
    )
    return Report(
        analysis=analysis,
        predictions=everything,
        scores=scores,
        stated_accuracies=tuple(
            stated_accuracies(m.info.get("facts", {}), score.accuracy)
            for m, score in zip(everything.models, scores, strict=True)
        ),
        comparisons=tuple(
            compare_models(a, b, everything.labels, units, config.seed) for a, b in combinations(everything.models, 2)
        ),
        mined=Mined((*mined.picks, *alike)),
        class_orders=tuple(likely_order(everything.labels, m.predicted, classes) for m in everything.models),
        load_image=image_loader(analysis, test_set),
        leakages=leakages,
        corrected=weigh_corrections(everything, units, config.seed),
        trained_on=np.array([seen.get(path) for path in analysis.images["path"]], dtype=np.float64) if seen else None,
        data_notes=data_notes(data, shortcuts.duplicates, analysis.images, leakages),
        command=build_command(config),
        attention=attention,
        shortcuts=shortcuts,
        components=components,
        marks=marks,
        agreements=agreements,
        certificate=read_certificate(),
        judging_code=judging_code(),
        seed=config.seed,
        experiments=config.experiments != "off",
        rater_votes=None
        if test_set.votes is None
        else judge_votes(
            test_set.votes.iloc[everything.images["row"].to_numpy()],
            everything.images,
            everything.labels,
            [(m.name, m.probabilities) for m in everything.models],
            classes,
            units,
            config.seed,
        ),
        recalibrations=tuple(
            recalibrate(m.name, m.logits, everything.labels, units, config.seed) for m in everything.models
        ),
    )


def image_loader(analysis: Analysis, test_set: TestSet) -> Callable[[int], npt.NDArray[np.uint8]]:
    """What reads one image of the analysis from the test set, decoded, (H, W, 3)."""
    rows = analysis.images["row"].to_numpy()
    return lambda index: decode(test_set.read_bytes(int(rows[index]))).pixels


def weigh_swaps(
    report: Report, transplants: ExperimentAnswers, clean: ExperimentAnswers = MappingProxyType({})
) -> Report:
    """The report with region importance.

    Parameters
    ----------
    clean
        Answers to swaps between images without a cue, for emotions that are predicted from one.
    """
    if report.attention is None or report.shortcuts is None:
        return report
    importance = judge_importance(
        report.analysis,
        report.attention,
        transplants,
        report.shortcuts,
        report.components,
        report.marks,
        report.seed,
        clean,
    )
    return replace(report, importance=importance)


def _overlap(test_set: TestSet, config: Config) -> tuple[TrainingOverlap | None, dict[str, bool | None]]:
    """Persons in both test and training, and by path whether an image's person or file is; where nothing names persons,
    as the file names suggest.
    """
    if not test_set.training:
        return None, {}
    paths, proposal = list(test_set.frame["path"]), None
    pattern = config.person_pattern
    persons = [person if isinstance(person, str) else None for person in test_set.frame["person"]]
    if not any(persons) and pattern is None:
        proposal = propose_person_pattern(paths)
        if proposal is not None:
            pattern = proposal.pattern
            persons = list(proposal.of)
    overlap = training_overlap(paths, persons, test_set.training, pattern)
    if overlap is None:
        return None, {}
    source: Literal["given", "file names"] = "given" if proposal is None else "file names"
    found = TrainingOverlap(overlap.shared, overlap.known, overlap.same_path, source)
    return found, dict(zip(paths, overlap.seen, strict=True))


def depends_on_background(report: Report) -> bool:
    """By the transplant test; where that was not made, heat on the background has to do."""
    if report.importance is not None and report.importance.tested:
        return any(finding.cheating for finding in report.importance.backgrounds)
    verdicts = () if report.attention is None else report.attention.verdicts
    return any(verdict.kind == "background" and verdict.answer == "yes" for verdict in verdicts)


def alarms(report: Report, missing: Sequence[str]) -> frozenset[str]:
    """What `--fail-on` can watch for and this report found; `missing` names what a build went on without."""
    found = set()
    if missing or len(report.analysis.problems):
        found.add("error")
    if any(order is not None for order in report.class_orders):
        found.add("class-order")
    if depends_on_background(report) or report.contaminated:
        found.add("cheating")
    return frozenset(found)
