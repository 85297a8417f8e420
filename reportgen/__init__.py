"""Measured answers to four questions about a facial-expression classifier, as an offline site."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from reportgen._version import __version__

if TYPE_CHECKING:
    from reportgen.api import build
    from reportgen.config import Config, ModelConfig, load_config
    from reportgen.errors import ReportError
    from reportgen.result import BuildResult

__all__ = ["BuildResult", "Config", "ModelConfig", "ReportError", "__version__", "build", "load_config"]

_PLACES = {
    "BuildResult": "result",
    "Config": "config",
    "ModelConfig": "config",
    "ReportError": "errors",
    "build": "api",
    "load_config": "config",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for, and only that: the command line needs none of it to print its help."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
