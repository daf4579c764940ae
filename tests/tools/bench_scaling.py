"""Measure a step in one process, in two, and in one with two threads, and print the ratios.

Run it with ``python tests/tools/bench_scaling.py``; it is no test, since a time proves nothing.
"""

import statistics
import time

import torch
import torch.distributed as dist
from torch.nn import functional as F

from helpers.beyond_one_process import launch, networks, parallel

ROUNDS = 3
WAYS = {
    "1 process, 1 thread": (1, 1),
    "2 processes, 1 thread": (2, 1),
    "1 process, 2 threads": (1, 2),
}


def milliseconds_per_step(threads):
    torch.set_num_threads(threads)
    images, labels = torch.rand(128, 1, 28, 28), torch.arange(128) % 10
    times = {"all-reduce of the MLP's gradient": [], "mlp": [], "cnn": []}
    gradient = torch.zeros(101_632)
    for _ in range(200 * (dist.get_world_size() > 1)):
        start = time.perf_counter()
        dist.all_reduce(gradient)
        times["all-reduce of the MLP's gradient"].append(1000 * (time.perf_counter() - start))
    for name, steps in {"mlp": 200, "cnn": 40}.items():
        network = getattr(networks, name)()
        optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.8)
        network = parallel.wrapped(network)
        walk = [(images, labels)] * (steps + 5)
        start = time.perf_counter()
        for _ in parallel.train(network, walk, F.nll_loss, optimizer):
            times[name].append(1000 * (time.perf_counter() - start))
            start = time.perf_counter()
    return {
        name: sorted(values[5:])[len(values[5:]) // 2] for name, values in times.items() if values
    }


def main() -> None:
    found = {way: [] for way in WAYS}
    for _ in range(ROUNDS):
        for way, (processes, threads) in WAYS.items():
            launched = launch.in_processes(milliseconds_per_step, threads, processes=processes)
            found[way].append(launched.results[0])
    alone = found["1 process, 1 thread"]
    print(f"a step on a batch of 128, whoever shares it; median of {ROUNDS} rounds")
    for way, rounds in found.items():
        for name in rounds[0]:
            taken = statistics.median(told[name] for told in rounds)
            line = f"{way:>22}, {name}: {taken:7.2f} ms"
            if name in alone[0]:
                before = statistics.median(told[name] for told in alone)
                line += f", {before / taken:5.2f} times as fast"
            print(line)


if __name__ == "__main__":
    main()
