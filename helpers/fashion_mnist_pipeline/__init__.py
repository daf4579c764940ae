"""Notebook 04: a full training run, from FashionMNIST's files to what the network has learnt.

`fashion` (the garments and their batches) · `standin` (drawn garments, where there is no network) ·
`training` (the loop as a function, and the clock) · `figures` · `answers` (what the notebook asks).
"""
