"""The wing's names in one place, for a notebook: each lives in the room that it is imported from."""

from helpers.debugging_clinic.cases import (
    Case,
    admit,
    diagnosis,
    in_double,
    trained_by_hand,
    ward,
    with_head,
)
from helpers.debugging_clinic.charts import accuracy, gradients, observe, outputs, weight_change
from helpers.debugging_clinic.faults import HEALTHY
from helpers.debugging_clinic.listing import first_error
from helpers.debugging_clinic.steps import by_the_book, clearing_too_early, never_clearing
from helpers.debugging_clinic.symptoms import SYMPTOMS, symptoms_of

__all__ = [
    "HEALTHY",
    "SYMPTOMS",
    "Case",
    "accuracy",
    "admit",
    "by_the_book",
    "clearing_too_early",
    "diagnosis",
    "first_error",
    "gradients",
    "in_double",
    "never_clearing",
    "observe",
    "outputs",
    "symptoms_of",
    "trained_by_hand",
    "ward",
    "weight_change",
    "with_head",
]
