"""Names of the array types that the whole program speaks of."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["AnyFloatArray", "BoolArray", "Float32Array", "FloatArray", "IntArray", "ObjectArray"]

FloatArray = npt.NDArray[np.float64]
Float32Array = npt.NDArray[np.float32]
AnyFloatArray = npt.NDArray[np.floating]
"""Floats of any width: records are float32, statistics float64."""
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
ObjectArray = npt.NDArray[np.object_]
"""Strings beside None, such as persons' names where they are known."""
