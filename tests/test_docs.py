"""The documents say what is true: commands, flags and settings in them exist, and CI runs the README's test command."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from reportgen._version import __version__
from reportgen.cli import app
from reportgen.config import Config

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def commands():
    for block in blocks("sh"):
        for line in block.splitlines():
            for part in line.split("&&"):
                words = shlex.split(part, comments=True)
                if words and words[0] == "reportgen":
                    yield words[1:]


@pytest.mark.parametrize("words", list(commands()), ids=" ".join)
def test_every_command_of_the_readme_exists_with_its_flags(words):
    command = typer.main.get_command(app).commands[words[0]]
    known = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= known


def test_every_option_is_documented():
    for name, command in typer.main.get_command(app).commands.items():
        assert command.help, name
        for parameter in command.params:
            assert getattr(parameter, "help", None), f"{name} {parameter.name}"


def test_the_settings_of_the_readme_are_allowed():
    found = blocks("toml")
    assert len(found) == 2
    for text in found:
        Config.model_validate(tomllib.loads(text))


def test_ci_runs_the_readmes_test_command_as_it_stands():
    (command,) = (line for line in "".join(blocks("sh")).splitlines() if "pytest" in line)
    assert command in (ROOT / ".ci/run").read_text(encoding="utf-8")


def test_help_lists_every_command():
    said = CliRunner().invoke(app, ["--help"]).output
    assert all(name in said for name in ("build", "check", "explain", "merge", "diff", "demo"))


def test_the_citation_names_the_version_and_licence():
    fields = dict(re.findall(r"^([\w-]+): (.+)$", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), re.MULTILINE))
    assert fields["version"] == __version__
    assert fields["license"] == tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["license"]


def test_the_workflow_tests_the_versions_of_python_that_are_promised():
    (line,) = re.findall(r"python-version: \[(.*)\]", (ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))
    classifiers = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["classifiers"]
    promised = [name.rpartition(" ")[2] for name in classifiers if ":: 3." in name]
    assert re.findall(r'"([\d.]+)"', line) == promised


def test_no_document_names_a_path_of_a_machine():
    for name in (
        "README.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        *(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")),
    ):
        assert not re.search(r"/(?:home|root|work|Users)/", (ROOT / name).read_text(encoding="utf-8")), name
