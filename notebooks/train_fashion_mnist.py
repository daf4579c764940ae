"""Learn to name garments: copy this file into an empty folder, `pip install torch torchvision`, and
run it. It fetches FashionMNIST (30 MB), trains, saves the weights, and tests what it has saved."""

import torch
from torch import nn
from torch.nn import functional as F
from torchvision.datasets import FashionMNIST

DATA, WEIGHTS, DEVICE = "data", "garments.pt", "cpu"  # Or "cuda", or "mps" on a Mac.
SEED, EPOCHS, BATCH_SIZE, HIGHEST_RATE = 0, 4, 128, 0.1  # None was chosen on test images.


class GarmentNetwork(nn.Module):
    def __init__(self):
        super().__init__()
        angles = torch.arange(8).view(8, 1, 1, 1) * torch.pi / 4  # Edges face eight ways.
        rising = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]])
        self.register_buffer("filters", angles.cos() * rising + angles.sin() * rising.T)
        self.register_buffer("mean", torch.zeros(8 * 7 * 7 + 14 * 14))  # Saved, but not learnt.
        self.register_buffer("spread", torch.ones(8 * 7 * 7 + 14 * 14))
        self.layers = nn.Sequential(nn.Linear(588, 256), nn.ReLU(), nn.Linear(256, 10))

    def features(self, images):  # Nothing in here is learnt, so training makes them only once.
        pictures = images.unsqueeze(1) / 255
        edges = F.avg_pool2d(F.conv2d(pictures, self.filters, padding=1).relu(), 4).sqrt()
        found = torch.cat([edges.flatten(1), F.avg_pool2d(pictures, 2).flatten(1)], dim=1)
        return (found - self.mean) / self.spread

    def forward(self, images):  # From bytes on: in use they are prepared as in training.
        return self.layers(self.features(images))


if __name__ == "__main__":
    torch.manual_seed(SEED)  # It decides the first weights and the order of the images.
    network = GarmentNetwork().to(DEVICE)
    learnt, unseen = (FashionMNIST(DATA, train=part, download=True) for part in (True, False))
    images, labels = learnt.data.to(DEVICE), learnt.targets.to(DEVICE)
    inputs = torch.cat([network.features(some) for some in images.split(200)])
    network.mean, network.spread = inputs.mean(dim=0), inputs.std(dim=0) + 0.04  # Never near 0.
    inputs.sub_(network.mean).div_(network.spread)
    sgd = torch.optim.SGD(network.layers.parameters(), HIGHEST_RATE, momentum=0.9, nesterov=True)
    steps = EPOCHS * -(-len(labels) // BATCH_SIZE)  # Rounded up: a smaller batch is a step, too.
    how = {"pct_start": 0.25, "anneal_strategy": "linear", "cycle_momentum": False}
    cycle = torch.optim.lr_scheduler.OneCycleLR(sgd, HIGHEST_RATE, steps, **how)
    for epoch in range(1, EPOCHS + 1):
        right = 0
        for chosen in torch.randperm(len(labels)).to(DEVICE).split(BATCH_SIZE):
            scores = network.layers(inputs[chosen])
            F.cross_entropy(scores, labels[chosen]).backward()
            sgd.step()
            sgd.zero_grad()  # Or the next gradient would be added to this one.
            cycle.step()  # The rate climbs, then falls to nearly 0: bold first, careful at the end.
            right += (scores.argmax(dim=1) == labels[chosen]).sum()
        print(f"epoch {epoch} of {EPOCHS}: {right / len(labels):.1%} right along the way")
    torch.save(network.state_dict(), WEIGHTS)
    network = GarmentNetwork().requires_grad_(False)  # On another day, begin here.
    network.load_state_dict(torch.load(WEIGHTS, map_location="cpu", weights_only=True))
    named = torch.cat([network(some).argmax(dim=1) for some in unseen.data.split(200)])
    print(f"on garments not seen before: {(named == unseen.targets).float().mean():.2%} right")
    print("the first of them is named:", unseen.classes[named[0]])
