"""The wheel brings everything a build needs, and nothing else."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", str(ROOT), "--no-deps", "--no-build-isolation", "-q", "-w", folder]
    subprocess.run(command, check=True)
    (path,) = folder.glob("*.whl")
    return path


@pytest.mark.slow
def test_its_content(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert tops == {"reportgen", next(top for top in tops if top.endswith(".dist-info"))}
    assert "reportgen/templates/index.html" in names
    assert "reportgen/py.typed" in names
    assert any(name.endswith("face_detector.tflite") for name in names)
    assert any(name.endswith("licenses/NOTICE") for name in names)
    assert wheel.stat().st_size < 40e6


@pytest.mark.slow
def test_a_site_is_built_from_the_installed_wheel(wheel, notebook, tmp_path):
    """Installed beside nothing of the checkout: the templates must come out of the package."""
    target = tmp_path / "installed"
    command = [sys.executable, "-m", "pip", "install", "--no-deps", "-q", "--target", target, wheel]
    subprocess.run(command, check=True)
    environment = {**os.environ, "PYTHONPATH": str(target)}
    where = subprocess.run(
        [sys.executable, "-c", "import reportgen; print(reportgen.__file__)"],
        env=environment, cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert Path(where.stdout.strip()).is_relative_to(target)
    flags = ["build", "--data", notebook / "processed_data.pkl", "--output", tmp_path / "out"]
    subprocess.run([sys.executable, "-m", "reportgen", *flags], env=environment, cwd=tmp_path, check=True)
    assert (tmp_path / "out/site/index.html").is_file()
