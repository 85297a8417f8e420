"""What changes of a photo cost, in words: how photos were changed, and what the models lose by it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from reportgen.evidence.performance.scores import FEW
from reportgen.evidence.robustness.findings import Drift, Flow, LevelEffect, RecallChange, RobustnessFindings
from reportgen.evidence.robustness.heat import HeatMove
from reportgen.evidence.robustness.importance import MIN_MOVE, ImportanceMove
from reportgen.evidence.robustness.plan import MIN_DROP
from reportgen.inputs.images.disturbances import DISTURBANCES, UNIT
from reportgen.site.html.components import Finding, Link, ModelLine, series_of
from reportgen.site.report import Report
from reportgen.site.wording.attention import REGION_NAMES
from reportgen.site.wording.format import (
    and_list,
    capital,
    count,
    decimal,
    fixed,
    number,
    percent,
    plural,
    points,
    signed,
    small,
)
from reportgen.site.wording.models import named_models

__all__ = [
    "CHANGE_NAMES",
    "MOVE_WORDS",
    "VERDICT_WORDS",
    "drift_sentence",
    "effect_sentence",
    "flow_sentence",
    "heat_limits",
    "heat_sentence",
    "in_training",
    "move_region",
    "moves_limits",
    "moves_line",
    "recall_moved",
    "recall_words",
    "robustness_answer",
    "robustness_lines",
    "robustness_steps",
    "robustness_title",
    "severity",
    "severity_table",
    "shown_as",
    "verdict_rule",
    "weaker_said",
]

CHANGE_NAMES = {
    "blur": "Blur",
    "noise": "Noise",
    "jpeg": "JPEG compression",
    "resolution": "Low resolution",
    "darkness": "Darkness",
    "contrast": "Low contrast",
    "crop": "Tighter crop",
    "rotation": "Rotation",
    "mirror": "Mirror image",
    "cover": "Covered region",
}

_NAMED = 3  # changes in a heading
_MOST_LINES = 2  # models that the first page tells of

_HOW = {
    "blur": f"Gaussian blur, by its standard deviation in pixels of a picture of {UNIT} (longer sides in proportion)",
    "noise": "Gaussian noise, the same in all colours, by its standard deviation in levels of 255",
    "jpeg": "saved as JPEG once more, by its quality (of 100)",
    "resolution": "reduced to so many pixels a side and enlarged again",
    "darkness": "less light before the camera, in stops: each halves it",
    "contrast": "everything brought closer to the photo's mean, by the share of the distance that is left",
    "crop": "only the middle is left and enlarged, by the share of the side. A wider crop needs what lies outside the "
    "photo, which nobody has",
    "rotation": "about the middle, to either side, in degrees; the border is continued",
    "mirror": "left and right exchanged",
    "cover": "a plain rectangle in the photo's mean colour over one region; only of photos with a face",
}

_TRAINING = {
    "blur": "blur", "noise": "noise", "jpeg": "JPEG compression", "resolution": "lower resolution",
    "darkness": "darkening", "contrast": "lower contrast", "crop": "tighter crops", "rotation": "rotation",
    "mirror": "mirroring", "cover": "covered regions",
}  # fmt: skip

MOVE_WORDS = {
    "moves": "moves",
    "stays": "stays",
    "undetermined": "inconclusive",
    "insufficient evidence": "cannot be tested",
}

VERDICT_WORDS = {
    "breaks": "breaks",
    "holds": "holds",
    "undetermined": "inconclusive",
    "insufficient evidence": "cannot be tested",
}


def severity(change: str, level: int) -> str:
    """A level with its unit: "4 px", "20°", "mouth"."""
    value = DISTURBANCES[change].levels[level]
    if isinstance(value, str):
        return REGION_NAMES[value]
    forms = {
        "blur": f"{value:g} px",
        "noise": f"{value:g} levels",
        "jpeg": f"quality {value:g}",
        "resolution": f"{value:g} px",
        "darkness": count(int(value), "stop"),
        "contrast": percent(value),
        "crop": percent(value),
        "rotation": f"{value:g}°",
        "mirror": "mirrored",
    }
    return forms[change]


def shown_as(change: str, level: int) -> str:
    """How photos were shown: "blurred by 4 px"."""
    value = severity(change, level)
    return {
        "blur": f"blurred by {value}",
        "noise": f"with noise of {value}",
        "jpeg": f"at JPEG {value}",
        "resolution": f"reduced to {value}",
        "darkness": f"darkened by {value}",
        "contrast": f"with {value} of the contrast",
        "crop": f"cropped to {value} of the side",
        "rotation": f"rotated by {value}",
        "mirror": "mirrored",
        "cover": f"with {value} covered",
    }[change]


def in_training(change: str) -> str:
    """What to add to photos in training: "blur"."""
    return _TRAINING[change]


def _in_words(change: str) -> str:
    """A change within a sentence: "low contrast"; several regions can be covered."""
    return _TRAINING[change] if change == "cover" else small(CHANGE_NAMES[change])


def severity_table() -> tuple[tuple[str, str, str], ...]:
    """Every change, what was done, and its levels, from the table that the pictures are made by."""
    rows = []
    for name, change in DISTURBANCES.items():
        levels = ", ".join(severity(name, place) for place in range(len(change.levels)))
        if name == "noise":
            ratios = (20 * math.log10(255 / float(level)) for level in change.levels)
            levels += f" (signal to noise {', '.join(fixed(ratio, 0) for ratio in ratios)} dB)"
        rows.append((CHANGE_NAMES[name], _HOW[name], levels))
    return tuple(rows)


def recall_words(part: RecallChange) -> tuple[str, str]:
    """Recall without and with the change: in per cent, or "3 of 8" of few photos."""
    if part.n < FEW:
        return f"{part.right} of {part.n}", f"{part.still} of {part.n}"
    return percent(part.before.value), percent(part.after.value)


def recall_moved(part: RecallChange) -> tuple[str, str]:
    """Recall with the change less that without it, in points, and its interval: "−9", "[−22, 4]"; a fall is negative.

    The interval is "" where there are too few persons for one.
    """
    low, high = (fixed(-100 * end, 0) for end in (part.drop.high, part.drop.low))
    return points(-part.drop.value, 0, unit=""), "" if part.drop.too_few else f"[{low}, {high}]"


def effect_sentence(report: Report, effect: LevelEffect) -> str:
    """As in "Blurred by 4 px, Custom CNN predicts 9 of 45 photos correctly, 31 as they are: recall changes by
    −49 points [−62, −33].".
    """
    part, how = effect.overall, shown_as(effect.change, effect.level)
    report.stated.number(number(part.still), "photos right with the change", effect.model, how)
    report.stated.number(number(part.n), "photos shown with the change", effect.model, how)
    moved, interval = recall_moved(part)
    sure = f" {interval}" if interval else ", too few persons for an interval"
    return (
        f"{capital(how)}, {effect.model} predicts {part.still} of {count(part.n, 'photo')} correctly, {part.right} as "
        f"they are: recall changes by {moved} points{sure}."
    )


def robustness_lines(report: Report, model: str) -> tuple[str, ...]:
    """What breaks a model, and under what it holds: a sentence each; empty where that was not measured."""
    findings = report.robustness
    own = [] if findings is None else [effect for effect in findings.effects if effect.model == model]
    if findings is None or not own:
        return ()
    lines = [f"Breaks: {small(effect_sentence(report, effect))}" for effect in findings.broken(model)]
    hard = [effect for effect in own if effect.hardest]
    for answer, lead in (("holds", "Holds"), ("undetermined", "Inconclusive"), ("insufficient evidence", "Untested")):
        these = [shown_as(effect.change, effect.level) for effect in hard if effect.overall.answer == answer]
        if these:
            lines.append(f"{lead}: {and_list(these)}.")
    line = moves_line([move for move in findings.moves or () if move.model == model])
    lines.append(line or "Region importance under changes: not measured.")
    return tuple(lines)


def robustness_steps(findings: RobustnessFindings) -> tuple[tuple[str, str], ...]:
    """How it was measured and judged, as title and sentence of each step."""
    border = f"{100 * MIN_DROP:.0f}"
    return (
        (
            "A sample is drawn,",
            "emotions in turn and, within an emotion, persons in turn. It is as large as a third of the time of the "
            f"pass allows: {count(findings.photos, 'photo')} and {count(findings.pictures, 'changed picture')} here.",
        ),
        (
            "Each change is shown at its strongest.",
            f"Where it costs a model {border} points of recall, weaker levels follow on as many of the same photos as "
            "the rest of that time allows. Pictures are changed at the size of the largest model's input.",
        ),
        (
            "The same photos are compared.",
            f"The test asks on which side of {border} percentage points the drop in recall lies; persons, where they "
            "are known, count once each. It needs no symmetry (Gaffke 2004; Learned-Miller and Thomas 2019). “Breaks” "
            "is a drop shown to be larger, “holds” one shown to be smaller, all else is inconclusive.",
        ),
        (
            "Four families are corrected (Holm), model by model:",
            "all photos at the strongest levels; all photos at the weaker ones, those not shown included; single "
            "emotions at the strongest levels; and the emotion that gains predictions there.",
        ),
        (
            "Little to lose is no robustness.",
            "Nothing is concluded where fewer than 40 % of the test set's photos with these labels are correct as they "
            "are, or with fewer than ten photos or fewer than five persons.",
        ),
        (
            "Region importance under changes takes experiments = full.",
            "The same region is swapped between the same faces, both changed alike, and the log-odds drop compared "
            f"with that of the same swaps without it: on which side of {decimal(MIN_MOVE, 1)} the difference lies, "
            "either way, with receivers and donors drawn anew by person. Corrected (Holm) over the model's changes x "
            "regions.",
        ),
        (
            "It is no cue.",
            "A model that breaks may still look at the face alone: what was found here does not enter the headline.",
        ),
    )


def robustness_title(report: Report, findings: RobustnessFindings) -> str:
    """The heading of the page: under how many changes each model breaks, or that the photos were too few to tell."""
    if not findings.effects:
        return "Whether changes of the photos break the models was not measured."
    tested = list(dict.fromkeys(effect.change for effect in findings.effects))
    said, none = [], []
    for model in report.models:
        broken = {effect.change for effect in findings.broken(model.name)}
        for change in tested:
            report.stated.claim("breaks", model.name, change, holds=change in broken)
        if broken:
            names = [_in_words(change) for change in tested if change in broken]
            under = and_list(names) if len(names) <= _NAMED else f"{len(names)} of {len(tested)} kinds of change"
            said.append(f"{model.name} breaks under {under}")
        else:
            none.append(model.name)
    if not said:
        return _nothing_breaks(findings)
    unsure = _untold(findings, none)
    rest = f"; {unsure} {and_list(none)}" if unsure else f"; none was shown to break {and_list(none)}"
    return f"{and_list(said)}{rest if none else ''}."


def robustness_answer(report: Report) -> Finding | None:
    """What breaks the models, for the first page; None where that was not measured."""
    found = report.robustness
    if found is None or not found.effects:
        return None
    question, link = "What breaks them?", Link("All changes", "robustness.html")
    breaking: dict[str, list[str]] = {}
    for model in report.models:
        for effect in found.broken(model.name):
            names = breaking.setdefault(_in_words(effect.change), [])
            if model.name not in names:
                names.append(model.name)
    costs = {effect.model: effect for effect in sorted(found.effects, key=lambda effect: effect.overall.drop.value)}
    shown = [k for k, model in enumerate(report.models) if model.name in costs]
    if breaking:  # of the others the lead tells
        shown = [k for k in shown if any(report.models[k].name in names for names in breaking.values())]
    if len(shown) > _MOST_LINES:
        shown = [max(shown, key=lambda k: costs[report.models[k].name].overall.drop.value)]
    lines = tuple(
        ModelLine(series_of(k), report.models[k].name, _cost(report, costs[report.models[k].name])) for k in shown
    )
    if breaking:
        told: dict[str, list[str]] = {}
        for change in list(breaking)[:_NAMED]:
            told.setdefault(named_models(report, breaking[change]), []).append(change)
        alone = len(report.models) == 1
        parts = [and_list(names) if alone else f"{and_list(names)} ({who})" for who, names in told.items()]
        more = [f"{number(len(breaking) - _NAMED)} more"] if len(breaking) > _NAMED else []
        lead = f"{capital(and_list([*parts, *more]))}{_others_open(report, found, breaking)}."
        return Finding(question, "bad", lead, "", link, models=lines)
    if _untold(found, [model.name for model in report.models]):
        return Finding(question, "open", "Too few photos to tell.", "", link, models=lines)
    return Finding(question, "good", "Nothing that was tried.", "", link, models=lines)


def _others_open(report: Report, found: RobustnessFindings, breaking: Mapping[str, Sequence[str]]) -> str:
    """As in "; CNN: inconclusive", of models that nothing is shown to break; "" where all are."""
    broken = {name for names in breaking.values() for name in names}
    rest = [model.name for model in report.models if model.name not in broken]
    unsure = [name for name in rest if _untold(found, [name])]
    return f"; {and_list(unsure)}: inconclusive" if unsure else ""


def _cost(report: Report, effect: LevelEffect) -> str:
    """As in "19 of 45 photos correct; at worst 7, with noise of 40 levels (inconclusive)."."""
    part, how = effect.overall, shown_as(effect.change, effect.level)
    report.stated.number(number(part.still), "photos right with the change", effect.model, how)
    report.stated.number(number(part.n), "photos shown with the change", effect.model, how)
    if part.drop.value <= 0:
        return f"{number(part.right)} of {count(part.n, 'photo')} correct; no change costs any."
    proven = "" if part.answer == "breaks" else " (does not break it)" if part.answer == "holds" else " (inconclusive)"
    return f"{number(part.right)} of {count(part.n, 'photo')} correct; at worst {number(part.still)}, {how}{proven}."


def _nothing_breaks(findings: RobustnessFindings) -> str:
    """A heading where no change is shown to break a model: that is no word for safe where most was inconclusive."""
    hard = [effect for effect in findings.effects if effect.hardest]
    unsure = _untold(findings, [effect.model for effect in hard])
    if unsure:
        costly: dict[str, None] = {}
        for effect in sorted(hard, key=lambda effect: -effect.overall.drop.value):
            if not effect.overall.drop.too_few and effect.overall.drop.low > 0:
                costly[_in_words(effect.change)] = None
        most = and_list(list(costly)[:_NAMED])
        cost = f"; {most} {plural(min(len(costly), _NAMED), 'costs', 'cost')} most" if costly else ""
        return capital(f"{unsure} a model{cost}.")
    turned = [(effect, effect.drift) for effect in findings.effects if effect.drift is not None]
    most_turned = max(
        (one for one in turned if one[1].shown), key=lambda one: one[1].after - one[1].before, default=None
    )
    if most_turned is None:
        return "No change of the photos was shown to break a model."
    effect, drift = most_turned
    return (
        f"No change of the photos was shown to break a model; {shown_as(effect.change, effect.level)}, "
        f"{effect.model} predicts {drift.emotion} for {drift.after} of {drift.n}."
    )


def _untold(findings: RobustnessFindings, models: Sequence[str]) -> str:
    """Where most verdicts on these models are open, why; what it was about follows. "" elsewhere."""
    answers = [effect.overall.answer for effect in findings.effects if effect.hardest and effect.model in models]
    unsure, untested = answers.count("undetermined"), answers.count("insufficient evidence")
    if 2 * (unsure + untested) <= len(answers):
        return ""
    if unsure >= untested:
        return f"{count(findings.photos, 'photo')} were too few to tell whether most changes break"
    return "it could not be tested whether most changes break"


def verdict_rule() -> str:
    """What the verdicts mean."""
    border = f"{100 * MIN_DROP:.0f}"
    return (
        f"Breaks: recall is shown to fall by more than {border} percentage points. Holds: it is shown to fall by less, "
        "or to rise. Inconclusive: the photos do not tell which. All is corrected for the number of changes (Holm), so "
        f"an interval below −{border} alone proves nothing."
    )


def weaker_said(findings: RobustnessFindings) -> str:
    """To how many photos weaker changes were shown."""
    sizes = {effect.overall.n for effect in findings.effects if not effect.hardest}
    if not sizes:
        return "weaker changes were not shown"
    to = "to the same photos" if min(sizes) == findings.photos else f"to {number(min(sizes))} of the photos or more"
    return f"weaker changes were shown where the strongest costs predictions, {to}"


def drift_sentence(effect: LevelEffect, drift: Drift) -> str:
    """As in "30 of 45 photos are predicted as neutral, 9 as they are"."""
    return (
        f"{capital(shown_as(effect.change, effect.level))}, {drift.after} of {count(drift.n, 'photo')} are predicted "
        f"as {drift.emotion}; as they are, {drift.before} {plural(drift.before, 'is', 'are')}."
    )


def flow_sentence(effect: LevelEffect, flow: Flow) -> str:
    """As in "41 % of fear is predicted as surprise (9 of 22), unchanged 12 % (3)"; counts alone of few photos."""
    how = capital(shown_as(effect.change, effect.level))
    if flow.n < FEW:
        return (
            f"{how}, {flow.after} of {count(flow.n, 'photo')} of {flow.emotion} "
            f"{plural(flow.after, 'is', 'are')} predicted as {flow.predicted}, unchanged {flow.before}."
        )
    after, before = percent(flow.after / flow.n), percent(flow.before / flow.n)
    return (
        f"{how}, {after} of {flow.emotion} is predicted as {flow.predicted} ({flow.after} of {flow.n} photos), "
        f"unchanged {before} ({flow.before})."
    )


def heat_sentence(move: HeatMove) -> str:
    """As in "Blurred by 4 px, mouth: enrichment 1.62 → 1.10 (−0.52 [−0.80, −0.31])"."""
    low, high = fixed(move.move.low), fixed(move.move.high)
    return (
        f"{capital(shown_as(move.change, move.level))}, {REGION_NAMES[move.region]}: {fixed(move.before)} → "
        f"{fixed(move.after)} ({signed(move.move.value)} [{low}, {high}], {count(move.images, 'photo')})."
    )


def heat_limits(report: Report, findings: RobustnessFindings) -> str:
    """Of which models and changes maps were made, and what was not measured."""
    if not findings.mapped and findings.photos:
        dear = all(report.ablated(k) or report.follows_patches(k) for k in range(len(report.models)))
        why = "one costs many forward passes" if dear else "so few photos could not show a move"
        return f"No maps of changed photos were made: {why}."
    without = [model.name for model in report.models if model.name not in findings.mapped]
    unmapped = (
        f" Of {and_list(without)} no maps of changed photos were made: one costs many forward passes."
        if without
        else ""
    )
    return (
        "Heat for the true label, on the same photos, at the strongest level of changes that leave the face in its "
        f"place (not a tighter crop, rotation or mirror image).{unmapped}"
    )


def moves_limits(findings: RobustnessFindings) -> str:
    """How region importance was measured on changed photos, or why it was not."""
    if findings.moves is None:
        return (
            "Region importance was not measured on changed photos. It takes as many swaps with each change as without "
            "one; the few that a third of the pass would pay for could not tell whether it moves. With experiments = "
            "full it is measured."
        )
    levels = [shown_as(name, entry.swapped) for name, entry in DISTURBANCES.items() if entry.swapped is not None]
    if not findings.moves:
        return (
            f"Region importance was to be measured on photos {and_list(levels, 'or')}, but of no model a part of the "
            "face was shown to be important on photos as they are: there is nothing to move."
        )
    return (
        f"The same regions are swapped between the same faces, both {and_list(levels, 'or')}. Of each model these are "
        "the important parts of the face with the largest drops, two at most, and one that is shown not to be "
        f"important. “Moves” is a difference shown to exceed {decimal(MIN_MOVE, 1)} log-odds, “stays” one shown to be "
        "smaller; other regions, emotions, changes and severities were not measured."
    )


def move_region(move: ImportanceMove) -> str:
    """As in "happiness, mouth"."""
    return f"{move.emotion}, {REGION_NAMES[move.region]}"


def moves_line(moves: Sequence[ImportanceMove]) -> str:
    """What changes do to one model's important regions, in a sentence; "" where none was measured."""
    important = [move for move in moves if move.important]
    said = []
    for answer in ("moves", "stays"):
        these = [
            f"the {REGION_NAMES[one.region]} of {one.emotion} {shown_as(one.change, one.level)}"
            for one in important
            if one.answer == answer
        ]
        if these:
            said.append(f"{answer} for {and_list(these)}")
    unsure = sum(move.answer not in ("moves", "stays") for move in important)
    if unsure:
        said.append(f"is open in {unsure} of {count(len(important), 'case')}")
    return f"Region importance under changes {and_list(said)}." if said else ""
