"""The command line: `reportgen build`, `check`, `explain`, `demo` and `selfcheck`."""

from __future__ import annotations

import sys
import webbrowser
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from reportgen._version import __version__
from reportgen.config import Config, load_config
from reportgen.errors import STOPPED, ConfigError, ReportError, printable
from reportgen.terminal import TerminalProgress, make_console

__all__ = ["app", "main"]

EXIT_FINDING = 3
EXIT_INTERRUPTED = 130

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # a bug keeps its plain traceback, which people can paste
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Explains facial-expression classifiers: measured answers to four questions, as an offline site.",
)


class Finding(StrEnum):
    """What `--fail-on` can watch for; a build that finds it ends with exit code 3."""

    ERROR = "error"
    CLASS_ORDER = "class-order"
    CHEATING = "cheating"


Data = Annotated[Path | None, typer.Option(help="Test set: pickle, CSV, TSV, Parquet, JSON lines or a folder.")]
Models = Annotated[list[str] | None, typer.Option("--model", metavar="NAME=CHECKPOINT", help="A model; repeatable.")]
Settings = Annotated[Path | None, typer.Option("--config", help="Settings file; reportgen.toml here if not given.")]
Output = Annotated[Path | None, typer.Option(help="Folder to write into (default: output).")]
ImageRoot = Annotated[Path | None, typer.Option(help="Where relative image paths are looked for as well.")]
NoZip = Annotated[bool, typer.Option("--no-zip", help="Do not write report.zip.")]
Open = Annotated[bool, typer.Option("--open", help="Open the report in a browser at the end.")]
Device = Annotated[str | None, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")]
Precision = Annotated[str | None, typer.Option(help="float32, bf16, or auto: bf16 where it is clearly faster.")]
Method = Annotated[str | None, typer.Option(help="gradcam, gradcam++, hirescam, layercam or xgradcam.")]
Regions = Annotated[str | None, typer.Option(help="auto (find the face), template or none.")]
Experiments = Annotated[str | None, typer.Option(help="Budget for changed pictures: off, quick, default or full.")]
Engine = Annotated[str | None, typer.Option(help="local, or ray: a cluster (see 'Clusters' in the README).")]
Sample = Annotated[int | None, typer.Option(help="Most images whose heatmaps are judged and shown (default: 10,000).")]
Privacy = Annotated[
    str | None, typer.Option(help="blur or outline: hide faces and names, so that the report may be shared.")
]
SingleFile = Annotated[bool, typer.Option("--single-file", help="Also write the whole report as one HTML file.")]
Mail = Annotated[bool, typer.Option("--mail", help="Also write a zip of at most 20 MB, made smaller where it must be.")]
Seed = Annotated[int | None, typer.Option(help="Seed of everything that is sampled.")]
Unsafe = Annotated[bool, typer.Option("--unsafe-load", help="Load checkpoints that run code. Only your own files.")]
FailOn = Annotated[
    list[Finding] | None, typer.Option(help="End with exit code 3 if the report finds this; repeatable.")
]


@app.callback(invoke_without_command=True)
def _root(version: Annotated[bool, typer.Option("--version", help="Print the version and leave.")] = False) -> None:
    if version:
        typer.echo(f"reportgen {__version__}")
        raise typer.Exit


@app.command("build")
def build_command(
    data: Data = None,
    model: Models = None,
    config: Settings = None,
    output: Output = None,
    image_root: ImageRoot = None,
    no_zip: NoZip = False,
    open_: Open = False,
    device: Device = None,
    precision: Precision = None,
    method: Method = None,
    regions: Regions = None,
    experiments: Experiments = None,
    engine: Engine = None,
    sample_images: Sample = None,
    seed: Seed = None,
    privacy: Privacy = None,
    single_file: SingleFile = False,
    mail: Mail = False,
    unsafe_load: Unsafe = False,
    fail_on: FailOn = None,
) -> None:
    """Build the report.

    Without arguments: from processed_data.pkl, custom_cnn_best.pth and transfer_learning_best.pth in this folder.
    """
    settings = _settings(
        config,
        data=data,
        model=model,
        output=output,
        image_root=image_root,
        device=device,
        precision=precision,
        method=method,
        regions=regions,
        experiments=experiments,
        engine=engine,
        sample_images=sample_images,
        seed=seed,
        privacy=privacy,
        single_file=True if single_file else None,
        mail=True if mail else None,
        zip=False if no_zip else None,
        unsafe_load=True if unsafe_load else None,
    )
    _build(settings, open_, fail_on or [])


@app.command()
def check(
    data: Data = None,
    model: Models = None,
    config: Settings = None,
    image_root: ImageRoot = None,
    unsafe_load: Unsafe = False,
) -> None:
    """Print what a build would use, without running a model."""
    from reportgen.commands.check import check_inputs

    settings = _settings(
        config, data=data, model=model, image_root=image_root, unsafe_load=True if unsafe_load else None
    )
    check_inputs(settings, make_console())


@app.command()
def explain(
    images: Annotated[list[Path], typer.Argument(help="Image files, or folders of them; no labels are needed.")],
    model: Models = None,
    config: Settings = None,
    output: Annotated[Path, typer.Option(help="Folder to write into.")] = Path("explained"),
    open_: Open = False,
    device: Device = None,
    privacy: Privacy = None,
    single_file: SingleFile = False,
    mail: Mail = False,
    unsafe_load: Unsafe = False,
) -> None:
    """Explain images without labels: the same pictures and detail pages."""
    from reportgen.commands.build import explain as run

    settings = _settings(
        config,
        model=model,
        output=output,
        device=device,
        privacy=privacy,
        single_file=True if single_file else None,
        mail=True if mail else None,
        unsafe_load=True if unsafe_load else None,
    )
    progress = TerminalProgress(make_console())
    _finish(run(settings, images, progress), progress, open_, [])


@app.command("merge")
def merge_command(
    folders: Annotated[list[Path], typer.Argument(help="Outputs of builds on disjoint parts of one test set.")],
    output: Output = None,
    data: Data = None,
    model: Models = None,
    config: Settings = None,
    image_root: ImageRoot = None,
    sample_images: Sample = None,
    no_zip: NoZip = False,
    open_: Open = False,
    unsafe_load: Unsafe = False,
    fail_on: FailOn = None,
) -> None:
    """Join analyses of parts of one test set, made elsewhere, and build the report on all of it."""
    from reportgen.commands.build import merge

    settings = _settings(
        config,
        data=data,
        model=model,
        output=output,
        image_root=image_root,
        sample_images=sample_images,
        zip=False if no_zip else None,
        unsafe_load=True if unsafe_load else None,
    )
    progress = TerminalProgress(make_console())
    _finish(merge(settings, folders, progress), progress, open_, fail_on or [])


@app.command("diff")
def diff_command(
    before: Annotated[Path, typer.Argument(help="Output of a build, before retraining.")],
    after: Annotated[Path, typer.Argument(help="Output of a build on the same images, after it.")],
    output: Annotated[Path, typer.Option(help="Folder to write into.")] = Path("changes"),
    pair: Annotated[
        list[str] | None, typer.Option(metavar="OLD=NEW", help="Models that belong together; those of one name do.")
    ] = None,
    config: Settings = None,
    image_root: ImageRoot = None,
    sample_images: Sample = None,
    no_zip: NoZip = False,
    open_: Open = False,
) -> None:
    """Compare two builds on the same images: what got better, what got worse, what moved."""
    from reportgen.commands.diff import diff

    pairs = {}
    for entry in pair or []:
        old, found, new = entry.partition("=")
        if not found or not old or not new:
            raise ConfigError(f"--pair {entry}: expected OLD=NEW, the names of a model before and after")
        pairs[old.strip()] = new.strip()
    settings = _settings(
        config, runs_models=False, output=output, image_root=image_root, sample_images=sample_images,
        zip=False if no_zip else None,
    )  # fmt: skip
    progress = TerminalProgress(make_console())
    _finish(diff(settings, before, after, pairs, progress), progress, open_, [])


@app.command()
def demo(
    output: Output = None,
    open_: Open = False,
    no_zip: NoZip = False,
    privacy: Privacy = None,
    single_file: SingleFile = False,
    mail: Mail = False,
) -> None:
    """Build the report on the synthetic faces and the two models that ship with this package."""
    from reportgen.demo import demo_files

    files = demo_files()
    settings = _settings(
        None,
        data=files.data,
        model=[f"{name}={path}" for name, path in files.models.items()],
        output=output,
        zip=False if no_zip else None,
        privacy=privacy,
        single_file=True if single_file else None,
        mail=True if mail else None,
    )
    _build(settings, open_, [])


@app.command()
def selfcheck(
    quick: Annotated[bool, typer.Option("--quick/--full", help="Two models, or all of the certificate.")] = False,
    work: Annotated[Path, typer.Option(help="Folder that keeps what is done; a killed run goes on there.")] = Path(
        "selfcheck-work"
    ),
    workers: Annotated[int | None, typer.Option(help="Models under way at once (default: one per core).")] = None,
) -> None:
    """Measure how often the verdicts are right, on models that were taught shortcuts on purpose."""
    from reportgen.selfcheck.command import selfcheck as run

    console = make_console()
    run(quick, work, workers, console, TerminalProgress(console))


def _settings(config: Path | None, model: list[str] | None = None, *, runs_models: bool = True, **flags: Any) -> Config:
    """Settings from file and flags; `NAME=CHECKPOINT` becomes a model."""
    models: dict[str, dict[str, Any]] = {}
    for entry in model or []:
        name, found, checkpoint = entry.partition("=")
        if not found or not name.strip() or not checkpoint:
            raise ConfigError(f"--model {entry}: expected NAME=CHECKPOINT, such as 'ResNet18=resnet18.pth'")
        models[printable(name.strip())] = {"checkpoint": Path(checkpoint)}
    return load_config(config, {**flags, "models": models or None}, runs_models=runs_models)


def _build(settings: Config, open_: bool, fail_on: list[Finding]) -> None:
    from reportgen.commands.build import build

    progress = TerminalProgress(make_console())
    _finish(build(settings, progress), progress, open_, fail_on)


def _finish(result: Any, progress: TerminalProgress, open_: bool, fail_on: list[Finding]) -> None:
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
        webbrowser.open(index.as_uri())
    found = [finding.value for finding in fail_on if finding.value in result.alarms] if fail_on else []
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
            sys.stderr.write(f"{STOPPED}\n")
        raise
