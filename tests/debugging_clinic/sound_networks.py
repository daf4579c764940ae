"""Sound runs, first half: networks as people write them. Each function is one set-up."""

import torch
from torch import nn
from torch.nn import functional as F

from debugging_clinic.runs import Drops, Layer, Run, adam, cnn, mlp, run, sgd
from helpers.debugging_clinic.steps import by_the_book

SETUPS = {}


def setup(run):
    SETUPS[run.__name__] = run
    return run


rows_of_pixels = Layer(lambda x: x.view(len(x), 28, 28))
last = Layer(lambda out: (out[0] if isinstance(out, tuple) else out)[:, -1])


def shuffled(inputs, labels, size=100):
    order = torch.randperm(len(labels))
    return list(zip(inputs[order].split(size), labels[order].split(size), strict=True))


def clouds(classes, count=2_000, width=64, spread=0.5):
    """Points around a centre for each class, which are easy to tell apart."""
    labels = torch.randint(classes, (count,))
    return torch.randn(classes, width)[labels] + spread * torch.randn(count, width), labels


def small(width=64, classes=10, *head):
    return nn.Sequential(nn.Linear(width, 32), nn.ReLU(), nn.Linear(32, classes), *head)


# Networks.
@setup
def an_lstm_over_rows(batches):
    network = nn.Sequential(
        rows_of_pixels, nn.LSTM(28, 32, batch_first=True), last, nn.Linear(32, 10)
    )
    return run(network, batches, adam(1e-3), step=by_the_book)


@setup
def a_gru_both_ways(batches):
    gru = nn.GRU(28, 16, batch_first=True, bidirectional=True, num_layers=2, dropout=0.2)
    mean = Layer(lambda out: out[0].mean(dim=1))
    return run(nn.Sequential(rows_of_pixels, gru, mean, nn.Linear(32, 10)), batches, adam(3e-3))


@setup
def an_lstm_with_a_first_state_made_in_each_call(batches):
    class Recurrent(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm, self.out = nn.LSTM(28, 32, batch_first=True), nn.Linear(32, 10)

        def forward(self, x):
            h = torch.zeros(1, len(x), 32), torch.zeros(1, len(x), 32)
            return self.out(self.lstm(x.squeeze(1), h)[0][:, -1])

    return run(Recurrent(), batches, adam(1e-3))


class Transformer(nn.Module):
    def __init__(self, width=32):
        super().__init__()
        self.embed = nn.Linear(28, width)
        self.token = nn.Parameter(torch.zeros(1, 1, width))
        self.places = nn.Parameter(0.02 * torch.randn(1, 29, width))
        layer = nn.TransformerEncoderLayer(width, 4, 64, dropout=0.1, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.out = nn.Linear(width, 10)

    def forward(self, x):
        x = self.embed(x.squeeze(1))
        x = torch.cat([self.token.expand(len(x), -1, -1), x], dim=1) + self.places
        return self.out(self.encoder(x)[:, 0])


@setup
def a_transformer_with_a_class_token(batches):
    return run(Transformer(), batches, lambda w: torch.optim.AdamW(w, lr=1e-3, weight_decay=0.05))


@setup
def tied_weights(batches):
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.inside = nn.Linear(784, 64)
            self.first, self.second = nn.Linear(64, 64), nn.Linear(64, 64)
            self.second.weight = self.first.weight
            self.out = nn.Linear(64, 10)

        def forward(self, x):
            x = self.inside(x.flatten(1)).relu()
            return self.out(self.second(self.first(x).relu()).relu())

    return run(Tied(), batches)


@setup
def a_residual_network_whose_branches_begin_at_zero(batches):
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8))
            nn.init.zeros_(self.body[1].weight)

        def forward(self, x):
            return (x + self.body(x)).relu()

    body = [nn.Conv2d(1, 8, 3, stride=2), nn.BatchNorm2d(8), nn.ReLU(), Block(), Block()]
    return run(nn.Sequential(*body, nn.Flatten(), nn.Linear(8 * 169, 10)), batches)


@setup
def squeeze_and_excitation(batches):
    class Excite(nn.Module):
        def __init__(self):
            super().__init__()
            self.gate = nn.Sequential(nn.Linear(8, 4), nn.SiLU(), nn.Linear(4, 8), nn.Sigmoid())

        def forward(self, x):
            return x * self.gate(x.mean((2, 3)))[:, :, None, None]

    body = [nn.Conv2d(1, 8, 3, stride=2), nn.SiLU(), Excite()]
    return run(nn.Sequential(*body, nn.Flatten(), nn.Linear(8 * 169, 10)), batches, adam(1e-3))


@setup
def scales_of_layers_that_begin_small(batches):
    class Scale(nn.Module):
        def __init__(self):
            super().__init__()
            self.gamma = nn.Parameter(1e-2 * torch.ones(64, 1, 1))

        def forward(self, x):
            return x + self.gamma.flatten() * x

    return run(mlp(noise=[Scale()]), batches)


@setup
def group_norm(batches):
    network = cnn()
    network[1] = nn.GroupNorm(2, 8)
    return run(network, batches)


@setup
def layer_norm_and_gelu(batches):
    body = (nn.Linear(784, 64), nn.LayerNorm(64), nn.GELU(), nn.Linear(64, 10))
    return run(nn.Sequential(nn.Flatten(), *body), batches, adam(1e-3))


@setup
def a_scale_for_each_head(batches):
    class Heads(nn.Module):
        def __init__(self):
            super().__init__()
            self.into, self.out = nn.Linear(28, 3 * 32), nn.Linear(32, 10)
            self.of_q, self.of_k = (nn.Parameter(torch.full((4, 1, 8), 0.35)) for _ in range(2))

        def forward(self, x):
            q, k, v = self.into(x.squeeze(1)).view(len(x), 28, 3, 4, 8).permute(2, 0, 3, 1, 4)
            q, k = self.of_q * F.normalize(q, dim=-1), self.of_k * F.normalize(k, dim=-1)
            mixed = (8 * q @ k.mT).softmax(dim=-1) @ v
            return self.out(mixed.transpose(1, 2).flatten(2).mean(dim=1))

    return run(Heads(), batches, adam(1e-3), step=by_the_book)


@setup
def rows_of_a_table_that_get_sparse_gradients(batches):
    class Looks(nn.Module):
        def __init__(self):
            super().__init__()
            self.table, self.out = nn.Embedding(8, 4, sparse=True), nn.Linear(4 * 196, 10)

        def forward(self, x):
            return self.out(self.table((7 * x[:, :, ::2, ::2]).long()).flatten(1))

    return run(Looks(), batches, step=by_the_book)


@setup
def inputs_kept_within_what_was_seen(batches):
    """As in training for few bits: how wide inputs are is noted in evaluation, too."""

    class Within(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = mlp()
            self.register_buffer("most", torch.ones(()))

        def forward(self, x):
            self.most.lerp_(x.abs().max(), 0.5)
            return self.body(4 * (x / self.most).tanh())

    return run(Within(), batches, step=by_the_book)


@setup
def nothing_is_left_of_a_batch_of_one(batches):
    squeezed = Layer(lambda x: F.adaptive_avg_pool2d(x, 1).squeeze())
    body = [nn.Conv2d(1, 32, 5, stride=2), nn.ReLU(), nn.Conv2d(32, 10, 3), squeezed]
    return run(nn.Sequential(*body), batches, adam(1e-3), step=by_the_book)


@setup
def dropout_by_function(batches):
    return run(mlp(noise=[Drops()]), batches)


@setup
def a_last_layer_that_begins_at_zero(batches):
    network = cnn()
    nn.init.zeros_(network[-1].weight)
    return run(network, batches)


@setup
def softmax_regression_that_begins_at_zero(batches):
    network = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
    nn.init.zeros_(network[1].weight)
    return run(network, batches, sgd(0.01))


class Cosine(nn.Module):
    def __init__(self, scale):
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(784, 64), nn.ReLU())
        self.prototypes = nn.Parameter(torch.randn(10, 64))
        self.scale = scale

    def forward(self, x):
        features = F.normalize(self.body(x), dim=1)
        return self.scale * features @ F.normalize(self.prototypes, dim=1).T


@setup
def scaled_cosine_scores(batches):
    return run(Cosine(16.0), batches, step=by_the_book)


@setup
def cosine_scores_that_begin_with_a_high_loss(batches):
    return run(Cosine(64.0), batches, adam(1e-3), step=by_the_book)


@setup
def a_sigmoid_with_room(batches):
    return run(mlp(Layer(lambda scores: 20 * scores.sigmoid())), batches, adam(1e-3))


@setup
def scores_of_an_image_and_a_text(batches):
    class Contrast(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = nn.Sequential(nn.Flatten(), nn.Linear(784, 64), nn.ReLU())
            self.register_buffer("texts", F.normalize(torch.rand(10, 64), dim=1))
            self.logarithm = nn.Parameter(torch.tensor(2.659))  # The scale begins at 1 / 0.07.

        def forward(self, x):  # Neither side is ever below zero: all its scores are positive.
            return self.logarithm.exp() * F.normalize(self.body(x), dim=1) @ self.texts.T

    return run(Contrast(), batches, adam(1e-3))


@setup
def distances_to_prototypes(batches):
    class Distances(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.centres = nn.Linear(784, 16), nn.Parameter(torch.randn(10, 16))

        def forward(self, x):
            return -torch.cdist(self.body(x.flatten(1)), self.centres)

    return run(Distances(), batches, adam(1e-3))


@setup
def a_frozen_backbone(batches):
    network = cnn()
    network[:5].requires_grad_(False).eval()
    return run(network, batches)


@setup
def a_backbone_under_no_grad(batches):
    class Transfer(nn.Module):
        def __init__(self):
            super().__init__()
            self.backbone = cnn()[:6].requires_grad_(False)
            self.head = nn.Linear(576, 10)

        def forward(self, x):
            with torch.no_grad():
                features = self.backbone(x)
            return self.head(features)

    return run(Transfer(), batches, step=by_the_book)


@setup
def a_frozen_backbone_that_the_optimiser_holds(batches):
    network = cnn()
    network[:5].requires_grad_(False)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    return Run(network, batches, F.cross_entropy, optimizer)


@setup
def low_rank_adapters(batches):
    class Adapted(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.head = cnn()[:6].requires_grad_(False), nn.Linear(576, 10)
            self.head.requires_grad_(False)
            self.A = nn.Parameter(0.05 * torch.randn(576, 8))
            self.B = nn.Parameter(torch.zeros(8, 10))

        def forward(self, x):
            hidden = self.body(x)
            return self.head(hidden) + hidden @ self.A @ self.B

    return run(Adapted(), batches, adam(1e-2))


@setup
def layers_in_a_plain_list_that_the_optimiser_holds(batches):
    class Deep(nn.Module):
        def __init__(self):
            super().__init__()
            self.hidden, self.out = [nn.Linear(784, 64)], nn.Linear(64, 10)

        def forward(self, x):
            return self.out(self.hidden[0](x.flatten(1)).relu())

    network = Deep()
    weights = [*network.parameters(), *network.hidden[0].parameters()]
    optimizer = torch.optim.SGD(weights, lr=0.1)
    return Run(network, batches, F.cross_entropy, optimizer)


@setup
def a_hidden_layer_that_is_kept_to_be_looked_at(batches):
    class Keeps(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.out = nn.Linear(784, 64), nn.Linear(64, 10)

        def forward(self, x):
            self.features = self.body(x.flatten(1)).relu()
            return self.out(self.features)

    return run(Keeps(), batches, step=by_the_book)


@setup
def a_state_that_the_step_lets_go_of(batches):
    class Remembers(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn, self.state = nn.GRU(28, 10, batch_first=True), None

        def forward(self, x):
            out, self.state = self.rnn(x.squeeze(1), self.state)
            return out[:, -1]

    def step(network, *rest):
        network.state = None if network.state is None else network.state.detach()
        by_the_book(network, *rest)

    return run(Remembers(), batches, step=step)


@setup
def a_state_that_forward_detaches(batches):
    class Remembers(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn, self.state = nn.GRU(28, 10, batch_first=True), None

        def forward(self, x):
            out, state = self.rnn(x.squeeze(1), self.state)
            self.state = state.detach()
            return out[:, -1]

    return run(Remembers(), batches)
