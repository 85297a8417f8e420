"""What the second certificate has to reach: written down, and its checksum kept, before any model was judged."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from reportgen.selfcheck.faces import DATA

__all__ = ["Criteria", "criteria_sha256", "read_criteria"]


@dataclass(frozen=True)
class Criteria:
    """The limits of `criteria.json`.

    Attributes
    ----------
    off_face_found
        How many strong shortcuts beside the face are to be flagged, of how many.
    second_found, second_named
        Share of the strong shortcuts of each arm of the second certificate to be flagged, and with the right emotion.
    innocent_flagged
        How many innocent models may be flagged, and how many there have to be at least.
    strong_models_a_kind
        How many strong models of each kind of an arm there have to be at least, or its share is not measured.
    regions_right
        Share of the verdicts on facial regions that have to be right.
    reasons_found, reasons_false, reasons_too_large
        Share of the models whose errors a spoiled photo causes that are to be given the reason; share of those whose
        errors it does not cause, or for which there is no reason, that may be given one; and share of the intervals
        that may lie above the true share of the errors.
    """

    off_face_found: tuple[int, int]
    second_found: float
    second_named: float
    innocent_flagged: tuple[int, int]
    strong_models_a_kind: int
    regions_right: float
    reasons_found: float
    reasons_false: float
    reasons_too_large: float


def read_criteria(path: Path = DATA / "criteria.json") -> Criteria:
    """The criteria that ship with the package."""
    record = json.loads(path.read_text(encoding="utf-8"))
    off_face, innocent = record["off_face_found"], record["innocent_flagged"]
    return Criteria(
        off_face_found=(int(off_face["at_least"]), int(off_face["of"])),
        second_found=float(record["second_found"]),
        second_named=float(record["second_named"]),
        innocent_flagged=(int(innocent["at_most"]), int(innocent["among_at_least"])),
        strong_models_a_kind=int(record["strong_models_a_kind"]),
        regions_right=float(record["regions_right"]),
        reasons_found=float(record["reasons_found"]),
        reasons_false=float(record["reasons_false"]),
        reasons_too_large=float(record["reasons_too_large"]),
    )


def criteria_sha256(path: Path = DATA / "criteria.json") -> str:
    """SHA-256 of the file, 64 hex digits."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
