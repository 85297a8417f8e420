"""What every column of the tables about shortcuts means, with its unit."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["SHORTCUT_COLUMNS"]

_PLACES = ("eyes+brows", "nose", "mouth", "cheeks+jaw", "forehead", "background")


def _estimate(name: str, meaning: str) -> dict[str, str]:
    return {
        name: meaning,
        f"{name}_low": f"lower end of the 95 % interval of {name}",
        f"{name}_high": f"upper end of the 95 % interval of {name}",
    }


SHORTCUT_COLUMNS: Mapping[str, Mapping[str, str]] = MappingProxyType({
    "interventions": {
        "model": "name of the model",
        "emotion": "labelled emotion",
        "change": "what was done: grey, equalised (brightness and contrast), blurred, sharpened, re-encoded, deblocked "
        "and denoised (brought to one level of JPEG blocks or noise), zoomed, shifted, straightened (faces brought to "
        "one size, place or tilt), flattened (background smoothed), mirrored",
        "n": "images of the emotion that were shown again",
        "persons": "their persons; empty where not known",
        "altered": "how many of the images the change alters at all",
        "known": "how many of the images the model classifies correctly without the change",
        **_estimate("before", "recall without the change, 0..1"),
        **_estimate("after", "recall of the same images with the change, 0..1"),
        **_estimate("fall", "before - after"),
        "lost": "images right only without the change",
        "gained": "images right only with the change",
        "p": "exact McNemar test of lost against gained, with persons a sign-flip test of persons; adjusted (Holm) "
        "over the model's emotions x changes that could be shortcuts, and over the rest by themselves",
        "goes_with": "properties that the change takes away and that go with the emotion in the data",
        **_estimate("loss", "share of the known and altered images that are lost, 0..1"),
        "elsewhere": "median of the same share over other emotions, with which the property does not go; empty where "
        "the change alters too few of their correct images",
        **_estimate("excess", "loss - elsewhere"),
        "falls": "whether recall falls by ten points or more: yes, no, undetermined or insufficient evidence",
        "answer": "whether the model relies on what was taken away, by this and the other direction, likewise",
        "note": "what limits the answer: fragile (other emotions or a neutral change lose as much, or nothing that the "
        "change takes away goes with the emotion) or no comparison (the change alters too few other images)",
        **_estimate("beyond", "share of the emotion's correct images lost without the property less share lost by an "
                    "equally large neutral change"),
        "added_n": "images of other emotions that got the property and were not predicted as the emotion before",
        "became": "how many of them are then predicted as the emotion",
        "became_neutral": "how many with an equally large neutral change",
        **_estimate("gain", "(became - became_neutral) / added_n"),
        "added_p": "paired test of became against became_neutral, adjusted (Holm) over the model's properties",
        "added_elsewhere": "largest such gain of another emotion",
        "added_answer": "whether the property makes images the emotion: yes, no, undetermined, insufficient evidence; "
        "empty where it was not added",
        "lost_ids": "the lost images, those the model had been surest of first",
    },
    "properties": {
        "property": "property of the photo",
        "emotion": "labelled emotion",
        **_estimate("auc", "probability that a photo of the emotion has more of the property than another photo, 0..1"),
        "typical": "share of the emotion's photos that have the property, or their median",
        "elsewhere": "the same of all other photos",
        "p": "Mann and Whitney's test, for so many persons where known, adjusted (Holm) over properties x emotions",
        "answer": "whether the property goes with the emotion: yes, no, undetermined or insufficient evidence",
        "n": "persons where known, else photos of the emotion",
    },
    "property_score": {
        "properties": "what the classifier saw",
        "emotion": "emotion whose recall this is; empty in the row of the balanced accuracy",
        **_estimate("value", "balanced accuracy, or recall, cross-validated, 0..1"),
        "n": "persons where known, else images; in the rows of the emotions images",
        "chance": "balanced accuracy of guessing",
        "null_high": "95th percentile of the balanced accuracy after permuting the labels",
        "p": "share of permutations that reach the balanced accuracy",
    },
    "near_duplicates": {
        "image_id": "first image, as in the table of images",
        "other_id": "second image",
        "bits": "in how many of 64 bits their perceptual hashes differ",
        "emotion": "label of the first",
        "other_emotion": "label of the second",
    },
    "map_clusters": {
        "model": "name of the model",
        "emotion": "labelled emotion; the maps are those of its class on its images",
        "number": "number of the group, the largest first",
        "of": "how many groups the emotion has",
        "region": "place with the highest enrichment",
        "second": "another place with more heat than in the other groups, where several groups share the region",
        "count": "maps in the group",
        "total": "maps of the emotion that were clustered",
        **{f"enrichment_{place}": f"heat per area on {place}; 1 = even attention" for place in _PLACES},
        "background": "mean share of the heat on the background, 0..1",
        **_estimate("accuracy", "share of the group's images classified correctly"),
        "suspect": "whether it holds at most half of the maps and has more than even heat on the background",
        "image_ids": "its images, the most typical first",
    },
})  # fmt: skip
