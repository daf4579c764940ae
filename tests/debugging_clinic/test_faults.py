"""What the check says of each fault, word by word: its names, what is wrong, and the cure."""

import re

from helpers.debugging_clinic import faults

# By each fault: its name in the code, the name that a reader sees, what is wrong, and its cure.
SAID = """
NOT_SCALED: inputs not scaled
  the inputs are far larger than 1, so the first scores are too;
  divide by 255, or subtract the mean and divide by the standard deviation
NOT_FINITE: inputs not finite
  the inputs hold NaN or infinity;
  leave those images out or repair them
WRONG_LABELS: labels not those of the images
  the labels cannot be told from the images better than by chance;
  shuffle images and labels with one and the same order
NOT_SHUFFLED: data never shuffled
  the training part comes class by class, so each class is forgotten while the next one is
    learnt;
  shuffle it, with shuffle=True in a DataLoader
MIXED_PARTS: test images among the training images
  images of the test part also train the network, so its test result is worth nothing;
  split first, then make the batches
OVER_DIM_0: log_softmax over dim=0
  the images of a batch compete with each other in place of the classes of an image;
  write log_softmax(scores, dim=1)
IMAGES_DEPEND: images of a batch depend on each other
  an image alone gets other scores than in its batch;
  look for an operation over dim=0
CHANCE_IN_EVAL: chance in evaluation mode
  the same images get other scores the second time;
  use nn.Dropout, or hand training=self.training to F.dropout
NEVER_BELOW_ZERO: scores never below zero
  something behind the last layer, such as a sigmoid or a ReLU, keeps every score from
    falling below zero;
  cross_entropy wants raw scores, so take it out of the network
WRONG_WAY_UP: loss the wrong way up
  training makes the score of the right class smaller;
  look for a minus before the loss, or for maximize=True in the optimiser
SOFTMAX_TWICE: softmax before cross-entropy
  cross_entropy gets probabilities where it wants raw scores, so the loss cannot come near
    zero;
  take the softmax out
PROBABILITIES: probabilities in nll_loss
  nll_loss gets probabilities, not their logarithms;
  write log_softmax for softmax
RAW_SCORES: nll_loss on raw scores
  nll_loss gets scores that are no log-probabilities, so the loss has no floor;
  use cross_entropy, or end the network with log_softmax over dim=1
BLIND: loss ignores the labels
  the loss is the same whatever the labels are;
  hand it those of the batch
LOSS_SUMMED: loss summed
  the loss grows with the number of images, and so does each step;
  take the mean, which is what reduction='mean' does
EVAL_MODE: model left in eval mode
  dropout and batch normalisation are switched off;
  call network.train() before training
NO_PARAMETERS: no parameters
  the network has no parameters to train;
  check that it makes its layers in __init__, with two underscores on each side, and holds
    them in an nn.ModuleList, not in a plain list
IN_A_LIST: layers in a plain list
  the scores depend on weights that are not among network.parameters(), so no optimiser
    trains them;
  hold layers in an nn.ModuleList, and a single tensor in an nn.Parameter
FROZEN: everything frozen
  no parameter of the network has requires_grad=True, so nothing can be learnt;
  set it for the layers that are to be trained
ALL_THE_SAME: all weights the same
  layers that follow each other hold one number each, so all their units do and learn the
    same;
  start from random weights, as PyTorch's layers do
DECAYED: weight decay eats the weights
  each step takes lr × weight_decay off every weight, faster than a gradient can build it
    up;
  lower weight_decay, or lr where that is the larger of the two
LEFT_OUT: parameters not handed to the optimiser
  the optimiser does not hold all of the network's parameters, and leaves the others as they
    are;
  make it from network.parameters(), after the network
KEPT_WITH_NETWORK: a graph kept with the network
  the network holds a tensor together with its graph;
  store tensor.detach()
NO_GRADIENT: no gradient
  some parameters never get a gradient, so they never learn;
  look for detach(), no_grad(), a layer that forward leaves out, or a ReLU that lets nothing
    through
DO_NOT_MOVE: weights do not move
  parameters get a gradient and yet stay where they are;
  look at the optimiser's learning rates
NO_BACKWARD: no backward
  no gradient comes to the weights in a step;
  call loss.backward(), on the loss itself and not on its number alone
NO_STEP: no step
  the optimiser's step() is never called, so no weight moves;
  call it after backward
CLEARED_EARLY: cleared before the step
  zero_grad() runs between backward() and step(), so step() sees no gradient;
  clear before backward or after step
NEVER_CLEARED: gradients never cleared
  backward() adds to the gradients of all steps before;
  call optimizer.zero_grad() once in each step
WIPED: gradients wiped within an accumulation
  step() runs once for several batches and zero_grad() for each of them, so all but the last
    are lost;
  clear right after step(), and nowhere else
CLIPPED_EARLY: clipping before backward
  the gradients are clipped before there are any;
  clip between backward() and step()
CLIPPED_SCALED: clipping before unscale_
  the gradients are clipped while a GradScaler holds them far too large, so next to nothing
    is left of them;
  call scaler.unscale_(optimizer) before you clip
SHUFFLED_IN_STEP: labels shuffled in the step
  the step hands the loss the labels in another order than the network the images;
  use one permutation for both
KEPT_GRAPH: a graph kept from step to step
  graphs of earlier steps are still in memory, and there will be more at each step;
  keep loss.item() or loss.detach()
SOMETHING_ELSE: step works on something else
  the step does not use the network, or the optimiser, that it is handed;
  in its body, use the names of its parameters and no others
FORWARD_BY_NAME: forward called by name
  the step calls network.forward(x), which skips hooks;
  call network(x)
RATE_TOO_HIGH: learning rate too high
  the loss climbs within the first updates, and with a far lower learning rate it does not;
  lower the learning rate
LOSS_NOT_FINITE: first loss not finite
  the loss is infinite or NaN before anything was learnt;
  look for the logarithm of zero, a division by zero, or numbers too large for their type
LOSS_TOO_HIGH: first loss too high
  the first loss is far above that of a guess, the logarithm of the number of classes;
  start from smaller weights
NOT_BY_HEART: one batch is not learnt by heart
  even a single small batch does not get a lower loss;
  look at what lies between the images and the loss
"""


def test_each_fault_has_its_own_name_and_sentence_and_no_other():
    blocks = [" ".join(block.split()) for block in re.split(r"\n(?=\S)", SAID.strip())]
    told = [
        f"{code}: {name} {faults.SENTENCES[name]}"
        for code, name in vars(faults).items()
        if code.isupper() and name in (*faults.SENTENCES,)
    ]
    assert told == blocks
    assert faults.HEALTHY == "healthy" and len(faults.SENTENCES) == len(blocks)
