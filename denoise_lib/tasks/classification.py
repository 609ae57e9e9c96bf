"""A second task for denoised images: no finding, or pneumonia?

A small network, trained on a few hundred clean radiographs with labels that were read from reports
by a program. A modest baseline, and no diagnosis: what is studied is how its answers change when
the image it looks at has been denoised.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from denoise_lib.checks import UserError, check_clean
from denoise_lib.device import training_device
from denoise_lib.inference import evaluating
from denoise_lib.recipe import Recipe
from denoise_lib.training.loop import optimise
from denoise_lib.training.run import TrainingRun

POSITIVE = "pneumonia"
RECIPE = Recipe(steps=900, batch_size=16, learning_rate=2e-3, ema=0.99)


class Classifier(nn.Module):
    """Strided convolutions and an average: a radiograph in, one logit out.

    Parameters
    ----------
    widths : tuple of int
        Feature maps of each layer; each halves the image.
    """

    def __init__(self, widths: tuple[int, ...] = (16, 32, 64, 64, 64)):
        super().__init__()
        layers: list[nn.Module] = []
        for below, above in zip((1, *widths[:-1]), widths, strict=True):
            layers += [
                nn.Conv2d(below, above, 3, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(above),
                nn.ReLU(),
            ]
        self.features = nn.Sequential(*layers)
        self.output = nn.Linear(widths[-1], 1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Classify.

        Parameters
        ----------
        images : torch.Tensor
            float32, shape (N, 1, H, W), in [0, 1].

        Returns
        -------
        torch.Tensor
            Logits, shape (N,); positive for pneumonia.
        """
        maps = self.features(images - 0.5)
        return self.output(F.dropout(maps.mean((-2, -1)), 0.3, self.training))[:, 0]


def fit_classifier(
    model: Classifier,
    images: torch.Tensor,
    labels: torch.Tensor,
    recipe: Recipe = RECIPE,
    progress: bool = True,
) -> TrainingRun:
    """Train on CLEAN images, mirrored at random; each batch shifted round by up to 12 pixels.

    Parameters
    ----------
    model : Classifier
        Trained in place.
    images : torch.Tensor
        float32, shape (N, 1, H, W), in [0, 1].
    labels : torch.Tensor
        Shape (N,), 1 for pneumonia.
    recipe : Recipe
        Its patch size, symmetries and loss are not used.
    progress : bool
        Show a progress bar.

    Returns
    -------
    TrainingRun

    Raises
    ------
    TypeError, ValueError
        When the images are not in [0, 1], or there is not one label each.
    """
    check_clean(images)
    if len(labels) != len(images):
        raise UserError(f"Give one label per image: {len(images)} images, {len(labels)} labels.")
    images, labels = images.to(training_device()), labels.float().to(training_device())

    def draw(generator: torch.Generator) -> dict:
        device = generator.device
        chosen = torch.randint(
            len(images), (recipe.batch_size,), generator=generator, device=device
        )
        batch = images[chosen]
        mirrored = torch.rand(len(batch), 1, 1, 1, generator=generator, device=device) < 0.5
        batch = torch.where(mirrored, batch.flip(-1), batch)
        down, right = torch.randint(-12, 13, (2,), generator=generator, device=device).tolist()
        return {"clean": batch.roll((down, right), (-2, -1)), "label": labels[chosen]}

    def loss(network, batch):
        return F.binary_cross_entropy_with_logits(network(batch["clean"]), batch["label"])

    return optimise(model, draw, loss, recipe, progress=progress)


def classify(model: Classifier, images: torch.Tensor) -> torch.Tensor:
    """Logits of images, one at a time, clipped to [0, 1] as in a file.

    Parameters
    ----------
    model : Classifier
        Its mode is left as it was.
    images : torch.Tensor
        float32, shape (N, 1, H, W).

    Returns
    -------
    torch.Tensor
        On the CPU, shape (N,).
    """
    with evaluating(model) as device:
        return torch.cat([model(image[None].clamp(0, 1).to(device)).cpu() for image in images])
