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
}
