"""Measured answers to four questions about a facial-expression classifier, as an offline site."""

from reportgen._version import __version__
from reportgen.api import build
from reportgen.config import Config, ModelConfig, load_config
from reportgen.errors import ReportError
from reportgen.result import BuildResult

__all__ = ["BuildResult", "Config", "ModelConfig", "ReportError", "__version__", "build", "load_config"]
