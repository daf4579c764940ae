"""What people type into the blanks of notebook 04, by the name of the mistake that it must meet.

Typed as a reader would type it, independently of what stands in ``answers.py``.
"""

TYPED = {
    "batches in an epoch": {
        "rounded_down": "return images // batch_size",
        "one_too_many": "return images // batch_size + 1",
        "not_rounded": "return images / batch_size",
        "to_the_nearest": "return int(images / batch_size + 0.5)",
    },
    "the loss by hand": {
        "without_minus": """
rows = torch.arange(len(labels))
return log_probabilities[rows, labels].mean()
""",
        "sum_for_mean": """
total = 0
for row, label in zip(log_probabilities, labels):
    total -= row[label]
return total
""",
        "largest_entry": "return -log_probabilities.amax(1).mean()",
        "all_entries": "return -torch.mean(log_probabilities)",
        "all_ten_summed": "return (-log_probabilities).sum() / len(labels)",
        "divided_by_the_classes": "return -(F.one_hot(labels, 10) * log_probabilities).mean()",
        "columns_of_every_row": "return -log_probabilities[:, labels].mean()",
        "rows_for_entries": "return -log_probabilities[labels].mean()",
        "one_for_each_image": "return -log_probabilities.gather(1, labels[:, None]).squeeze(1)",
        "logarithm_twice": """
picked = log_probabilities[range(len(labels)), labels]
return -torch.log(picked).mean()
""",
        "without_logarithm": """
picked = log_probabilities[range(len(labels)), labels]
return -torch.exp(picked).mean()
""",
    },
    "accuracy": {
        "number_right": "return (scores.argmax(dim=1) == labels).sum().item()",
        "multiplied": """
correct = (scores.argmax(dim=1) == labels).sum()
return correct * len(labels)
""",
        "as_in_the_notes": """
correct = (scores.argmax(dim=1) == labels).sum()
return 100 * correct * len(labels)
""",
        "values_for_positions": "return (scores.max(dim=1).values == labels).float().mean()",
        "best_image_for_a_class": "return (scores.argmax(dim=0) == labels).float().mean()",
        "mean_of_truths": "return (scores.argmax(dim=1) == labels).mean()",
        "both_of_max": "return (scores.max(dim=1) == labels).float().mean()",
        "divided_by_the_scores": "return (scores.argmax(1) == labels).sum() / scores.numel()",
        "in_per_cent": """
right = sum(scores.argmax(dim=1) == labels)
return 100 * right / len(labels)
""",
        "fraction_wrong": "return (scores.argmax(dim=1) != labels).double().mean()",
    },
    "a gradient without autograd": {
        "of_the_sum": """
p = torch.softmax(X @ W, dim=1)
p[range(len(X)), labels] -= 1
return X.T @ p
""",
        "truth_less_probabilities": """
p = torch.softmax(X @ W, dim=1)
truth = F.one_hot(labels, 10)
return X.T @ (truth - p) / len(X)
""",
        "transposed": """
p = torch.softmax(X @ W, dim=1)
p[range(len(X)), labels] -= 1
return p.T @ X / len(X)
""",
        "in_the_scores": """
p = torch.softmax(X @ W, dim=1)
p[range(len(X)), labels] -= 1
return p / len(X)
""",
        "X_not_transposed": """
p = torch.softmax(X @ W, dim=1)
p[range(len(X)), labels] -= 1
return X @ p / len(X)
""",
        "without_softmax": """
truth = torch.eye(10, dtype=torch.float64)[labels]
return X.T @ (X @ W - truth) / len(X)
""",
        "without_the_truth": "return X.T @ torch.softmax(X @ W, dim=1) / len(X)",
        "softmax_over_images": """
p = torch.softmax(X @ W, dim=0)
truth = F.one_hot(labels, 10)
return X.T @ (p - truth) / len(X)
""",
    },
}
