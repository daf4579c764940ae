"""What several tests of this folder train on."""

import pytest
import torch


@pytest.fixture(scope="session")
def data(tmp_path_factory) -> str:
    generator = torch.Generator().manual_seed(0)
    patterns = torch.randint(0, 200, (10, 28, 28), generator=generator)

    def drawn(count: int) -> tuple[torch.Tensor, torch.Tensor]:
        labels = torch.randint(0, 10, (count,), generator=generator)
        noise = torch.randint(0, 56, (count, 28, 28), generator=generator)
        return (patterns[labels] + noise).to(torch.uint8), labels

    parts = dict(zip(("train_images", "train_labels"), drawn(2500), strict=True))
    parts |= dict(zip(("test_images", "test_labels"), drawn(200), strict=True))
    file = tmp_path_factory.mktemp("data") / "garments.pt"
    torch.save(parts, file)
    return str(file)
