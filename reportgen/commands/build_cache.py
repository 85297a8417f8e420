"""What the last build was made from: where nothing has changed since, its report is still right."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reportgen.analysis import content_hash
from reportgen.config import Config
from reportgen.explain.fingerprints import code_hash, judging_code
from reportgen.files import write_json
from reportgen.inputs.held_out import held_out_marks
from reportgen.inputs.testset import TestSet
from reportgen.output_guard import MANIFEST, STATE, SUMMARY, Kind
from reportgen.result import BuildResult
from reportgen.settings import Affected, settings_affecting
from reportgen.site.html.template_files import find_templates
from reportgen.site.recipe import build_command, settings_file

__all__ = ["conclusions_key", "remember", "site_key", "unchanged"]

_CONCLUDING = ("site/wording", "site/report.py", "commands", "analysis.py", "shards.py",
               "selfcheck/data/certificate.json", "selfcheck/data/trials.csv")  # fmt: skip
"""What conclusions are made with, beside the code that judges."""


def conclusions_key(manifest: Mapping[str, Any], test_set: TestSet, config: Config) -> str:
    """Hash of all that conclusions depend on; `manifest` is that of the analysis."""
    return content_hash(
        json.dumps(manifest, sort_keys=True),
        _settings(config, "evidence"),
        code_hash(*_CONCLUDING),
        judging_code(),
        # Not in the analysis, as no record depends on them: persons and emotions of the training images, those that a
        # repair may be fitted on, and votes.
        *(part for name, seen in sorted(test_set.training.items()) for part in (name, seen.to_csv(index=False))),
        *held_out_marks(test_set, config.experiments, config.seed),
        "" if test_set.votes is None else test_set.votes.to_csv(index=False),
    )


def site_key(conclusions: str, config: Config) -> str:
    """Hash of all that the site is made from; `conclusions` is the key of what it shows."""
    return content_hash(
        conclusions,
        _settings(config, "site", "presentation"),
        code_hash("site"),
        *(part for file in sorted(find_templates().rglob("*.*")) for part in (file.name, file.read_bytes())),
        build_command(config) or "",
        settings_file(config),
    )


def _settings(config: Config, *affected: Affected) -> str:
    return json.dumps({name: getattr(config, name) for name in settings_affecting(*affected)}, sort_keys=True)


def unchanged(config: Config, key: str) -> BuildResult | None:
    """The last result, if it was made from the same inputs and its files are still there."""
    try:
        state = json.loads((config.output / STATE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    archive = config.output / "report.zip" if config.zip else None
    site = config.output / "site"
    if not isinstance(state, dict) or state.get("key") != key or not _is_whole(site):
        return None
    if not (config.output / SUMMARY).is_file():
        return None
    single = config.output / "report.html" if config.single_file else None
    mail = config.output / "report-mail.zip" if config.mail else None
    for packed, size in ((archive, "zip_size"), (single, "single_size"), (mail, "mail_size")):
        if packed is not None and (not packed.is_file() or packed.stat().st_size != state.get(size)):
            return None
    try:
        alarms, warnings = frozenset(map(str, state["alarms"])), tuple(map(str, state["warnings"]))
    except (KeyError, TypeError):
        return None
    return BuildResult(site, archive, config.output / "analysis", alarms, warnings, single, mail)


def _is_whole(site: Path) -> bool:
    """Whether every file that the site's own manifest lists is there."""
    try:
        listed = json.loads((site / MANIFEST).read_text(encoding="utf-8"))["files"]
        return all((site / name).is_file() for name in listed)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def remember(config: Config, kind: Kind, key: str, result: BuildResult) -> None:
    """Keep what this build was made from and what it found, for the next one."""
    state: dict[str, Any] = {
        "kind": kind,
        "key": key,
        "alarms": sorted(result.alarms),
        "warnings": list(result.warnings),
        "zip_size": result.zip.stat().st_size if result.zip is not None else None,
        "single_size": result.single.stat().st_size if result.single is not None else None,
        "mail_size": result.mail.stat().st_size if result.mail is not None else None,
    }
    write_json(config.output / STATE, state)
