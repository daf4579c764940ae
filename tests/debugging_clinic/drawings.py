"""Every figure of notebook 05, drawn of small fixed data, by its name."""

from helpers.debugging_clinic import figures
from helpers.debugging_clinic.charts import Chart
from helpers.debugging_clinic.symptoms import Symptom

HEALTHY = Chart(
    loss=[2.3 * 0.95**update for update in range(40)],
    correct=[1 + update // 5 for update in range(40)],
    samples=[10] * 40,
    in_batches_of={128: 0.8, 8: 0.8, 1: 0.8},
    honest=0.8,
)
ILL = Chart(
    loss=[20.0, *[2.3 + 0.2 * (-1) ** update for update in range(39)]],
    correct=[3] * 40,
    samples=[10] * 40,
    in_batches_of={128: 0.7, 8: 0.3, 1: 0.1},
    honest=0.4,
)
SIGNS = {
    "A": Symptom("a fault", "the loss stays", "loss", lambda c: c.loss, min, ">", 2.0),
    "B": Symptom(
        "another fault", "one alone is a guess", "fraction right",
        lambda c: list(c.in_batches_of.values()), min, "<", 0.5,
    ),
    "C": Symptom("a third fault", "right too seldom", "hit", lambda c: [c.honest], min, "<", 0.6),
    "D": Symptom("a fourth", "it explodes", "cube", lambda c: [v**3 for v in c.loss], max, ">", 9),
    "E": Symptom(
        "a fifth", "what cannot be below 0 is", "the lowest", lambda c: [1 - v for v in c.loss],
        min, "<", 0, drawn=25, axis="one minus the loss",
    ),
}  # fmt: skip
CHARTS, TWINS = dict.fromkeys(SIGNS, ILL), dict.fromkeys(SIGNS, HEALTHY)
SOUND = {128: [0.8, 0.7], 8: [0.78, 0.7], 1: [0.8, 0.7]}
FAULTY = {128: [0.8, 0.75], 8: [0.3, 0.4], 1: [0.1, 0.1]}
FAULTS = {"A": "a fault", "B": "another fault with a long name", "C": "a third", "D": "a fourth"}
PASSED = {
    "an easy test": {"A": True, "B": True, "C": True, "D": False, "healthy": True},
    "a hard one": {"A": False, "B": True, "C": False, "D": False, "healthy": True},
    "a test for B": {"A": True, "B": False, "C": True, "D": True, "healthy": True},
}

DRAWINGS = {
    "patients": lambda: figures.patients({"A": ILL, "B": HEALTHY}, {"A": HEALTHY, "B": HEALTHY}),
    "symptoms": lambda: figures.symptoms(SIGNS, CHARTS, TWINS),
    "in_batches_of": lambda: figures.in_batches_of({"sound": SOUND, "faulty": FAULTY}),
    "accuracy_reported": lambda: figures.accuracy_reported([0.5, 0.7, 0.8], [0.5, 0.6, 0.67]),
    "who_fails_what": lambda: figures.who_fails_what(PASSED, FAULTS),
}
