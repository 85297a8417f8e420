"""Words a newcomer may not know, each explained in a sentence or two where it stands."""

from __future__ import annotations

__all__ = ["GLOSSARY"]

GLOSSARY: dict[str, str] = {
    "accuracy": (
        "The share of images whose answer equals the label. With unequal classes a model that always "
        "gives the most common answer already scores high, so read it beside the recall of each emotion."
    ),
    "balanced accuracy": "The mean of the recalls of all emotions: a rare emotion counts as much as a common one.",
    "recall": "Of the images labelled with an emotion, the share the model finds.",
    "precision": "Of the images the model gives an emotion to, the share that is labelled so.",
    "F1": "The harmonic mean of precision and recall: high only if both are.",
    "macro-F1": "The mean of the F1 scores of all emotions, each counting alike.",
    "interval": (
        "A 95 % interval: values that fit the data. With more images it gets narrower; if two intervals "
        "are far apart, the difference is unlikely to be luck."
    ),
    "Brier score": (
        "Mean squared distance between the predicted probabilities and the truth, 0 to 2. Lower is "
        "better; it punishes being wrong and being unjustly sure."
    ),
    "log loss": (
        "Mean of minus the logarithm of the probability given to the label. Lower is better; one "
        "confident error costs a lot."
    ),
    "calibration error": (
        "How far confidence and accuracy lie apart on average (ECE, bins of equal size). Lower is better. "
        "Even a perfect model shows some by chance alone; how much is said beside it."
    ),
    "McNemar": (
        "A test that looks only at the images which exactly one of two models gets right. If the models "
        "were equally good, these would split evenly."
    ),
    "kappa": "Agreement beyond what chance gives: 1 is always the same answer, 0 is as alike as chance.",
    "confidence": "The probability the model gives to its own answer.",
    "heatmap": (
        "A map of where, in the layer before the answer, the evidence for one class sits. It is coarse, "
        "it shows positive evidence only, and it is not a cause."
    ),
    "Grad-CAM": (
        "Gradient-weighted class activation mapping (Selvaraju et al. 2017): the feature maps of one "
        "layer, added up with weights that say how much each of them raises the class's score."
    ),
    "logit": ("The model's raw score for a class, before the scores of all classes are turned into probabilities."),
    "blank map": (
        "A map with no more evidence for its class than the same features give when the weights of the last layer are "
        "scrambled; where that was not computed, a map without any positive evidence. It is shown as it is and left "
        "out of all averages."
    ),
    "enrichment": (
        "How much more heat a region gets than its area alone would: 1 is even attention, 2 is twice "
        "that. A share of heat says less, since a large region gets much of it anyway."
    ),
    "log-odds": (
        "The logarithm of how likely the model holds an emotion against all the others together. One unit less makes "
        "the odds about a third; unlike probabilities, log-odds still move when the model is nearly sure."
    ),
    "transplant test": (
        "One region of a face is replaced by the same region of other faces, once of the same emotion and once of "
        "others. What the answer loses in the second case is what the model reads from that region."
    ),
    "risk ratio": (
        "How many times as often something is seen in one group as in another. 1 means equally often; a reason that is "
        "as common among correct images explains no error."
    ),
    "gap": (
        "By how much lower the log-odds of an emotion are when a region comes from a face of another emotion rather "
        "than from another face of its own. 0: the region makes no difference. +1: the odds fall to about a third."
    ),
    "trust grade": (
        "How far a model's heatmaps can be read as reasons, by three checks: they are complete, beyond chance, and "
        "show what the model uses. A is all three, B two, C fewer."
    ),
    "specific": (
        "More heat on the region than the maps of the other emotions have there, on the same image and on other images."
    ),
}
