"""Where the Chinese edition rightly differs, and why."""

# A cell, and a term of the table that is rightly rendered otherwise there.
FREE: set[tuple[str, str]] = {
    # A class's name.
    ("where-each-fault-was-mended", "tensor"),
    # What is meant is clear, and the word would be in the way.
    ("unequal-parts-are-wrong", "batch"),
    ("set-the-epoch", "rank"),
}
# Words that stand for a term without its whole name.
ALSO = {
    "rank": ["号进程"],
    "batch": ["批"],
    "least squares": ["最小二乘"],
    "schedule": ["调度"],
}
