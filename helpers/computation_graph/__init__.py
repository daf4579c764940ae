"""What notebook 01 draws: the computation graph, recorded, drawn and walked back.

A reader calls `graph`. Under it lie `found`, the graph as PyTorch has it; `words`, tensors in
words; `boxes`, nodes, edges and the renderer; `folding`, for what is too large for a page; and
`backtrack`, the walk of ``backward()``, with `local`, its derivatives, and `undisturbed`, which
puts back what it could change. `figures` are its curves, `attempt` runs what may fail, `memory` is
a loss that can hold little. `answers` holds what the notebook asks.
"""
