"""What a report was made from: its version, its checksums, and a line to cite it by."""

from __future__ import annotations

from reportgen.analysis import content_hash
from reportgen.site.report import Report
from reportgen.site.wording.format import count, plain

__all__ = ["checksums", "citation", "version"]


def version(report: Report) -> str:
    """The version of this package that made the analysis."""
    manifest = report.analysis.manifest
    return str(manifest.get("reportgen") or manifest.get("versions", {}).get("reportgen", ""))


def citation(report: Report) -> str:
    """One line to cite the report by."""
    manifest = report.analysis.manifest
    data = manifest.get("data", {})
    source = plain(str(data.get("source") or data.get("file") or "test set"))
    models = ", ".join(model.name for model in report.models)
    parts = [
        f"reportgen{' ' if version(report) else ''}{version(report)}: report on {models}",
        f"{source}, {count(len(report.everything.labels), 'image')}",
        f"{report.method}, seed {report.seed}",
    ]
    if report.privacy == "none" and manifest.get("fingerprint"):
        parts.append(f"analysis {str(manifest['fingerprint'])[:12]}")
    return "; ".join(parts) + "."


def checksums(report: Report) -> tuple[tuple[str, str], ...]:
    """Names and SHA-256 of what went in; photos as one hash over all of theirs, unless they are hidden."""
    found = [(model.name, str(model.info.get("sha256", "unknown"))) for model in report.models]
    if report.privacy == "none":
        found.append(("all photos, in order", content_hash(*map(str, report.everything.images["sha256"]))))
        if report.analysis.manifest.get("fingerprint"):
            found.append(("analysis with its settings", str(report.analysis.manifest["fingerprint"])))
    return tuple(found)
