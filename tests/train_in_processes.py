"""What tests/test_distributed.py launches: a short training; prints its curve as JSON."""

import json
import sys

import torch

from denoise_lib import methods
from denoise_lib.noise import BlindGaussianNoise
from denoise_lib.training import Recipe, fit
from denoise_lib.training.patches import NoisyPatches

CONFIGS = {
    "rdn": {"blocks": 1, "layers": 2, "growth": 8, "features": 16},
    "dncnn": {"depth": 5, "features": 16},
}


def main(name: str, optimizer: str, folder: str, sittings: str) -> None:
    images = torch.rand(4, 1, 40, 40, generator=torch.Generator().manual_seed(0))
    recipe = Recipe(
        steps=10, batch_size=8, patch_size=24, optimizer=optimizer, validate_every=1, seed=3
    )
    options = {"folder": folder, "precision": "fp32", "progress": False}
    for sitting in range(int(sittings)):
        torch.manual_seed(sitting)  # a later sitting must take its weights from the checkpoint
        model = methods.create(name, **CONFIGS[name])
        data = NoisyPatches(images, BlindGaussianNoise(0, 55))
        last = sitting == int(sittings) - 1
        run = fit(model, data, recipe, resume=True, max_minutes=None if last else 0, **options)
    if torch.distributed.is_initialized() and torch.distributed.get_rank() > 0:
        return
    weights = torch.cat([value.flatten().double() for value in model.state_dict().values()])
    print("RESULT", json.dumps({"loss": list(run.curve["loss"]), "norm": weights.norm().item()}))


main(*sys.argv[1:])
