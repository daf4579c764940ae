"""Measure every symptom and the pre-flight check over three seeds; run it by hand.

Each fault beside its healthy twin, on the garments that `fashion.load` finds and on the drawn ones,
then whole epochs of the network whose images compete. It ends with an error if a bound does not
separate, a fault is not named, or a healthy run is accused.
"""

from helpers.debugging_clinic import cases, charts, faults, preflight
from helpers.debugging_clinic.symptoms import SYMPTOMS
from helpers.fashion_mnist_pipeline import fashion, standin


def drawn() -> fashion.Garments:
    """Draw a tenth of the stand-in."""
    import torch

    parts = []
    for seed, count in ((0, 12_000), (1, 3_000)):
        labels = torch.randint(10, (count,), generator=torch.Generator().manual_seed(seed))
        parts += [standin.draw(labels, seed=seed), labels]
    return fashion.Garments(*parts, source=fashion.Source("stand-in", "drawn for this run"))


def checked(case: cases.Case) -> tuple[str, ...]:
    """What the pre-flight check finds."""
    trained = (case.network, case.batches, case.loss_function, case.optimizer)
    return preflight.check(*trained, step=case.step, test=case.test).faults


def measure(garments: fashion.Garments, seeds: int) -> int:
    """Print a line for each fault and return how many things went wrong."""
    print(garments.source)
    wrong = 0
    for symptom in SYMPTOMS:
        seen, found = {}, {}
        for healthy in (False, True):
            people = [
                cases.admit(symptom.fault, garments, seed=seed, healthy=healthy)
                for seed in range(seeds)
            ]
            seen[healthy] = [charts.observe(case) for case in people]
            found[healthy] = [checked(case) for case in people]
        shown, false = (sum(map(symptom.shown_by, seen[healthy])) for healthy in (False, True))
        named = found[False].count((symptom.fault,))
        accused = seeds - found[True].count(())
        wrong += (seeds - shown) + false + (seeds - named) + accused
        ranges = [
            f"{min(values):.3g} to {max(values):.3g}"
            for values in ([symptom.measure(chart) for chart in those] for those in seen.values())
        ]
        print(f"{symptom}: patient {ranges[0]}, healthy {ranges[1]}; ", end="")
        print(f"shown {shown}, false {false}; named {named}, accused {accused} of {seeds}")
    return wrong


def competing(garments: fashion.Garments, epochs: int) -> None:
    """Print how often a network over dim=0 is right by the size of the batches."""
    for seed in range(3):
        count = len(garments.train_labels)
        case = cases.admit(faults.OVER_DIM_0, garments, seed=seed, images=count)
        for _ in range(epochs):
            for images, labels in case.batches:
                case.step(case.network, images, labels, case.loss_function, case.optimizer)
        test = fashion.Batches(garments.test_images, garments.test_labels, 128)
        shares = [charts.accuracy(case.network, test, in_batches_of=size) for size in (128, 8, 1)]
        print(f"dim=0, {epochs} epochs, seed {seed}:", *(f"{share:.1%}" for share in shares))


if __name__ == "__main__":
    found = fashion.load()
    mistakes = measure(found, seeds=3) + measure(drawn(), seeds=3)
    competing(found, epochs=5)
    raise SystemExit(f"{mistakes} things went wrong" if mistakes else 0)
