"""What a build returns: paths, the findings in words, the tables, and a card for notebooks."""

from __future__ import annotations

import html
import json
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reportgen.errors import BuildError
from reportgen.output_guard import MANIFEST, SUMMARY
from reportgen.preview import Figure, figure_names, find_figure, preview_frame

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Answer", "BuildResult", "Findings"]

_CARD = "max-width:46rem;border:1px solid #b9b3a5;border-radius:8px;padding:1rem 1.4rem;line-height:1.5"
_TITLE = "font-size:1.35em;font-weight:600;margin:.2em 0;line-height:1.25"
_ALARM = "color:#b3261e"


@dataclass(frozen=True)
class Answer:
    """The answer to one of the four questions.

    Attributes
    ----------
    tone
        "bad", "mid", "good" or "open".
    lead, text
        The answer in a few words, and the sentence with its numbers.
    evidence
        Page that shows it, from the site's root.
    """

    question: str
    tone: str
    lead: str
    text: str
    evidence: str


@dataclass(frozen=True)
class Findings:
    """The first page in words: its headline, the sentence below, and the four answers."""

    headline: str
    lede: str
    answers: tuple[Answer, ...]


@dataclass(frozen=True)
class BuildResult:
    """What a build returns. Jupyter shows it as the findings with a link to the report.

    Attributes
    ----------
    site
        Folder of the site; open its `index.html`.
    zip
        The site as `report.zip`, or None.
    analysis
        The per-image records.
    alarms
        What this report found of the conditions that `--fail-on` knows.
    warnings
        One sentence each.
    single, mail
        The report as one HTML file, and as a zip small enough for a mail; None where not asked for.
    """

    site: Path
    zip: Path | None
    analysis: Path
    alarms: frozenset[str]
    warnings: tuple[str, ...]
    single: Path | None = None
    mail: Path | None = None

    @property
    def index(self) -> Path:
        """The page to open."""
        return self.site / "index.html"

    @cached_property
    def findings(self) -> Findings:
        """The headline and the four answers, as on the first page.

        Raises
        ------
        BuildError
            The site is gone, or another build has replaced it by one of another version.
        """
        path = self.site / "downloads" / "answers.json"
        try:
            stored: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            answers = tuple(Answer(**answer) for answer in stored["answers"])
            return Findings(stored["headline"], stored["lede"], answers)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BuildError(f"{path}: cannot be read ({error}); build the report again") from None

    @property
    def summary(self) -> Path:
        """The findings as a page of Markdown."""
        return self.site.parent / SUMMARY

    @property
    def figures(self) -> tuple[str, ...]:
        """Names that `figure` knows.

        Raises
        ------
        BuildError
            The site is gone.
        """
        return tuple(figure_names(self._files()))

    def figure(self, name: str, *, dark: bool = False) -> Figure:
        """One of the report's figures, such as "reliability-resnet18"; a notebook shows it.

        Parameters
        ----------
        name
            One of `figures`, or the beginning of several: "reliability" is that of every model.
        dark
            In the colours of dark pages.

        Raises
        ------
        BuildError
            There is no figure of this name, and the message lists those that exist; or the site is gone.
        """
        try:
            return find_figure(self.site, self._files(), name, dark=dark)
        except OSError as error:
            raise BuildError(f"{self.site}: cannot be read ({error}); build the report again") from None

    def _files(self) -> list[str]:
        try:
            return list(json.loads((self.site / MANIFEST).read_text(encoding="utf-8"))["files"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BuildError(f"{self.site}: cannot be read ({error}); build the report again") from None

    def table(self, name: str) -> pd.DataFrame:
        """One of the tables behind the report, such as "verdicts"; `analysis/tables/dictionary.json` explains them.

        Raises
        ------
        BuildError
            There is no table of this name; the message lists those that exist.
        """
        import pandas as pd

        folder = self.analysis / "tables"
        known = sorted(path.stem for path in folder.glob("*.parquet"))
        if name not in known:
            raise BuildError(f"{folder}: no table {name!r}; expected one of {', '.join(known) or 'none'}")
        return pd.read_parquet(folder / f"{name}.parquet")

    def _repr_html_(self) -> str:
        """A card with the findings, a link, and the first page in a closed frame below, all of it inside the card."""
        findings = self.findings
        lines = [
            f'<div style="{_CARD}">',
            f'<p style="{_TITLE}">{html.escape(findings.headline)}</p>',
            f'<p style="margin:.3em 0 .8em">{html.escape(findings.lede)}</p>',
            '<dl style="margin:0">',
        ]
        for answer in findings.answers:
            alarm = f' <span style="{_ALARM}" title="needs attention">▲</span>' if answer.tone == "bad" else ""
            lines.append(f'<dt style="font-weight:600">{html.escape(answer.question)}{alarm}</dt>')
            sentence = f"<b>{html.escape(answer.lead)}</b> {html.escape(answer.text)}"
            lines.append(f'<dd style="margin:0 0 .6em">{sentence}</dd>')
        lines.append("</dl>")
        lines += [f'<p style="margin:.4em 0">⚠ {html.escape(warning)}</p>' for warning in self.warnings]
        lines.append(self._links())
        lines.append("</div>")
        return "\n".join(lines)

    def _links(self) -> str:
        """A page that Jupyter serves cannot open files, except those below the notebook, which it serves itself."""
        path = html.escape(str(self.index.resolve()))
        opened = f"Report: <code>{path}</code>"
        with suppress(ValueError):
            link = html.escape(self.index.resolve().relative_to(Path.cwd()).as_posix(), quote=True)
            opened = f'<a href="{link}" target="_blank">Open the report</a>, or <code>{path}</code>'
        lines = [f'<p style="margin:.6em 0 0">{opened}</p>']
        with suppress(OSError, KeyError):  # the card says all that matters
            lines.append(f"<details><summary>Look at its first page here</summary>{preview_frame(self.site)}</details>")
        return "".join(lines)
