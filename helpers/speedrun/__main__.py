"""The speedrun as a command: ``python -m helpers.speedrun --help``."""

import argparse
import json
import sys

import torch

from helpers.fashion_mnist_pipeline import fashion
from helpers.speedrun import marks
from helpers.speedrun.products import quicker_dtype


def main() -> int:
    """Measure what was asked for, and print it as a table or as JSON."""
    parser = argparse.ArgumentParser(
        prog="python -m helpers.speedrun",
        description="The quickest recipes to four accuracies on FashionMNIST.",
    )
    parser.add_argument("--seeds", type=_count, help="runs of each; default: 30 or 10, as due")
    parser.add_argument("--json", action="store_true", help="print a list in place of a table")
    parser.add_argument("--marks", type=float, nargs="+", help="these alone, such as 92.4 93.3")
    parser.add_argument("--ideas", action="store_true", help="what each idea is worth, held out")
    parser.add_argument("--test", action="store_true", help="judge by the test part, not held out")
    options = parser.parse_args()
    chosen = [m for m in marks.MARKS if options.marks is None or m.accuracy in options.marks]
    if not chosen:
        known = ", ".join(str(m.accuracy) for m in marks.MARKS)
        parser.error(f"--marks is {options.marks}: give some of {known}")
    garments = fashion.load()
    parts = marks.Parts.of(garments, test=options.test)
    cold = marks.cold_start()
    marks.loader_epoch(garments)  # The first one also loads the optimisers.
    before = marks.loader_epoch(garments)
    rows = (
        list(marks.of_ideas(parts, options.seeds or 10))
        if options.ideas
        else list(marks.of_marks(parts, tuple(chosen), options.seeds))
    )
    after = marks.loader_epoch(garments)
    machine = {
        "data": str(garments.source),
        "judged_by": "the test part" if options.test else "held-out images",
        "commit": marks.commit(),
        "processor": marks.processor(),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "products_in": str(quicker_dtype()).removeprefix("torch."),
        "loader_epoch_s": [round(before, 2), round(after, 2)],
        "cold_start_s": round(cold, 2),
    }
    for row in rows:
        row["loader_epochs"] = round(row["seconds"] * 2 / (before + after), 3)
    if options.json:
        print(json.dumps([row | machine for row in rows], indent=1))
    else:
        print(_table(rows, machine))
    return 0


def _table(rows: list[dict], machine: dict) -> str:
    lines = [str(marks.__doc__).strip(), ""]
    lines += [f"{name}: {value}" for name, value in machine.items()]
    lines += ["", f"{'':20} {'accuracy %':>16} {'seeds':>6} {'seconds':>8} {'loader epochs':>14}"]
    for row in rows:
        mean = f"{row['accuracy_mean']:.2f} ± {row['accuracy_sem']:.2f}"
        name = row.get("idea", f"mark {row.get('mark')}")
        line = f"{name:20} {mean:>16} {row['seeds']:>6} {row['seconds']:>8.2f}"
        lines.append(f"{line} {row['loader_epochs']:>14.2f}")
    return "\n".join(lines)


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError(f"is {text}: give 1 or more")
    return count


if __name__ == "__main__":
    sys.exit(main())
