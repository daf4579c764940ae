"""What notebook 01 draws: the computation graph, recorded, drawn and walked back."""
