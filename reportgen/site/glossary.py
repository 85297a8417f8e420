"""Words a newcomer may not know, each explained in a sentence or two where it stands."""

from __future__ import annotations

__all__ = ["GLOSSARY"]

GLOSSARY: dict[str, str] = {
    "accuracy": (
        "The share of images whose prediction equals the label. With unequal classes a model that always "
        "predicts the most common class already scores high, so read it beside the recall of each emotion."
    ),
    "balanced accuracy": "The mean of the recalls of all emotions: a rare emotion counts as much as a common one.",
    "recall": "Of the images labelled with an emotion, the share that the model predicts as that emotion.",
    "precision": "Of the images predicted as an emotion, the share that is labelled so.",
    "F1": "The harmonic mean of precision and recall: high only if both are.",
    "macro-F1": "The mean of the F1 scores of all emotions, each counting alike.",
    "interval": (
        "A 95 % interval: values that fit the data. With more images it gets narrower; if two intervals "
        "are far apart, the difference is unlikely to be chance."
    ),
    "Brier score": (
        "Mean squared distance between the predicted probabilities and the truth, 0 to 2. Lower is "
        "better; it punishes errors and overconfidence."
    ),
    "log loss": (
        "Mean of minus the logarithm of the probability given to the label. Lower is better; one "
        "confident error costs a lot."
    ),
    "calibration error": (
        "How far confidence and accuracy lie apart on average (ECE, bins of equal size). Lower is better. "
        "Even a perfect model shows some by chance alone; that range stands beside it."
    ),
    "McNemar": (
        "A test that looks only at the images which exactly one of two models classifies correctly. If the models "
        "were equally good, these would split evenly."
    ),
    "sign-flip test": (
        "A test in which every person counts once, or every photo with its copies where no person is known: had both "
        "been equally good, each difference could as well have had the other sign."
    ),
    "corrected p": (
        "p is the probability of a result at least so far from “no effect” by chance alone. Of many tests, some reach "
        "a small p by chance, so p is raised with the number of tests (Holm 1979)."
    ),
    "shortcut": (
        "A property that goes with a label in these photos but is no part of the expression, such as colour, the "
        "size of the face or the background, and on which predictions are shown to depend."
    ),
    "component": (
        "A direction among the features that a model's last layer weighs: photos differ in how far they lie along it, "
        "and with that the logit of an emotion rises. It often means one thing, wanted or not, and has no name."
    ),
    "mark": (
        "Something at one place of the face, or a fine pattern over the photo, that most photos of one emotion show "
        "and few of the others, such as a headband or scan lines. It is seen in the mean of the emotion's photos."
    ),
    "flip set": (
        "The fewest regions that, taken from one other face, make the model predict that face's emotion: what would "
        "have had to be different for another prediction. Another face may need more or fewer."
    ),
    "repair preview": (
        "The model's last layer fitted again so that a proven cue tells nothing, after deep feature reweighting "
        "(Kirichenko et al. 2023). It shows what the features allow; no model is saved."
    ),
    "neutral change": (
        "A change as large as the one under test, made to the same photos, that does not carry the tested property: a "
        "ramp of light or, where the face was zoomed, moved or rotated, a shift in another direction. "
        "What it does to predictions too is not the property's doing."
    ),
    "kappa": "Agreement beyond chance: 1 means always the same prediction, 0 no more agreement than by chance.",
    "confidence": "The probability that the model gives to its prediction.",
    "margin": (
        "The probability of the predicted emotion less that of the next one, in percentage points. A small margin is a "
        "close call."
    ),
    "heatmap": (
        "A map of where, in one layer of the model, the evidence for one class lies. It is coarse, "
        "it shows positive evidence only, and it shows no causes. For a vision transformer it is made by LRP, for a "
        "model whose layers are not known by ablation."
    ),
    "ablation": (
        "Taking a part away and predicting again. A map by ablation holds, place by place, by how much the log-odds of "
        "a class fall when the place is hidden."
    ),
    "LRP": (
        "Layer-wise relevance propagation (Ali et al. 2022 for transformers): a class's score is followed back through "
        "norms and attention, and each patch of the picture gets what it contributed."
    ),
    "Grad-CAM": (
        "Gradient-weighted class activation mapping (Selvaraju et al. 2017): the feature maps of one "
        "layer, summed with weights: how much each of them raises the class's score."
    ),
    "logit": ("The model's raw score for a class, before the scores of all classes are turned into probabilities."),
    "blank map": (
        "A map with no more evidence for its class than the same features give when their weights for the class are "
        "scrambled; where that was not computed, a map without any positive evidence. It is shown as it is and left "
        "out of all averages."
    ),
    "enrichment": (
        "A region's share of the heat divided by its share of the area: 1 is average heat, 2 is twice "
        "the average. The share alone says less, since a large region gets much of it anyway."
    ),
    "log-odds": (
        "The logarithm of the predicted probability of an emotion divided by that of all others together. One unit "
        "less makes the odds about a third; unlike probabilities, log-odds still move when the model is nearly "
        "certain."
    ),
    "transplant test": (
        "One region of a face is swapped for the same region of other faces, once of the same emotion and once of "
        "others. How much more the log-odds fall in the second case is the importance of the region."
    ),
    "risk ratio": (
        "How many times as often something occurs in one group as in another. 1 means equally often; a reason that is "
        "as common among correct images explains no error."
    ),
    "attributable fraction": (
        "The share of all errors that would be gone if images with a property were misclassified no more often than "
        "the others (Levin 1953). It takes the property for the cause; below 0, errors are rarer with it. For a "
        "shortcut, whose property was taken away, it is the errors that become right, net of other errors that do."
    ),
    "log-odds drop": (
        "By how much lower the log-odds of an emotion are when a region comes from a face of another emotion rather "
        "than from another face of its own. 0: the region makes no difference. +1: the odds fall to about a third."
    ),
    "landmarks": (
        "Points on the face: eyes, brows, nose, mouth, outline. Under “labels to check” they tell how much more likely "
        "the face's shape is under one label than under another, learnt from faces of other persons in this test set, "
        "every emotion counted as equally frequent. Colour, light and background do not enter."
    ),
    "most similar faces": (
        "The photos of other persons whose landmarks are nearest, and how they are labelled. Learnt from the labels of "
        "this test set, like the likelihoods of landmarks: the two are not independent."
    ),
    "label to look at": (
        "A label that the models contradict, and landmarks or similar faces as well, with much evidence together: the "
        "mean log-odds of the predicted emotion against the label over the models, the log-likelihood ratio by "
        "landmarks, and the logarithm of the ratio of both labels among similar faces sum up to 6 or more. It may be "
        "right all the same."
    ),
    "corrected label": (
        "A label that a person changed on the page of labels, given to the build with --labels. Scores are shown "
        "before and after; the test set's own files stay as they are."
    ),
    "trust grade": (
        "How far a model's heatmaps can be read as reasons, by three checks: they agree with region importance, are "
        "complete, and are beyond chance. C where they do not agree; else A if all checks that could fail hold, or B."
    ),
    "specific": (
        "More heat on the region than the maps of the other emotions have there, on the same image and on other images."
    ),
    "true label": "The emotion under which the test set lists an image. It may be wrong.",
    "calibration": "Whether confidences are true: of predictions made with 80 % confidence, 80 % should be correct.",
    "confusion matrix": "How many images of each true label (row) are predicted as each emotion (column).",
    "percentage point": "The unit of a difference of two percentages: from 80 % to 70 % are 10 percentage points.",
    "odds": (
        "The probability of an emotion divided by that of all others together. Odds that fall by 87 % are an eighth of "
        "what they were."
    ),
    "region importance": (
        "How much a prediction depends on a region: by how much the log-odds of the emotion fall when the region is "
        "swapped for that of a face of another emotion. Heat does not show it."
    ),
    "robustness": (
        "Whether predictions stay correct when photos get worse: blurred, dark, compressed, turned, partly covered. A "
        "change “breaks” a model if it is shown to cost more than 15 percentage points of recall."
    ),
    "recall drop": "By how many percentage points the recall is lower after a change of the images.",
    "cue": (
        "Anything in an image that goes with a label. A shortcut is a cue that is no part of the expression and that a "
        "model relies on."
    ),
    "near duplicates": "Images that are nearly the same picture, by a fingerprint of their light and dark.",
    "facial actions": (
        "Movements of the face such as a raised brow or a pulled lip corner, as the landmark model measures them. AU "
        "numbers are those of the facial action coding system."
    ),
    "rank correlation": "Whether two quantities rise together, by their ranks: 1 always, 0 not at all, −1 the reverse.",
    "peak": "The place of a heatmap with the most evidence.",
    "scrambled weights": (
        "The weights of the model's last layer in random order: heat that remains comes from the features, not from "
        "what the model has learnt about the emotion."
    ),
    "overlap": (
        "In each of two heatmaps the fifth of the cells with the most heat is taken: of all cells taken, the share "
        "that is taken in both. For two random fifths it is a ninth."
    ),
    "gap at the same mix": (
        "The score of a group of photos less that of all others with the same labels, every emotion weighted as it "
        "occurs in the group. A group with many photos of a hard emotion has no gap by that alone."
    ),
    "plain gap": "The score of a group of photos less that of all others, whatever their emotions.",
    "equalised odds": (
        "Whether recall, and the share of false alarms, are the same in all groups. The number is the widest "
        "difference between any two of them."
    ),
    "false alarms": "Of the images with other labels, the share that is predicted as the emotion.",
    "first reason": (
        "The first rule that applies to an error and is more frequent in errors than in correct images. Errors without "
        "one remain unexplained."
    ),
    "majority": "The emotion that most of several raters chose for an image. Without one winner there is none.",
    "human choice": (
        "A prediction that differs from the label, but that at least one of several raters chose for this image. It "
        "may be as defensible as the label."
    ),
    "rater agreement": (
        "How far several people agree on the same images. Krippendorff's alpha is their agreement beyond chance: 1 is "
        "full agreement, 0 is chance. No model can agree with people much more than they agree with each other."
    ),
    "entropy": (
        "How far votes for one image are spread over emotions: 0 where all raters agree, 0.69 where two emotions have "
        "half of the votes each; more where more emotions share them."
    ),
    "cross-entropy": (
        "The log loss with the share of the votes in place of the label. Lower is better; it cannot be below the "
        "entropy of the votes."
    ),
    "soft Brier score": (
        "The Brier score with the shares of the votes in place of the label, 0 to 2. Lower is better; 0 where every "
        "probability equals the share of the raters who chose the emotion."
    ),
    "temperature scaling": (
        "Dividing all logits of a model by one number, so that its confidence fits its accuracy better (Guo et al. "
        "2017). No prediction changes."
    ),
    "vector scaling": (
        "Multiplying each emotion's logit by a number of its own and adding another (Guo et al. 2017). It can correct "
        "a model that is too confident of some emotions only; predictions may change."
    ),
}
