"""The wheel brings everything a build needs, and nothing else."""

import email
import io
import os
import shutil
import subprocess
import sys
import tarfile
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
    assert "reportgen/templates/pages/index.html" in names
    assert "reportgen/py.typed" in names
    assert any(name.endswith("face_detector.tflite") for name in names)
    assert any(name.endswith("licenses/NOTICE") for name in names)
    assert wheel.stat().st_size < 40e6


@pytest.mark.slow
def test_the_same_source_gives_the_same_bytes(tmp_path):
    """Another folder, another time, other dates of the files: with SOURCE_DATE_EPOCH the archives are equal."""
    made = []
    for number in (1, 2):
        source = tmp_path / f"checkout{number}"
        for name in ("reportgen", "templates", "docs"):
            shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("pyproject.toml", "README.md", "CHANGELOG.md", "SECURITY.md", "CITATION.cff", "LICENSE", "NOTICE"):
            shutil.copy(ROOT / name, source / name)
        for path in source.rglob("*"):
            os.utime(path, (number * 1_000_000_000,) * 2)
        code = "import sys; from hatchling import build as b; b.build_wheel(sys.argv[1]); b.build_sdist(sys.argv[1])"
        environment = {**os.environ, "SOURCE_DATE_EPOCH": "1700000000"}
        subprocess.run([sys.executable, "-c", code, tmp_path / f"out{number}"], cwd=source, env=environment, check=True)
        made.append({path.name: path.read_bytes() for path in (tmp_path / f"out{number}").iterdir()})
    assert made[0] == made[1]
    wheel, sdist = (io.BytesIO(next(made[0][name] for name in made[0] if name.endswith(end))) for end in ("whl", "gz"))
    with zipfile.ZipFile(wheel) as archive:
        shipped = set(archive.namelist())
    with tarfile.open(fileobj=sdist) as archive:
        source = {name.partition("/")[2] for name in archive.getnames()}
    recipes = {"reportgen/demo/recipe/train.py", "reportgen/selfcheck/recipe/pack.py"}
    assert recipes | {"docs/releasing.md", "CITATION.cff", "SECURITY.md", "templates/pages/index.html"} <= source
    assert not [name for name in shipped if "recipe" in name.split("/")]


@pytest.mark.slow
def test_its_metadata_name_everything_a_bill_of_materials_needs(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (entry for entry in archive.namelist() if entry.endswith(".dist-info/METADATA"))
        fields = email.message_from_bytes(archive.read(name))
        (record,) = (entry for entry in archive.namelist() if entry.endswith(".dist-info/RECORD"))
        listed = {line.split(",")[0]: line.split(",")[1] for line in archive.read(record).decode().splitlines()}
        assert set(listed) == set(archive.namelist())
    assert fields["Name"] == "reportgen"
    assert fields["License-Expression"] == "Apache-2.0"
    assert set(fields.get_all("License-File")) == {"LICENSE", "NOTICE"}
    assert fields["Requires-Python"] == ">=3.11"
    assert len(fields.get_all("Requires-Dist")) >= 15
    assert all(digest.startswith("sha256=") for path, digest in listed.items() if path != record)


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
    flags = ["build", "--data", notebook / "processed_data.pkl", "--output", tmp_path / "out", "--experiments", "off"]
    subprocess.run([sys.executable, "-m", "reportgen", *flags], env=environment, cwd=tmp_path, check=True)
    assert (tmp_path / "out/site/index.html").is_file()
