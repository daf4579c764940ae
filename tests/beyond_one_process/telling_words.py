"""By each question and each wrong answer, a few words that its hint alone has."""

# Predictions by the guess, exercises by the name of the mistake.
WORDS: dict[str, dict] = {
    "an all-reduce": {2: "what it brought", 1.5: "mean", 1: "rank 0"},
    "bytes on the wire": {
        101632: "counts numbers",
        406528: "single precision",
        401408: "the images. They",
        802816: "the images. They",
        104071168: "adds its images",
    },
    "mean of the parts": {"half": "full length", "noisier": "Each part alone"},
    "batch norm in parts": {"the same": "other 64"},
    "a small part": {
        1: "how it should be",
        2: "Now share it",
        0.2: "The other way round",
        6: "all 96",
    },
    "the sampler's second walk": {"another": "epoch"},
    "steps with four": {
        391: "uses up four",
        1564: "*together*",
        97: "images that are left",
        97.75: "is whole",
    },
    "Amdahl's ceiling": {1.25: "goes away", 4: "With 4", 80: "time that stays"},
    "messages of a step": {4: "without", 3: "ones that wait", 2: "not sent", 0: "never"},
    "steps made twice": {
        0: "Nothing is kept",
        4: "never made",
        20: "Those are kept",
        23: "Without a checkpoint",
    },
    "weights alone": {"the same": "momentum"},
    "the gradient of the whole": {
        "plain_mean": "plain",
        "sum_over_images": "sum over",
        "divided_by_parts": "not by the number of parts",
        "sizes_divide": "do not divide",
        "added_up": "adds the gradients",
    },
    "a rate with a warm-up": {
        "from_zero": "from zero",
        "rises_for_ever": "goes on rising",
        "at_once": "at once",
        "waits_and_jumps": "waits",
        "a_step_early": "too early",
        "one_process_too_many": "processes + 1",
    },
    "the fraction that stays": {
        "time_left": "time that is left",
        "the_speed_up": "speed-up; ask",
        "what_can_be_shared": "can be shared",
        "efficiency": "efficiency",
        "not_divided": "1 - 1/N",
        "in_milliseconds": "milliseconds",
        "time_saved": "is saved",
    },
    "an all-reduce of your own": {
        "mean_for_sum": "mean",
        "first_half": "first half",
        "adds_to_the_end": "do not add",
        "a_round_too_few": "too few",
        "the_same_chunk_each_time": "not the same one",
        "unchanged": "has changed",
    },
}
