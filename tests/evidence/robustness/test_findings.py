"""What changes cost: by hand, on networks that read one thing, and how often it errs where it must not decide."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from reportgen.analysis import Analysis, FaceRecords, ModelRecords
from reportgen.evidence.robustness.findings import MIN_DROP, ROBUSTNESS_COLUMNS, judge_robustness, side_of
from reportgen.evidence.robustness.heat import heat_moves
from reportgen.evidence.robustness.plan import BUDGETS, choose_strongest, choose_weaker, read_shown, strongest
from reportgen.evidence.stats.clustered import Clusters, clusters
from reportgen.evidence.stats.multiple_testing import holm
from reportgen.faces.align import canonical_points
from reportgen.faces.regions import REGIONS
from reportgen.inputs.images.disturbances import DISTURBANCES, disturb

CLASSES = ("anger", "fear", "surprise")
SIDE = 64
POINTS = (0.15 + 0.7 * canonical_points()).astype(np.float32)


def analysis(each=60, predicted=None, persons=None, template=(), models=1):
    """`each` photos of three emotions; all are predicted correctly, or as told."""
    labels = np.tile(np.arange(3), each)
    n = len(labels)
    images = pd.DataFrame({
        "label": labels, "sha256": [f"{k:064d}" for k in range(n)],
        "person": pd.array(persons or [None] * n, dtype="string"),
    })  # fmt: skip
    source = tuple("template" if k in template else "detector" for k in range(n))
    faces = FaceRecords(np.repeat(POINTS[None], n, axis=0), np.ones(n, np.float32), source, source,
                        np.zeros((n, 52), np.float32))  # fmt: skip
    logits = np.eye(3, dtype=np.float32)[labels if predicted is None else predicted]
    found = tuple(
        ModelRecords(f"Net{k}", f"net{k}", {}, logits, np.ones((n, 3, 2, 2), np.float32)) for k in range(models)
    )
    return Analysis(Path(), {"classes": list(CLASSES)}, images, pd.DataFrame(), found, faces)


def answers(wanted, predict):
    """Every chosen picture, with what `predict(row, change, level)` says."""
    rows = [(row, *key) for key, part in wanted.items() for row in part]
    design = pd.DataFrame(rows, columns=["image", "change", "level"])
    return design, np.eye(3, dtype=np.float32)[[predict(*row) for row in rows]]


def one(findings, change, level=None):
    (effect,) = (e for e in findings.effects if e.change == change and level in (None, e.level))
    return effect


def test_counts_drop_and_what_faces_turn_into_by_hand():
    """Thirty photos, ten of each emotion. Blurred, eight of ten of fear are predicted as surprise, as they are one."""
    records = analysis(each=30)
    rows = tuple(range(30))
    wrong = {1}  # fear, predicted as surprise as it is
    records = replace(records, models=tuple(
        replace(m, logits=np.where(np.isin(np.arange(90), list(wrong))[:, None], np.eye(3)[2], m.logits)
                .astype(np.float32)) for m in records.models
    ))  # fmt: skip
    blurred = answers({("blur", 2): rows}, lambda row, *_: 2 if row % 3 == 1 and row < 24 else row % 3)
    effect = one(judge_robustness(records, {"net0": blurred}, {}, {}, 0), "blur")
    whole = effect.overall
    assert (whole.n, whole.right, whole.still, whole.persons) == (30, 29, 22, None)
    assert whole.drop.value == pytest.approx(7 / 30)
    assert whole.before.value == pytest.approx(29 / 30)
    fear = next(part for part in effect.emotions if part.emotion == "fear")
    assert (fear.n, fear.right, fear.still) == (10, 9, 2)
    assert [(part.emotion, part.right, part.still) for part in effect.emotions if part.emotion != "fear"] == [
        ("anger", 10, 10), ("surprise", 10, 10),
    ]  # fmt: skip
    assert (effect.drift.emotion, effect.drift.before, effect.drift.after) == ("surprise", 11, 18)
    flow = effect.flow
    assert (flow.emotion, flow.predicted, flow.n, flow.before, flow.after) == ("fear", "surprise", 10, 1, 8)
    assert effect.hardest


def test_the_verdict_is_on_which_side_of_fifteen_points_the_drop_is_shown_to_lie():
    records, rows = analysis(), tuple(range(120))
    lost = {"blur": 60, "noise": 18, "jpeg": 2}

    def predict(row, change, _level):
        return (row % 3 + 1) % 3 if row < lost[change] else row % 3

    shown = answers({(name, 2): rows for name in lost}, predict)
    findings = judge_robustness(records, {"net0": shown}, {}, {}, 0)
    assert [one(findings, name).overall.answer for name in lost] == ["breaks", "undetermined", "holds"]
    assert [effect.change for effect in findings.broken("Net0")] == ["blur"]
    table = findings.tables["robustness"]
    assert list(table.columns) == list(ROBUSTNESS_COLUMNS["robustness"])
    blurred = table[(table["change"] == "blur") & (table["emotion"] == "all")].iloc[0]
    assert (blurred["images"], blurred["right_changed"], blurred["answer"]) == (120, 60, "breaks")
    assert blurred["severity"] == "4.0"


def test_with_little_to_lose_few_photos_or_few_persons_nothing_is_concluded():
    poor = analysis(predicted=np.zeros(180, dtype=int))  # a third is right
    shown = answers({("blur", 2): tuple(range(90))}, lambda *_: 1)
    assert one(judge_robustness(poor, {"net0": shown}, {}, {}, 0), "blur").overall.answer == "insufficient evidence"
    few = answers({("blur", 2): tuple(range(9))}, lambda *_: 1)
    assert one(judge_robustness(analysis(), {"net0": few}, {}, {}, 0), "blur").overall.answer == "insufficient evidence"
    four = analysis(persons=[f"p{k % 4}" for k in range(180)])
    part = one(judge_robustness(four, {"net0": shown}, {}, {}, 0), "blur").overall
    assert part.answer == "insufficient evidence" and part.persons == 4


def test_whether_there_is_little_to_lose_is_told_by_the_whole_test_set():
    """Half of all photos are right; of those that are shown, by chance, a third is. And the other way round."""
    labels = np.tile(np.arange(3), 60)
    for right, answer in ((np.arange(180) % 3 == 0, "holds"), (np.arange(180) < 60, "insufficient evidence")):
        rest = np.arange(180) >= 60
        held = right | rest if answer == "holds" else right
        records = analysis(predicted=np.where(held, labels, (labels + 1) % 3))
        shown = answers(
            {("blur", 2): tuple(range(60))}, lambda row, *_, held=held: row % 3 if held[row] else (row + 1) % 3
        )
        assert one(judge_robustness(records, {"net0": shown}, {}, {}, 0), "blur").overall.answer == answer


def test_a_weaker_level_counts_against_all_weaker_levels_shown_or_not():
    """16 of them: p = .004 is not enough, though it is the only one that was shown."""
    records, rows = analysis(), tuple(range(60))
    strong = answers({("blur", 2): rows}, lambda row, *_: (row + 1) % 3)
    weak = answers({("blur", 1): rows}, lambda row, *_: (row + 1) % 3 if row < 18 else row % 3)
    findings = judge_robustness(records, {"net0": strong}, {"net0": weak}, {}, 0)
    lost = np.arange(60) >= 18
    alone = side_of(np.ones(60, bool), lost, 1.0, MIN_DROP, clusters(None, 60), 0)
    effect = one(findings, "blur", 1)
    assert effect.overall.p == pytest.approx(min(1.0, 16 * alone))
    assert not effect.hardest
    assert [(e.change, e.level) for e in findings.broken("Net0")] == [("blur", 2)]


def test_without_gains_the_test_is_the_binomial_one():
    """Nothing lost of n: (1 - border)^n, twice for two sides; k lost: the chance of k or more losses."""
    n = 24
    p = side_of(np.ones(n, bool), np.ones(n, bool), 1.0, 0.15, clusters(None, n), 0)
    assert p == pytest.approx(2 * 0.85**n, abs=0.006)
    from scipy.stats import binom

    k = 8
    p = side_of(np.ones(n, bool), np.arange(n) >= k, 1.0, 0.15, clusters(None, n), 0)
    assert p == pytest.approx(2 * binom.sf(k - 1, n, 0.15), abs=0.006)


def shown_by(read, photos, wanted):
    """The answers of a network that is a function of the picture."""
    return answers(
        wanted, lambda row, name, level: read(disturb(name, DISTURBANCES[name].levels[level], photos[row], POINTS))
    )


def test_a_network_that_reads_the_mean_ignores_blur_and_breaks_in_the_dark():
    light = np.array([70, 128, 186])
    noise = np.random.default_rng(3).normal(0, 8, (180, SIDE, SIDE, 3))
    photos = np.clip(noise + light[np.arange(180) % 3][:, None, None, None], 0, 255).astype(np.uint8)
    wanted = {(name, strongest(name)[0]): tuple(range(120)) for name in ("blur", "darkness", "mirror")}
    shown = shown_by(lambda picture: int(np.abs(light - picture.mean()).argmin()), photos, wanted)
    findings = judge_robustness(analysis(), {"net0": shown}, {}, {}, 0)
    assert [one(findings, name).overall.answer for name, _ in wanted] == ["holds", "breaks", "holds"]
    assert one(findings, "darkness").drift.emotion == "anger"  # the darkest
    assert one(findings, "darkness").drift.shown


def test_a_network_that_reads_one_region_breaks_where_it_is_covered_and_holds_where_others_are():
    """The emotion is drawn into the mouth alone: stripes of three strengths over even grey."""
    even = np.full((SIDE, SIDE, 3), 128, np.uint8)
    even[0] = 0  # so that covering shows
    mouth = (disturb("cover", "mouth", even, POINTS) != even).any(axis=2)
    stripes = (np.where(np.arange(SIDE) % 2, 30, -30)[None, :] * mouth)[..., None]
    photos = [np.where(mouth[..., None], 128 + row % 3 * stripes, even).astype(np.uint8) for row in range(180)]

    def read(picture):
        return int(np.clip(round(float(picture[mouth].std()) / 30), 0, 2))

    assert [read(photo) for photo in photos[:6]] == [0, 1, 2, 0, 1, 2]
    shown = shown_by(read, photos, {("cover", level): tuple(range(120)) for level in strongest("cover")})
    findings = judge_robustness(analysis(), {"net0": shown}, {}, {}, 0)
    found = {DISTURBANCES["cover"].levels[e.level]: e.overall.answer for e in findings.effects}
    assert found == {"eyes+brows": "holds", "nose": "holds", "mouth": "breaks"}
    assert [e.level for e in findings.broken("Net0")] == [2]
    assert one(findings, "cover", 2).drift.emotion == "anger"  # an even mouth


def test_a_baseline_of_the_same_size_is_what_changes_are_compared_with():
    records = analysis()
    design = pd.DataFrame({"image": [4, 4], "change": ["unchanged", "blur"], "level": [-1, 2]})
    shown = read_shown(records, records.models[0].predicted, design, np.eye(3, dtype=np.float32)[[2, 0]])
    assert list(shown) == [("blur", 2)]
    part = shown["blur", 2]
    assert (part.rows.tolist(), part.labels.tolist(), part.before.tolist(), part.after.tolist()) == ([4], [1], [2], [0])


def test_heat_that_moves_is_found_and_heat_that_stays_is_not():
    """Two regions of two cells each. Blurred, all heat goes from the first to the second; with noise nothing moves."""
    records = analysis(each=20)
    masks = np.zeros((60, len(REGIONS), 2, 2), np.float32)
    masks[:, REGIONS.index("mouth"), 0] = 1
    masks[:, REGIONS.index("nose"), 1] = 1
    rng = np.random.default_rng(0)
    maps = np.zeros((60, 3, 2, 2), np.float32)
    maps[:, :, 0] = rng.uniform(0.5, 1.0, (60, 3, 2))
    maps[:, :, 1] = 0.5
    model = replace(records.models[0], maps=maps, masks=masks)
    rows = np.arange(30)
    design = pd.DataFrame({"image": np.tile(rows, 3), "change": np.repeat(["blur", "noise", "mirror"], 30), "level": 2})
    changed = np.concatenate([maps[rows][:, :, ::-1], maps[rows], maps[rows]])
    moves = heat_moves(records, model, design, changed, None, 0)
    assert {move.change for move in moves} == {"blur", "noise"}  # a mirror image moves the face itself
    own = maps[rows, records.labels[rows]]
    share = (own[:, 0].sum(axis=1) / own.sum(axis=(1, 2))).mean()
    mouth = next(move for move in moves if (move.change, move.region) == ("blur", "mouth"))
    assert (mouth.before, mouth.after) == pytest.approx((share / 0.5, (1 - share) / 0.5))
    assert mouth.move.value == pytest.approx(mouth.after - mouth.before)
    assert mouth.shown and mouth.images == 30
    assert not any(move.shown for move in moves if move.change == "noise")


def test_photos_take_turns_by_emotion_and_person_within_the_budget():
    persons = [f"p{k // 3 % 6}" for k in range(600)]
    records = analysis(each=200, persons=persons)
    wanted = choose_strongest(records, "default", 0, baseline=False)
    assert set(wanted) == {
        (name, len(change.levels) - 1) for name, change in DISTURBANCES.items() if change.graded
    } | {("cover", level) for level in range(3)}  # fmt: skip
    rows = wanted["blur", 2]
    assert len(rows) == int(0.85 * 0.36 * 600 / 12) == 15
    assert len(set(rows)) == 15
    assert np.bincount(records.labels[list(rows)]).tolist() == [5, 5, 5]
    for e in range(3):
        assert len({persons[row] for row in rows if records.labels[row] == e}) == 5
    assert wanted == choose_strongest(records, "default", 0, baseline=False)
    assert wanted != choose_strongest(records, "default", 1, baseline=False)
    assert len(choose_strongest(records, "default", 0, baseline=True)["blur", 2]) == int(0.85 * 216 / 13)


def test_no_region_is_covered_without_a_face():
    records = analysis(each=200, template=range(0, 600, 2))
    wanted = choose_strongest(records, "default", 0, baseline=False)
    assert all(row % 2 for row in wanted["cover", 0])
    assert wanted["cover", 0] == tuple(row for row in wanted["blur", 2] if row % 2)
    bare = replace(records, faces=None)
    assert not any(name == "cover" for name, _ in choose_strongest(bare, "default", 0, baseline=False))


def test_too_small_a_set_is_not_shown_at_all_and_a_large_one_no_more_than_it_needs():
    assert choose_strongest(analysis(each=92), "default", 0, baseline=False) == {}  # .43 x 276: 118 pictures
    small = choose_strongest(analysis(each=94), "default", 0, baseline=False)
    assert {len(rows) for rows in small.values()} == {10}
    large = choose_strongest(analysis(each=2000), "default", 0, baseline=False)
    assert {len(rows) for rows in large.values()} == {3 * BUDGETS["default"].per_emotion}


def test_weaker_levels_follow_where_predictions_are_lost_within_the_rest_of_the_budget():
    records = analysis(each=300, models=2)
    wanted = choose_strongest(records, "default", 0, baseline=False)
    harmless = answers(wanted, lambda row, *_: row % 3)
    costly = answers(wanted, lambda row, name, _: (row + (name in ("noise", "crop"))) % 3)
    assert choose_weaker(records, wanted, {"net0": harmless, "net1": harmless}, "default", baseline=False) == {}
    more = choose_weaker(records, wanted, {"net0": harmless, "net1": costly}, "default", baseline=False)
    assert list(more) == [("noise", 1), ("crop", 1), ("noise", 0), ("crop", 0)]
    assert all(rows == wanted[name, 2][: len(rows)] for (name, _), rows in more.items())
    spent = sum(map(len, wanted.values())) + sum(map(len, more.values()))
    assert spent <= 0.36 * 900
    assert len(wanted["blur", 2]) == int(0.85 * 0.36 * 900 / 12) == 22
    assert {len(rows) for rows in more.values()} == {(324 - 12 * 22) // 4}
    assert choose_weaker(records, {}, {}, "default", baseline=False) == {}
    small = analysis(each=94)
    least = choose_strongest(small, "default", 0, baseline=False)
    lost = answers(least, lambda row, *_: (row + 1) % 3)
    assert choose_weaker(small, least, {"net0": lost}, "default", baseline=False) == {}  # all is spent


Family = tuple[np.ndarray, list[np.ndarray], Clusters]


def family(rng, n, persons, right, gain, *, alike) -> Family:
    """Photos that are right before, twelve times those that are after, and who is on them. Each drop is fifteen points
    exactly: any answer is an error.
    """
    loss = (MIN_DROP + (1 - right) * gain) / right
    who = rng.integers(0, persons, n) if persons else np.arange(n)
    before, after = rng.random(n) < right, []
    for _ in range(12):
        chance = rng.beta(loss * (1 - alike) / alike, (1 - loss) * (1 - alike) / alike, n)[who] if alike else loss
        after.append(np.where(before, rng.random(n) >= chance, rng.random(n) < gain))
    return before, after, clusters(np.array([f"p{k}" for k in who], dtype=object) if persons else None, n)


def units_of_sides(drawn: Family) -> tuple[int, int]:
    """How many persons have photos that are right before, and that are wrong: with as many, tests share weights."""
    before, _, group = drawn
    return group.subset(np.flatnonzero(before)).count, group.subset(np.flatnonzero(~before)).count


@pytest.mark.slow
def test_one_family_in_twenty_at_most_decides_where_every_drop_is_the_border(capsys):
    settings = (
        (10, 0, 0.95, 0.0, 0.0), (52, 0, 0.95, 0.05, 0.0), (52, 0, 0.7, 0.1, 0.0), (52, 0, 0.5, 0.2, 0.0),
        (52, 25, 0.9, 0.0, 0.2), (120, 30, 0.7, 0.1, 0.3), (120, 0, 0.6, 0.1, 0.0),
    )  # fmt: skip
    for n, persons, right, gain, alike in settings:
        rng = np.random.default_rng(1)
        drawn = sorted((family(rng, n, persons, right, gain, alike=alike) for _ in range(2000)), key=units_of_sides)
        errors = 0
        for before, after, group in drawn:
            raw = np.array([side_of(before, one, right, MIN_DROP, group, 0) for one in after])
            errors += int(holm(raw).min() < 0.05)
        with capsys.disabled():
            print(f"\n{n} photos, {100 * right:.0f} % right: {errors} of 2,000 families err ({errors / 20:.1f} %)")
        assert errors <= 100, (n, right, errors)
