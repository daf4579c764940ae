"""By each question and each wrong answer, a few words that its hint alone has."""

# Predictions by the guess, exercises by the name of the mistake.
WORDS: dict[str, dict] = {
    "errors in one run": {
        0: "does stop it",
        2: "more than two",
        3: "other two",
        6: "never sees the others",
        7: "never sees the others",
    },
    "a misspelt init": {"the class": "method of any name", "the loss": "come that far"},
    "patient A": {
        "no step": "does move",
        "cleared early": "no matrix would",
        "never cleared": "Piled-up",
    },
    "patient B": {"no step": "is called", "never cleared": "too much", "left out": "one matrix"},
    "a summed loss": {1: "the mean", 10: "number of classes"},
    "the floor under H": {0.0: "without the second", 2.3: "a guess", 1.0: "The 1 is"},
    "one update": {
        1: "patient F",
        0.0001: "hardly be seen",
        0.1: "another matrix",
        0.001: "rule of thumb",
        0.0: "do move",
    },
    "one at a time": {
        **dict.fromkeys((80, 84, 88, 92), "same image"),
        70: "batches of 8",
        100: "every class wins",
        0: "Not that bad",
    },
    "images that it reaches": {1: "over dim=1", 127: "itself", 10: "classes", 0: "pixels"},
    "32 images by heart": {"no": "by heart"},
    "a sum with its graphs": {10: "not the functions"},
    "fifteen by heart": {15: "never move", 1: "not alone", 4: "of I and of L"},
    "a check before take-off": {0: "no error", 7: "find some", 14: "escapes"},
    "the line to read": {
        "the_innermost": "innermost",
        "the_outermost_of_mine": "outermost",
        "counted_from_one": "from 0",
    },
    "an epoch that learns": {
        "no_weight_moves": "No weight moves",
        "step_before_backward": "before backward()",
        "never_cleared": "never clears",
        "after_the_update": "after the update",
        "the_last_loss_alone": "One loss for each",
    },
    "a head the right way round": {
        "over_the_images": "dim=0",
        "one_for_the_batch": "whole",
        "without_the_logarithm": "probabilities",
        "raw_scores": "raw scores",
        "other_sign": "sign",
        "without_keepdim": "shapes",
    },
    "honest books": {
        "never_set_back": "counters",
        "multiplied": "do not multiply",
        "per_cent": "per cent",
        "mean_of_the_batches": "is smaller",
        "one_for_all_epochs": "One number",
    },
    "your own check": {
        "the_first_loss_alone": "first loss",
        "no_image_alone": "Images that compete",
        "inputs_before_the_sum": "A sum",
        "batch_each_time": "BATCH",
        "sums_to_the_last_digit": "SCORES each",
        "nothing_asked": "nothing was asked",
    },
}
