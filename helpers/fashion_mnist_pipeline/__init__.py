"""What notebook 04 needs: garments, the training loop as a function, figures."""
