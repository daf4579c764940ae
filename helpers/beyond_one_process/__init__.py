"""What notebook 06 needs: the training run, alone or by several processes, its checkpoints, figures."""
