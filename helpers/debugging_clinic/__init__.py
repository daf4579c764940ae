"""Notebook 05: training runs with a fault that makes no noise, and how it is found all the same.

Patients: `listing` (code that stops loudly) · `steps` (one sound, five not) · `faults` (their names
and cures) · `cases` (a run with one fault) · `charts` (what is seen of it) · `symptoms` (what tells
it from health). The check before training: `preflight`, on copies that `rehearsal` trains and
`watching` looks at, with `marks` and `modes`; `looks` and the four `looks_at_…` ask each
part. `figures` · `answers` (what the notebook asks).
"""
