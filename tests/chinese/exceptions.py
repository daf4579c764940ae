"""Where the Chinese edition rightly differs, and why."""

# A cell, and a term of the table that is rightly rendered otherwise there.
FREE: set[tuple[str, str]] = {
    # A word of the code's own listing.
    ("where-each-fault-was-mended", "tensor"),
}
# Words that stand for a term without its whole name.
ALSO = {
    "rank": ["号进程"],
    "batch": ["批"],
    "least squares": ["最小二乘"],
    "schedule": ["调度"],
}
