"""Where the Chinese edition rightly differs, and why."""

# Cells whose outputs differ between the editions: (notebook, cell id).
OTHER_OUTPUTS: set[tuple[str, str]] = set()

# A cell, and a term of the table that is rightly rendered otherwise there.
FREE: set[tuple[str, str]] = set()
