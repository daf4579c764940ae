"""What the end of notebook 04 names and does not show: a floor, one cycle, a network on edges.

A recipe is a function: images and labels go in, and out comes a function that names garments. The
notebook puts its recipes together; here is what they share.
"""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import nn
from torch.nn import functional as F

from helpers.fashion_mnist_pipeline import fashion, training
from helpers.fashion_mnist_pipeline.standin import SIDE

_CLASSES = len(fashion.CLASSES)


@torch.no_grad()
def only_products(rows: torch.Tensor, batch_size: int, momentum: float, hidden: int = 128) -> None:
    """Do the matrix products of an epoch, the fetching and the update, and nothing else.

    `rows` has shape (n, pixels), dtype float32: an image a row.
    """
    pixels = rows.shape[1]
    W1, W2 = torch.randn(pixels, hidden), torch.randn(hidden, _CLASSES)
    D = torch.randn(batch_size, _CLASSES)
    # Every result goes into memory that is there already: to ask for new memory is no arithmetic.
    X, H, back = (torch.empty(batch_size, width) for width in (pixels, hidden, hidden))
    G1, G2, V1, V2 = (torch.zeros_like(weight) for weight in (W1, W2, W1, W2))
    for chosen in torch.randperm(len(rows)).split(batch_size):
        torch.index_select(rows, 0, chosen, out=X[: len(chosen)])
        torch.mm(torch.mm(X, W1, out=H), W2)
        torch.mm(H.T, D, out=G2)
        torch.mm(X.T, torch.mm(D, W2.T, out=back), out=G1)
        for weight, velocity, gradient in ((W1, V1, G1), (W2, V2, G2)):
            velocity.mul_(momentum).add_(gradient)
            weight.sub_(velocity, alpha=0.0)  # The gradients are made up: the weights stay.


def one_cycle(
    network: nn.Module,
    inputs: torch.Tensor,
    labels: torch.Tensor,
    epochs: int,
    batch_size: int,
    highest: float,
    smoothing: float = 0.0,
    decay: float = 0.0,
) -> None:
    """Train with Nesterov's momentum and one cycle of the learning rate, in place.

    Parameters
    ----------
    network : torch.nn.Module
        From inputs to scores.
    inputs, labels : torch.Tensor
        As `fashion.Batches` takes them.
    epochs, batch_size : int
        Walks over all inputs, and how many of them one update looks at.
    highest : float
        The learning rate at its highest, after a quarter of the steps.
    smoothing, decay : float
        Label smoothing, 0 to 1, and weight decay, 0 or more.
    """
    # From the seed that the weights came from, too: one seed decides the whole run.
    batches = fashion.Batches(inputs, labels, batch_size, generator=torch.default_generator)
    # Filters that are to stay as they are get no gradient, and need no optimiser.
    weights = [weight for weight in network.parameters() if weight.requires_grad]
    sgd = torch.optim.SGD(weights, lr=highest, momentum=0.9, nesterov=True, weight_decay=decay)
    cycle = torch.optim.lr_scheduler.OneCycleLR(
        sgd,
        highest,
        total_steps=epochs * len(batches),
        pct_start=0.25,
        anneal_strategy="linear",
        cycle_momentum=False,
    )
    loss = partial(F.cross_entropy, label_smoothing=smoothing)
    training.fit(network, batches, loss, sgd, epochs=epochs, schedule=cycle)


class GarmentNetwork(nn.Module):
    """Convolutions on top of edges: scores in training, else probabilities added up over views.

    Parameters
    ----------
    filters : torch.Tensor
        Shape (8, 1, 3, 3): the first layer.
    learn_filters : bool
        Whether descent may move them.
    channels : sequence of int
        Filters in each further layer of convolutions.
    hidden : int
        Units between the last convolution and the scores.
    views : sequence of (int, int)
        By how many pixels, 0 to 2, a picture in a frame of one pixel is moved; (1, 1) is not.
    """

    def __init__(
        self,
        filters: torch.Tensor,
        learn_filters: bool = False,
        channels: Sequence[int] = (32,),
        hidden: int = 128,
        views: Sequence[tuple[int, int]] = ((1, 1),),
    ):
        super().__init__()
        self.views = views
        self.filters = nn.Parameter(filters.clone(), requires_grad=learn_filters)
        before = len(filters) + 1  # The answers of the filters, and a shrunken picture.
        layers: list[nn.Module] = [nn.BatchNorm2d(before, affine=False)]
        for place, after in enumerate(channels):
            layers += [nn.Conv2d(before, after, 3, padding=1, bias=False)]
            # Early: what follows has a quarter of the places to go through.
            layers += [nn.MaxPool2d(2)] if place == 0 else []
            layers += [nn.BatchNorm2d(after), nn.ReLU()]
            before = after
        layers += [nn.Flatten(), nn.Linear((SIDE // 4) ** 2 * before, hidden, bias=False)]
        layers += [nn.BatchNorm1d(hidden), nn.ReLU(), nn.Linear(hidden, _CLASSES)]
        self.layers = nn.Sequential(*layers)

    def scores(self, x: torch.Tensor) -> torch.Tensor:
        """Return shape (n, 10), of pictures of shape (n, 1, 28, 28)."""
        edges = F.conv2d(x, self.filters, padding=1).relu_()
        # The slope of a root is infinite at zero, so keep off it.
        edges = F.avg_pool2d(edges, 2).add(1e-3).sqrt()
        return self.layers(torch.cat([edges, F.avg_pool2d(x, 2)], dim=1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return scores, half of the pictures mirrored; in evaluation, what all views say."""
        if self.training:  # Each picture is either itself or its mirror image, by chance.
            mirrored = torch.rand(len(x), 1, 1, 1) < 0.5
            return self.scores(torch.where(mirrored, x.flip(3), x))
        framed = F.pad(x, (1, 1, 1, 1))
        seen = [framed[:, :, top : top + SIDE, left : left + SIDE] for top, left in self.views]
        both = [side for view in seen for side in (view, view.flip(3))]
        return torch.stack([self.scores(side).softmax(dim=1) for side in both]).sum(dim=0)


@torch.no_grad()
def fraction_named(
    predict: Callable[[torch.Tensor], torch.Tensor], images: torch.Tensor, labels: torch.Tensor
) -> float:
    """Return the fraction of images, shape (n, 28, 28), to which a recipe gives their label."""
    # In pieces: for 10,000 images at once, a layer of eight filters fills 250 MB.
    said = torch.cat([predict(some) for some in images.split(500)])
    return (said == labels).double().mean().item()
