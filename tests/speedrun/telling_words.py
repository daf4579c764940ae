"""By each question and each wrong answer, a few words that its hint alone has."""

# Predictions by the guess, exercises by the name of the mistake.
WORDS: dict[str, dict] = {
    "seeds for a mean": {
        5: "more than five times",
        2: "took the root",
        10: "With ten",
        100: "a hundred",
        2500: "0.002",
    },
    "steps of a quick run": {
        195: "one epoch",
        390: "two epochs",
        585: "three whole",
        120_000: "counts images",
        562: "60,000",
    },
    "no square root": {"the same": "Standardising", "better": "faint ones"},
    "a rate that stays": {0.2: "More:", 20: "Less:"},
    "batches of 1,024": {"the same": "of the same length", "better": "less noisy"},
    "in the mirror": {"the same": "no test asks", "better": "more data"},
    "one and a little": {
        1.001953125: "the sum itself",
        1.0078125: "next number above",
        1.00390625: "between two numbers",
        0: "the small part",
    },
    "the last layer at once": {"yes": "together"},
    "a vote or longer": {"the vote": "still to learn", "neither": "than its error"},
    "eight GPUs": {8: "That would be so", 4: "small part", 2: "too much", 0.125: "as slow"},
    "the error of a mean": {
        "never_divided": "spread of one seed",
        "by_n": "not by n itself",
        "not_one_less": "same runs",
        "from_the_variance": "starts from the variance",
        "squared": "square of the standard",
        "one_less_twice": "belongs to the variance",
    },
    "the rate's schedule": {
        "never_falls": "stays at the top",
        "never_rises": "no warm-up",
        "jumps_down": "jumps down",
        "the_larger_line": "larger of the two",
        "without_the_highest": "multiply by highest",
        "falls_too_far": "below zero",
        "rises_again": "take 1 - done",
    },
    "products of a step": {
        "forward_alone": "forward pass alone",
        "backward_alone": "backward pass alone",
        "for_the_images_too": "gradient of the images",
        "once_for_two": "addition",
        "for_one_image": "for one image",
        "two_for_each": "second layer",
    },
    "beat the reference": {
        "the_reference_itself": "on any seed",
        "a_recipe": "That is the recipe",
        "set_in_place": "cannot be changed",
    },
}
