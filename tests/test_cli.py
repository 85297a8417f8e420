"""The command line: exit codes, one line per error, what it prints."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from reportgen import __version__
from reportgen.__main__ import main
from reportgen.cli import app
from reportgen.errors import DataError


def run_process(*arguments, cwd):
    return subprocess.run(
        [sys.executable, "-m", "reportgen", *map(str, arguments)], capture_output=True, text=True, cwd=cwd, check=False
    )


@pytest.fixture
def run(monkeypatch, capfd, tmp_path):
    """Runs the command in this process: a new one would spend its time on loading libraries."""

    def run(*arguments, cwd=tmp_path):
        monkeypatch.chdir(cwd)
        monkeypatch.setattr(sys, "argv", ["reportgen", *map(str, arguments)])
        capfd.readouterr()
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code or 0
        return SimpleNamespace(returncode=code, **dict(zip(("stdout", "stderr"), capfd.readouterr(), strict=True)))

    return run


def test_version():
    result = CliRunner().invoke(app, ["--version"])
    assert (result.exit_code, result.output.strip()) == (0, f"reportgen {__version__}")


LATE = ("torch", "matplotlib", "sklearn", "scipy", "pandas", "pyarrow", "pydantic", "rich.console", "rich.markdown")


def test_help_loads_no_library_but_that_of_the_command_line():
    """Beside what typer loads by itself: older versions load rich, whatever they are asked for."""
    bare = "from typer.testing import CliRunner; import sys, typer; app = typer.Typer(rich_markup_mode=None); "
    bare += "app.command()(lambda: None); CliRunner().invoke(app, ['--help']); print(*sys.modules)"
    ours = "from typer.testing import CliRunner; from reportgen.cli import app; import sys; "
    ours += "assert 'selfcheck' in CliRunner().invoke(app, ['--help']).output; print(*sys.modules)"
    least, found = (
        set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())
        for code in (bare, ours)
    )
    assert "typer" in found
    assert not (found - least) & set(LATE)


def test_build_prints_stages_link_and_zip(notebook_copy):
    result = run_process("build", "--output", "out", "--experiments", "off", cwd=notebook_copy)
    assert result.returncode == 0, result.stderr
    assert "Explaining 28: " in result.stdout
    assert "total: " in result.stdout
    assert f"report: {(notebook_copy / 'out/site/index.html').as_uri()}" in result.stdout
    assert "zip: out/report.zip (" in result.stdout


def test_errors_are_one_line_with_exit_code_2(tmp_path):
    result = run_process("build", cwd=tmp_path)
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("error: processed_data.pkl: no processed_data.pkl in this folder")


@pytest.mark.parametrize("model", ["ResNet18", "=x.pth", "ResNet18="])
def test_a_malformed_model_flag(run, tmp_path, model):
    result = run("build", "--model", model, cwd=tmp_path)
    assert result.returncode == 2
    assert "expected NAME=CHECKPOINT" in result.stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("colour = 1", "colour: Extra inputs are not permitted"),
        ("seed = -1", "seed: Input should be greater than or equal to 0"),
        ("seed = ", "not valid TOML"),
        ('person_pattern = "x"', "needs exactly one group"),
        ('person_pattern = "("', "not a regular expression"),
    ],
)
def test_settings_that_are_not_allowed(run, tmp_path, text, message):
    (tmp_path / "reportgen.toml").write_text(text)
    result = run("build", cwd=tmp_path)
    assert result.returncode == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_an_old_name_of_a_flag_goes_on_working_with_one_line(run, tmp_path):
    result = run("build", "--sample-images", "0", cwd=tmp_path)
    assert result.returncode == 2
    warning, error = result.stderr.splitlines()
    assert warning == "warning: sample_images is now called max_explained_images; the old name still works"
    assert error.startswith("error: command line: max_explained_images: Input should be greater than or equal to 1")
    assert "--sample-images" not in run("build", "--help").stdout


def test_shells_complete_what_a_setting_allows():
    environment = {
        "_REPORTGEN_COMPLETE": "complete_bash",
        "COMP_WORDS": "reportgen build --method g",
        "COMP_CWORD": "3",
    }
    done = CliRunner().invoke(app, [], prog_name="reportgen", env=environment)
    assert done.output.split() == ["gradcam", "gradcam++"]


def test_check_reads_without_running_a_model(run, notebook):
    result = run("check", cwd=notebook)
    assert result.returncode == 0, result.stderr
    for said in ("28 readable images", "CustomCNN", "TransferLearningModel", "persons seen in training", "left out: 0"):
        assert said in result.stdout
    assert not (notebook / "output").exists()


def test_check_names_a_broken_checkpoint_and_goes_on(run, notebook_copy):
    (notebook_copy / "custom_cnn_best.pth").write_bytes(b"nothing")
    result = run("check", cwd=notebook_copy)
    assert result.returncode == 2
    assert "TransferLearningModel" in result.stdout
    assert "custom_cnn_best.pth: not a PyTorch checkpoint" in result.stderr


def test_fail_on_a_problem(run, notebook_copy):
    (notebook_copy / "transfer_learning_best.pth").unlink()
    flags = ["build", "--output", "out", "--no-zip", "--experiments", "off"]
    assert run(*flags, cwd=notebook_copy).returncode == 0
    result = run(*flags, "--fail-on", "error", cwd=notebook_copy)
    assert result.returncode == 3
    assert "failed as asked by --fail-on: error" in result.stdout
    assert not (notebook_copy / "out/report.zip").exists()


def test_explain_without_labels(run, notebook, tmp_path):
    images = sorted((notebook / "images").iterdir())[:2]
    model = f"Custom CNN={notebook / 'custom_cnn_best.pth'}"
    result = run("explain", *images, "--model", model, "--output", tmp_path / "out")
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "out/site/index.html").is_file()


def test_a_checkpoints_name_may_hold_equals_signs(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr("reportgen.commands.check.check_inputs", lambda config, console: seen.append(config.models))
    monkeypatch.chdir(tmp_path)
    file = Path("epoch=12-val_acc=0.71.ckpt")
    file.write_bytes(b"x")
    for given in (f"CNN={file}", str(file)):
        assert CliRunner().invoke(app, ["check", "--data", "t.csv", "--model", given]).exit_code == 0
    assert [list(models) for models in seen] == [["CNN"], ["epoch=12-val_acc=0.71"]]
    assert all(model.checkpoint == file for models in seen for model in models.values())


def test_a_flag_takes_several_files_of_labels(tmp_path, run, monkeypatch):
    seen = []
    monkeypatch.setattr("reportgen.commands.check.check_inputs", lambda config, _: seen.append(config.labels))
    for words in ("--labels a.csv b.csv", "--labels a.csv --labels b.csv", "--labels=a.csv b.csv --data x"):
        assert run("check", *words.split()).returncode == 0
    assert seen == [(Path("a.csv"), Path("b.csv"))] * 3
    assert run("check", "--data", "x", "b.csv").returncode == 2  # no other flag takes several


def test_folders_to_merge_are_no_files_of_labels(tmp_path, run, monkeypatch):
    seen = []

    def merged(config, folders, _):
        seen.append((config.labels, [folder.name for folder in folders]))
        raise DataError("seen")

    monkeypatch.setattr("reportgen.commands.merge.merge", merged)
    parts = [str(tmp_path / name) for name in ("one", "two")]
    for part in parts:
        Path(part).mkdir()
    for words in ([*parts, "--labels", "a.csv", "b.csv"], ["--labels", "a.csv", "b.csv", *parts],
                  [parts[0], "--labels=a.csv", "b.csv", parts[1]]):  # fmt: skip
        assert run("merge", *words).stderr == "error: seen\n"
    assert seen == [((Path("a.csv"), Path("b.csv")), ["one", "two"])] * 3
