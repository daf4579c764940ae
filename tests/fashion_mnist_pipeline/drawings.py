"""Every figure of notebook 04, drawn of small fixed data, by its name."""

import torch

from helpers.fashion_mnist_pipeline import figures
from helpers.fashion_mnist_pipeline.fashion import Garments, Source
from helpers.fashion_mnist_pipeline.training import Evaluation, History

CLASSES = ("coat", "shoe", "bag")
IMAGES = torch.arange(12 * 28 * 28).reshape(12, 28, 28).remainder(256).to(torch.uint8)
LABELS = torch.arange(12) % 3
GARMENTS = Garments(IMAGES, LABELS, IMAGES, LABELS, Source("stand-in"), CLASSES)
EVALUATION = Evaluation(1.0, 0.0, LABELS, (LABELS + 1) % 3, torch.linspace(0.5, 1, 12))
OTHERS = Evaluation(1.0, 0.5, LABELS, LABELS * (torch.arange(12) > 5), torch.linspace(0.3, 1, 12))
HISTORY = History([1.0, 0.5], [0.6, 0.8], [0.9, 0.6], [0.7, 0.75])
LINE = torch.linspace(0, 1, 5)


def many_times(seen: Evaluation) -> Evaluation:
    """Return an evaluation in which each image comes forty times."""
    tensors = (seen.labels, seen.predictions, seen.confidences)
    return Evaluation(seen.loss, seen.accuracy, *(each.repeat(40) for each in tensors))


DRAWINGS = {
    "garments_by_class": lambda: figures.garments_by_class(GARMENTS),
    "a_batch": lambda: figures.a_batch(IMAGES.unsqueeze(1) / 255, LABELS, CLASSES),
    "class_probabilities": lambda: figures.class_probabilities(
        IMAGES[0], torch.tensor([0.2, 0.7, 0.1]), 1, CLASSES
    ),
    "training_curves": lambda: figures.training_curves(HISTORY, 100),
    "confusion": lambda: figures.confusion(
        torch.tensor([[5, 0, 1], [4, 3, 0], [0, 2, 9]]), CLASSES
    ),
    "accuracy_by_class": lambda: figures.accuracy_by_class(
        torch.tensor([[3, 1, 0], [0, 8, 0], [2, 0, 2]]), CLASSES
    ),
    "confident_mistakes": lambda: figures.confident_mistakes(IMAGES, EVALUATION, CLASSES),
    "first_layer_weights": lambda: figures.first_layer_weights(
        torch.linspace(-1, 1, 32 * 784).reshape(32, 784)
    ),
    "convex_or_not": lambda: figures.convex_or_not(LINE, LINE**2, LINE - LINE**2),
    "time_by_part": lambda: figures.time_by_part({"fetch": 0.1, "forward": 0.3, "step": 0.0}),
    "ladder": lambda: figures.ladder({"usual": 2.5, "in memory": 0.3, "products": 0.15}),
    "cost_growth": lambda: figures.cost_growth(
        {8: 1.0, 128: 0.2},
        {8: 0.1, 128: 0.2},
        {50_000: 0.2, 500_000: 2.0},
        {5_000: (0.004, 0.016), 500_000: (0.4, 1.6)},
    ),
    "filters_at_work": lambda: figures.filters_at_work(
        IMAGES[0], torch.eye(3).view(1, 1, 3, 3).repeat(3, 1, 1, 1), IMAGES[:3].float()
    ),
    "accuracy_against_seconds": lambda: figures.accuracy_against_seconds(
        {"quick": ([1.0], [0.9]), "by epoch": ([0.5, 1.0], [0.8, 0.85])},
        usual_epoch=2.0,
        images=400,
    ),
    "sweep": lambda: figures.sweep({0.01: [0.5, 0.6], 0.1: [0.8, 0.7], 1.0: [0.1, 0.1]}, 100),
    "seeds_compared": lambda: figures.seeds_compared(
        {"test": [0.8, 0.7], "validation": [0.85, 0.69]}, 400, ["worst:\ncoat", "worst:\nbag"]
    ),
    "reliability": lambda: figures.reliability(
        {"the best epoch": many_times(EVALUATION), "the last epoch": many_times(OTHERS)}
    ),
}
