"""Writes `docs/settings.md`, the reference of all settings, from where they are declared:

python -m reportgen.commands.settings_reference docs/settings.md
"""

from __future__ import annotations

import inspect
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from reportgen.config import Columns, Config, ModelConfig, Preprocessing, RayCluster, RegionMasks
from reportgen.files import write_atomically
from reportgen.settings import GATES, RENAMED, SETTINGS, SIZELESS, Affected

__all__ = ["main", "settings_reference"]

_HEAD = """# Settings

Written by `python -m reportgen.commands.settings_reference docs/settings.md` from where the settings are declared
(`reportgen/settings.py`, `reportgen/config.py`); do not edit it by hand.

A setting is a line of `reportgen.toml` in the working directory, or of the file that `--config` names. Most have a
flag, too, and flags win. In Python they are the arguments of `reportgen.build`. A name that is no setting is refused.
"""
_SECTIONS: Sequence[tuple[str, str, type[BaseModel]]] = (
    ("[columns]", "Columns of the test set", Columns),
    ("[region_masks]", "Your own regions", RegionMasks),
    ('[models."NAME"]', "One model", ModelConfig),
    ('[models."NAME".preprocessing]', "Preprocessing of a model", Preprocessing),
    ("[ray]", "Cluster", RayCluster),
)
_REMADE: dict[Affected, str] = {
    "analysis": "the models' records",
    "evidence": "the conclusions",
    "site": "the pages",
    "presentation": "the look of the pictures",
}
_LIMITS = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}


def settings_reference() -> str:
    """The document, from the registry and the sections' fields."""
    parts = [_HEAD, "## All settings\n"]
    for name, declared in SETTINGS.items():
        field = Config.model_fields[name]
        facts = [f"- Flag: `{declared.flag}`"] if declared.flag else []
        facts.append(f"- Value: {_value(field, declared.choices)}")
        if declared.default is not None:
            facts.append(f"- Default: `{_shown(declared.default)}`")
        remade = ", ".join(_REMADE[part] for part in declared.affects)
        facts.append(f"- A change makes anew: {remade or 'nothing'}")
        old = [f"`{one}`" for one, new in RENAMED.items() if new == name]
        facts += [f"- Old name, which still works: {', '.join(old)}"] if old else []
        parts.append(f"### `{name}`\n\n{declared.help}\n\n" + "\n".join(facts) + "\n")
    parts.append("## Sections\n")
    for header, title, section in _SECTIONS:
        about = re.sub(r"\s*\n\s*", " ", inspect.cleandoc(section.__doc__ or "").replace("\n\n", "\x00"))
        about = about.replace("\x00", "\n\n")
        rows = [
            f"| `{name}` | {_value(field, ())} | {_default(field)} |" for name, field in section.model_fields.items()
        ]
        parts.append(
            f"### {title}: `{header}`\n\n{about}\n\n| Key | Value | Default |\n|---|---|---|\n" + "\n".join(rows) + "\n"
        )
    rows = [f"| `{gate}` | {'no' if gate in SIZELESS else 'yes'} | {text} |" for gate, text in GATES.items()]
    parts.append(
        "## Gates of `reportgen diff --fail-on`\n\n[checks.md](checks.md) explains them. Those that measure a size may "
        "be tolerated up to a number of points, in `[tolerances]` or with `--tolerance GATE=POINTS`.\n\n"
        "| Gate | May be tolerated | Fails where |\n|---|---|---|\n" + "\n".join(rows) + "\n"
    )
    return "\n".join(parts)


def _value(field: FieldInfo, choices: Sequence[str]) -> str:
    """What a field may be, in words."""
    if choices:
        return ", ".join(f"`{choice}`" for choice in choices)
    limits = [
        f"{words} {getattr(limit, name)}"
        for limit in field.metadata
        for name, words in _LIMITS.items()
        if getattr(limit, name, None) is not None
    ]
    pattern = [f"of the form `{p}`" for limit in field.metadata if (p := getattr(limit, "pattern", None)) is not None]
    return ", ".join([_kind(field.annotation), *limits, *pattern]).replace("|", "\\|")


_KINDS: dict[Any, str] = {
    str: "text", int: "a whole number", float: "a number", bool: "`true` or `false`", Path: "a path"
}  # fmt: skip


def _kind(annotation: Any) -> str:
    origin, parts = get_origin(annotation), [part for part in get_args(annotation) if part is not type(None)]
    if origin is Literal:
        return " or ".join(f'`"{part}"`' for part in parts)
    if origin in (UnionType, Union):
        return " or ".join(_kind(part) for part in parts)
    if origin is tuple:
        return f"a list, each entry {_kind(parts[0])}"
    if origin is dict:
        return "a section of its own" if parts[1] is ModelConfig else "names or numbers, and what each is"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "a section of its own"
    if hasattr(annotation, "__metadata__"):
        return _kind(parts[0])
    return _KINDS.get(annotation, "see `reportgen/config.py`")


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "must be given"
    default = field.default
    return "" if default is None or isinstance(default, BaseModel) or field.default_factory else f"`{_shown(default)}`"


def _shown(value: Any) -> str:
    return json.dumps(value.as_posix() if isinstance(value, Path) else value)


def main(arguments: Sequence[str]) -> None:
    """Write the reference into the file that the command line names."""
    (path,) = arguments
    write_atomically(Path(path), settings_reference().encode("utf-8"))


if __name__ == "__main__":
    main(sys.argv[1:])
