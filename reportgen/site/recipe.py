"""How to make a report again: its command, and its settings as a file."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from reportgen.config import Config
from reportgen.errors import printable
from reportgen.settings import SETTINGS, is_plain, settings_affecting

__all__ = ["Recipe", "build_command", "settings_file"]


@dataclass(frozen=True)
class Recipe:
    """The settings as a page states them; paths stay at home.

    Attributes
    ----------
    stated
        Name and value of the settings that shape the results.
    file
        The settings that no flag gives, as a `reportgen.toml`; "" where all are the defaults.
    """

    stated: tuple[tuple[str, str], ...]
    file: str

    @classmethod
    def of(cls, config: Config) -> Recipe:
        """What a configuration says."""
        names = settings_affecting("analysis", "evidence", "site", "presentation")
        stated = (name for name in names if is_plain(name) and not SETTINGS[name].local)
        return cls(tuple((name, str(getattr(config, name))) for name in stated), settings_file(config))


def build_command(config: Config) -> str | None:
    """The command that makes this report again from a folder with the same files; names only, no paths."""
    if config.data is None:
        return None
    models = [f"--model {shlex.quote(f'{name}={entry.checkpoint.name}')}" for name, entry in config.models.items()]
    flags = [
        f"{SETTINGS[name].flag} {_words(getattr(config, name))}"
        for name in SETTINGS
        if _has_place(name) == "command" and getattr(config, name) not in (SETTINGS[name].default, ())
    ]
    if config.ray.address not in (None, "auto") or any(entry.factory is not None for entry in config.models.values()):
        flags.append("--config reportgen.toml")  # what runs code of its own has to be named
    return printable(" ".join(["reportgen build", f"--data {shlex.quote(config.data.name)}", *models, *flags]))


def _words(value: Any) -> str:
    """A value as a command line says it; files by their names."""
    if not isinstance(value, tuple):
        return str(value)
    names = [one for one in value if isinstance(one, str)]
    return shlex.quote(",".join(names)) if names else " ".join(shlex.quote(file.name) for file in value)


def settings_file(config: Config) -> str:
    """The settings that no flag says, as a `reportgen.toml`; "" where all are the defaults. Paths stay at home."""
    changed = config.model_dump(exclude_defaults=True)
    lines, tables = [], []
    for name, value in changed.items():
        if _has_place(name) != "file":
            continue
        if isinstance(value, dict):
            tables += _table(name, value)
        else:
            lines.append(f"{name} = {_toml(value)}")
    for name, entry in config.models.items():
        rest = entry.model_dump(exclude_defaults=True, exclude={"checkpoint"})
        if rest:
            tables += _table(f"models.{json.dumps(name)}", {"checkpoint": entry.checkpoint.name, **rest})
    # Names need not be UTF-8, pages have to be.
    return "\n".join([*lines, *tables]).encode("utf-8", "replace").decode()


def _has_place(name: str) -> Literal["command", "file", None]:
    """Where the recipe states a setting: what is about this machine alone it does not."""
    declared = SETTINGS[name]
    if declared.local:
        return None
    return "command" if declared.flag and declared.affects else "file"


def _table(name: str, values: dict[str, Any]) -> list[str]:
    return ["", f"[{name}]", *(f"{key} = {_toml(value)}" for key, value in values.items() if value is not None)]


def _toml(value: Any) -> str:
    """A value as TOML writes it, which for all but tables is as JSON does."""
    if isinstance(value, Path):
        return json.dumps(value.name)
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(str(key))} = {_toml(entry)}" for key, entry in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(entry) for entry in value) + "]"
    return json.dumps(value, ensure_ascii=False)
