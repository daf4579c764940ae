"""The plumbing of the series: what a notebook needs but its reader need not see.

Each file is one room with one job; the notebooks import the rooms they need.

=================  ==================================================================
room               what it is for
=================  ==================================================================
``graph``          the computation graph: drawn, folded by module, walked step by step
``least_squares``  problems to solve by least squares, and how solvers fare on many of them
``descent``        gradient descent that keeps its path, and what theory expects of it
``standin``        draws garments offline, in FashionMNIST's own file format
``fashion``        finds or downloads FashionMNIST, verifies it, cuts it into batches
``training``       ``fit``, ``evaluate`` and the history of a run
``preflight``      a check before training that names faults which raise no error
``clinic``         the faulty runs of notebook 05, what is measured on them, their symptoms
``run``            the training run as a command, alone or under ``torchrun``
``session``        what the command does: set up, train, save, resume, report
``parallel``       the group of processes: who takes which images, whose gradient counts how much
``checkpoint``     a run saved whole at every moment, and taken up again
``launch``         starts processes as ``torchrun`` does, and hears what they say
``figures``        every figure of the series, each a function from data to a figure
``checks``         what all rooms ask of their arguments, in one voice
``explore``        sliders in JupyterLab, and the printed twin of each
``learning``       compares a reader's prediction or exercise with what holds
=================  ==================================================================
"""
