"""How often the verdicts are right: the certificate, as the method page shows it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from reportgen.evidence.certificate import Certificate
from reportgen.evidence.stats.intervals import Estimate
from reportgen.site.report import Report
from reportgen.site.wording.format import and_list, count, decimal, decimal_interval, plural

__all__ = ["TABLE", "CertificateView", "certificate_line", "certificate_view"]

TABLE = "downloads/selfcheck.csv"

# Where artefacts of each sort are, and what a model that was taught one depends on.
_WHERE = {
    "off-face": ("beside the face", "something beside the face"),
    "on-face": ("on the face", "a mark on the face"),
    "invisible": ("the whole picture", "something in the whole picture"),
    "soft": ("soft light or shade", "soft light or shade"),
    "global": ("the whole picture", "a texture over the whole picture"),
    "transparent": ("shining through", "something that shines through"),
    "worn": ("worn on the face", "something worn on the face"),
    "framing": ("how the photo is framed", "how the photo is framed"),
}
_ORDER = {False: 0, None: 1, True: 2}  # what was missed comes first
_MET = {True: "met", False: "missed", None: "not measured"}


@dataclass(frozen=True)
class CertificateView:
    """The section of the method page.

    Attributes
    ----------
    line
        `certificate_line`.
    lead
        What was done, in sentences.
    design
        What counts as strong, and what thresholds were settled on.
    blind
        What is found less often than what lies beside the face; "" where nothing is.
    targets
        Title, wanted, found, verdict.
    kinds
        Kind, where, models, strong ones flagged, right emotion, weak ones flagged.
    alarms
        Models without a shortcut, how many were flagged.
    doses
        Reliance, share flagged.
    notes
        What it does not see, what heatmaps alone would have said, and with which code it ran.
    """

    line: str
    lead: tuple[str, ...]
    design: str
    blind: str
    targets: tuple[tuple[str, str, str, str], ...]
    kinds: tuple[tuple[str, str, str, str, str, str], ...]
    alarms: tuple[tuple[str, str], ...]
    doses: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    table: str


def certificate_view(report: Report) -> CertificateView | None:
    """The section; None where the package carries no certificate."""
    certificate = report.certificate
    if certificate is None:
        return None
    return CertificateView(
        line=certificate_line(report),
        lead=_lead(certificate, report.judging_code),
        design=_design(certificate),
        blind=_blind(certificate),
        targets=tuple(
            (title, _as_here(wanted), _as_here(found), _MET[met])
            for title, wanted, found, met in sorted(certificate.targets, key=lambda target: _ORDER[target[3]])
        ),
        kinds=tuple(
            (
                f"{kind.kind} (settled on)" if kind.tuning else kind.kind,
                _WHERE[kind.where][0] if kind.where in _WHERE else kind.where,
                str(kind.models),
                _share(kind.flagged),
                _share(kind.named),
                _share(kind.flagged_weak),
            )
            for kind in certificate.kinds
        ),
        alarms=(
            ("saw no artefact at all", _share(certificate.clean)),
            ("saw an artefact equally often with every emotion", _share(certificate.distractors)),
            *(
                (title, _share(share))
                for title, share in (
                    ("likewise, and it goes with one emotion in the test set alone", certificate.confounded),
                    (
                        "never saw an artefact, are fragile, and one goes with an emotion in the test set",
                        certificate.fragile,
                    ),
                    ("innocent ones among all of these", certificate.innocents),
                )
                if share.defined
            ),
        ),
        doses=tuple(
            (f"below {decimal(high)}" if low < 0 else f"{decimal(low)} to {decimal(high)}", _share(flagged))
            for low, high, flagged in certificate.doses
        ),
        notes=_notes(certificate),
        table=TABLE,
    )


def certificate_line(report: Report) -> str:
    """The main numbers in one sentence; "" where the package carries no certificate.

    As in "Tested on 504 models, this version found 37 of 38 strong shortcuts beside the face and 38 of 43 in the
    whole picture, and wrongly flagged 2 of 119 models without one."
    """
    found = report.certificate
    if found is None:
        return ""
    clean = found.innocents if found.innocents.defined else found.clean
    version = "this" if found.is_of(report.judging_code) else "an earlier"
    right, total = _found_in(found, "invisible", "global")
    whole = f" and {right} of {total} in the whole picture" if total else ""
    return (
        f"Tested on {count(found.models, 'model')}, {version} version found {_part(found.detection)} strong "
        f"shortcuts beside the face{whole}, and wrongly flagged {_part(clean)} models without one."
    )


def _found_in(certificate: Certificate, *where: str) -> tuple[int, int]:
    """How many strong shortcuts of some places are flagged, and of how many; without kinds that rules settled on."""
    kinds = [k.flagged for k in certificate.kinds if k.where in where and k.flagged.defined and not k.tuning]
    return sum(round(flagged.value * flagged.n) for flagged in kinds), sum(flagged.n for flagged in kinds)


def _part(value: Estimate) -> str:
    return f"{round(value.value * value.n)} of {value.n}"


def _lead(certificate: Certificate, judging_code: str) -> tuple[str, ...]:
    other = "This report was made by another version of the judging code than the one measured here."
    return (
        f"{count(certificate.models, 'small model')} were trained on synthetic faces, most of them with something "
        f"planted that goes with one emotion ({_planted(certificate)}). "
        "How much a model really depends on it was measured by putting it on photos of other emotions. Then a report "
        "was built for each model, blind, and its verdicts were counted.",
        *(() if certificate.is_of(judging_code) else (other,)),
    )


def _design(certificate: Certificate) -> str:
    return (
        "A shortcut is called strong when putting it on photos of other emotions raises the probability of its "
        f"emotion by {decimal(certificate.strong, 1)} or more on average; that was fixed beforehand. "
        f"{_settled(certificate)} Two rules were changed after results on the others had been seen: how many faces the "
        "background is exchanged on, and how lost recall is counted."
    )


def _settled(certificate: Certificate) -> str:
    kinds = [part for part in certificate.tuning.split(", ") if part]
    if len(kinds) < 2:
        return "Thresholds were settled on one kind of artefact and tested on the others."
    return (
        "Thresholds were settled on some kinds of artefact and tested on the others: on the "
        f"{kinds[0]} from the start, and on {and_list(kinds[1:])} once they had been missed."
    )


def _planted(certificate: Certificate) -> str:
    """The first kind of every sort, as in "for example corner patch or tint"."""
    first: dict[str, str] = {}
    for kind in certificate.kinds:
        first.setdefault(kind.where, kind.kind)
    return f"for example {and_list(list(first.values()), 'or')}"


def _blind(certificate: Certificate) -> str:
    """How many strong shortcuts were found of the sorts that are found less often than those beside the face."""
    parts = []
    for where, (_, name) in _WHERE.items():
        found, total = _found_in(certificate, where)
        if where != "off-face" and total and found / total < certificate.detection.value:
            kinds = [k for k in certificate.kinds if k.where == where and k.flagged.defined and not k.tuning]
            named = and_list([kind.kind for kind in kinds], "or")
            parts.append(f"on {name} ({named}) {found} of {total} were flagged")
    if not parts:
        return ""
    return (
        f"No finding does not mean no shortcut: of the models that strongly depend {and_list(parts)}. The "
        "results below on shortcuts beside the face do not hold for these."
    )


def _notes(certificate: Certificate) -> tuple[str, ...]:
    correlation = certificate.correlation
    machine = ", ".join((count(certificate.cores, "core"), *certificate.machine))
    notes = [
        _unseen(certificate.unseen),
        f"Had the heatmaps alone been asked, {_share(certificate.heat_detection)} of the strong shortcuts beside the "
        f"face and {_share(certificate.heat_alarms)} of the models without one would have been flagged.",
        f"Rank correlation of the report's score with the measured dependence: {decimal(correlation.value)} "
        f"{decimal_interval(correlation)}, {count(correlation.n, 'model')}.",
        f"Measured on {certificate.date} with version {certificate.version} on {machine}. The clean models "
        f"recognise {decimal(certificate.clean_accuracy)} of the faces (median); larger models and real photos may "
        "differ.",
    ]
    if certificate.dependent:
        notes.append(
            f"{count(certificate.dependent, 'model')} that had been taught no shortcut came to depend on what goes "
            f"with the emotion all the same, and {plural(certificate.dependent, 'counts', 'count')} neither way."
        )
    if certificate.regions.defined:
        notes.append(
            f"Facial regions, on models that see either the eyes or the mouth: {_share(certificate.regions)} of the "
            f"verdicts on the two are correct; {certificate.regions_open:,} are left open."
        )
    if certificate.reasons_found.defined:
        notes.append(
            "Reasons, on models that err because some photos are out of focus, dark, or show dark glasses: "
            f"{_share(certificate.reasons_found)} are given that reason, as are {_share(certificate.reasons_given)} "
            "of the errors that those photos caused. Of models that err for something else, "
            f"{_share(certificate.reasons_false)} are given one of these reasons."
            + (
                " The share of the errors that the reason is said to account for is "
                f"{decimal(certificate.reasons_ratio)} of the true share (median)."
                if math.isfinite(certificate.reasons_ratio)
                else ""
            )
        )
    return tuple(notes)


def _unseen(kinds: tuple[str, ...]) -> str:
    if kinds:
        return f"Of the models that strongly depend on {and_list(kinds)}, fewer than half are flagged."
    return (
        "Of every kind of artefact that was tried, at least half of the models that strongly depend on it are flagged. "
        "Kinds that were not tried may go unseen."
    )


def _as_here(text: str) -> str:
    """A figure of a target as pages write it: "80 %", ".88"."""
    return re.sub(r"\b0(?=\.\d)", "", re.sub(r"(?<=\d)%", " %", text))


def _share(value: Estimate) -> str:
    """As in "29 of 30 [.83, .99]"."""
    if not value.defined:
        return "–"
    return f"{_part(value)} {decimal_interval(value)}"
