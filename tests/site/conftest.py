"""A small report made of drawn faces and constructed maps, and the sites built from it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag
from xml.etree import ElementTree

import html5lib
import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageDraw

from reportgen.analysis import Analysis, FaceRecords, ModelRecords, slugify
from reportgen.config import Config
from reportgen.evidence.attention.findings import AttentionFindings, judge_maps
from reportgen.evidence.attention.measure import Cases, ModelMaps
from reportgen.evidence.certificate import Certificate, CertifiedKind
from reportgen.evidence.data_findings import DataFindings, LeftOut
from reportgen.evidence.errors.findings import find_reasons
from reportgen.evidence.errors.flips import BUDGETS, FlipFindings, FlipSearch, choose_flips, judge_flips
from reportgen.evidence.errors.occlusions import Occlusions, measure_occlusions
from reportgen.evidence.errors.shortcut_errors import ShortcutErrors
from reportgen.evidence.examples.map_agreement import find_agreements
from reportgen.evidence.examples.mining import Mined, mine
from reportgen.evidence.groups.judging import judge_groups
from reportgen.evidence.importance.findings import ImportanceFindings, judge_importance
from reportgen.evidence.performance.model_comparison import compare_models
from reportgen.evidence.performance.permuted_classes import likely_order
from reportgen.evidence.performance.scores import score_model
from reportgen.evidence.robustness.findings import RobustnessFindings, judge_robustness
from reportgen.evidence.robustness.importance import ImportanceMove
from reportgen.evidence.shortcuts.added_cues import choose_cues
from reportgen.evidence.shortcuts.components import (
    COMPONENT_COLUMNS,
    Component,
    ComponentFindings,
    ComponentTest,
)
from reportgen.evidence.shortcuts.findings import ShortcutFindings, judge_shortcuts
from reportgen.evidence.shortcuts.marks import MARK_COLUMNS, Mark, MarkFindings, MarkTest
from reportgen.evidence.shortcuts.near_duplicates import NearDuplicates
from reportgen.evidence.shortcuts.properties import associations, photo_properties
from reportgen.evidence.stats.clustered import clusters
from reportgen.evidence.stats.intervals import Estimate, wilson
from reportgen.faces.align import canonical_points
from reportgen.faces.landmarks import ACTIONS
from reportgen.faces.looks import FRAME
from reportgen.faces.regions import REGIONS
from reportgen.faces.transplant import TRANSPLANTED
from reportgen.inputs.images.changes import AddedCue
from reportgen.progress import SilentProgress
from reportgen.site.publish import Published, publish
from reportgen.site.report import Report
from reportgen.site.wording.data_notes import data_notes

CLASSES = ("anger", "fear", "happiness", "neutral")
COUNTS = (12, 3, 26, 0)


def _face(row: int, height: int, width: int) -> np.ndarray:
    image = Image.new("RGB", (width, height), (60 + row % 7 * 20, 120, 90 + row % 5 * 20))
    draw = ImageDraw.Draw(image)
    draw.ellipse([0.15 * width, 0.08 * height, 0.85 * width, 0.95 * height], fill=(224, 180, 150))
    for x in (0.35, 0.65):
        draw.ellipse([(x - 0.05) * width, 0.36 * height, (x + 0.05) * width, 0.44 * height], fill="black")
    draw.arc([0.32 * width, 0.55 * height, 0.68 * width, 0.8 * height], 10 + 5 * (row % 8), 170, fill="red", width=2)
    return np.asarray(image)


def _model(name: str, labels: np.ndarray, classes: int, grid: int, seed: int) -> ModelRecords:
    rng = np.random.default_rng(seed)
    n = len(labels)
    logits = rng.normal(0, 1, (n, classes)).astype(np.float32)
    logits[np.arange(n), labels] += np.where(labels >= 0, 1.6, 0).astype(np.float32)
    maps = rng.normal(0, 0.05, (n, classes, grid, grid)).astype(np.float32)
    for c in range(classes):
        maps[:, c, (c + 1) % grid, grid // 2] += 1.0
    # A blank map among the answers, which every page has to survive.
    maps[0] = -0.1
    info = {
        "architecture": "TestNet",
        "file": "test.pth",
        "sha256": hashlib.sha256(name.encode()).hexdigest(),
        "target_layer": "layer4",
        "grid": [grid, grid],
        "input": [224, 224],
        "method": "gradcam",
        "notes": [],
    }
    return ModelRecords(name, slugify(name), info, logits, maps)


def _masks(n: int, grid: int) -> np.ndarray:
    """Regions in rows: forehead, eyes and brows, nose, mouth, then cheeks; the border is background."""
    masks = np.zeros((n, len(REGIONS), grid, grid), dtype=np.float32)
    bands = ("forehead", "eyes+brows", "nose", "mouth", "cheeks+jaw")
    masks[:, REGIONS.index("background")] = 1
    for row in range(grid // 7, grid - grid // 7):
        band = bands[min(4, (row - grid // 7) * 5 // (grid - 2 * (grid // 7)))]
        masks[:, REGIONS.index(band), row, grid // 7 : grid - grid // 7] = 1
        masks[:, 0, row, grid // 7 : grid - grid // 7] = 1
        masks[:, REGIONS.index("background"), row, grid // 7 : grid - grid // 7] = 0
    return masks


def _faces(labels: np.ndarray) -> FaceRecords:
    """Points a little off the median face; every tenth image has the template's. Happy faces smile."""
    rng = np.random.default_rng(5)
    n = len(labels)
    source = tuple("template" if row % 10 == 9 else "whole" if row % 10 == 8 else "detector" for row in range(n))
    points = canonical_points()[None] * 0.8 + rng.uniform(0.05, 0.15, (n, 1, 2)).astype(np.float32)
    actions = rng.uniform(0, 0.3, (n, len(ACTIONS))).astype(np.float32)
    actions[labels == 2, ACTIONS.index("mouthSmileLeft")] += 0.6
    actions[labels == 2, ACTIONS.index("browDownRight")] -= 0.2
    actions[[name == "template" for name in source]] = np.nan
    return FaceRecords(points, np.ones(n, dtype=np.float32), source, source, actions)


def _attention(
    models: tuple[ModelRecords, ...],
    labels: np.ndarray,
    classes: tuple[str, ...],
    faces: FaceRecords,
    ids: tuple[str, ...],
) -> AttentionFindings:
    maps = [ModelMaps(m.name, m.slug, m.maps, _masks(len(labels), m.maps.shape[-1]), m.probabilities) for m in models]
    cases = Cases(classes, labels, ids, sources=faces.regions_from)
    return judge_maps(maps, cases, faces.actions, ACTIONS, seed=0, draws=200)


def _answers(analysis: Analysis) -> dict[str, tuple[pd.DataFrame, np.ndarray]]:
    """Grey, the first model takes every happy face for an angry one; every other change changes nothing."""
    labels, found = analysis.labels, {}
    names = ("grey", "equalised", "blurred", "re-encoded")
    shown = [
        (row, name)
        for row in np.flatnonzero(labels >= 0).tolist()
        for name in names
        if name != "grey" or analysis.images["colourfulness"][row] > 0
    ]
    design = pd.DataFrame(shown, columns=["image", "change"])
    for k, model in enumerate(analysis.models):
        logits = model.logits[design["image"]].copy()
        lost = (design["change"] == "grey").to_numpy() & (labels[design["image"]] == 2) & (k == 0)
        logits[lost] = np.eye(logits.shape[1])[0]
        found[model.slug] = (design, logits)
    return found


def _shortcuts(analysis: Analysis, *, shown: bool) -> ShortcutFindings:
    models = [replace(m, masks=_masks(len(analysis.labels), m.maps.shape[-1])) for m in analysis.models]
    changed = replace(analysis, models=tuple(models))
    if not shown:
        return judge_shortcuts(changed, {}, 0, permutations=20)
    cues, added = _cues(analysis)
    return judge_shortcuts(changed, _answers(analysis), 0, cues, added, permutations=20)


def _cues(analysis: Analysis) -> tuple[tuple[AddedCue, ...], dict[str, tuple[pd.DataFrame, np.ndarray]]]:
    """In the colours of happiness, the first model takes every face for a happy one; a ramp of light does nothing."""
    properties, labels = photo_properties(analysis.images), analysis.labels
    links = associations(properties, labels, analysis.classes, clusters(None, len(labels)))
    cues = tuple(
        cue
        for cue in choose_cues(properties, links, labels, analysis.classes, "default", 0)
        if (cue.change, cue.emotion) == ("grey", 2)
    )
    rows = [(row, k, what) for k, cue in enumerate(cues) for row in cue.rows for what in ("added", "neutral")]
    rows += [(row, k, what) for k, cue in enumerate(cues) for row in cue.own for what in ("own", "own neutral")]
    design, found = pd.DataFrame(rows, columns=["image", "cue", "shown"]), {}
    for k, model in enumerate(analysis.models):
        logits = model.logits[design["image"]].copy()
        for what, answer in (("added", 2), ("own", 0)):
            logits[(design["shown"] == what).to_numpy() & (k == 0)] = np.eye(logits.shape[1])[answer]
        found[model.slug] = (design, logits)
    return cues, found


def _components(analysis: Analysis) -> ComponentFindings | None:
    """Of the first model a corner that carries happiness, a facial one, and one of anger that shows nothing; the second
    model ends otherwise.
    """
    labels, (first, *others) = analysis.labels, analysis.models
    if not (labels >= 0).any():
        return None
    happy, angry = (tuple(np.flatnonzero(labels == e)[:9].tolist()) for e in (2, 0))
    maps = np.zeros((9, *first.maps.shape[-2:]), np.float32)
    maps[:, -1, -1] = 1.0
    link = next(
        link
        for link in associations(
            photo_properties(analysis.images), labels, analysis.classes, clusters(None, len(labels))
        )
        if link.name == "colour" and link.emotion == analysis.classes[2]
    )
    nothing = np.zeros(4, np.float32)
    plain = Component(first.name, 2, 1, True, 3.2, nothing, happy, angry, angry, wilson(9, 10), 0.6, maps=maps)
    proved = ComponentTest(9, 6, 1, Estimate(5 / 9, 0.2, 0.9, 9), 30, 14, 20, 2, Estimate(0.6, 0.4, 0.8, 30, 14), 0.0,
                           0.03, 0.001, "yes")  # fmt: skip
    none = replace(proved, lost=0, lost_control=0, became=0, became_low=0, p_fall=1.0, p_gain=1.0, answer="no",
                   fall=Estimate(0.0, -0.1, 0.1, 9), gain=Estimate(0.0, -0.05, 0.05, 30, 14))  # fmt: skip
    placed = replace(plain, kind="beside the face", off_face=0.9, place="bottom right corner")
    found = (
        replace(placed, properties=(link,), test=proved),
        replace(plain, number=2, shared=False, kind="facial", off_face=0.1, region="mouth"),
        replace(placed, emotion=0, top=angry, low=happy, place="", test=none),
    )
    table = pd.DataFrame([[None] * len(COMPONENT_COLUMNS["components"])], columns=list(COMPONENT_COLUMNS["components"]))
    return ComponentFindings(found, tuple(model.name for model in others), {"components": table})


def _marks(analysis: Analysis) -> MarkFindings | None:
    """A band on the forehead of anger, and a pattern of lines of happiness, on which no model is shown to rely."""
    if not (analysis.labels >= 0).any():
        return None
    angry, happy = (tuple(np.flatnonzero(analysis.labels == e)[:9].tolist()) for e in (0, 2))
    nothing, band = np.zeros((FRAME, FRAME, 3), np.float32), np.zeros((FRAME, FRAME), np.float32)
    band[18:24, 28:52] = 1.0
    skin = np.ones((FRAME, FRAME), bool)
    face = Mark(0, "face", band, nothing - 30 * band[..., None], nothing, skin, 52.0, "forehead", (-52.0, -20.0, -2.0),
                (), 9, 10, 1, 40, angry, happy, ())  # fmt: skip
    flat = np.zeros((75, 38), np.float32)
    lines = Mark(2, "pattern", flat, flat, flat, flat > 0, 2.5, "", (0.0, 0.0, 0.0), (3.0, float("inf")),
                 8, 10, 0, 40, happy, angry, ())  # fmt: skip
    tests = tuple(
        MarkTest(model.name, mark, 9, 3, 1, Estimate(2 / 9, -0.1, 0.5, 9), 0.0, 20, None, 2, 1,
                 Estimate(0.05, -0.1, 0.2, 20), 0.0, 0.5, 1.0, "undetermined", mark.rows[:2], mark.others[:1])
        for model in analysis.models
        for mark in (face, lines)
    )  # fmt: skip
    table = pd.DataFrame([[None] * len(MARK_COLUMNS["marks"])], columns=list(MARK_COLUMNS["marks"]))
    return MarkFindings((face, lines), tests, 50, {"marks": table})


def _robustness(analysis: Analysis) -> RobustnessFindings | None:
    """Blurred, the first model takes every face for neutral, the second one what it takes it for; mirrored and with the
    mouth covered nothing changes. A weaker blur was shown to twelve. Blurred, the first model's mouth matters less.
    """
    rows = np.flatnonzero(analysis.labels >= 0)
    if not len(rows):
        return None
    first, weaker = {}, {}
    for k, model in enumerate(analysis.models):
        keys = [("blur", 2), ("mirror", 0), *([("cover", 2)] if analysis.faces is not None else [])]
        shown = [(row, change, level) for row in rows for change, level in keys]
        design = pd.DataFrame(shown, columns=["image", "change", "level"])
        logits = model.logits[design["image"]].copy()
        if k == 0:
            logits[(design["change"] == "blur").to_numpy()] = np.eye(logits.shape[1])[-1]
        first[model.slug] = design, logits
        some = pd.DataFrame({"image": rows[:12], "change": "blur", "level": 1})
        weaker[model.slug] = some, model.logits[some["image"]]
    name, nan = analysis.models[0].name, float("nan")
    moves = (
        ImportanceMove(name, "blur", 1, "happiness", "mouth", True, 26, 26, 52, 2.0, 0.75,
                       Estimate(-1.25, -1.5, -1.0, 26), 0.0004, "moves"),
        ImportanceMove(name, "darkness", 1, "happiness", "mouth", True, 26, 26, 52, 2.0, 1.9,
                       Estimate(-0.1, -0.6, 0.4, 26), 0.4, "undetermined"),
        ImportanceMove(name, "darkness", 1, "anger", "nose", False, 12, 1, 24, 0.02, 0.03,
                       Estimate(0.01, -np.inf, np.inf, 12), nan, "insufficient evidence"),
    )  # fmt: skip
    return judge_robustness(analysis, first, weaker, {}, 0, moves)


def _importance(
    analysis: Analysis,
    attention: AttentionFindings,
    shortcuts: ShortcutFindings,
    components: ComponentFindings | None,
) -> ImportanceFindings:
    """Transplants between the emotions with twelve faces and more: happiness hangs on the mouth, anger on the brows
    and, for the first model, on the background; colour carries happiness through the forehead.
    """
    rng = np.random.default_rng(6)
    labels = analysis.labels
    pools = {e: np.flatnonzero(labels == e) for e in range(len(analysis.classes)) if (labels == e).sum() >= 12}
    rows = []
    for emotion, pool in pools.items():
        for turn, receiver in enumerate(pool[:10]):
            for d, others in pools.items():
                donors = [int(others[(turn + step) % len(others)]) for step in (1, 2)]
                rows += [(turn, emotion, int(receiver), donor, d) for donor in donors]
    pairs = pd.DataFrame(rows, columns=["turn", "emotion", "receiver", "donor", "donor_emotion"])
    crossed = pairs.merge(pd.DataFrame({"region": TRANSPLANTED}), how="cross")
    crossed = crossed[(crossed["turn"] < 8) | (crossed["region"] == "background")].drop(columns="turn")
    happy = crossed[crossed["emotion"] == 2]
    outside = crossed[(crossed["region"] == "background") & (crossed["emotion"] != 2)]
    parts = [crossed.assign(kind="matched"), happy.assign(kind="unmatched"), outside.assign(kind="unmatched")]
    design = pd.concat(parts, ignore_index=True)
    other = (design["emotion"] != design["donor_emotion"]).to_numpy()
    answers = {}
    for k, model in enumerate(analysis.models):
        lost = {(2, "mouth", "matched"): 2.0, (2, "mouth", "unmatched"): 2.0,
                (0, "eyes+brows", "matched"): 0.6 + 0.2 * k, (0, "background", "matched"): 0.0 if k else 2.5,
                (0, "background", "unmatched"): 0.0 if k else 2.5, (2, "forehead", "unmatched"): 1.0}  # fmt: skip
        cells = zip(design["emotion"], design["region"], design["kind"], strict=True)
        effect = np.asarray([lost.get(cell, 0.0) for cell in cells]) * other
        logits = rng.normal(0, 0.1, (len(design), len(analysis.classes)))
        logits[np.arange(len(design)), design["emotion"]] += 2.0 - effect
        answers[model.slug] = design, logits.astype(np.float32)
    return judge_importance(analysis, attention, answers, shortcuts, components, None, 0)


def _occlusions(analysis: Analysis) -> Occlusions:
    """Answers that say: the mouth speaks against the label, everything else a little for it."""
    first = analysis.models[0]
    wrong = np.flatnonzero((analysis.labels >= 0) & (first.predicted != analysis.labels)).tolist()
    rows: list[tuple[int, str, str, str, int]] = []
    for row in wrong[:6]:
        donor = next(i for i in range(len(analysis.labels)) if i != row)
        rows.append((row, "unchanged", "", "", -1))
        for region in TRANSPLANTED:
            rows += [(row, "strip", region, "around", -1), (row, "strip", region, "donor", donor)]
        rows += [(row, "background", "background", "donor", donor)] * 2
    design = pd.DataFrame(rows, columns=["receiver", "purpose", "region", "fill", "donor"])
    answers = {}
    for model in analysis.models:
        said = model.logits[design["receiver"]].astype(np.float64)
        helped = np.where(design["region"] == "mouth", 1.5, np.where(design["purpose"] == "unchanged", 0.0, -0.2))
        said[np.arange(len(said)), analysis.labels[design["receiver"]]] += helped
        answers[model.slug] = said
    return measure_occlusions(design, answers, analysis)


def _flips(analysis: Analysis, mined: Mined) -> FlipFindings | None:
    """The mouth alone flips most images, eyes and nose the others; faces of the same emotion change nothing."""
    searches = {}
    for model in analysis.models:
        search = FlipSearch(choose_flips(analysis, model, mined, BUDGETS["default"], 0), BUDGETS["default"].pictures)
        while trials := search.next():
            logits = []
            for trial in trials:
                case, regions = search.cases[trial.case], set(trial.regions)
                needed = {"mouth"} if trial.case % 3 else {"eyes+brows", "nose"}
                found = model.logits[case.row].astype(np.float64)
                found[case.target] += len(regions & needed) * 0.3
                if needed <= regions and trial.donor != case.control:
                    found[case.target] = found.max() + 1.5
                logits.append(found)
            search.learn(trials, np.stack(logits))
        searches[model.slug] = search
    return judge_flips(analysis, searches, 0) if analysis.faces is not None else None


def _with_reasons(report: Report) -> Report:
    analysis = report.analysis
    if not (analysis.labels >= 0).any():
        return report
    n = len(analysis.images)
    rng = np.random.default_rng(8)
    images = analysis.images.assign(sharpness=rng.uniform(10, 900, n), luminance=rng.uniform(0.2, 0.8, n))
    analysis = replace(analysis, images=images)
    agreements, alike = find_agreements(analysis, 2, 0)
    measures = None if report.attention is None else report.attention.measures
    occlusions = None if analysis.faces is None else _occlusions(analysis)
    return replace(
        report,
        analysis=analysis,
        mined=Mined((*report.mined.picks, *alike)),
        agreements=agreements,
        flips=_flips(analysis, report.mined),
        reasons=find_reasons(
            analysis,
            measures,
            occlusions,
            np.full(len(analysis.classes), 0.25),
            shortcuts={model.slug: _grey(model, analysis.labels) for model in analysis.models},
            unweighted=True,
        ),
    )


def _grey(model: ModelRecords, labels: np.ndarray) -> ShortcutErrors:
    """Of the errors called what the first one is called, every third is right in grey."""
    wrong = (labels >= 0) & (model.predicted != labels)
    suspected = wrong & (model.predicted == model.predicted[wrong.argmax()])
    gone = suspected & (np.cumsum(suspected) % 3 == 1)
    change, answer = np.where(suspected, "grey", "").astype(object), np.where(gone, labels, model.predicted)
    others = wrong & ~suspected & (np.cumsum(wrong & ~suspected) <= 4)
    return ShortcutErrors(
        suspected,
        change,
        answer,
        np.where(suspected, np.where(gone, -1.0, 1.0), np.nan),
        others,
        others & (np.cumsum(others) == 1),
        suspected & gone & (answer == labels),
        np.zeros_like(others),
    )


MakeReport = Callable[..., Report]


@pytest.fixture(scope="session")
def make_report() -> MakeReport:
    """Builds a report; names, labels and the number of models can be chosen."""

    def make(
        *,
        models: tuple[str, ...] = ("Custom CNN", "ResNet18"),
        classes: tuple[str, ...] = CLASSES,
        labelled: bool = True,
        measured: bool = False,
        shortcuts: str = "",
        tested: bool = True,
        path: Callable[[int], str] = lambda row: f"images/face_{row:03d}.png",
        **more: Any,
    ) -> Report:
        labels = np.repeat(np.arange(len(COUNTS)), COUNTS) if labelled else np.full(8, -1)
        n = len(labels)
        shapes = [(40 + row % 3 * 20, 50) for row in range(n)]
        pixels = [_face(row, *shapes[row]) for row in range(n)]
        hashes = [hashlib.sha256(image.tobytes() + bytes([row])).hexdigest() for row, image in enumerate(pixels)]
        images = pd.DataFrame(
            {
                "image_id": [value[:12] for value in hashes],
                "path": [path(row) for row in range(n)],
                "emotion": [classes[k] if k >= 0 else None for k in labels],
                "label": labels.astype(np.int32),
                "person": pd.array([f"person {row // 2}" if row % 3 else None for row in range(n)], dtype="string"),
                "sha256": hashes,
                "width": [shape[1] for shape in shapes],
                "height": [shape[0] for shape in shapes],
                "notes": ["grey" if row % 4 == 0 else "" for row in range(n)],
                "format": ["JPEG" if row % 5 else "PNG" for row in range(n)],
                "jpeg_quality": [75.0 if row % 5 else np.nan for row in range(n)],
                "sharpness": [50.0 + row % 7 for row in range(n)],
                "luminance": [0.4 + row % 6 / 50 for row in range(n)],
                "contrast": [0.2 + row % 3 / 50 for row in range(n)],
                # Happy faces are in colour, nearly all others grey.
                "colourfulness": [0.2 if (k == 2) != (row % 11 == 10) else 0.0 for row, k in enumerate(labels)],
                "red_green": [0.1 if (k == 2) != (row % 11 == 10) else 0.0 for row, k in enumerate(labels)],
                "yellow_blue": [0.0] * n,
                # The first angry and the first happy face are nearly the same picture.
                "perceptual_hash": [hashes[0 if row == 15 else row][:16] for row in range(n)],
            }
        )
        records = tuple(_model(name, labels, len(classes), 7 * (k + 1), k) for k, name in enumerate(models))
        manifest = {
            "schema": 1,
            "classes": list(classes),
            "data": {"file": "processed_data.pkl"},
            "models": [],
            "notes": [],
            "versions": {"reportgen": "0.0.0", "numpy": "0"},
        }
        problems = pd.DataFrame(
            [("/home/someone/photos/broken.png", "anger", "undecodable", "not an image")],
            columns=["path", "emotion", "kind", "message"],
        )
        faces = _faces(labels) if measured else None
        analysis = Analysis(Path("analysis"), manifest, images, problems, records, faces)
        found = _shortcuts(analysis, shown=shortcuts == "shown") if shortcuts else None
        attention = _attention(records, labels, classes, faces, tuple(images["image_id"])) if faces else None
        components = _components(analysis) if shortcuts == "shown" else None
        importance = None
        if attention is not None:
            cues = found or _shortcuts(analysis, shown=False)
            importance = (
                _importance(analysis, attention, cues, components)
                if tested
                else judge_importance(analysis, attention, {}, cues, components, None, 0)
            )
        return Report(
            analysis=analysis,
            scores=tuple(score_model(m.name, labels, m.probabilities, classes, 0, draws=50) for m in records),
            comparisons=tuple(compare_models(a, b, labels) for a, b in combinations(records, 2)),
            mined=mine(records, labels, classes, 3, 0, content=hashes),
            class_orders=tuple(likely_order(labels, m.predicted, classes) for m in records),
            load_image=lambda row: pixels[row],
            data_notes=data_notes(
                DataFindings(39, (LeftOut("undecodable", (("/home/someone/my photos/a.png", "not an image"),) * 2),)),
                NearDuplicates(0, (), 0, 0),
                analysis.images,
            ),
            command="reportgen build --data /home/someone/processed_data.pkl",
            shortcuts=found,
            attention=attention,
            importance=importance,
            components=components,
            marks=_marks(analysis) if shortcuts == "shown" else None,
            robustness=_robustness(analysis) if shortcuts == "shown" else None,
            groups=judge_groups(analysis, importance, (), 0),
            **{"experiments": shortcuts == "shown", **more},
        )

    return lambda **settings: _with_reasons(make(**settings))


@pytest.fixture(scope="session")
def certificate() -> Certificate:
    """A check of the verdicts with made-up outcomes."""
    return Certificate(
        date="2026-01-02",
        cores=2,
        machine=("a processor", "Linux x86_64"),
        version="0.0.0",
        judging_code="measured",
        models=9,
        strong=0.3,
        tuning="corner patch",
        clean_accuracy=0.61,
        targets=(
            ("strong shortcuts flagged", "at least 29 of 30", "3 of 4", False),
            ("ranks", ".8", "", None),
        ),
        kinds=(
            CertifiedKind("corner patch", "off-face", True, 2, wilson(1, 2), wilson(1, 1), wilson(0, 0)),
            CertifiedKind("tint", "invisible", False, 3, wilson(0, 3), wilson(0, 0), wilson(0, 0)),
        ),
        detection=wilson(3, 4),
        distractors=wilson(0, 2),
        clean=wilson(1, 2),
        confounded=wilson(0, 5),
        fragile=wilson(1, 6),
        innocents=wilson(2, 15),
        dependent=3,
        regions=wilson(7, 8),
        regions_open=20,
        reasons_found=wilson(5, 6),
        reasons_given=wilson(80, 100),
        reasons_false=wilson(0, 7),
        reasons_ratio=0.75,
        heat_detection=wilson(4, 4),
        heat_alarms=wilson(3, 4),
        correlation=wilson(3, 4),
        doses=((-1.0, 0.3, wilson(0, 5)), (0.3, 1.0, wilson(3, 4))),
        unseen=("tint",),
        table=b"model,arm\nclean-00,clean\n",
    )


@pytest.fixture(scope="session")
def report(make_report: MakeReport, certificate: Certificate) -> Report:
    return make_report(measured=True, shortcuts="shown", certificate=certificate, judging_code="measured")


def _publish(report: Report, folder: Path, **settings: Any) -> Published:
    return publish(report, folder, Config(**settings), SilentProgress())


@pytest.fixture(scope="session")
def publish_report() -> Callable[..., Published]:
    """Publishes a report into a folder; settings by name."""
    return _publish


@pytest.fixture(scope="session")
def published(report: Report, tmp_path_factory: pytest.TempPathFactory) -> Published:
    """The small report's site. Do not write into it."""
    return _publish(report, tmp_path_factory.mktemp("published"))


HOSTILE = "\"><script>alert(1)</script>&'.png"


@pytest.fixture(scope="session")
def hostile(make_report: MakeReport, tmp_path_factory: pytest.TempPathFactory) -> Published:
    """Names that would do harm if any page printed them as they are."""
    made = make_report(
        models=('<img src=x onerror="alert(2)">', "</script><script>alert(3)</script>"),
        classes=("<b>anger</b>", "fe ar", "{{ 7 * 7 }}", "fe-ar"),
        shortcuts="shown",
        path=lambda row: f"C:\\Users\\someone\\{row}{HOSTILE}" if row % 2 else f"/home/someone/{row}{HOSTILE}",
    )
    return _publish(made, tmp_path_factory.mktemp("hostile"))


@pytest.fixture(scope="session")
def variants(
    make_report: MakeReport, published: Published, hostile: Published, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Published]:
    """Every kind of report a site can be made from."""
    folder = tmp_path_factory.mktemp("variants")
    return {
        "two models": published,
        "hostile names": hostile,
        "use not tested": _publish(make_report(measured=True, tested=False, experiments=False), folder / "untested"),
        "regions not measured": _publish(make_report(), folder / "plain"),
        "one model": _publish(make_report(models=("Only",)), folder / "one"),
        "three models": _publish(
            make_report(models=("A", "B", "C"), measured=True, shortcuts="not shown"),
            folder / "three",
            overlay="classic",
        ),
        "no labels": _publish(make_report(labelled=False, shortcuts="not shown"), folder / "unlabelled"),
        "one model, no labels": _publish(make_report(models=("Only",), labelled=False), folder / "both"),
    }


XHTML, SVG = "{http://www.w3.org/1999/xhtml}", "{http://www.w3.org/2000/svg}"
LINKS = {"a": "href", "link": "href", "script": "src", "img": "src"}


def _links_inside(site: Path) -> int:
    """Follow every link of every page; returns how many there were."""
    site, checked = site.resolve(), 0
    ids: dict[Path, set[str | None]] = {}
    for page in sorted(site.rglob("*.html")):
        for element in _parse(page).iter():
            tag = element.tag.removeprefix(XHTML) if isinstance(element.tag, str) else ""
            target = element.get(LINKS.get(tag, ""))
            if element.tag == f"{SVG}image":
                target = element.get("href")
            if target is None:
                continue
            assert not re.match(r"[a-z]+:|//|/", target), f"{page.name}: {target}"
            path, fragment = urldefrag(target)
            goal = (page.parent / unquote(path)).resolve() if path else page
            assert goal.is_relative_to(site)
            assert goal.is_file(), f"{page.relative_to(site)} links to {target}"
            # The explorer keeps its state behind the hash; everywhere else it names an element.
            if fragment and goal.name != "explorer.html":
                if goal not in ids:
                    ids[goal] = {other.get("id") for other in _parse(goal).iter()}
                assert unquote(fragment) in ids[goal], f"{page.relative_to(site)}: {target}"
            checked += 1
    return checked


def _parse(path: Path) -> ElementTree.Element:
    return html5lib.HTMLParser(strict=True).parse(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def links_inside() -> Callable[[Path], int]:
    """Follows every link of every page of a site; fails where one leads nowhere or outside, else says how many."""
    return _links_inside
