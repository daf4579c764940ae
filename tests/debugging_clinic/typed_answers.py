"""What people type into the blanks of notebook 05, by the name of the mistake that it must meet.

Typed as a reader would type it, independently of what stands in ``answers.py``.
"""

import functools

from debugging_clinic.runs import drawn_garments

# Cells of the notebook that an exercise leans on.
CELLS = {"your own check": ["names-of-five-answers"]}


@functools.cache
def _garments():
    """As many drawn garments as these patients need: a case takes 1,000 to test, and the rest."""
    return {"garments": drawn_garments(1_280, 1_100)}


NAMES = {"an epoch that learns": _garments, "your own check": _garments}

EPOCH = """
optimizer, losses = case.optimizer, []
for images, labels in case.batches:
    loss = case.loss_function(case.network(images), labels)
    {}
    losses.append(loss.item())
return losses
"""

BOOKS = """
result = []
for i in range(0, len(correct), epoch):
    right, seen = correct[i:i + epoch], samples[i:i + epoch]
    result.append({})
return result
"""

TYPED = {
    "the line to read": {
        "the_innermost": "return len(files) - 1",
        "the_outermost_of_mine": "return files.index(mine)",
        "counted_from_one": "return max(n for n, file in enumerate(files, 1) if file == mine)",
    },
    "an epoch that learns": {
        "no_weight_moves": EPOCH.format("loss.backward(); optimizer.zero_grad()"),
        "step_before_backward": EPOCH.format(
            "optimizer.step(); optimizer.zero_grad(); loss.backward()"
        ),
        "never_cleared": EPOCH.format("loss.backward(); optimizer.step()"),
        "after_the_update": EPOCH.format(
            "optimizer.zero_grad(); loss.backward(); optimizer.step()\n"
            "    loss = case.loss_function(case.network(images), labels)"
        ),
        "the_last_loss_alone": EPOCH.format(
            "optimizer.zero_grad(); loss.backward(); optimizer.step()"
        ).replace("return losses", "return loss.item()"),
    },
    "a head the right way round": {
        "over_the_images": "return torch.log_softmax(scores, dim=0)",
        "one_for_the_batch": "return scores - torch.log(torch.exp(scores).sum())",
        "without_the_logarithm": "e = scores.exp()\nreturn e / e.sum(dim=1, keepdim=True)",
        "raw_scores": "return scores",
        "other_sign": "return scores.logsumexp(1, keepdim=True) - scores",
        "without_keepdim": "return scores - torch.logsumexp(scores, dim=1)",
    },
    "honest books": {
        "never_set_back": """
right = seen = 0
result = []
for i, (c, s) in enumerate(zip(correct, samples), 1):
    right, seen = right + c, seen + s
    if i % epoch == 0:
        result.append(right / seen)
return result
""",
        "multiplied": BOOKS.format("sum(right) * sum(seen)"),
        "per_cent": BOOKS.format("100 * sum(right) / sum(seen)"),
        "mean_of_the_batches": BOOKS.format("sum(r / s for r, s in zip(right, seen)) / epoch"),
        "one_for_all_epochs": "return sum(correct) / sum(samples)",
    },
    "your own check": {
        "sums_to_the_last_digit": """
z = network(images)
if abs(network(images[:1])[0] - z[0]).max() > 0.01:
    return BATCH
return SOUND if (z.exp().sum(1) == 1).all() else SCORES
""",
        "nothing_asked": "return SOUND",
        "the_first_loss_alone": """
loss = loss_function(network(images), labels)
return INPUTS if loss > 4.6 else SOUND
""",
        "no_image_alone": """
z = network(images)
if abs(z.exp().sum(1) - 1).max() > 0.01:
    return SCORES
if loss_function(z[:32], labels[:32]) < 0.5 * loss_function(z, labels):
    return LOSS
return INPUTS if loss_function(z, labels) > 4.6 else SOUND
""",
        "inputs_before_the_sum": """
z = network(images)
if abs(network(images[5:6]) - z[5]).max() > 0.01:
    return BATCH
if abs(z.exp().sum(1) - 1).max() > 0.01:
    return SCORES
return INPUTS if loss_function(z, labels) > 4.6 else SOUND
""",
    },
}
