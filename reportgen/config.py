"""Settings as values: read from `reportgen.toml`, overridden by flags, validated, used everywhere.

What each is for, its default and its choices are declared in `reportgen.settings`.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import re2
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError, field_validator, model_validator

from reportgen.errors import ConfigError
from reportgen.settings import (
    SETTINGS,
    SIZELESS,
    Budget,
    Colormap,
    Engine,
    Gate,
    Method,
    Overlay,
    Precision,
    Privacy,
    Regions,
    with_new_names,
)

__all__ = [
    "BESIDE_CLASSES",
    "RANGE_255",
    "Columns",
    "Config",
    "ModelConfig",
    "Preprocessing",
    "RayCluster",
    "RegionMasks",
    "classes_among",
    "compile_person_pattern",
    "load_config",
    "with_absolute_paths",
    "with_settings",
]

# Read where no settings file is named.
_FOUND = Path("reportgen.toml")
RANGE_255 = {"mean": (0.0,), "std": (1 / 255,)}
"""Mean and standard deviation of pixels that are taken as they are, 0 to 255."""

_UNEVEN = 0.03  # of the shorter side: less than half a cell of any map


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Columns(_Section):
    """Which column of the test set means what; None to try the usual names.

    `split` is the column that names each row's split, or "column=value" to test the rows with this value.
    """

    path: str | None = None
    emotion: str | None = None
    label: str | None = None
    person: str | None = None
    pixels: str | None = None
    landmarks: str | None = None
    split: str | None = None


class RegionMasks(_Section):
    """The user's own regions: one label image (PNG) per image, with the same stem, in `folder`.

    `labels` maps each integer in them to a name of `reportgen.faces.regions.REGIONS`; "" is background.
    """

    folder: Path | None = None
    labels: dict[int, str] = Field(default_factory=dict)


class RayCluster(_Section):
    """How `engine = "ray"` runs.

    `address` is that of a running cluster ("auto", "host:port" or "ray://..."). Without it RAY_ADDRESS is used, and
    without that a cluster is started on this machine. `storage` is where the workers write, as pyarrow.fs opens it
    ("s3://bucket/folder"); it is not needed where all machines share the output folder.
    """

    address: str | None = None
    workers: int | None = Field(default=None, ge=1)
    cpus_per_worker: float = Field(default=1.0, gt=0)
    gpus_per_worker: float = Field(default=0.0, ge=0)
    storage: str | None = None


class Preprocessing(_Section):
    """How an image becomes the model's input: RGB (or BGR, or grey), resize, centre crop, scale to 0..1, normalise.

    The defaults are the notebook's: 224 x 224, bilinear, and the ImageNet statistics. `width` and `height` are those of
    the input. Where `resize_to` is given, the image is first resized to that many pixels, both sides or the shorter one
    as `resize` says, and the input is cut out of its middle. `library` is what resizes: the two differ by a level or
    more in the same resampling, and in how they round the place of a crop. Grey pictures have one channel; three equal
    ones where three means or standard deviations are given, or the weights ask for three.
    """

    width: int = Field(default=224, ge=8, le=2048)
    height: int = Field(default=224, ge=8, le=2048)
    resize: Literal["stretch", "shortest edge"] = "stretch"
    resize_to: int | None = Field(default=None, ge=8, le=2048)
    resample: Literal["nearest", "bilinear", "bicubic", "lanczos"] = "bilinear"
    library: Literal["pillow", "torchvision"] = "pillow"
    grey: bool = False
    bgr: bool = False
    mean: tuple[FiniteFloat, ...] = (0.485, 0.456, 0.406)
    std: tuple[FiniteFloat, ...] = (0.229, 0.224, 0.225)

    @property
    def channels(self) -> int:
        """Of the input: 1 or 3."""
        return 1 if self.grey and len(self.mean) == len(self.std) == 1 else 3

    @field_validator("std")
    @classmethod
    def _positive(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if not all(v > 0 for v in value):
            raise ValueError("every entry of std must be above 0")
        return value

    @model_validator(mode="after")
    def _can_be_cut(self) -> Preprocessing:
        if self.resize == "shortest edge" and self.resize_to is None:
            raise ValueError("resize = 'shortest edge' needs resize_to, the length of that edge")
        if self.resize_to is not None and self.resize_to < max(self.width, self.height):
            raise ValueError("resize_to must not be below width and height, which are cut out of the resized image")
        return self

    def resized(self, width: int, height: int) -> tuple[int, int]:
        """Width and height to which an image of `width` x `height` pixels is resized, before any crop."""
        if self.resize_to is None:
            return self.width, self.height
        if self.resize == "stretch":
            return self.resize_to, self.resize_to
        short, long = sorted((width, height))
        longer = int(self.resize_to * long / short)
        return (self.resize_to, longer) if width <= height else (longer, self.resize_to)

    def crop_at(self, resized: tuple[int, int]) -> tuple[int, int]:
        """Left and top of the input inside a resized image, in pixels."""
        left, top = (resized[0] - self.width) / 2, (resized[1] - self.height) / 2
        return (round(left), round(top)) if self.library == "pillow" else (int(left), int(top))

    def cuts_unevenly(self, width: int, height: int) -> bool:
        """Whether a picture is clearly not square and only the square in its middle is seen: maps of a set are drawn in
        one place, so such pictures are refused.
        """
        return self.resize == "shortest edge" and abs(width - height) > _UNEVEN * min(width, height)

    def window(self, width: int, height: int) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of what the model sees of an image, as fractions of its width and height."""
        size = self.resized(width, height)
        left, top = self.crop_at(size)
        return left / size[0], top / size[1], (left + self.width) / size[0], (top + self.height) / size[1]


BESIDE_CLASSES = frozenset({"valence", "arousal", "dominance", "va", "vad", "valence_arousal"})
"""Names of what networks predict beside the class of an expression."""


def classes_among(names: Sequence[str]) -> tuple[tuple[str, ...], tuple[int, ...] | None]:
    """The names of a model's outputs that are classes, and their places; None where all of them are."""
    places = tuple(place for place, name in enumerate(names) if str(name).strip().lower() not in BESIDE_CLASSES)
    return tuple(names[place] for place in places), places if len(places) < len(names) else None


class ModelConfig(_Section):
    """One model. Only `checkpoint` is needed for architectures that are recognised by their weights, and for ONNX.

    `output` names the one with the class scores where a model has several; `output_columns` are the places of the
    classes in it, counted from 0, where other numbers such as valence and arousal stand beside them.
    """

    checkpoint: Path
    factory: str | None = Field(default=None, pattern=r"^[\w.]+:[\w.]+$")
    target_layer: str | None = None
    classes: tuple[str, ...] | None = None
    output: str | None = None
    output_columns: tuple[int, ...] | None = Field(default=None, min_length=1)
    preprocessing: Preprocessing = Preprocessing()
    pretraining: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _without_valence(cls, values: Any) -> Any:
        """Classes named with what stands beside them, such as valence, say themselves which outputs are left out."""
        named = values.get("classes") if isinstance(values, dict) else None
        if not isinstance(named, list | tuple) or not all(isinstance(name, str) for name in named):
            return values
        classes, columns = classes_among(named)
        return values if columns is None else {"output_columns": columns, **values, "classes": classes}


def _declared(name: str, **limits: Any) -> Any:
    """A field with the default that its setting declares."""
    return Field(default=SETTINGS[name].default, **limits)


class Config(_Section):
    """All settings of a build; `reportgen.settings` says what each is for."""

    data: Path | None = None
    dataset: str | None = None
    models: dict[str, ModelConfig] = Field(default_factory=dict)
    output: Path = _declared("output")
    image_root: Path | None = None
    columns: Columns = Columns()
    person_pattern: str | None = None
    labels: tuple[Path, ...] = ()
    classes: Literal["auto"] | tuple[str, ...] | None = None
    method: Method = _declared("method")
    precision: Precision = _declared("precision")
    regions: Regions = _declared("regions")
    region_masks: RegionMasks = RegionMasks()
    experiments: Budget = _declared("experiments")
    max_explained_images: int = _declared("max_explained_images", ge=1)
    max_ablated_images: int = _declared("max_ablated_images", ge=1)
    groups: tuple[str, ...] = ()
    seed: int = _declared("seed", ge=0, lt=2**32)
    assume_unweighted_training: bool = _declared("assume_unweighted_training")
    examples: int = _declared("examples", ge=1, le=60)
    overlay: Overlay = _declared("overlay")
    colormap: Colormap = _declared("colormap")
    privacy: Privacy = _declared("privacy")
    zip: bool = _declared("zip")
    single_file: bool = _declared("single_file")
    single_file_mb: float = _declared("single_file_mb", gt=0)
    mail: bool = _declared("mail")
    mail_mb: float = _declared("mail_mb", gt=0)
    size_warning_mb: float = _declared("size_warning_mb", gt=0)
    device: str = _declared("device", pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$")
    workers: int | None = Field(default=None, ge=1, le=512)
    shard_images: int = _declared("shard_images", ge=1, le=65536)
    engine: Engine = _declared("engine")
    ray: RayCluster = RayCluster()
    tolerances: dict[Gate, Annotated[FiniteFloat, Field(ge=0)]] = Field(default_factory=dict)
    unsafe_load: bool = _declared("unsafe_load")

    @model_validator(mode="before")
    @classmethod
    def _old_names(cls, values: Any) -> Any:
        return with_new_names(values) if isinstance(values, dict) else values

    @field_validator("tolerances")
    @classmethod
    def _have_sizes(cls, value: dict[Gate, float]) -> dict[Gate, float]:
        for gate in SIZELESS & value.keys():
            raise ValueError(f"{gate} measures no size of which some could be tolerated")
        return value

    @field_validator("groups", mode="before")
    @classmethod
    def _one_by_one(cls, value: Any) -> Any:
        """A flag gives them in one text, separated by commas."""
        if not isinstance(value, str):
            return value
        return tuple(part for name in value.split(",") if (part := name.strip()))

    @field_validator("person_pattern")
    @classmethod
    def _compiles(cls, value: str | None) -> str | None:
        if value is not None:
            compile_person_pattern(value)
        return value


def compile_person_pattern(pattern: str) -> Any:
    r"""A `person_pattern`, ready for `search`.

    RE2 matches in time linear in the length of a name, whatever the pattern, so a pattern that came with somebody
    else's settings cannot stop a build. The price is that it knows neither look-arounds nor back-references. Its `\w`
    and `\d` (google-re2 1.1) mean ASCII alone, in which a person called Łukasz is nobody: they are widened to what
    Python means by them.

    Raises
    ------
    ValueError
        It is not a regular expression that RE2 knows, or it does not have exactly one group.
    """
    options = re2.Options()
    options.log_errors = False
    try:
        compiled = re2.compile(_for_all_letters(pattern), options)
    except re2.error as error:
        reason = error.args[0].decode("utf-8", "replace") if error.args else "unknown reason"
        raise ValueError(
            f"not a regular expression of RE2's syntax, which has neither look-arounds nor back-references: {reason}"
        ) from None
    if compiled.groups != 1:
        raise ValueError("needs exactly one group, which is the person")
    return compiled


def _for_all_letters(pattern: str) -> str:
    r"""`\w` and `\d` of a pattern as the letters and digits of every script, as Python's `re` reads them."""
    widened, in_class = [], False
    for part in re.findall(r"\\.|.", pattern, re.DOTALL):
        if part in {r"\w", r"\d"}:
            part = {r"\w": r"\pL\pN_", r"\d": r"\p{Nd}"}[part]
            part = part if in_class else f"[{part}]"
        elif part == r"\W":
            if in_class:
                raise ValueError(r"\W inside [...] is not known here; write what is meant, such as [^_\pP]")
            part = r"[^\pL\pN_]"
        in_class = part == "[" or (in_class and part != "]")
        widened.append(part)
    return "".join(widened)


def load_config(path: Path | None, overrides: dict[str, Any], *, runs_models: bool = True) -> Config:
    """Read settings from a TOML file and from flags; flags win.

    Parameters
    ----------
    path
        The file, or None for `reportgen.toml` in the working directory where there is one. Relative paths inside it
        are relative to the file.
    overrides
        Values of flags by the setting's name; None means "not given". `models` is merged by name.
    runs_models
        False for a command that runs no model: then a file that was only found may name code.

    Raises
    ------
    ConfigError
        The file cannot be read or a value is not allowed; the message names the key and what is allowed.
    """
    values: dict[str, Any] = {}
    overrides = _renamed(overrides, "command line")
    found = path is None and _FOUND.is_file()
    if found:
        path = _FOUND
    if path is not None:
        values = _renamed(_read_toml(path), str(path))
        if "unsafe_load" in values:
            raise ConfigError(
                f"{path}: unsafe_load: cannot be set in a file, which may be somebody else's; remove the line, and "
                "if the checkpoints are your own give --unsafe-load (in Python unsafe_load=True)"
            )
        _anchor(values, path.parent)
    runs = _code_named_by(values) if found and runs_models and not overrides.get("unsafe_load") else {}
    merged = _merged(values, overrides, str(path or "command line"))
    _refuse_found_code(merged, runs, overrides)
    named = not found or bool(overrides.get("unsafe_load"))
    if path is not None and named and any(model.factory is not None for model in merged.models.values()):
        # The code beside a file that was named is meant, too; last, so that it cannot stand in for what is installed.
        folder = str(path.parent.resolve())
        if folder not in sys.path:
            sys.path.append(folder)
    return merged


def _code_named_by(values: dict[str, Any]) -> dict[str, str]:
    """By model, what in a settings file makes a build run code of the file's choice; "" is the cluster."""
    models = values.get("models")
    entries = models.items() if isinstance(models, dict) else ()
    named = {
        name: f"models.{name}.factory = '{entry['factory']}'"
        for name, entry in entries
        if isinstance(entry, dict) and entry.get("factory") is not None
    }
    cluster = values.get("ray")
    if isinstance(cluster, dict) and cluster.get("address") not in (None, "auto"):
        # Results of a cluster are unpickled here; "auto" is a cluster that runs on this machine.
        named[""] = f"ray.address = '{cluster['address']}'"
    return named


def _refuse_found_code(config: Config, named: dict[str, str], overrides: dict[str, Any]) -> None:
    """Refuse code named by a file that was only found in the working directory, where anybody may have put it."""
    given = {name for name, entry in (overrides.get("models") or {}).items() if entry.get("factory") is not None}
    for name, what in named.items():
        # A flag may have replaced the model, or the engine.
        counts = config.engine == "ray" if name == "" else name in config.models and name not in given
        if counts:
            raise ConfigError(
                f"{_FOUND}: {what:.120}: runs code, and this file was only found in the working directory; if it is "
                f"yours, name it with --config {_FOUND} (in Python config='{_FOUND}')"
            )


def with_settings(config: Config, overrides: dict[str, Any]) -> Config:
    """Override settings, as `load_config` does those of a file.

    Raises
    ------
    ConfigError
        A value is not allowed; names the key and what is allowed.
    """
    return _merged(config.model_dump(exclude_unset=True), _renamed(overrides, "settings"), "settings")


def with_absolute_paths(config: Config) -> Config:
    """The same settings with absolute paths, for a process with another working directory."""
    values = config.model_dump()
    _anchor(values, Path.cwd())
    return Config.model_validate(values)


def _renamed(values: dict[str, Any], source: str) -> dict[str, Any]:
    try:
        return with_new_names(values)
    except ValueError as error:
        raise ConfigError(f"{source}: {error}") from None


def _merged(values: dict[str, Any], overrides: dict[str, Any], source: str) -> Config:
    for key, value in overrides.items():
        if value is None:
            continue
        if key == "models":
            # Flags name the models of this build; a section of the same name adds its details.
            known = values.get("models", {})
            values["models"] = {name: {**known.get(name, {}), **entry} for name, entry in value.items()}
        else:
            values[key] = value
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "settings"
        raise ConfigError(
            f"{source}: {where}: {first['msg']} (found {first.get('input')!r:.80}); see 'Settings' in the README"
        ) from None


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be read ({error.strerror}); give an existing TOML file to --config"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid TOML ({error}); correct the line or remove the file") from None


def _anchor(values: dict[str, Any], folder: Path) -> None:
    """Make relative paths relative to a folder, such as that of the settings file; in place."""
    for key in ("data", "output", "image_root"):
        if isinstance(values.get(key), str | Path):
            values[key] = folder / values[key]
    labels = values.get("labels")
    if isinstance(labels, list | tuple):
        values["labels"] = [folder / name if isinstance(name, str | Path) else name for name in labels]
    masks = values.get("region_masks")
    if isinstance(masks, dict) and isinstance(masks.get("folder"), str | Path):
        masks["folder"] = folder / masks["folder"]
    models = values.get("models")
    for entry in models.values() if isinstance(models, dict) else ():
        if isinstance(entry, dict) and isinstance(entry.get("checkpoint"), str | Path):
            entry["checkpoint"] = folder / entry["checkpoint"]
