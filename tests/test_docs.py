"""The documents say what is true: commands, flags and settings in them exist, and CI runs the README's test command."""

import json
import os
import re
import shlex
import tomllib
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from reportgen._version import __version__
from reportgen.cli import app
from reportgen.commands.settings_reference import main as settings_main
from reportgen.commands.settings_reference import settings_reference
from reportgen.config import Config
from reportgen.inputs.layouts.registry import layout_table
from reportgen.settings import GATES, SETTINGS

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


def test_every_setting_with_a_flag_has_it_in_build_and_every_other_flag_is_that_of_its_setting():
    commands = typer.main.get_command(app).commands
    options = {parameter.name.rstrip("_"): parameter for parameter in commands["build"].params}
    options["models"] = options["model"]
    for name in SETTINGS:
        flag = SETTINGS[name].flag
        assert (name in options) == (flag is not None), name
        if flag is not None:
            assert "/".join([*options[name].opts, *options[name].secondary_opts]) == flag
    for command in commands.values():
        for parameter in command.params:
            if parameter.name in SETTINGS and parameter.name not in ("output", "workers"):
                assert parameter.opts == options[parameter.name].opts


def settings_table():
    """The README's table, from the registry."""
    lines = ["| Setting | Flag | Default | Meaning | A change makes anew |", "|---|---|---|---|---|"]
    for name, declared in SETTINGS.items():
        flag = f"`{declared.flag}`" if declared.flag else ""
        default = declared.default.as_posix() if isinstance(declared.default, Path) else declared.default
        shown = f"`{json.dumps(default)}`" if isinstance(default, str | int | float) else ""
        allowed = f" {', '.join(f'`{choice}`' for choice in declared.choices)}." if declared.choices else ""
        meaning = f"{declared.help}{allowed}".replace("|", "\\|")
        lines.append(f"| `{name}` | {flag} | {shown} | {meaning} | {', '.join(declared.affects)} |")
    return "\n".join(lines)


def test_the_readmes_table_of_settings_is_that_of_the_registry():
    """After a wanted change `REPORTGEN_SETTINGS_TABLE=write` writes it."""
    start, end = "<!-- settings -->\n", "\n<!-- end of settings -->"
    before, rest = README.split(start)
    found, after = rest.split(end)
    if os.environ.get("REPORTGEN_SETTINGS_TABLE") == "write":
        (ROOT / "README.md").write_text(before + start + settings_table() + end + after, encoding="utf-8")
        return
    assert found == settings_table()


def test_the_reference_of_settings_is_that_of_the_registry():
    """After a wanted change run the command that its first lines name, or `REPORTGEN_SETTINGS_TABLE=write`."""
    path = ROOT / "docs/settings.md"
    if os.environ.get("REPORTGEN_SETTINGS_TABLE") == "write":
        settings_main([str(path)])
    found = path.read_text(encoding="utf-8")
    assert found == settings_reference()
    assert all(f"### `{name}`" in found for name in SETTINGS) and all(f"| `{gate}` |" in found for gate in GATES)


def test_the_readmes_table_of_layouts_is_that_of_the_registry():
    """After a wanted change `REPORTGEN_SETTINGS_TABLE=write` writes it."""
    start, end = "<!-- layouts -->\n", "<!-- end of layouts -->"
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    before, rest = text.split(start)
    found, after = rest.split(end)
    if os.environ.get("REPORTGEN_SETTINGS_TABLE") == "write":
        (ROOT / "README.md").write_text(before + start + layout_table() + end + after, encoding="utf-8")
        return
    assert found == layout_table()


def test_the_settings_of_the_readme_are_allowed():
    found = blocks("toml")
    assert len(found) == 2
    for text in found:
        Config.model_validate(tomllib.loads(text))


def test_ci_runs_the_readmes_test_command_as_it_stands():
    (command,) = (line for line in "".join(blocks("sh")).splitlines() if "pytest" in line)
    assert command in (ROOT / ".ci/run").read_text(encoding="utf-8")


def test_help_lists_every_command():
    printed = CliRunner().invoke(app, ["--help"]).output
    assert all(name in printed for name in typer.main.get_command(app).commands)


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


@pytest.mark.parametrize(
    "path", [ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))], ids=lambda p: p.name
)
def test_every_file_that_a_document_names_exists(path):
    text = path.read_text(encoding="utf-8")
    named = re.findall(r"(?<![\w/.-])((?:reportgen|templates|tests|docs|\.ci)/[\w./-]*)", text)
    linked = re.findall(r"\]\(([\w./-]+)\)", text)
    assert named or linked
    assert [name for name in named if not (ROOT / name.rstrip(".")).exists()] == []
    assert [name for name in linked if not (path.parent / name).exists()] == []


def test_the_documents_pictures_are_few_and_small_and_all_of_them_are_shown():
    pictures = sorted((ROOT / "docs/pictures").iterdir())
    assert sum(path.stat().st_size for path in pictures) < 400_000
    shown = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "docs").glob("*.md"))
    assert [path.name for path in pictures if f"](pictures/{path.name})" not in shown] == []


def test_contributing_can_be_read_at_a_sitting():
    assert len((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").splitlines()) <= 150
