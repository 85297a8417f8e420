"""Logits from whatever a model returns: tensors, tuples, dicts, probabilities, one number for two classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

from reportgen.config import BESIDE_CLASSES
from reportgen.errors import ConfigError

__all__ = ["INSIDE", "LogitsModel", "logits_model"]

Form = Literal["logits", "softmax", "log-softmax", "sigmoid"]
# Keys of the class scores where a dict holds several tensors, the surest first.
_KEYS = ("logits", "logit", "output", "outputs", "out", "pred", "preds", "prediction", "predictions", "scores", "probs",
         "probabilities", "expression", "expr", "emotion", "emotions", "cls", "class")  # fmt: skip
_NOTES = {
    "softmax": "its outputs are probabilities: their logarithms are used as logits",
    "log-softmax": "its outputs are logarithms of probabilities, which are used as logits",
    "sigmoid": "its outputs are sigmoids: they are inverted and used as logits",
}
INSIDE = "network."
"""Prefix of the network's own names inside a `LogitsModel`."""
_TINY = 1e-30
_ROUNDING = 1e-3


class LogitsModel(nn.Module):
    """A network whose output is turned into logits (B, C).

    Parameters
    ----------
    path
        Keys and indices that lead to the scores in the network's output.
    form
        What the scores are.
    single
        Whether there is one score, for the second of two classes.
    contiguous
        Whether the network needs pictures channel by channel in memory, as a `view` in its forward may.
    columns
        Which numbers of the output are scores of classes; None for all.

    Attributes
    ----------
    kept
        Indices of the logits that are given, in this order; None for all.
    """

    def __init__(
        self,
        network: nn.Module,
        path: tuple[str | int, ...],
        form: Form,
        *,
        single: bool,
        contiguous: bool,
        columns: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        self.kept: list[int] | None = None
        self.network = network
        self.contiguous = contiguous
        self._path, self._form, self._single = path, form, single
        self._columns = None if columns is None else list(columns)

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, H, W) -> (B, C)."""
        if self.contiguous:
            x = x.clone(memory_format=torch.contiguous_format)
        output = self.network(x)
        for step in self._path:
            output = output[step]
        scores = output.flatten(1)
        if self._columns is not None:
            scores = scores[:, self._columns]
        if self._form == "softmax":
            scores = scores.clamp_min(_TINY).log()
        elif self._form == "sigmoid":
            scores = scores.logit(eps=1e-7)
        # Half of the score for one class and against the other: their difference, and so the sigmoid, is the model's.
        logits = torch.cat([-scores / 2, scores / 2], dim=1) if self._single else scores
        return logits if self.kept is None else logits[:, self.kept]


def logits_model(
    name: str,
    module: nn.Module,
    images: Tensor,
    *,
    output: str | None = None,
    columns: Sequence[int] | None = None,
    classes: int | None = None,
) -> tuple[nn.Module, int, tuple[str, ...]]:
    """The module itself where it returns logits (B, C), else one that turns its output into them.

    Parameters
    ----------
    images
        (B, channels, H, W), at least two, unlike each other.
    output
        Which of several outputs holds the scores, as the user names it.
    columns
        Which numbers of it are scores of classes, where others such as valence stand beside them; None for all.
    classes
        How many classes there are, where that is known: it tells the scores among several outputs.

    Returns
    -------
    module, classes, notes
        `notes` say what was done with the output.

    Raises
    ------
    ConfigError
        The module fails, or its class scores cannot be told among its outputs.
    """
    contiguous = False
    with torch.no_grad():
        try:
            given = _run(name, module, images)
        except RuntimeError:
            given, contiguous = _run_contiguous(name, module, images), True
        path, scores = _scores(name, given, len(images), output, classes if columns is None else None)
        # Far from the pictures it knows, a network's logits leave 0..1; probabilities do not.
        far = 20 * images[:1]
        wide = _follow(module(far.contiguous() if contiguous else far), path).flatten(1).float()
    values = torch.cat([scores.flatten(1).float(), wide])
    left_out = 0
    if columns is not None:
        if not all(0 <= column < values.shape[1] for column in columns):
            raise ConfigError(
                f"model '{name}': output_columns names {max(columns)}, but its output has {values.shape[1]} numbers, "
                "counted from 0"
            )
        left_out = values.shape[1] - len(columns)
        values = values[:, list(columns)]
    form = _form(values)
    single = values.shape[1] == 1
    notes = [_NOTES[form]] if form in _NOTES else []
    if path:
        notes.insert(0, f"of its outputs '{'.'.join(map(str, path))}' is used")
    if left_out:
        notes.append(f"of the {len(values[0]) + left_out} numbers of its output {left_out} are no class and left out")
    if single:
        notes.append("its one output is the score of the second of two classes")
    plain = not path and form in ("logits", "log-softmax") and not single and scores.ndim == 2 and not contiguous
    if not plain or columns is not None:
        module = LogitsModel(module, path, form, single=single, contiguous=contiguous, columns=columns)
    return module, 2 if single else values.shape[1], tuple(notes)


def _run(name: str, module: nn.Module, images: Tensor) -> Any:
    """The output for pictures as they come from decoding, channels last in memory."""
    module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    try:
        return module(images.to(memory_format=torch.channels_last))
    except RuntimeError as error:
        if "view" not in str(error):
            raise _failure(name, images, error) from None
        raise
    except (Exception, SystemExit) as error:  # the user's module can fail in any way
        raise _failure(name, images, error) from None


def _run_contiguous(name: str, module: nn.Module, images: Tensor) -> Any:
    module.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    try:
        return module(images.contiguous())
    except (Exception, SystemExit) as error:  # the user's module can fail in any way
        raise _failure(name, images, error) from None


def _failure(name: str, images: Tensor, error: BaseException) -> ConfigError:
    size = "x".join(map(str, images.shape[1:]))
    reason = " ".join(str(error).split())[:160]
    return ConfigError(
        f"model '{name}': fails on an input of {size} ({reason}); correct its preprocessing in reportgen.toml"
    )


def _scores(
    name: str, output: Any, batch: int, asked: str | None, classes: int | None
) -> tuple[tuple[str | int, ...], Tensor]:
    """Where the class scores are in an output, and the scores."""
    if isinstance(output, Tensor):
        if not _is_scores(output, batch):
            raise ConfigError(
                f"model '{name}': gives {'x'.join(map(str, output.shape))} for {batch} images; expected (batch, "
                "classes); wrap it in the factory"
            )
        return (), output
    entries: dict[str | int, Any] = {}
    if isinstance(output, Mapping):
        entries = {str(key): value for key, value in output.items()}
    elif isinstance(output, (tuple, list)):
        entries = dict(enumerate(output))
    found = {key: value for key, value in entries.items() if isinstance(value, Tensor) and _is_scores(value, batch)}
    if asked is not None:
        chosen = [key for key in found if str(key) == asked]
        if not chosen:
            raise ConfigError(
                f"model '{name}': no output '{asked}' with scores of classes; found {', '.join(map(str, found))[:160]}"
            )
        return (chosen[0],), found[chosen[0]]
    found = {key: value for key, value in found.items() if str(key).lower() not in BESIDE_CLASSES} or found
    several = {key: value for key, value in found.items() if value.flatten(1).shape[1] > 1} or found
    fitting = {key: value for key, value in several.items() if value.flatten(1).shape[1] == classes}
    several = fitting or several
    named = [key for key in _KEYS if key in several]
    if named or len(several) == 1 or (several and not isinstance(output, Mapping)):
        key = named[0] if named else next(iter(several))
        return (key,), several[key]
    parts = ", ".join(f"{key}: {_kind(value)}" for key, value in entries.items()) or type(output).__name__
    raise ConfigError(
        f"model '{name}': output holds no or several (batch, classes) tensors ({parts[:160]}); name the right one with "
        "'output' in the settings"
    )


def _is_scores(value: Tensor, batch: int) -> bool:
    """(B, C), or with further axes of length 1."""
    return value.is_floating_point() and value.ndim >= 2 and len(value) == batch and value[0].numel() == value.shape[1]


def _kind(value: Any) -> str:
    return "x".join(map(str, value.shape)) if isinstance(value, Tensor) else type(value).__name__


def _follow(output: Any, path: tuple[str | int, ...]) -> Tensor:
    for step in path:
        output = output[step]
    found: Tensor = output
    return found


def _form(values: Tensor) -> Form:
    """What scores (n, C) are, by their range over ordinary and extreme pictures."""
    if not bool(values.isfinite().all()):
        return "logits"
    several = values.shape[1] > 1
    if several and bool((values <= 0).all()) and _sums_to_one(values.exp()):
        return "log-softmax"
    if bool(((values >= 0) & (values <= 1)).all()):
        if several and _sums_to_one(values):
            return "softmax"
        # Numbers that no picture changes show nothing of what they are.
        return "logits" if bool((values == values[:1]).all()) else "sigmoid"
    return "logits"


def _sums_to_one(values: Tensor) -> bool:
    return bool((values.sum(dim=1) - 1).abs().max() < _ROUNDING)
