"""The plumbing of the series: what a notebook needs but its reader need not see.

Each notebook has a wing of its own, named as it is: notebook 03, ``03_gradient_descent``, imports
``helpers.gradient_descent``. A wing uses `common` and the wings of earlier notebooks, never a later
one. Each file of a wing is a room with one job; the first lines say which.
"""

from helpers.common import waiting

# Here, since whatever loads helpers computes: notebooks, the command, tests.
waiting.sleep_while_waiting()
