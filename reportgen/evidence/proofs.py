"""What one report proved against each model, and what it did not test, as a table that another build can be held to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from reportgen.evidence.damage import Damage, DamageKind

__all__ = ["PROOF_COLUMNS", "ProofLine", "find_proofs", "proof_tables"]

PROOF_COLUMNS = {
    "proofs": {
        "model": "name of the model",
        "kind": "what was looked for: class order, leakage, property, background, component, mark or group",
        "emotion": "emotion whose predictions are lost; empty where it concerns all, or where nothing was proven",
        "cue": "what is taken away: the change that removes a property, the region of a mark; the group; else empty",
        "state": "proven; not proven: tested and not shown; not tested",
        "lost": "share of the emotion's photos that are predicted correctly with the cue and lost without it, -1 to 1",
        "lost_low": "lower end of its 95 % interval",
        "lost_high": "upper end of its 95 % interval",
        "n": "images (or faces) that it was measured on",
    }
}
"""Meaning of the columns."""


@dataclass(frozen=True)
class ProofLine:
    """One thing that was proven against a model, or one kind of which nothing was."""

    model: str
    kind: DamageKind
    state: Literal["proven", "not proven", "not tested"]
    damage: Damage | None = None

    @property
    def cue(self) -> str:
        """What tells it from another one; "" of backgrounds and components, which no name tells apart."""
        return self.damage.cue if self.damage is not None and self.kind in ("property", "mark", "group") else ""


def find_proofs(
    models: Sequence[str], damages: Sequence[Damage], tested: Mapping[DamageKind, Sequence[str]]
) -> tuple[ProofLine, ...]:
    """One entry per proven damage, and one for each kind of which nothing was proven, model by model.

    Parameters
    ----------
    models
        Names.
    damages
        All that was proven.
    tested
        By kind, the models that were tested for it.
    """
    found = []
    for model in models:
        for kind in tested:
            mine = [ProofLine(model, kind, "proven", one) for one in damages if (one.model, one.kind) == (model, kind)]
            found += mine or [ProofLine(model, kind, "not proven" if model in tested[kind] else "not tested")]
    return tuple(found)


def proof_tables(proofs: Sequence[ProofLine]) -> Mapping[str, pd.DataFrame]:
    """The table "proofs"."""
    nothing = (float("nan"),) * 3
    rows = []
    for one in proofs:
        lost = None if one.damage is None else one.damage.lost
        emotion = "" if one.damage is None else one.damage.emotion
        numbers = nothing if lost is None else (lost.value, lost.low, lost.high)
        rows.append((one.model, one.kind, emotion, one.cue, one.state, *numbers, 0 if lost is None else lost.n))
    return {"proofs": pd.DataFrame(rows, columns=list(PROOF_COLUMNS["proofs"]))}
