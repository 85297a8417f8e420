"""Each rule of a proved shortcut, on constructed answers whose truth is known."""

import numpy as np
import pytest

from reportgen.evidence.shortcuts.added_cues import AddedEffect
from reportgen.evidence.shortcuts.interventions import ChangedPredictions, judge_interventions
from reportgen.evidence.shortcuts.properties import Association
from reportgen.evidence.stats.intervals import Estimate

CLASSES = ("anger", "disgust", "fear", "happiness")
ANGER, DISGUST, FEAR, HAPPINESS = range(4)


def link(emotion="disgust", name="colour", auc=0.9, answer="yes"):
    return Association(name, emotion, Estimate(auc, auc - 0.05, auc + 0.05, 30), 0.9, 0.1, 0.001, answer)


def show(counts, change="grey"):
    """Images per emotion as (known and kept, known and lost, gained, never known), and how many lead that are altered.

    Known ones come first, so `altered` of 25 covers the first 25.
    """
    labels, before, after, altered = [], [], [], []
    for e, (kept, lost, gained, never, touched) in counts.items():
        other = (e + 1) % len(CLASSES)
        n = kept + lost + gained + never
        labels += [e] * n
        before += [e] * (lost + kept) + [other] * (gained + never)
        after += [other] * lost + [e] * kept + [e] * gained + [other] * never
        altered += [True] * touched + [False] * (n - touched)
    labels, before, after = (np.array(part, dtype=np.int64) for part in (labels, before, after))
    sure = np.linspace(0.4, 0.9, len(labels))
    return ChangedPredictions(
        np.arange(len(labels)) + 100,
        labels,
        {change: np.ones(len(labels), dtype=bool)},
        {change: np.array(altered)},
        {change: before},
        {change: after},
        sure,
    )


def added(became=60, became_neutral=3, n=80, answer="yes", elsewhere=0.0, beyond=(0.8, 0.6, 0.95)):
    """The other direction for disgust."""
    gain = (became - became_neutral) / n
    return AddedEffect(
        "Net", "disgust", "grey", n, None, became, became_neutral, Estimate(gain, gain - 0.1, gain + 0.1, n), 0.001,
        elsewhere, answer, Estimate(*beyond, 25), (),
    )  # fmt: skip


def judge(counts, links=(), change="grey", persons=None, seed=0, other=None):
    both = {} if other is None else {(change, "disgust"): other}
    effects = judge_interventions("Net", show(counts, change), CLASSES, links, persons, seed, both)
    return {effect.emotion: effect for effect in effects}


OTHERS = {ANGER: (20, 1, 1, 8, 30), HAPPINESS: (60, 2, 2, 10, 74)}


def test_a_shortcut_has_a_fall_an_association_and_others_that_hold():
    found = judge({DISGUST: (0, 25, 0, 6, 27), **OTHERS}, [link()])
    disgust = found["disgust"]
    assert (disgust.falls, disgust.answer) == ("yes", "yes")
    assert (disgust.n, disgust.known, disgust.lost, disgust.gained, disgust.altered) == (31, 25, 25, 0, 27)
    assert disgust.before.value == pytest.approx(25 / 31)
    assert disgust.after.value == 0
    assert disgust.fall.value == pytest.approx(25 / 31)
    assert disgust.fall.low > 0.5
    assert disgust.p == pytest.approx(2 * 0.5**25)
    assert disgust.loss.value == 1
    assert disgust.elsewhere == pytest.approx(np.mean([1 / 21, 2 / 62]))
    assert disgust.goes_with == ("colour",)
    assert {effect.answer for name, effect in found.items() if name != "disgust"} == {"no"}


def test_lost_images_are_named_the_surest_first():
    disgust = judge({DISGUST: (0, 12, 0, 3, 15), **OTHERS}, [link()])["disgust"]
    assert disgust.lost_rows == tuple(range(111, 99, -1))
    assert set(disgust.predicted_now) == {"fear"}


def test_a_fall_without_an_association_is_no_shortcut():
    disgust = judge({DISGUST: (0, 25, 0, 6, 31), **OTHERS})["disgust"]
    assert (disgust.falls, disgust.answer) == ("yes", "no")
    assert disgust.note == "fragile"


@pytest.mark.parametrize(
    "links", [[link("anger")], [link(name="sharpness")], [link(auc=0.1)], [link(answer="undetermined")]]
)
def test_the_association_must_be_that_emotions_that_changes_and_in_its_direction(links):
    disgust = judge({DISGUST: (0, 25, 0, 6, 31), **OTHERS}, links)["disgust"]
    assert disgust.goes_with == ()
    assert disgust.answer == "no"


def test_a_model_that_fails_on_every_emotion_is_fragile_not_cheating():
    """All emotions lose nine in ten: blur destroys what the model sees, whatever the emotion."""
    counts = {DISGUST: (3, 22, 0, 6, 31), ANGER: (2, 18, 0, 8, 28), HAPPINESS: (6, 54, 0, 10, 70)}
    disgust = judge(counts, [link(name="sharpness")], "blurred")["disgust"]
    assert disgust.falls == "yes"
    assert disgust.elsewhere == pytest.approx(0.9)
    assert disgust.answer != "yes"


def test_images_that_the_change_leaves_alone_are_no_comparison():
    """Only 20 happy images are altered, and 18 of them are lost: greying breaks this model wherever there is colour."""
    counts = {DISGUST: (3, 22, 0, 6, 31), HAPPINESS: (82, 18, 0, 0, 20)}
    disgust = judge(counts, [link()])["disgust"]
    assert disgust.elsewhere == pytest.approx(0.9)
    assert disgust.answer != "yes"


@pytest.mark.parametrize(
    ("other", "answer"),
    [
        (None, "undetermined"),
        (added(), "yes"),
        (added(answer="no"), "undetermined"),
        (added(answer="undetermined"), "undetermined"),
    ],
)
def test_where_no_other_image_is_altered_the_other_direction_decides(other, answer):
    """Unaltered images lose nothing by construction: they cannot stand in for altered ones."""
    counts = {DISGUST: (0, 25, 0, 6, 27), HAPPINESS: (100, 0, 0, 10, 2)}
    disgust = judge(counts, [link()], other=other)["disgust"]
    assert (disgust.answer, disgust.note) == (answer, "no comparison")
    assert disgust.added == other


def test_a_neutral_change_that_costs_as_much_means_fragile():
    counts = {DISGUST: (0, 25, 0, 6, 27), **OTHERS}
    fragile = judge(counts, [link()], other=added(answer="no", beyond=(0.0, -0.05, 0.05)))["disgust"]
    assert (fragile.answer, fragile.note) == ("no", "fragile")
    unclear = judge(counts, [link()], other=added(answer="no", beyond=(0.2, -0.1, 0.5)))["disgust"]
    assert unclear.answer == "undetermined"


def test_added_to_many_persons_a_cue_counts_though_few_persons_lose_it():
    counts = {DISGUST: (0, 20, 0, 4, 24), **OTHERS}
    three = persons_of(counts, [f"disgusted {k % 3}" for k in range(24)])
    assert judge(counts, [link()], persons=three)["disgust"].answer == "insufficient evidence"
    assert judge(counts, [link()], persons=three, other=added())["disgust"].answer == "yes"


def test_directions_that_disagree_decide_nothing():
    counts = {DISGUST: (0, 25, 0, 6, 27), **OTHERS}
    assert judge(counts, [link()], other=added(became=2, answer="no"))["disgust"].answer == "undetermined"


@pytest.mark.parametrize(
    ("anger", "answer"),
    [
        ((27, 3, 0, 5, 35), "yes"),  # loses a tenth
        ((10, 10, 0, 5, 25), "undetermined"),  # half of twenty: not behind beyond chance
        ((40, 60, 0, 5, 105), "undetermined"),  # loses nearly as much
    ],
)
def test_what_cannot_be_added_must_cost_the_emotion_more_than_every_other(anger, answer):
    """Mirrored, disgust loses 17 of 25; of the others' median no more than an eighth."""
    counts = {DISGUST: (8, 17, 0, 5, 30), ANGER: anger, HAPPINESS: (56, 4, 0, 5, 65), FEAR: (35, 5, 0, 5, 45)}
    disgust = judge(counts, [link(name="head turn")], "mirrored")["disgust"]
    assert disgust.falls == "yes" and disgust.excess.low > 0 and disgust.elsewhere <= 0.125
    assert disgust.answer == answer


def test_added_alone_it_does_not_count_where_nothing_is_lost_without_it():
    counts = {DISGUST: (24, 1, 0, 6, 27), **OTHERS}
    assert judge(counts, [link()], other=added())["disgust"].answer != "yes"


def test_an_emotion_with_the_same_property_is_no_comparison_either():
    counts = {DISGUST: (0, 25, 0, 6, 27), ANGER: (0, 25, 0, 6, 27), HAPPINESS: (100, 0, 0, 10, 20)}
    found = judge(counts, [link(), link("anger")])
    assert found["disgust"].answer == found["anger"].answer == "yes"


def test_a_small_fall_is_none_however_sure():
    counts = {DISGUST: (900, 60, 0, 40, 1000), HAPPINESS: (900, 0, 0, 100, 1000)}
    disgust = judge(counts, [link()])["disgust"]
    assert disgust.p < 0.001
    assert (disgust.falls, disgust.answer) == ("no", "no")


def test_few_images_are_insufficient():
    disgust = judge({DISGUST: (0, 9, 0, 0, 9), **OTHERS}, [link()])["disgust"]
    assert disgust.falls == disgust.answer == "insufficient evidence"
    assert np.isnan(disgust.p)


def test_few_known_images_cannot_decide():
    """Five known of thirteen: even if all are lost, p is .06; the fall may well be above ten points."""
    disgust = judge({DISGUST: (0, 5, 0, 8, 13), **OTHERS}, [link()])["disgust"]
    assert disgust.falls == disgust.answer == "insufficient evidence"


def test_an_uncertain_fall_is_undetermined():
    disgust = judge({DISGUST: (10, 4, 0, 6, 20), **OTHERS}, [link()])["disgust"]
    assert disgust.falls == disgust.answer == "undetermined"


def persons_of(counts, disgusted):
    """Everyone a person of their own, but for the 24 disgusted images, which `disgusted` names."""
    n = len(show(counts).labels)
    return np.array([disgusted[i] if i < 24 else f"person {i}" for i in range(n)], dtype=object)


@pytest.mark.parametrize(
    ("disgusted", "answer"),
    [
        (range(24), "yes"),
        ([i % 8 for i in range(24)], "yes"),
        ([i % 3 for i in range(24)], "insufficient evidence"),
        ([0] * 24, "insufficient evidence"),
    ],
)
def test_persons_count_not_images(disgusted, answer):
    counts = {DISGUST: (0, 20, 0, 4, 24), **OTHERS}
    disgust = judge(counts, [link()], persons=persons_of(counts, [f"disgusted {k}" for k in disgusted]))["disgust"]
    assert disgust.persons == len(set(disgusted))
    assert disgust.answer == answer


def test_one_person_of_many_does_not_speak_for_all():
    """Fifteen images of one person are lost, those of eight others stay."""
    counts = {DISGUST: (8, 15, 0, 1, 24), **OTHERS}
    names = ["the one"] * 15 + [f"other {i}" for i in range(9)]
    disgust = judge(counts, [link()], persons=persons_of(counts, names))["disgust"]
    assert disgust.lost == 15
    assert disgust.answer != "yes"
    assert judge(counts, [link()])["disgust"].answer == "yes"


def test_only_pairs_that_could_be_shortcuts_share_the_correction():
    few = {DISGUST: (0, 8, 0, 22, 30), **OTHERS}
    p = judge(few, [link()])["disgust"].p
    assert p == pytest.approx(2 * 0.5**8)
    assert judge(few, [link(), link("anger")])["disgust"].p == pytest.approx(2 * p)


def test_a_model_that_only_flickers_is_hardly_ever_accused():
    """Every emotion loses and gains at the same rates, and the property goes with all that is judged."""
    rng = np.random.default_rng(5)
    accused = 0
    for draw in range(300):
        counts = {}
        for e in (ANGER, DISGUST, HAPPINESS):
            known, unknown = 24, 12
            lost, gained = rng.binomial(known, 0.25), rng.binomial(unknown, 0.1)
            counts[e] = (known - lost, lost, gained, unknown - gained, 36)
        found = judge(counts, [link(name="sharpness")], "blurred", seed=draw)
        accused += found["disgust"].answer == "yes"
    assert accused <= 15  # 5 % of 300
