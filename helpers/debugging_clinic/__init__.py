"""What notebook 05 needs: faulty runs and their symptoms, a check before training, figures."""
