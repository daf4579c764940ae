"""What several tests of this folder train on."""

from collections.abc import Callable

import pytest
import torch

from helpers import run


@pytest.fixture(scope="session")
def data(tmp_path_factory) -> str:
    generator = torch.Generator().manual_seed(0)
    patterns = torch.randint(0, 200, (10, 28, 28), generator=generator)

    def drawn(count: int) -> tuple[torch.Tensor, torch.Tensor]:
        labels = torch.randint(0, 10, (count,), generator=generator)
        noise = torch.randint(0, 56, (count, 28, 28), generator=generator)
        return (patterns[labels] + noise).to(torch.uint8), labels

    names = ("train_images", "train_labels", "test_images", "test_labels")
    file = tmp_path_factory.mktemp("data") / "garments.pt"
    torch.save(dict(zip(names, (*drawn(2500), *drawn(200)), strict=True)), file)
    return str(file)


@pytest.fixture
def command(data, capsys) -> Callable:
    """The command on these garments, in this process: from options to stdout and stderr."""

    def run_it(options: str, *more: object, code: int = 0) -> tuple[str, str]:
        assert run.main(["--data", data, *options.split(), *map(str, more)]) == code
        return capsys.readouterr()

    return run_it
