"""Measured answers to four questions about a facial-expression classifier, as an offline site."""

from typing import TYPE_CHECKING, Any

from reportgen._version import __version__
from reportgen.config import Config, ModelConfig, load_config
from reportgen.errors import ReportError

if TYPE_CHECKING:
    from reportgen.build import BuildResult, build

__all__ = ["BuildResult", "Config", "ModelConfig", "ReportError", "__version__", "build", "load_config"]


def __getattr__(name: str) -> Any:
    """Import the build, and all the libraries it needs, only when somebody asks for it."""
    if name in ("BuildResult", "build"):
        from reportgen import build as module

        return getattr(module, name)
    raise AttributeError(f"module 'reportgen' has no attribute {name!r}")
