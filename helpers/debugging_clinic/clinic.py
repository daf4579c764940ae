"""The wing's names in one place; each lives in the room that it is imported from."""

# ruff: noqa: F401
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
