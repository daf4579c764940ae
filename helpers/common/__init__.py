"""What several notebooks need: checks of answers, figures, sliders, front doors."""
