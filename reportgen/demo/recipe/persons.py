"""Made-up adults: shape, skin, hair and iris of one person."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Person", "make_person"]

Colour = tuple[float, float, float]

_SKIN: dict[str, tuple[Colour, ...]] = {  # sRGB
    "african": ((0.40, 0.26, 0.19), (0.50, 0.34, 0.25), (0.58, 0.41, 0.31)),
    "asian": ((0.84, 0.68, 0.56), (0.79, 0.62, 0.49), (0.87, 0.72, 0.61)),
    "caucasian": ((0.88, 0.71, 0.62), (0.84, 0.65, 0.55), (0.78, 0.58, 0.46)),
}
_HAIR: dict[str, tuple[Colour, ...]] = {
    "african": ((0.06, 0.05, 0.045), (0.09, 0.07, 0.055)),
    "asian": ((0.055, 0.05, 0.05), (0.11, 0.08, 0.06)),
    "caucasian": ((0.20, 0.13, 0.09), (0.33, 0.21, 0.12), (0.56, 0.41, 0.24), (0.40, 0.20, 0.10), (0.10, 0.08, 0.07)),
}
_IRIS: dict[str, tuple[Colour, ...]] = {
    "african": ((0.19, 0.11, 0.07), (0.25, 0.15, 0.09)),
    "asian": ((0.20, 0.12, 0.07), (0.27, 0.16, 0.09)),
    "caucasian": ((0.27, 0.42, 0.55), (0.30, 0.42, 0.30), (0.33, 0.22, 0.12), (0.40, 0.47, 0.50)),
}
_STYLES = {
    "female": ("long", "bob", "tied", "long", "curly", "side"),
    "male": ("side", "back", "crop", "curly", "side", "crop", "receding", "bald"),
}
_DETAILS = (
    "head/head-oval", "head/head-square", "head/head-rectangular", "head/head-diamond", "nose/nose-hump",
    "nose/nose-point", "nose/nose-scale-horiz", "nose/nose-scale-vert", "nose/nose-width2", "nose/nose-volume",
    "nose/nose-curve", "chin/chin-width", "chin/chin-height", "chin/chin-prominent", "mouth/mouth-scale-horiz",
    "mouth/mouth-lowerlip-volume", "mouth/mouth-upperlip-volume", "mouth/mouth-trans", "forehead/forehead-nubian",
    "forehead/forehead-temple", "cheek/*-cheek-bones", "cheek/*-cheek-volume", "eyes/*-eye-scale",
    "eyes/*-eye-trans", "eyes/*-eye-corner1", "head/head-fat", "head/head-scale-horiz",
)  # fmt: skip
_ENDS = {"nose/nose-point": ("down", "up"), "nose/nose-curve": ("concave", "convex"),
         "mouth/mouth-trans": ("down", "up"), "eyes/*-eye-trans": ("in", "out"),
         "eyes/*-eye-corner1": ("down", "up")}  # fmt: skip
_ONE_WAY = ("head/head-oval", "head/head-square", "head/head-rectangular", "head/head-diamond")


@dataclass(frozen=True)
class Person:
    """Everything that stays the same between two images of a person.

    Attributes
    ----------
    name
        Person id as in the table.
    sex, ancestry
        MakeHuman's macro targets: `female`/`male`; weights of `african`, `asian`, `caucasian` that sum to 1.
    age
        Years on MakeHuman's scale, where the target "young" is 25 and "old" is 90. Always at least 27.
    shape
        Weights of shape targets.
    skin, lips, hair, iris, cloth
        sRGB, 0..1.
    style
        Hair style.
    beard, brows, lashes
        0..1 stubble or beard; thickness of brows around 1; strength of lashes.
    seed
        For patterns on the skin and the course of the hair.
    """

    name: str
    sex: str
    ancestry: dict[str, float]
    age: float
    shape: dict[str, float]
    skin: Colour
    lips: Colour
    hair: Colour
    iris: Colour
    cloth: Colour
    style: str
    beard: float
    brows: float
    lashes: float
    seed: int


def make_person(name: str, index: int, seed: int) -> Person:
    """Draw one adult. Sex alternates and ancestry rotates with `index`, so that small sets are balanced too."""
    rng = np.random.default_rng([seed, index])
    sex = ("female", "male")[index % 2]
    main = ("african", "asian", "caucasian")[(index // 2) % 3]
    ancestry = {main: 1.0}
    if rng.random() < 0.35:
        other = str(rng.choice([a for a in _SKIN if a != main]))
        share = float(rng.uniform(0.15, 0.45))
        ancestry = {main: 1 - share, other: share}
    old = float(np.clip(rng.beta(1.0, 1.6) * 0.75, 0.05, 0.72))
    shape = _macro(sex, ancestry, old) | _details(rng)
    # MakeHuman's 25-year-olds have round, short faces: a little more age in the skull keeps everybody plainly adult.
    shape["head/head-age-incr"] = 0.35 + 0.25 * float(rng.random())
    shape["head/head-scale-vert-incr"] = 0.05 + 0.20 * float(rng.random())
    skin = _mix(_SKIN, ancestry, rng, 0.03)
    grey = float(np.clip((old - 0.28) / 0.3, 0, 1) * rng.uniform(0.5, 1))
    silver = np.array([0.62, 0.61, 0.59])
    hair = _colour((1 - grey) * np.array(_mix(_HAIR, {main: 1.0}, rng, 0.015)) + grey * silver)
    redness = np.array([0.80, 0.58, 0.55]) if sex == "male" else np.array([0.84, 0.52, 0.52])
    style = str(rng.choice(_STYLES[sex]))
    if main == "african" and style in ("side", "back"):
        style = "crop" if sex == "male" else "tied"
    if style in ("receding", "bald") and old < 0.15:
        style = "crop"
    if style == "bald" and rng.random() < 0.4:
        style = "receding"
    beard = 0.0
    if sex == "male":
        beard = float(rng.choice([0.0, 0.15, 0.35, 0.8], p=[0.3, 0.3, 0.2, 0.2]))
    return Person(
        name=name,
        sex=sex,
        ancestry=ancestry,
        age=round(25 + 65 * old, 1),
        shape=shape,
        skin=skin,
        lips=_colour(np.array(skin) * redness),
        hair=hair,
        iris=_mix(_IRIS, {main: 1.0}, rng, 0.02),
        cloth=_colour(rng.uniform(0.08, 0.75, 3) * 0.5 + 0.5 * rng.uniform(0.1, 0.7)),
        style=style,
        beard=beard,
        brows=float(rng.uniform(0.85, 1.25) if sex == "male" else rng.uniform(0.6, 0.9)),
        lashes=float(rng.uniform(0.35, 0.55) if sex == "male" else rng.uniform(0.7, 0.95)),
        seed=int(rng.integers(2**31)),
    )


def _macro(sex: str, ancestry: dict[str, float], old: float) -> dict[str, float]:
    ages = {"young": 1 - old, "old": old}
    shape = {f"macrodetails/{r}-{sex}-{a}": w * v for r, w in ancestry.items() for a, v in ages.items()}
    universal = "macrodetails/universal-{}-{}-averagemuscle-averageweight"
    return shape | {universal.format(sex, a): v for a, v in ages.items()}


def _details(rng: np.random.Generator) -> dict[str, float]:
    shape: dict[str, float] = {}
    for name in rng.choice(_DETAILS, size=9, replace=False):
        size = float(rng.uniform(0.15, 0.6)) * (0.55 if str(name).startswith("head/") else 1.0)
        if name in _ONE_WAY:
            ends = [str(name)]
        else:
            low, high = _ENDS.get(str(name), ("decr", "incr"))
            ends = [f"{name}-{high if rng.random() < 0.5 else low}"]
        for side in ("l", "r") if "*" in name else ("",):
            shape |= {end.replace("*", side): size for end in ends}
    return shape


def _mix(
    table: dict[str, tuple[Colour, ...]], shares: dict[str, float], rng: np.random.Generator, noise: float
) -> Colour:
    mean = sum(share * np.array(table[name][int(rng.integers(len(table[name])))]) for name, share in shares.items())
    shade = 1 + float(rng.normal(0, noise * 1.6)) + rng.normal(0, noise * 0.35, 3)
    return _colour(np.asarray(mean) * shade)


def _colour(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Colour:
    r, g, b = (round(float(v), 4) for v in np.clip(values, 0.02, 0.95))
    return r, g, b
