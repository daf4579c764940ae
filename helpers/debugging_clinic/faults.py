"""Every fault that the clinic and its pre-flight check know: a name, and what to do about it.

Patients, symptoms, the check and the notebook say a fault's name in the same words, so each is
written once, here. Fifteen of them have a patient in `cases`; the check looks for all.
"""

from helpers.common.sentences import say

HEALTHY = "healthy"

# By each fault's name, what is wrong and what to do about it, in one sentence for the reader.
SENTENCES: dict[str, str] = {}


def _fault(name: str, sentence: str) -> str:
    SENTENCES[name] = sentence
    return name


# fmt: off
# Of the data.
NOT_SCALED = _fault("inputs not scaled", say(
    "the inputs are far larger than 1, so the first scores are too; divide by 255, or subtract "
    "the mean and divide by the standard deviation"))
NOT_FINITE = _fault("inputs not finite", say(
    "the inputs hold NaN or infinity; leave those images out or repair them"))
WRONG_LABELS = _fault("labels not those of the images", say(
    "the labels cannot be told from the images better than by chance; shuffle images and labels "
    "with one and the same order"))
NOT_SHUFFLED = _fault("data never shuffled", say(
    "the training part comes class by class, so each class is forgotten while the next one is "
    "learnt; shuffle it, with shuffle=True in a DataLoader"))
MIXED_PARTS = _fault("test images among the training images", say(
    "images of the test part also train the network, so its test result is worth nothing; split "
    "first, then make the batches"))
# Of the scores and the loss.
OVER_DIM_0 = _fault("log_softmax over dim=0", say(
    "the images of a batch compete with each other in place of the classes of an image; write "
    "log_softmax(scores, dim=1)"))
IMAGES_DEPEND = _fault("images of a batch depend on each other", say(
    "an image alone gets other scores than in its batch; look for an operation over dim=0"))
CHANCE_IN_EVAL = _fault("chance in evaluation mode", say(
    "the same images get other scores the second time; use nn.Dropout, or hand "
    "training=self.training to F.dropout"))
NEVER_BELOW_ZERO = _fault("scores never below zero", say(
    "something behind the last layer, such as a sigmoid or a ReLU, keeps every score from falling "
    "below zero; cross_entropy wants raw scores, so take it out of the network"))
WRONG_WAY_UP = _fault("loss the wrong way up", say(
    "training makes the score of the right class smaller; look for a minus before the loss, or "
    "for maximize=True in the optimiser"))
SOFTMAX_TWICE = _fault("softmax before cross-entropy", say(
    "cross_entropy gets probabilities where it wants raw scores, so the loss cannot come near "
    "zero; take the softmax out"))
PROBABILITIES = _fault("probabilities in nll_loss", say(
    "nll_loss gets probabilities, not their logarithms; write log_softmax for softmax"))
RAW_SCORES = _fault("nll_loss on raw scores", say(
    "nll_loss gets scores that are no log-probabilities, so the loss has no floor; use "
    "cross_entropy, or end the network with log_softmax over dim=1"))
BLIND = _fault("loss ignores the labels", say(
    "the loss is the same whatever the labels are; hand it those of the batch"))
LOSS_SUMMED = _fault("loss summed", say(
    "the loss grows with the number of images, and so does each step; take the mean, which is "
    "what reduction='mean' does"))
# Of the network and its optimiser.
EVAL_MODE = _fault("model left in eval mode", say(
    "dropout and batch normalisation are switched off; call network.train() before training"))
NO_PARAMETERS = _fault("no parameters", say(
    "the network has no parameters to train; check that it makes its layers in __init__, with two "
    "underscores on each side, and holds them in an nn.ModuleList, not in a plain list"))
IN_A_LIST = _fault("layers in a plain list", say(
    "the scores depend on weights that are not among network.parameters(), so no optimiser trains "
    "them; hold layers in an nn.ModuleList, and a single tensor in an nn.Parameter"))
FROZEN = _fault("everything frozen", say(
    "no parameter of the network has requires_grad=True, so nothing can be learnt; set it for the "
    "layers that are to be trained"))
ALL_THE_SAME = _fault("all weights the same", say(
    "layers that follow each other hold one number each, so all their units do and learn the same; "
    "start from random weights, as PyTorch's layers do"))
DECAYED = _fault("weight decay eats the weights", say(
    "each step takes lr × weight_decay off every weight, faster than a gradient can build it up; "
    "lower weight_decay, or lr where that is the larger of the two"))
LEFT_OUT = _fault("parameters not handed to the optimiser", say(
    "the optimiser does not hold all of the network's parameters, and leaves the others as they "
    "are; make it from network.parameters(), after the network"))
KEPT_WITH_NETWORK = _fault("a graph kept with the network", say(
    "the network holds a tensor together with its graph; store tensor.detach()"))
NO_GRADIENT = _fault("no gradient", say(
    "some parameters never get a gradient, so they never learn; look for detach(), no_grad(), a "
    "layer that forward leaves out, or a ReLU that lets nothing through"))
DO_NOT_MOVE = _fault("weights do not move", say(
    "parameters get a gradient and yet stay where they are; look at the optimiser's learning "
    "rates"))
# Of the step.
NO_BACKWARD = _fault("no backward", say(
    "no gradient comes to the weights in a step; call loss.backward(), on the loss itself and "
    "not on its number alone"))
NO_STEP = _fault("no step", say(
    "the optimiser's step() is never called, so no weight moves; call it after backward"))
CLEARED_EARLY = _fault("cleared before the step", say(
    "zero_grad() runs between backward() and step(), so step() sees no gradient; clear before "
    "backward or after step"))
NEVER_CLEARED = _fault("gradients never cleared", say(
    "backward() adds to the gradients of all steps before; call optimizer.zero_grad() once in "
    "each step"))
WIPED = _fault("gradients wiped within an accumulation", say(
    "step() runs once for several batches and zero_grad() for each of them, so all but the last "
    "are lost; clear right after step(), and nowhere else"))
CLIPPED_EARLY = _fault("clipping before backward", say(
    "the gradients are clipped before there are any; clip between backward() and step()"))
CLIPPED_SCALED = _fault("clipping before unscale_", say(
    "the gradients are clipped while a GradScaler holds them far too large, so next to nothing is "
    "left of them; call scaler.unscale_(optimizer) before you clip"))
SHUFFLED_IN_STEP = _fault("labels shuffled in the step", say(
    "the step hands the loss the labels in another order than the network the images; use one "
    "permutation for both"))
KEPT_GRAPH = _fault("a graph kept from step to step", say(
    "graphs of earlier steps are still in memory, and there will be more at each step; keep "
    "loss.item() or loss.detach()"))
SOMETHING_ELSE = _fault("step works on something else", say(
    "the step does not use the network, or the optimiser, that it is handed; in its body, use the "
    "names of its parameters and no others"))
FORWARD_BY_NAME = _fault("forward called by name", say(
    "the step calls network.forward(x), which skips hooks; call network(x)"))
# Of the first updates.
RATE_TOO_HIGH = _fault("learning rate too high", say(
    "the loss climbs within the first updates, and with a far lower learning rate it does not; "
    "lower the learning rate"))
LOSS_NOT_FINITE = _fault("first loss not finite", say(
    "the loss is infinite or NaN before anything was learnt; look for the logarithm of zero, a "
    "division by zero, or numbers too large for their type"))
LOSS_TOO_HIGH = _fault("first loss too high", say(
    "the first loss is far above that of a guess, the logarithm of the number of classes; start "
    "from smaller weights"))
NOT_BY_HEART = _fault("one batch is not learnt by heart", say(
    "even a single small batch does not get a lower loss; look at what lies between the images "
    "and the loss"))
# fmt: on
