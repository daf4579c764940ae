"""The wing of notebook 07: FashionMNIST learnt in seconds, on a processor and nothing else.

- ``recipes``: from the raw bytes to a network that names garments; one page, to be read.
- ``marks``: which recipe is the quickest to which accuracy, over many seeds: the command.
- ``table``: what such a run measured, as committed.
- ``figures``: the notebook's pictures.
- ``answers``: what the notebook asks, what is right, and the hints.
"""
