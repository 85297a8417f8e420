"""What the package offers at its top is small, sorted and cheap to import."""

import subprocess
import sys

import reportgen


def test_exported_members():
    assert reportgen.__all__ == sorted(reportgen.__all__)
    assert all(hasattr(reportgen, name) for name in reportgen.__all__)


def test_importing_the_package_loads_no_heavy_library():
    code = "import reportgen, sys; print(sorted({'torch', 'matplotlib', 'sklearn', 'pandas'} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
