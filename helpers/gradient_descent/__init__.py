"""What notebook 03 needs to ask which way a descent goes, and how far.

`descent` takes the steps and keeps the path, `landscapes` are what it walks on, and `theory` says
what to expect of it. `figures` draws which way, `figures_of_steps` how far, in the `looks` that
both share; `film` lets two descents race. `answers` holds what the notebook asks.
"""
