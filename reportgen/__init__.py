"""Measured answers to four questions about a facial-expression classifier, as an offline site."""

from reportgen._version import __version__
from reportgen.config import Config, ModelConfig, load_config
from reportgen.errors import ReportError

__all__ = ["Config", "ModelConfig", "ReportError", "__version__", "load_config"]
