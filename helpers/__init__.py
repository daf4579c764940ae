"""The plumbing of the series: what a notebook needs but its reader need not see.

Each file is one room with one job; the notebooks import the rooms they need.

=============  ==================================================================
room           what it is for
=============  ==================================================================
``standin``    draws garments offline, in FashionMNIST's own file format
``fashion``    finds or downloads FashionMNIST, verifies it, cuts it into batches
``training``   ``fit``, ``evaluate`` and the history of a run
``descent``    gradient descent that keeps its path, and what theory expects of it
``figures``    every figure of the series, each a function from data to a figure
``explore``    sliders in JupyterLab, and the printed twin of each
``learning``   compares a reader's prediction or exercise with what holds
=============  ==================================================================
"""
