"""Which layers of a network are in evaluation mode by mistake, and which on purpose."""

from torch import nn

# Layers that do one thing in training and another in evaluation.
_DROPOUT, _NORM = nn.modules.dropout._DropoutNd, nn.modules.batchnorm._NormBase


def layers_off(part: nn.Module, name: str = "", *, whole: bool = True) -> list[str]:
    """Return the names of layers with two modes that are in evaluation mode by mistake.

    In a network that trains, batch normalisation may be frozen on purpose, and so may a part of the
    network with all its weights. Where those are all that evaluation mode would change, a whole
    network may be left in it, as while a last layer is trained on features.
    """
    if part.training:
        named = ((f"{name}{child}", inner) for child, inner in part.named_children())
        return [off for n, inner in named for off in layers_off(inner, f"{n}.", whole=False)]
    if not (whole or isinstance(part, _DROPOUT) or _learns(part)):
        return []
    frozen = {layer for body in frozen_in(part) for layer in body.modules()} if whole else set()
    off = (m for m in part.named_modules() if isinstance(m[1], (_DROPOUT, _NORM)))
    off = (m for m in off if m[1] not in frozen)
    return [f"{name}{n}".rstrip(".") for n, layer in off if not layer.training]


def frozen_in(network: nn.Module) -> list[nn.Module]:
    """Return the parts of a network that have weights, none of which is trained."""
    weights = {part: list(part.parameters()) for part in network.modules() if part is not network}
    return [
        part for part, held in weights.items() if held and not any(w.requires_grad for w in held)
    ]


def _learns(part: nn.Module) -> bool:
    """Whether a part has weights that are trained, apart from those of batch normalisation."""
    layers = [layer for layer in part.modules() if not isinstance(layer, _NORM)]
    return any(w.requires_grad for layer in layers for w in layer.parameters(recurse=False))
