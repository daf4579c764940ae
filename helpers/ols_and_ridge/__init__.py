"""What notebook 02 needs: problems of least squares, trials of solvers, figures."""
