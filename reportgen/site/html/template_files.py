"""Where the templates are: in the installed package, or in a checkout.

Apart from `render`: whether anything has changed is asked of these files before Jinja2 is loaded.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from reportgen.errors import ReportError

__all__ = ["find_templates"]

_PACKAGE = Path(str(files("reportgen")))


def find_templates(package: Path = _PACKAGE) -> Path:
    """The folder of templates: inside the installed package, else beside it in a checkout.

    Raises
    ------
    ReportError
        Neither is there.
    """
    inside, beside = package / "templates", package.parent / "templates"
    if (inside / "parts" / "base.html").is_file():
        return inside
    if (beside / "parts" / "base.html").is_file() and (package.parent / "pyproject.toml").is_file():
        return beside
    raise ReportError(
        f"no templates in {inside} nor in a checkout at {beside}; the installation is incomplete: "
        "install reportgen again"
    )
