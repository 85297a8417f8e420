"""How each model is run: images per batch and precision, measured once on this machine and then reused.

The measurements are in `analysis/tuning.json`, so that a second build runs a model as the first did. This module needs
no torch; `reportgen.explain.calibrate` measures.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from reportgen.analysis import content_hash
from reportgen.config import Config
from reportgen.errors import ConfigError
from reportgen.files import write_json
from reportgen.inputs.checkpoints.onnx_file import is_onnx

__all__ = [
    "WORTH_MEASURING",
    "PrecisionChange",
    "Tuning",
    "known_tunings",
    "read_tunings",
    "tuning_key",
    "unmeasured_tunings",
    "usual_tuning",
    "write_tunings",
]

WORTH_MEASURING = 512
"""Images from which a calibration, which takes a second, pays for itself."""

_FILE = "tuning.json"


@dataclass(frozen=True)
class PrecisionChange:
    """What bfloat16 changes, measured against float32 on images that chose none of the settings.

    Attributes
    ----------
    images
        How many.
    predictions
        Of these, how many were predicted another class.
    map_median, map_high
        Difference of the predicted class's map as a share of the map, both summed without signs: median over the
        images, and 95th percentile.
    again
        Share of the images whose two best classes were so close that they were run again in float32.
    """

    images: int
    predictions: int
    map_median: float
    map_high: float
    again: float


@dataclass(frozen=True)
class Tuning:
    """How one model is run.

    Attributes
    ----------
    batch_size
        Images per forward pass.
    precision
        "float32" or "bf16".
    margin
        With bf16: images whose two best logits lie closer than this are run again in float32.
    change
        With bf16, what it changes.
    """

    batch_size: int
    precision: str = "float32"
    margin: float = 0.0
    change: PrecisionChange | None = None

    @property
    def marks(self) -> str:
        """The part that numbers depend on: not the batch size."""
        return self.precision if self.precision == "float32" else f"{self.precision} below {self.margin!r}"


def usual_tuning(device: str) -> Tuning:
    """The tuning without a measurement: few images on a processor, whose cache then holds the feature maps; many on a
    GPU.
    """
    return Tuning(4 if device == "cpu" else 64)


def unmeasured_tunings(config: Config, device: str) -> dict[str, Tuning]:
    """How to run every model on a device that only other machines have, so that nothing can be measured here.

    Raises
    ------
    ConfigError
        bfloat16 is requested, which is never used unmeasured.
    """
    if config.precision == "bf16":
        raise ConfigError(
            f"--precision bf16: what it changes is measured on this machine, which has no {device}; use --precision "
            f"float32, or call from a machine with {device}"
        )
    return dict.fromkeys(config.models, usual_tuning(device))


def tuning_key(model_hash: str, config: Config) -> str:
    """What a tuning belongs to: a model with all its settings on one kind of device, and the requested precision."""
    return content_hash(model_hash, config.precision)[:16]


def known_tunings(
    config: Config, n: int, hashes: Mapping[str, str], measured: Mapping[str, Tuning], device: str
) -> dict[str, Tuning] | None:
    """The tuning of every model where none needs measuring; None where one does."""
    found = {}
    for name, model in config.models.items():
        key = tuning_key(hashes[name], config)
        if is_onnx(model.checkpoint):
            found[name] = usual_tuning("cpu")
        elif key in measured:
            found[name] = measured[key]
        elif n < WORTH_MEASURING and config.precision != "bf16":
            found[name] = usual_tuning(device)
        else:
            return None
    return found


def read_tunings(folder: Path) -> dict[str, Tuning]:
    """Measured tunings by key; none from a file that is missing or not ours."""
    try:
        content = json.loads((folder / _FILE).read_text(encoding="utf-8"))
        return {str(key): _from_json(value) for key, value in content.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}


def write_tunings(folder: Path, tunings: Mapping[str, Tuning]) -> None:
    """Write these in place of all others.

    Raises
    ------
    OutputError
        The folder cannot be written.
    """
    write_json(folder / _FILE, {key: asdict(tuning) for key, tuning in tunings.items()})


def _from_json(value: dict[str, Any]) -> Tuning:
    change = value["change"]
    return Tuning(
        int(value["batch_size"]),
        str(value["precision"]),
        float(value["margin"]),
        None if change is None else PrecisionChange(**change),
    )
