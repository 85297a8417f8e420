"""`reportgen.build`: the whole report from a few lines of Python."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reportgen.config import Config, ModelConfig, load_config, with_settings

if TYPE_CHECKING:
    from reportgen.progress import Progress
    from reportgen.result import BuildResult

__all__ = ["build"]

Model = str | Path | ModelConfig | Mapping[str, Any]


def build(
    data: str | Path | None = None,
    models: Mapping[str, Model] | None = None,
    *,
    config: str | Path | Config | None = None,
    progress: Progress | bool = True,
    **settings: Any,
) -> BuildResult:
    """Build the report, as `reportgen build` does.

    Parameters
    ----------
    data
        Test set; where left out, the notebook's files in the working directory are used.
    models
        By display name: a checkpoint, or the settings of a model.
    config
        A settings file, or settings; `reportgen.toml` in the working directory where there is one.
    progress
        True for a line per stage, False for silence, or your own `Progress`.
    **settings
        Any field of `Config`, such as `output="report"`, `examples=4` or `privacy="blur"`; these win over `config`.

    Returns
    -------
    BuildResult
        Its `findings` are the answers in words, `table("verdicts")` and others the numbers behind them. As the last
        line of a notebook's cell it shows them with a link to the report.

    Raises
    ------
    ReportError
        The inputs cannot be used, or the output cannot be written.
    """
    # Imported here so that importing the package costs nothing: torch alone takes seconds.
    from reportgen.commands.build import build as run
    from reportgen.progress import SilentProgress
    from reportgen.terminal import TerminalProgress

    overrides: dict[str, Any] = {key: value for key, value in settings.items() if value is not None}
    if data is not None:
        overrides["data"] = data
    if models:
        overrides["models"] = {name: _entry(model) for name, model in models.items()}
    if isinstance(progress, bool):
        progress = TerminalProgress(_plain_console()) if progress else SilentProgress()
    return run(_merged(config, overrides), progress)


def _entry(model: Model) -> dict[str, Any]:
    if isinstance(model, ModelConfig):
        return model.model_dump(exclude_unset=True)
    return dict(model) if isinstance(model, Mapping) else {"checkpoint": model}


def _merged(config: str | Path | Config | None, overrides: dict[str, Any]) -> Config:
    if isinstance(config, Config):
        return with_settings(config, overrides)
    return load_config(Path(config) if config is not None else None, overrides)


def _plain_console() -> Any:
    """Plain lines everywhere: bars that redraw themselves need widgets in a notebook."""
    from rich.console import Console

    return Console(highlight=False, soft_wrap=True, force_terminal=False, force_jupyter=False)
