"""The command line: every command with its flags; what a flag sets is declared in `settings.py`.

Libraries are imported where a command needs them: `--help` answers at once. For the same reason annotations are not
postponed here: at every start Typer would compile the text of each one twice.
"""

import sys
import warnings
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from reportgen._version import __version__
from reportgen.errors import INTERRUPTED, ConfigError, ReportError, printable
from reportgen.settings import GATES, RENAMED, SETTINGS, Gate

if TYPE_CHECKING:
    from reportgen.config import Config
    from reportgen.terminal import TerminalProgress

__all__ = ["app", "main"]

EXIT_FINDING = 3
EXIT_INTERRUPTED = 130

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,  # loading what draws panels would take longer than everything else
    pretty_exceptions_enable=False,  # a bug keeps its plain traceback, which people can paste
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Explains facial-expression classifiers: measured answers to four questions, as an offline site.",
)


class Alarm(StrEnum):
    """What `--fail-on` can watch for; a build that finds it ends with exit code 3."""

    ERROR = "error"
    CLASS_ORDER = "class-order"
    CHEATING = "cheating"


_GATE_HELP = " ".join(f"{gate}: {text}." for gate, text in GATES.items())


def _option(name: str) -> Any:
    """The option of a setting: its flag and help as declared, what is allowed, and the default."""
    declared = SETTINGS[name]
    choices, unstated = list(declared.choices), declared.default is None or isinstance(declared.default, bool)
    text = declared.help if unstated else f"{declared.help} (default: {declared.default})"
    return typer.Option(
        str(declared.flag), help=text, metavar="|".join(choices) or None,
        autocompletion=(lambda: choices) if choices else None,
    )  # fmt: skip


# Settings are None where the user gave none: then the settings file counts, else the default of `Config`.
Data = Annotated[Path | None, _option("data")]
Dataset = Annotated[str | None, _option("dataset")]
Models = Annotated[list[str] | None, typer.Option("--model", metavar="NAME=CHECKPOINT", help="A model; repeatable.")]
Labels = Annotated[list[Path] | None, _option("labels")]
Settings = Annotated[Path | None, typer.Option("--config", help="Settings file; reportgen.toml here if not given.")]
Output = Annotated[Path | None, _option("output")]
ImageRoot = Annotated[Path | None, _option("image_root")]
Zip = Annotated[bool | None, _option("zip")]
Open = Annotated[bool, typer.Option("--open", help="Open the report in a browser at the end.")]
Device = Annotated[str | None, _option("device")]
Precision = Annotated[str | None, _option("precision")]
Method = Annotated[str | None, _option("method")]
Regions = Annotated[str | None, _option("regions")]
Experiments = Annotated[str | None, _option("experiments")]
Engine = Annotated[str | None, _option("engine")]
MaxExplained = Annotated[int | None, _option("max_explained_images")]
OldSample = Annotated[int | None, typer.Option("--sample-images", hidden=True, help="See --max-explained-images.")]
Privacy = Annotated[str | None, _option("privacy")]
SingleFile = Annotated[bool | None, _option("single_file")]
Mail = Annotated[bool | None, _option("mail")]
Groups = Annotated[str | None, _option("groups")]
Seed = Annotated[int | None, _option("seed")]
Unsafe = Annotated[bool | None, _option("unsafe_load")]
FailOn = Annotated[list[Alarm] | None, typer.Option(help="End with exit code 3 if the report finds this; repeatable.")]


class SeveralFiles(TyperCommand):
    """A command whose `--labels` takes several files; a folder ends them where the command has folders as arguments."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """Repeat the flag before every further file, as the parser expects it."""
        flag, repeated, inside = str(SETTINGS["labels"].flag), [], False
        arguments = any(one.param_type_name == "argument" for one in self.params)
        for place, arg in enumerate(args):
            inside = inside and not arg.startswith("-") and not (arguments and Path(arg).is_dir())
            repeated += [flag, arg] if inside and args[place - 1] != flag else [arg]
            inside = inside or arg.partition("=")[0] == flag
        return super().parse_args(ctx, repeated)


@app.callback(invoke_without_command=True)
def _root(version: Annotated[bool, typer.Option("--version", help="Print the version and leave.")] = False) -> None:
    if version:
        typer.echo(f"reportgen {__version__}")
        raise typer.Exit


@app.command("build", cls=SeveralFiles)
def build_command(
    context: typer.Context,
    data: Data = None,
    dataset: Dataset = None,
    model: Models = None,
    labels: Labels = None,
    config: Settings = None,
    output: Output = None,
    image_root: ImageRoot = None,
    zip_: Zip = None,
    open_: Open = False,
    device: Device = None,
    precision: Precision = None,
    method: Method = None,
    regions: Regions = None,
    experiments: Experiments = None,
    engine: Engine = None,
    max_explained_images: MaxExplained = None,
    sample_images: OldSample = None,
    groups: Groups = None,
    seed: Seed = None,
    privacy: Privacy = None,
    single_file: SingleFile = None,
    mail: Mail = None,
    unsafe_load: Unsafe = None,
    fail_on: FailOn = None,
) -> None:
    """Build the report.

    Without arguments: from processed_data.pkl, custom_cnn_best.pth and transfer_learning_best.pth in this folder.
    """
    from reportgen.commands.build import build

    progress = _progress()
    _finish(build(_settings(context), progress), progress, open_, fail_on)


@app.command(cls=SeveralFiles)
def check(
    context: typer.Context,
    data: Data = None,
    dataset: Dataset = None,
    model: Models = None,
    labels: Labels = None,
    config: Settings = None,
    image_root: ImageRoot = None,
    unsafe_load: Unsafe = None,
) -> None:
    """Print what a build would use, and what is wrong with it. Nothing is written."""
    from reportgen.commands.check import check_inputs
    from reportgen.terminal import make_console

    check_inputs(_settings(context), make_console())


@app.command("explain")
def explain_command(
    context: typer.Context,
    images: Annotated[list[Path], typer.Argument(help="Image files, or folders of them; no labels are needed.")],
    model: Models = None,
    config: Settings = None,
    output: Annotated[Path, typer.Option(help="Folder to write into.")] = Path("explained"),
    open_: Open = False,
    device: Device = None,
    privacy: Privacy = None,
    single_file: SingleFile = None,
    mail: Mail = None,
    unsafe_load: Unsafe = None,
) -> None:
    """Explain images that need no labels. The pictures and detail pages are those of a report."""
    from reportgen.commands.explain import explain

    progress = _progress()
    _finish(explain(_settings(context), images, progress), progress, open_)


@app.command("merge", cls=SeveralFiles)
def merge_command(
    context: typer.Context,
    folders: Annotated[list[Path], typer.Argument(help="Outputs of builds on disjoint parts of one test set.")],
    output: Output = None,
    data: Data = None,
    dataset: Dataset = None,
    model: Models = None,
    labels: Labels = None,
    config: Settings = None,
    image_root: ImageRoot = None,
    max_explained_images: MaxExplained = None,
    sample_images: OldSample = None,
    zip_: Zip = None,
    open_: Open = False,
    unsafe_load: Unsafe = None,
    fail_on: FailOn = None,
) -> None:
    """Build one report from analyses of parts of a test set. The parts may have been analysed elsewhere."""
    from reportgen.commands.merge import merge

    progress = _progress()
    _finish(merge(_settings(context), folders, progress), progress, open_, fail_on)


@app.command("diff")
def diff_command(
    context: typer.Context,
    before: Annotated[Path, typer.Argument(help="Output of a build, before retraining.")],
    after: Annotated[Path, typer.Argument(help="Output of a build on the same images, after retraining.")],
    output: Annotated[Path, typer.Option(help="Folder to write into.")] = Path("changes"),
    pair: Annotated[
        list[str] | None,
        typer.Option(metavar="OLD=NEW", help="A renamed model; models of the same name are paired anyway. Repeatable."),
    ] = None,
    config: Settings = None,
    image_root: ImageRoot = None,
    max_explained_images: MaxExplained = None,
    sample_images: OldSample = None,
    zip_: Zip = None,
    open_: Open = False,
    fail_on: Annotated[
        list[Gate] | None,
        typer.Option(
            metavar="GATE",
            help=f"End with exit code 3 if this gate fails; repeatable. {_GATE_HELP}",
        ),
    ] = None,
    tolerance: Annotated[
        list[str] | None,
        typer.Option(metavar="GATE=POINTS", help="What a gate tolerates, such as regression=1; repeatable."),
    ] = None,
    summary: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write summary.md here, for a pull request's comment.")
    ] = None,
    junit: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write the gates as JUnit XML, for a build server.")
    ] = None,
) -> None:
    """Compare two builds on the same images. Shows what got better, what got worse and what moved."""
    from reportgen.commands.diff import diff
    from reportgen.config import with_settings

    pairs = dict(_pair(entry, "--pair", "OLD=NEW, the names of a model before and after") for entry in pair or [])
    allowed = dict(_pair(entry, "--tolerance", "GATE=POINTS, such as regression=1") for entry in tolerance or [])
    settings = _settings(context, runs_models=False)
    if allowed:
        settings = with_settings(settings, {"tolerances": {**settings.tolerances, **allowed}})
    progress = _progress()
    result = diff(settings, before, after, pairs, progress, watched=fail_on or (), summary=summary, junit=junit)
    _finish(result, progress, open_, fail_on)


@app.command()
def demo(
    context: typer.Context,
    output: Output = None,
    open_: Open = False,
    zip_: Zip = None,
    privacy: Privacy = None,
    single_file: SingleFile = None,
    mail: Mail = None,
    experiments: Experiments = None,
) -> None:
    """Build the report on synthetic faces. They ship with this package, and so do the two models."""
    from reportgen.commands.build import build
    from reportgen.config import Preprocessing
    from reportgen.demo import demo_files

    files = demo_files()
    models = [f"{name}={path}" for name, path in files.models.items()]
    progress = _progress()
    config = _settings(context, data=files.data, model=models, classes=files.classes)
    # Both were trained as in the notebook.
    known = {name: model.model_copy(update={"preprocessing": Preprocessing()}) for name, model in config.models.items()}
    _finish(build(config.model_copy(update={"models": known}), progress), progress, open_)


@app.command()
def selfcheck(
    quick: Annotated[bool, typer.Option("--quick/--full", help="Two models, or all of the certificate.")] = False,
    work: Annotated[
        Path, typer.Option(help="Folder that keeps finished work; an interrupted run resumes there.")
    ] = Path("selfcheck-work"),
    workers: Annotated[
        int | None, typer.Option(help="Models trained and built at once (default: one per core).")
    ] = None,
) -> None:
    """Measure how often the verdicts are right. The models for it are taught shortcuts on purpose."""
    from reportgen.selfcheck.run import selfcheck as run
    from reportgen.terminal import TerminalProgress, make_console

    console = make_console()
    run(quick, work, workers, console, TerminalProgress(console))


def _progress() -> "TerminalProgress":
    from reportgen.terminal import TerminalProgress, make_console

    return TerminalProgress(make_console())


def _settings(context: typer.Context, *, runs_models: bool = True, **fixed: Any) -> "Config":
    """The settings that a command was given, those that it fixes, and below them those of the settings file."""
    from reportgen.config import load_config

    given = {name.removesuffix("_"): value for name, value in context.params.items()} | fixed
    # A name may be left out: checkpoints are often called "epoch=12-val_acc=0.71.ckpt".
    models = dict(
        (Path(entry).stem, entry)
        if Path(entry).is_file()
        else _pair(entry, "--model", "NAME=CHECKPOINT, such as 'ResNet18=resnet18.pth'")
        for entry in given.get("model") or []
    )
    flags = {name: value for name, value in given.items() if name in {*SETTINGS, *RENAMED}}
    flags["models"] = {printable(name): {"checkpoint": path} for name, path in models.items()} or None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", FutureWarning)
        try:
            return load_config(given.get("config"), flags, runs_models=runs_models)
        finally:
            for warning in caught:
                sys.stderr.write(f"warning: {warning.message}\n")


def _pair(entry: str, flag: str, expected: str) -> tuple[str, str]:
    """The two halves of what stands around the first equals sign."""
    left, _, right = entry.partition("=")
    if not left.strip() or not right.strip():
        raise ConfigError(f"{flag} {entry}: expected {expected}")
    return left.strip(), right.strip()


def _finish(result: Any, progress: "TerminalProgress", open_: bool, fail_on: Sequence[StrEnum] | None = None) -> None:
    """Say where the report is, and end with the code the user asked for."""
    index = (result.site / "index.html").resolve()
    for warning in result.warnings:
        progress.note(f"warning: {warning}")
    progress.note(f"total: {sum(progress.seconds.values()):.1f} s")
    if result.zip is not None:
        progress.note(f"zip: {result.zip} ({result.zip.stat().st_size / 1e6:.1f} MB)")
    if result.mail is not None:
        progress.note(f"mail: {result.mail} ({result.mail.stat().st_size / 1e6:.1f} MB)")
    if result.single is not None:
        progress.note(f"one file: {result.single} ({result.single.stat().st_size / 1e6:.1f} MB)")
    progress.note(f"report: {index.as_uri()}")
    if open_:
        import webbrowser

        webbrowser.open(index.as_uri())
    found = [alarm.value for alarm in fail_on or () if alarm.value in result.alarms]
    if found:
        progress.note(f"failed as asked by --fail-on: {', '.join(found)}")
        raise typer.Exit(EXIT_FINDING)


def main() -> None:
    """Run the command line; an error of the user's is one line on stderr."""
    try:
        app()
    except ReportError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(error.exit_code)
    except SystemExit as stop:
        if stop.code == EXIT_INTERRUPTED:  # Typer turns Ctrl-C into this without a word
            sys.stderr.write(f"{INTERRUPTED}\n")
        raise
