"""What people put into the blanks, and the words of the hint that each wrong answer must meet.

For each notebook and each of its exercises: the lines that go where the blank is, then words that
must be in what the check says. They are typed here as a reader would type them, independently of
the mistakes that the notebooks' cells know, and no two of an exercise may meet the same hint.
"""

WRONG_ANSWERS: dict[str, dict[str, list[tuple[str, str]]]] = {
    "04_fashion_mnist_pipeline": {
        "batches in an epoch": [
            ("return images // batch_size", "leaves out the last"),
            ("return images // batch_size + 1", "one too many"),
            ("return images / batch_size", "whole: round up"),
            ("return int(images / batch_size + 0.5)", "not to the nearest"),
            ("return 391", "The value differs"),
        ],
        "the loss by hand": [
            (
                "rows = torch.arange(len(labels))\nreturn log_probabilities[rows, labels].mean()",
                "The sign",
            ),
            (
                "total = 0\n"
                "for row, label in zip(log_probabilities, labels):\n"
                "    total -= row[label]\n"
                "return total",
                "the sum",
            ),
            ("return -log_probabilities.amax(1).mean()", "not the largest"),
            ("return -torch.mean(log_probabilities)", "not all ten"),
            ("return -log_probabilities[:, labels].mean()", "its own label"),
            ("return -log_probabilities[labels].mean()", "takes rows"),
            (
                "return -log_probabilities.gather(1, labels[:, None]).squeeze(1)",
                "take the mean",
            ),
            (
                "picked = log_probabilities[range(len(labels)), labels]\n"
                "return -torch.log(picked).mean()",
                "logarithms already",
            ),
            (
                "picked = log_probabilities[range(len(labels)), labels]\n"
                "return -torch.exp(picked).mean()",
                "as they are",
            ),
        ],
        "accuracy": [
            ("return (scores.argmax(dim=1) == labels).sum().item()", "divide by the number"),
            (
                "correct = (scores.argmax(dim=1) == labels).sum()\nreturn correct * len(labels)",
                "multiply where you should",
            ),
            (
                "correct = (scores.argmax(dim=1) == labels).sum()\n"
                "return 100 * correct * len(labels)",
                "leave out the 100",
            ),
            ("return (scores.max(dim=1).values == labels).float().mean()", "argmax, not max"),
            ("return (scores.argmax(dim=0) == labels).float().mean()", "dim=0"),
            ("return (scores.argmax(dim=1) == labels).mean()", "have no mean"),
            (
                "right = sum(scores.argmax(dim=1) == labels)\nreturn 100 * right / len(labels)",
                "per cent",
            ),
            (
                "return (scores.argmax(dim=1) != labels).double().mean()",
                "fraction of wrong",
            ),
        ],
        "a gradient without autograd": [
            (
                "p = torch.softmax(X @ W, dim=1)\np[range(len(X)), labels] -= 1\nreturn X.T @ p",
                "gradient of the sum",
            ),
            (
                "p = torch.softmax(X @ W, dim=1)\n"
                "truth = F.one_hot(labels, 10)\n"
                "return X.T @ (truth - p) / len(X)",
                "The sign",
            ),
            (
                "p = torch.softmax(X @ W, dim=1)\n"
                "p[range(len(X)), labels] -= 1\n"
                "return p.T @ X / len(X)",
                "shape of its weights",
            ),
            (
                "p = torch.softmax(X @ W, dim=1)\np[range(len(X)), labels] -= 1\nreturn p / len(X)",
                "the chain rule",
            ),
            (
                "p = torch.softmax(X @ W, dim=1)\n"
                "p[range(len(X)), labels] -= 1\n"
                "return X @ p / len(X)",
                "transpose X",
            ),
            ("return X.T @ torch.softmax(X @ W, dim=1) / len(X)", "at the right class"),
            (
                "p = torch.softmax(X @ W, dim=0)\n"
                "truth = F.one_hot(labels, 10)\n"
                "return X.T @ (p - truth) / len(X)",
                "softmax over dim=1",
            ),
        ],
    },
    "06_beyond_one_process": {
        "the gradient of the whole": [
            ("return sum(gradients) / len(gradients)", "plain mean"),
            ("return sum(g * n for g, n in zip(gradients, sizes))", "the sum over all images"),
            (
                "total = sum(g * n for g, n in zip(gradients, sizes))\nreturn total / len(sizes)",
                "not by the number of parts",
            ),
            (
                "total = sum(g / n for g, n in zip(gradients, sizes))\nreturn total / sum(sizes)",
                "means already",
            ),
            ("return sum(gradients)", "as they are"),
            ("return gradients[0]", "The value differs"),
        ],
        "a rate with a warm-up": [
            ("return base * processes * min(1, step / warm_up)", "starts from zero"),
            ("return base + (processes - 1) * base * step / warm_up", "goes on rising"),
            ("return processes * base", "jumps at once"),
            (
                "if step < warm_up:\n    return base\nreturn base * processes",
                "waits, and then jumps",
            ),
            (
                "share = min(1.0, (step + 1) / warm_up)\n"
                "return base * (1 - share) + base * processes * share",
                "one step too early",
            ),
            ("return base + base * processes * min(1, step / warm_up)", "processes + 1"),
        ],
        "the fraction that stays": [
            ("return shared / alone", "a part of it is shared work"),
            ("return alone / shared", "the speed-up"),
            ("n = processes\nreturn (1 - shared / alone) / (1 - 1 / n)", "that can be shared"),
            ("return alone / (shared * processes)", "the efficiency"),
            ("return shared / alone - 1 / processes", "Divide by 1 - 1/N"),
            (
                "n = processes\nreturn (shared - alone / n) / (1 - 1 / n)",
                "in milliseconds",
            ),
        ],
        "an all-reduce of your own": [
            ("return parts.mean(0).expand_as(parts)", "the mean"),
            (
                "N = len(parts)\n"
                "for k in range(N - 1):\n"
                "    got = pass_on(torch.stack([parts[r, (r - k) % N] for r in range(N)]))\n"
                "    for r in range(N):\n"
                "        parts[r, (r - 1 - k) % N] += got[r]\n"
                "return parts",
                "the first half",
            ),
            (
                "N = len(parts)\n"
                "for k in range(2 * N - 2):\n"
                "    got = pass_on(torch.stack([parts[r, (r - k) % N] for r in range(N)]))\n"
                "    for r in range(N):\n"
                "        parts[r, (r - 1 - k) % N] += got[r]\n"
                "return parts",
                "replaces; do not add",
            ),
            (
                "N = len(parts)\n"
                "for k in range(2 * N - 3):\n"
                "    got = pass_on(torch.stack([parts[r, (r - k) % N] for r in range(N)]))\n"
                "    for r in range(N):\n"
                "        c = (r - 1 - k) % N\n"
                "        parts[r, c] = got[r] + (parts[r, c] if k < N - 1 else 0)\n"
                "return parts",
                "One round too few",
            ),
            ("return parts", "Nothing has changed"),
        ],
    },
}
