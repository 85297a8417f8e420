"""Swaps to choose from: the typical face, its donors, and the numbers of the test."""

from __future__ import annotations

import numpy as np

from reportgen.evidence.performance.margins import log_odds
from reportgen.site.interactive.swap_player import swap_choices
from reportgen.site.links import Links
from reportgen.site.pictures.swap_player import draw_swap_player
from reportgen.site.report import Report


def test_every_choice_has_the_tests_own_numbers(report: Report) -> None:
    saved: dict[str, bytes] = {}
    faces = draw_swap_player(report, 0, saved.__setitem__)
    assert [report.classes[face.emotion] for face in faces] == ["anger", "happiness"]
    swaps = report.importance.swaps[report.models[0].slug]  # type: ignore[union-attr]
    design = swaps.design
    for face in faces:
        assert face.before.log_odds == log_odds(report.models[0].logits[[face.receiver]], np.array([face.emotion]))[0]
        by_region: dict[str, list[int]] = {}
        for swap in face.swaps:
            place = np.flatnonzero(
                (design["receiver"] == face.receiver)
                & (design["donor"] == swap.donor)
                & (design["region"] == swap.region)
                & (design["kind"] == "matched")
            )
            expected = log_odds(swaps.logits[place], np.full(len(place), face.emotion))
            assert swap.odds.log_odds in expected.tolist()
            by_region.setdefault(swap.region, []).append(swap.donor_emotion)
            assert {swap.face.picture.path, swap.given.picture.path, swap.result.path} <= set(saved)
        # The donor of its own emotion first, then one of each other emotion.
        assert by_region and all(donors[0] == face.emotion for donors in by_region.values())
        assert all(len(set(donors)) == len(donors) >= 2 for donors in by_region.values())


def test_the_words_of_a_choice(report: Report) -> None:
    faces = draw_swap_player(report, 0, lambda path, content: None)
    choices = swap_choices(report, Links(report, ()), faces)
    assert len(choices) == sum(len(face.swaps) for face in faces)
    assert len({(one.emotion, one.region, one.donor) for one in choices}) == len(choices)
    one = next(one for one in choices if (one.emotion, one.region, one.donor) == ("happiness", "mouth", "anger"))
    face = next(face for face in faces if report.classes[face.emotion] == "happiness")
    swap = next(s for s in face.swaps if s.region == "mouth" and report.classes[s.donor_emotion] == "anger")
    change = swap.odds.log_odds - face.before.log_odds
    told = f"fall by {100 * (1 - np.exp(change)):.0f}" if change < 0 else f"are {np.exp(change):.1f} times as high"
    assert one.text.startswith(f"The odds of happiness {told}")
    assert one.before == round(100 * face.before.probability, 1)
