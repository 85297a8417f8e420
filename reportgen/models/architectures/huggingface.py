"""Image classifiers of Hugging Face's transformers, an extra: the class by `config.json`, the weights by the file.

Only classes that transformers itself lists as image classifiers are made, from numbers and words of `config.json`;
nothing in it that would fetch or run code is passed on.
"""

from __future__ import annotations

import importlib
import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from reportgen.errors import CheckpointError, MissingExtraError
from reportgen.models.architectures.family import Recognised, few, is_incidental
from reportgen.models.architectures.torchvision_ops import import_torchvision

__all__ = ["hugging_face_class", "hugging_face_model"]

# What names code, devices, kernels or other models instead of this network's shape.
_NOT_PASSED_ON = frozenset({
    "auto_map", "architectures", "_name_or_path", "name_or_path", "_attn_implementation", "attn_implementation",
    "_experts_implementation", "quantization_config", "torch_dtype", "dtype", "use_kernels", "kernel_config",
    "_commit_hash", "custom_pipelines", "transformers_version", "device_map", "torchscript", "backbone",
    "backbone_config", "use_pretrained_backbone", "use_timm_backbone", "base_model_tp_plan", "base_model_pp_plan",
})  # fmt: skip
# They take no picture alone, or make a network of another library by a name.
_NOT_MADE = frozenset({"timm_wrapper", "shieldgemma2", "perceiver", "imagegpt", "donut-swin"})
# The class token alone answers: the patches of the last block count through its attention, as in torchvision's ViT.
_CLASS_TOKEN = frozenset({"vit", "deit", "vit_msn"})
_MOST_LAYERS = 1000
_ROOM = 1.2  # how much larger a described network may be than the weights


def hugging_face_class(config: Mapping[str, Any]) -> str | None:
    """The class that a `config.json` names, if it is one of an image classifier; None for other files."""
    named = config.get("architectures")
    if not isinstance(config.get("model_type"), str) or not isinstance(named, list) or len(named) != 1:
        return None
    return str(named[0]) if "ForImageClassification" in str(named[0]) else None


def hugging_face_model(config: Mapping[str, Any], state: Mapping[str, Tensor]) -> Recognised:
    """The network that a folder of Hugging Face holds.

    Parameters
    ----------
    config
        The content of `config.json`, for which `hugging_face_class` gives a name.
    state
        Names as in the file; older ones are translated as transformers does it.

    Raises
    ------
    MissingExtraError
        transformers is not installed.
    CheckpointError
        It is none of transformers' own image classifiers, or the weights are not those of the network described.
    """
    named, kind = hugging_face_class(config), str(config["model_type"])
    import_torchvision()
    try:
        library = importlib.import_module("transformers")
        listed = importlib.import_module("transformers.models.auto.modeling_auto")
    except ImportError:
        raise MissingExtraError(f"this is transformers' {named}; pip install 'reportgen[hf]'") from None
    known = listed.MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES.get(kind, ())
    if kind in _NOT_MADE or named not in ((known,) if isinstance(known, str) else known):
        raise CheckpointError(f"config.json names {named} of '{kind}', none of transformers' own image classifiers")
    try:
        with _quietly(library):
            settings = library.CONFIG_MAPPING[kind].from_dict(_plain(config))
            _check_size(getattr(library, str(named)), settings, state)
            module, report = getattr(library, str(named)).from_pretrained(
                None, config=settings, state_dict=dict(state), output_loading_info=True
            )
    except CheckpointError:
        raise
    except (Exception, SystemExit) as error:  # numbers that belong to no network break its making in any way
        reason = " ".join(str(error).split())
        raise CheckpointError(
            f"config.json describes no {named} that transformers {library.__version__} makes ({reason:.160})"
        ) from None
    lacking = sorted(report["missing_keys"])
    left = sorted(name for name in report["unexpected_keys"] if not is_incidental(name))
    other = sorted(str(entry[0]) for entry in report.get("mismatched_keys", ()))
    for names, problem in ((lacking, "lacks"), (left, "also has"), (other, "has in other shapes")):
        if names:
            raise CheckpointError(
                f"its weights are not those of {named} in config.json: the file {problem} {few(names)}"
            )
    module = module.float().eval()
    size = config.get("image_size")
    channels = int(config.get("num_channels", 3))
    return Recognised(
        str(named), module, _usual_layer(module, kind), "", channels, size if isinstance(size, int) else None, False, ()
    )


def _usual_layer(module: nn.Module, kind: str) -> str:
    """The last block's first norm where the class token alone answers; else it is found."""
    norms = [name for name, _ in module.named_modules() if name.endswith(".layernorm_before")]
    return norms[-1] if norms and kind in _CLASS_TOKEN else ""


def _plain(config: Mapping[str, Any]) -> dict[str, Any]:
    found = {key: value for key, value in config.items() if key not in _NOT_PASSED_ON}
    for key, value in found.items():
        values = value if isinstance(value, list) else [value]
        if ("layers" in key or "depth" in key or "num_" in key) and any(
            isinstance(number, int | float) and number > _MOST_LAYERS * (1 if "layers" in key else 100)
            for number in values
        ):
            raise ValueError(f"{key} = {value!s:.40}")
    return found


def _check_size(kind: Any, settings: Any, state: Mapping[str, Tensor]) -> None:
    """Refuse a description of a network that is far larger than the weights, before memory is taken for it."""
    with torch.device("meta"):
        described: nn.Module = kind(settings)
    numbers = sum(value.numel() for value in described.state_dict().values())
    held = sum(value.numel() for value in state.values())
    if numbers > _ROOM * held + 1_000_000:
        raise CheckpointError(
            f"config.json describes a network of {numbers:,} numbers, the weights are {held:,}; copy both again"
        )


@contextmanager
def _quietly(library: Any) -> Iterator[None]:
    """Without progress bars and remarks on the terminal."""
    level, bars = library.logging.get_verbosity(), library.logging.is_progress_bar_enabled()
    library.logging.set_verbosity(logging.CRITICAL)
    library.logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        library.logging.set_verbosity(level)
        if bars:
            library.logging.enable_progress_bar()
