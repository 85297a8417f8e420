"""Import of torchvision, also where its compiled operators do not fit the installed torch.

A CUDA build of torchvision beside a CPU build of torch is a common accident (the package index has no CPU build for
x86-64 Linux). Its compiled operators cannot load there, and `import torchvision` then fails on the first operator that
it describes, "operator torchvision::nms does not exist", although the model zoo needs none of them. The missing
operators are declared, without an implementation, until the import succeeds: the Python part works normally, and
calling such an operator still fails as it should.
"""

from __future__ import annotations

import importlib
import re
import sys
from types import ModuleType

import torch

from reportgen.errors import ReportError

__all__ = ["import_torchvision"]

_MISSING = re.compile(r"operator torchvision::(\w+) does not exist")
_declared: list[torch.library.Library] = []  # a declaration lives as long as its library object


def import_torchvision() -> ModuleType:
    """Import torchvision, declaring operators that its compiled part could not bring.

    Raises
    ------
    ReportError
        torchvision is not installed, or is broken in another way.
    """
    for _ in range(32):  # one operator is named per attempt
        try:
            return importlib.import_module("torchvision")
        except ImportError as error:
            raise ReportError(
                f"torchvision cannot be imported ({error}); install the release that fits torch"
            ) from None
        except RuntimeError as error:
            found = _MISSING.search(str(error))
            if found is None:
                raise ReportError(
                    f"torchvision fails on import ({error}); install the release that fits torch"
                ) from error
            for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
                del sys.modules[name]
            library = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
            library.define(f"{found[1]}(Tensor a, Tensor b, float c) -> Tensor")  # type: ignore[no-untyped-call]
            _declared.append(library)
    raise ReportError("torchvision lacks more operators than can be declared; install the release that fits torch")
