"""What notebook 03 needs: descents, what theory expects of them, figures."""
