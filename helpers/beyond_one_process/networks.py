"""The two networks of notebook 06: much to send, or much to compute."""

from collections import OrderedDict

from torch import nn

_PIXELS, _CLASSES = 28 * 28, 10


def mlp() -> nn.Module:
    """Return the network of notebook 04, with the same names for its weights."""
    width = 128  # Notebook 04's choice, and no biases, as there: 101,632 weights.
    layers: dict[str, nn.Module] = {
        "flatten": nn.Flatten(),
        "linear1": nn.Linear(_PIXELS, width, bias=False),
        "relu": nn.ReLU(),
        "output": nn.Linear(width, _CLASSES, bias=False),
        "log_softmax": nn.LogSoftmax(dim=1),
    }
    return nn.Sequential(OrderedDict(layers))


def cnn() -> nn.Module:
    """Return a small convolutional network: less to send, far more to compute."""
    layers: dict[str, nn.Module] = {
        "conv1": nn.Conv2d(1, 16, kernel_size=3, padding=1),
        "relu1": nn.ReLU(),
        "pool1": nn.MaxPool2d(2),
        "conv2": nn.Conv2d(16, 32, kernel_size=3, padding=1),
        "relu2": nn.ReLU(),
        "pool2": nn.MaxPool2d(2),
        "flatten": nn.Flatten(),
        # Halved twice, an image of 28 × 28 has become one of 7 × 7.
        "output": nn.Linear(32 * _PIXELS // 16, _CLASSES),
        "log_softmax": nn.LogSoftmax(dim=1),
    }
    return nn.Sequential(OrderedDict(layers))
