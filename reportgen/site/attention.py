"""What was measured about attention, looked up by model, emotion and region."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from reportgen.evidence.attention.claims import Claim
from reportgen.evidence.attention.findings import AttentionFindings
from reportgen.evidence.attention.patterns import Pattern
from reportgen.evidence.attention.profiles import EmotionProfile
from reportgen.evidence.attention.verdicts import Verdict

__all__ = ["Attention", "Focus", "alarming"]


@dataclass(frozen=True)
class Focus:
    """One region on which a model's heat falls for some emotions; `specific` where more than for other emotions."""

    region: str
    emotions: tuple[str, ...]
    specific: tuple[str, ...]


class Attention:
    """Look-ups over the findings."""

    def __init__(self, findings: AttentionFindings) -> None:
        self.findings = findings

    @cached_property
    def _verdicts(self) -> dict[tuple[str, str, str], Verdict]:
        return {(v.model, v.emotion, v.kind): v for v in self.findings.verdicts}

    def verdict(self, model: str, emotion: str, kind: str) -> Verdict | None:
        """The verdict of one kind, None where there is none."""
        return self._verdicts.get((model, emotion, kind))

    def on(self, model: str, emotion: str, region: str) -> Verdict | None:
        """Whether the heat falls on a region."""
        return self.verdict(model, emotion, region if region == "background" else f"on {region}")

    def specific(self, model: str, emotion: str, region: str) -> bool:
        """Whether it does so more than for the other emotions."""
        verdict = self.verdict(model, emotion, f"specific {region}")
        return verdict is not None and verdict.answer == "yes"

    def decided(self, model: str, emotion: str) -> tuple[Verdict, ...]:
        """What was decided about one emotion, the alarming first."""
        decided = [
            v for v in self.findings.verdicts if (v.model, v.emotion) == (model, emotion) and v.answer in ("yes", "no")
        ]
        return tuple(sorted(decided, key=lambda v: (not alarming(v), v.answer == "no")))

    def profile(self, model: str, emotion: str) -> EmotionProfile | None:
        """The region profile beside that of people."""
        return next((p for p in self.findings.profiles if (p.model, p.emotion) == (model, emotion)), None)

    def patterns(self, model: str) -> tuple[Pattern, ...]:
        """The measured interpretation tables of one model."""
        return tuple(p for p in self.findings.patterns if p.model == model)

    @property
    def claims(self) -> tuple[Claim, ...]:
        """The tested takeaways."""
        return self.findings.claims

    def backgrounds(self) -> tuple[Verdict, ...]:
        """Where heat lies on the background."""
        return tuple(v for v in self.findings.verdicts if v.kind == "background" and v.answer == "yes")

    def focus(self, model: str) -> tuple[Focus, ...]:
        """Parts of the face on which the heat falls, with the emotions for which it does; the strongest heat first."""
        found = []
        for region in ("eyes+brows", "nose", "mouth", "cheeks+jaw", "forehead"):
            emotions = tuple(
                v.emotion
                for v in self.findings.verdicts
                if v.model == model and v.kind == f"on {region}" and v.answer == "yes"
            )
            if emotions:
                specific = tuple(emotion for emotion in emotions if self.specific(model, emotion, region))
                found.append(Focus(region, emotions, specific))

        def strength(focus: Focus) -> float:
            heats = [self._verdicts[model, emotion, f"on {focus.region}"].value for emotion in focus.emotions]
            return max(heats)

        return tuple(sorted(found, key=lambda focus: (not focus.specific, -strength(focus))))


def alarming(verdict: Verdict) -> bool:
    """Whether a verdict calls for a look."""
    return verdict.answer == "yes" and verdict.kind in ("background", "diffuse", "too localized")
