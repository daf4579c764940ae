"""Least squares and ridge regression, for notebook 02.

`least_squares` makes the problems, `trials` says how solvers fare on many of them, `figures` draws
fits and solvers, `ridge_figures` draws what a penalty does, and `answers` holds the questions.
"""
