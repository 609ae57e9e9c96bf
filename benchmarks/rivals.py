"""What `run_benchmarks.py` compares with: the usual loop, and deepinv's trainer and network."""

from __future__ import annotations

import importlib.machinery
import sys
import tempfile
import time
from unittest.mock import MagicMock

import torch
import torch.nn.functional as F

from denoise_lib import methods

STEPS = 2


def plain_training(images: torch.Tensor, batch: int, side: int, sigma: float) -> float:
    """Patches per second of the loop that one finds everywhere: fp32, NCHW, Adam."""
    model = methods.create("dncnn").train()
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    patches = images[:, :, :side, :side].repeat(-(-batch // len(images)), 1, 1, 1)[:batch]

    def step() -> None:
        noisy = patches + sigma / 255 * torch.randn_like(patches)
        loss = F.mse_loss(model(noisy), patches)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    step()
    start = time.perf_counter()
    for _ in range(STEPS):
        step()
    return STEPS * batch / (time.perf_counter() - start)


def import_deepinv():
    """deepinv; where torchvision is missing, with a stand-in for it.

    deepinv imports torchvision at its start and uses it for saving and resizing pictures only,
    nothing that is timed here. Its processor-only build is not to be had everywhere.
    """
    try:
        import torchvision  # noqa: F401
    except ImportError:
        for name in ("", ".utils", ".transforms", ".transforms.functional", ".datasets"):
            _stand_in(f"torchvision{name}")
        for name in (".datasets.folder", ".datasets.utils"):
            _stand_in(f"torchvision{name}")
    import deepinv

    return deepinv


def _stand_in(name: str) -> None:
    module = MagicMock()
    module.__spec__ = importlib.machinery.ModuleSpec(name, None)
    sys.modules[name] = module


def deepinv_dncnn() -> torch.nn.Module:
    """deepinv's DnCNN of 17 layers (without batch norm, as it is there)."""
    network = import_deepinv().models.DnCNN(
        in_channels=1, out_channels=1, depth=17, pretrained=None, device="cpu"
    )
    return network.eval()


def deepinv_training(images: torch.Tensor, batch: int, side: int, sigma: float) -> float:
    """Patches per second of deepinv's Trainer on its own DnCNN."""
    deepinv = import_deepinv()
    patches = images[:, :, :side, :side].repeat(-(-batch // len(images)), 1, 1, 1)[:batch]
    physics = deepinv.physics.Denoising(deepinv.physics.GaussianNoise(sigma / 255))
    model = deepinv_dncnn().train()
    times: list[float] = []

    class Timed(torch.optim.Adam):
        def step(self, *arguments, **options):
            super().step(*arguments, **options)
            times.append(time.perf_counter())

    with tempfile.TemporaryDirectory() as folder:
        deepinv.Trainer(
            model=model,
            physics=physics,
            epochs=1,
            optimizer=Timed(model.parameters(), 1e-3),
            losses=deepinv.loss.SupLoss(metric=torch.nn.MSELoss()),
            train_dataloader=torch.utils.data.DataLoader(
                list(patches) * (STEPS + 2), batch_size=batch, drop_last=True
            ),
            online_measurements=True,
            metrics=None,
            device="cpu",
            save_path=folder,
            show_progress_bar=False,
            verbose=False,
            plot_images=False,
        ).train()
    # From the end of the first step, which is slower; the trainer need not use the last batch.
    return (len(times) - 1) * batch / (times[-1] - times[0])
