"""A set-up as the check makes it of a network, to try what is done with one."""

from torch.nn import functional as F

from debugging_clinic.set_ups import BATCHES, sgd
from helpers.debugging_clinic import rehearsal
from helpers.debugging_clinic.rehearsal import Setup


def setup(network, optimizer=None, loss_function=F.cross_entropy, sample=None, handed=None):
    optimizer = optimizer or sgd(network)
    return Setup(
        network=network,
        evaluated=rehearsal.twin_in("eval", network),
        sample=BATCHES if sample is None else sample,
        loss_function=loss_function,
        optimizer=optimizer,
        handed_in=tuple(network.parameters()),
        elsewhere=frozenset(),
        names_it=False,
        handed=handed or optimizer,
        original=network,
    )
