"""What people type into the blanks of notebook 07, by the name of the mistake that it must meet.

Typed as a reader would type it, independently of what stands in ``answers.py``.
"""

import functools

from helpers.fashion_mnist_pipeline import fashion, standin


@functools.cache
def _garments():
    """As many drawn garments as a race needs, and some to be named."""
    parts = standin.draw_parts(train=4_800, test=1_000)
    return {"garments": fashion.Garments(*parts, source=fashion.Source("stand-in", "for a test"))}


NAMES = {"beat the reference": _garments}

SPREAD = """
n, mean = len(accuracies), sum(accuracies) / len(accuracies)
squares = sum((a - mean) ** 2 for a in accuracies)
return {}
"""

TYPED = {
    "the error of a mean": {
        "never_divided": SPREAD.format("math.sqrt(squares / (n - 1))"),
        "by_n": "return torch.tensor(accuracies, dtype=torch.float64).std() / len(accuracies)",
        "not_one_less": SPREAD.format("math.sqrt(squares / n) / math.sqrt(n)"),
        "from_the_variance": SPREAD.format("squares / (n - 1) / n ** 0.5"),
        "squared": SPREAD.format("squares / (n - 1) / n"),
        "one_less_twice": SPREAD.format("math.sqrt(squares) / (n - 1)"),
    },
    "the rate's schedule": {
        "never_falls": "return min(1, done / warm_up) * highest",
        "never_rises": """
if done < warm_up:
    return highest
return highest * (1 - done) / (1 - warm_up)
""",
        "jumps_down": """
if done <= warm_up:
    return highest * done / warm_up
return highest * (1 - done)
""",
        "the_larger_line": "return highest * max(done / warm_up, (1 - done) / (1 - warm_up))",
        "without_the_highest": "return min(done / warm_up, (1 - done) / (1 - warm_up))",
        "falls_too_far": """
if done <= warm_up:
    return highest * done / warm_up
return highest - highest * done / warm_up
""",
        "rises_again": """
if done <= warm_up:
    return highest * done / warm_up
return highest * (done - warm_up) / (1 - warm_up)
""",
    },
    "products of a step": {
        "forward_alone": "return 2 * batch * (features * hidden + hidden * classes)",
        "backward_alone": "return 2 * batch * features * hidden + 4 * batch * hidden * classes",
        "for_the_images_too": "return 6 * batch * (features * hidden + hidden * classes)",
        "once_for_two": "return 2 * batch * features * hidden + 3 * batch * hidden * classes",
        "for_one_image": "return 4 * features * hidden + 6 * hidden * classes",
        "two_for_each": "return 4 * batch * hidden * (features + classes)",
    },
    "beat the reference": {
        "the_reference_itself": "return race(reference)",
        "a_recipe": "return replace(reference, edges=True, rate=0.005)",
        "set_in_place": "reference.edges = True\nreturn race(reference)",
    },
}
