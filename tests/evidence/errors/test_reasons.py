"""From a small analysis to reasons: the first of several, what is unexplained, and tables that tell the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from reportgen.analysis import Analysis, FaceRecords, ModelRecords
from reportgen.evidence.attention.findings import judge_attention
from reportgen.evidence.errors.findings import find_reasons
from reportgen.evidence.errors.occlusions import choose_occlusions, measure_occlusions
from reportgen.evidence.errors.photo_measures import photo_quality
from reportgen.evidence.errors.reasons import ReasonFindings
from reportgen.evidence.errors.rules import ORDER, background_heat
from reportgen.evidence.errors.shortcut_errors import ShortcutErrors
from reportgen.evidence.errors.tables import REASON_COLUMNS
from reportgen.evidence.examples.mining import mine
from reportgen.faces.align import canonical_points
from reportgen.faces.regions import REGIONS

N = 120
CLASSES = ("anger", "fear", "happiness")


def model(name: str, seed: int, masks: np.ndarray) -> ModelRecords:
    rng = np.random.default_rng(seed)
    labels = np.arange(N) % 3
    logits = rng.normal(0, 1, (N, 3)).astype(np.float32)
    logits[np.arange(N), labels] += 1.5
    maps = rng.gamma(0.6, 1.0, (N, 3, 7, 7)).astype(np.float32) - 0.1
    return ModelRecords(name, name.lower(), {"architecture": "?"}, logits, maps, masks)


@pytest.fixture(scope="module")
def analysis(face_masks: object) -> Analysis:
    rng = np.random.default_rng(9)
    masks = face_masks(N, 0, 7)  # type: ignore[operator]
    points = np.repeat(canonical_points()[None], N, axis=0) * 0.8 + 0.1
    # Heads turned by 30 degrees and more, and lips far apart, on some of the errors.
    wrong = model("A", 1, masks).predicted != np.arange(N) % 3
    points[wrong & (np.arange(N) % 2 == 0), 4, 0] += 0.15
    points[wrong & (np.arange(N) % 5 > 2), 14, 1] += 0.15
    source = tuple("template" if i % 10 == 9 else "detector" for i in range(N))
    faces = FaceRecords(points.astype(np.float32), np.ones(N, dtype=np.float32), source, source, np.zeros((N, 52)))
    faces = replace(faces, eye_light=rng.uniform(0.2, 1.0, N).astype(np.float32))
    images = pd.DataFrame({
        "image_id": [f"i{k}" for k in range(N)],
        "label": np.arange(N) % 3,
        "person": pd.array([f"p{k // 3}" for k in range(N)], dtype="string"),
        "sha256": [f"h{k}" for k in range(N)],
        "width": rng.integers(80, 300, N),
        "height": 200,
        "sharpness": rng.uniform(10, 500, N),
        "luminance": rng.uniform(0.2, 0.8, N),
    })  # fmt: skip
    first, second = model("A", 1, masks), model("B", 2, masks)
    # Models trained on the same data err on the same images.
    second = replace(second, logits=first.logits + second.logits * np.float32(0.25))
    models = (first, second)
    return Analysis(Path(), {"classes": list(CLASSES)}, images, pd.DataFrame(), models, faces)


@pytest.fixture(scope="module")
def findings(analysis: Analysis) -> ReasonFindings:
    attention = judge_attention(analysis, 0)
    assert attention is not None
    rng = np.random.default_rng(3)
    rows = [
        part
        for row in range(N)
        for part in [(row, "unchanged", "", "", -1), *[(row, "background", "background", "donor", 0)] * 2]
    ]
    design = pd.DataFrame(rows, columns=["receiver", "purpose", "region", "fill", "donor"])
    answers = {}
    for m in analysis.models:
        said = m.logits[design["receiver"]] + rng.normal(0, 0.5, (len(rows), 3))
        said[np.arange(len(said)), analysis.labels[design["receiver"]]] += np.where(
            design["purpose"] == "unchanged", 0, 1
        )
        answers[m.slug] = said
    priors = np.array([0.2, 0.2, 0.6])
    return find_reasons(
        analysis,
        attention.measures,
        measure_occlusions(design, answers, analysis),
        priors,
        shortcuts={m.slug: fear_by_colour(m, analysis.labels) for m in analysis.models},
        unweighted=True,
    )


def fear_by_colour(model: ModelRecords, labels: np.ndarray) -> ShortcutErrors:
    """Every second error that is called fear is called anger in grey; the others were not shown."""
    suspected = (model.predicted == 1) & (labels != 1)
    shown = suspected & (np.arange(N) % 2 == 0)
    change, answer = np.where(shown, "grey", "").astype(object), np.where(shown, 0, -1)
    return ShortcutErrors(
        suspected, change, answer, np.where(shown, -1.0, np.nan), ~(suspected | shown), np.zeros(N, dtype=bool),
        shown & (labels == 0), np.zeros(N, dtype=bool),
    )  # fmt: skip


def test_the_first_reason_is_the_first_that_goes_with_errors(findings: ReasonFindings, analysis: Analysis) -> None:
    for found, records in zip(findings.models, analysis.models, strict=True):
        wrong = records.predicted != analysis.labels
        assert found.errors == wrong.sum()
        for row in range(N):
            raised = [flag.name for flag in found.flags if flag.fires[row]]
            counting = [name for name in raised if found.rates[ORDER.index(name)].telling]
            others = [name for name in raised if name not in counting]
            if not wrong[row]:
                assert found.primary[row] == -2 and found.raised(row) == ()
            elif counting:
                assert ORDER[found.primary[row]] == counting[0]
                assert found.raised(row) == (*counting, *others)
            else:
                assert found.primary[row] == -1 and found.raised(row) == ("unexplained", *others)
        assert round(found.unexplained.value * found.errors) == int((found.primary == -1).sum())
        counts = sum(rate.primary for rate in found.rates)
        assert counts + (found.primary == -1).sum() == found.errors
        assert findings.flags[found.slug].keys() == set(np.flatnonzero(wrong).tolist())


def test_every_rule_is_exercised(findings: ReasonFindings) -> None:
    assert all(any(model.flag(name).fires.any() for model in findings.models) for name in ORDER)


def test_every_column_of_every_table_is_explained(findings: ReasonFindings) -> None:
    assert set(findings.tables) == set(REASON_COLUMNS)
    for name, table in findings.tables.items():
        assert list(table.columns) == list(REASON_COLUMNS[name]), name
        assert len(table), name


def test_rates_can_be_recomputed_from_the_table_of_reasons(findings: ReasonFindings) -> None:
    reasons, rates = findings.tables["reasons"], findings.tables["reason_rates"]
    once = reasons.drop_duplicates(["image_id", "model", "flag"])
    raised = once[once["answer"] == "yes"].groupby(["model", "flag"]).size()
    tested = once[once["answer"] != "not tested"].groupby(["model", "flag"]).size()
    first = once[once["primary"]].groupby(["model", "flag"]).size()
    for row in rates[rates["flag"] != "unexplained"].itertuples():
        key = (row.model, row.flag)
        assert (raised.get(key, 0), tested.get(key, 0), first.get(key, 0)) == (row.raised, row.tested, row.primary)
    errors = once.groupby("model")["image_id"].nunique()
    for row in rates[rates["flag"] == "unexplained"].itertuples():
        telling = rates[(rates["model"] == row.model) & (rates["low"] > 1) & (rates["p"] < 0.05)]["flag"]
        counts = (once["model"] == row.model) & (once["answer"] == "yes") & once["flag"].isin(telling)
        explained = once[counts]["image_id"].nunique()
        assert row.primary == errors[row.model] - explained
    # Values lie on the side of their limits that the table says.
    heat = reasons[(reasons["quantity"] == "heat per area on the background") & reasons["value"].notna()]
    assert ((heat["value"] > heat["limit"]) == heat["crossed"]).all()
    sharp = reasons[reasons["quantity"] == "sharpness"]
    assert ((sharp["value"] < sharp["limit"]) == sharp["crossed"]).all()


def test_pixels_between_the_eyes_are_those_of_the_photo(analysis: Analysis) -> None:
    apart = photo_quality(analysis)["pixels between the eyes"]
    assert analysis.faces is not None
    points, width = analysis.faces.points[0].astype(float), float(analysis.images["width"][0])
    (right_x, right_y), (left_x, left_y) = ((points[a] + points[b]) / 2 for a, b in ((33, 133), (362, 263)))
    assert apart[0] == pytest.approx(np.hypot((left_x - right_x) * width, (left_y - right_y) * 200), rel=1e-5)
    assert np.isnan(apart[9])  # a template's eyes are nobody's


def test_contrast_is_the_faces_own_where_the_pass_measured_it(analysis: Analysis) -> None:
    assert analysis.faces is not None and "contrast of the face" not in photo_quality(analysis)
    measured = replace(analysis.faces, contrast=np.linspace(0, 0.4, N).astype(np.float32))
    quality = photo_quality(replace(analysis, faces=measured))
    assert quality["contrast of the face"] == pytest.approx(np.linspace(0, 0.4, N)) and "contrast" not in quality


def test_what_needs_more_than_predictions_counts_as_untested(analysis: Analysis) -> None:
    found = find_reasons(analysis, None)
    assert found is not None
    model = found.models[0]
    assert model.flag("background").untested == "no regions"
    assert model.flag("prior").untested == "priors unknown"
    assert model.regions is None and model.swap is None
    weighted = find_reasons(analysis, None, None, np.full(3, 1 / 3))
    assert weighted is not None and weighted.models[0].flag("prior").untested == "perhaps weighted"
    assert "occlusions" not in found.tables


def test_without_labels_there_are_no_reasons(analysis: Analysis) -> None:
    assert find_reasons(replace(analysis, images=analysis.images.assign(label=-1)), None) is None


def test_the_choice_of_errors_takes_pairs_and_models_in_turn(analysis: Analysis) -> None:
    attention = judge_attention(analysis, 0)
    assert attention is not None
    mined = mine(analysis.models, analysis.labels, CLASSES, 4, 0)
    chosen = choose_occlusions(analysis, attention.measures, mined, 0)
    assert choose_occlusions(analysis, attention.measures, mined, 0) == chosen
    a, b = analysis.models
    firsts = {
        (m.slug, p.emotion, p.predicted): p.image
        for m in (a, b)
        for e in CLASSES
        for p in mined.of(m.slug, e, "confusion")
        if p.rank == 1
    }
    front = chosen.strips[: len(set(firsts.values()))]
    assert set(front) == set(firsts.values())
    for k, records in enumerate(analysis.models):
        heat = background_heat(attention.measures[k])
        right = records.predicted == analysis.labels
        limit = np.quantile(heat[right & np.isfinite(heat)], 0.95)
        hot = set(np.flatnonzero(~right & (heat > limit)).tolist())
        assert hot <= set(chosen.hot)
        assert not hot & {row for row in chosen.controls if row not in chosen.hot}
    assert len(set(chosen.hot)) == len(chosen.hot)


def test_regions_have_a_name_for_every_error_with_a_readable_difference(findings: ReasonFindings) -> None:
    table = findings.tables["reason_regions"]
    assert set(table["region"].dropna()) <= set(REGIONS[1:])
    assert (table["heat"].dropna() >= 1).all()  # the most per area of regions that fill the crop is at least even


def test_a_label_that_a_person_judged_is_doubted_no_more(analysis: Analysis) -> None:
    rows = np.arange(len(analysis.labels))
    files = [f"{row}.png" for row in rows]
    # All models are certain of another emotion on every tenth image.
    said = np.where(rows % 10 == 0, (analysis.labels + 1) % 3, analysis.labels)
    sure = tuple(replace(m, logits=(9 * np.eye(3)[said]).astype(np.float32)) for m in analysis.models)
    doubted = replace(analysis, images=analysis.images.assign(path=files), models=sure, faces=None)
    found = find_reasons(doubted, None)
    assert found is not None and sorted(vote.row for vote in found.review) == rows[::10].tolist()
    judged = [{"file": "0.png", "old": "anger", "new": "anger"}, {"file": "5.png", "old": "fear", "new": "fear"}]
    told = replace(doubted, manifest={**doubted.manifest, "data": {"corrections": judged}})
    again = find_reasons(told, None)
    assert again is not None and sorted(vote.row for vote in again.review) == rows[10::10].tolist()
    assert np.flatnonzero(again.suspects.suspect).tolist() == rows[10::10].tolist()
