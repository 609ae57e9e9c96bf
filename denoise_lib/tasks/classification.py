"""A second task for denoised images: no finding, or pneumonia?

A small network, trained on a few hundred radiographs with labels that were read from reports by a
program. No diagnosis: in these images a single number, the strength of the film's own grain,
separates the labels as well. What is studied is how a network's answers change with the grain, and
behind a denoiser that removes it.
"""

from __future__ import annotations

import numpy as np
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
# The most that `degrade` does: standard deviations of the noise (0-255) and of the blur (pixels).
MOST_NOISE, MOST_BLUR = 10.0, 2.0
RESAMPLES = 2000


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
    degraded: bool = False,
    progress: bool = True,
) -> TrainingRun:
    """Train on images mirrored at random, each batch shifted round by up to 12 pixels.

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
    degraded : bool
        Blur the images and add noise, see `degrade`, so that grain says little about the label.
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
        if degraded:
            batch = degrade(batch, generator)
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


def blur(images: torch.Tensor, widths: torch.Tensor) -> torch.Tensor:
    """Blur each image with a Gaussian of its own width; edges are mirrored.

    Parameters
    ----------
    images : torch.Tensor
        float32, shape (N, 1, H, W), H and W above 8.
    widths : torch.Tensor
        Shape (N,): standard deviations in pixels, at most `MOST_BLUR`; 0 leaves an image as it is.

    Returns
    -------
    torch.Tensor
        Shape (N, 1, H, W).
    """
    radius = int(4 * MOST_BLUR)
    offsets = torch.arange(-radius, radius + 1, device=images.device)
    kernels = torch.exp(-((offsets / widths.clamp(min=1e-3)[:, None]) ** 2) / 2)
    kernels = (kernels / kernels.sum(1, keepdim=True))[:, None]
    padded = F.pad(images[:, 0], [radius] * 4, mode="reflect")[None]
    across = F.conv2d(padded, kernels[..., None, :], groups=len(images))
    return F.conv2d(across, kernels[..., None], groups=len(images))[0][:, None]


def degrade(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Blur each image and add white noise, both by random amounts, mostly little.

    Parameters
    ----------
    images : torch.Tensor
        float32, shape (N, 1, H, W), in [0, 1].
    generator : torch.Generator
        On the images' device.

    Returns
    -------
    torch.Tensor
        Shape (N, 1, H, W), clipped to [0, 1].
    """
    device = images.device
    # Squared: between nothing and the most, every order of magnitude of grain is met.
    amounts = torch.rand(2, len(images), generator=generator, device=device) ** 2
    noise = torch.randn(images.shape, generator=generator, device=device)
    sigmas = (MOST_NOISE / 255 * amounts[1]).view(-1, 1, 1, 1)
    return (blur(images, MOST_BLUR * amounts[0]) + sigmas * noise).clamp(0, 1)


def grain(image: torch.Tensor) -> float:
    """How strong the noise of an image is, estimated from the image alone.

    Parameters
    ----------
    image : torch.Tensor
        Shape (1, H, W), in [0, 1].

    Returns
    -------
    float
        Standard deviation on the 0-255 scale, from the median of the finest wavelet coefficients.
    """
    from skimage.restoration import estimate_sigma

    return 255 * float(estimate_sigma(image[0].double().numpy()))  # pyright: ignore[reportArgumentType]: one channel


def wins(scores: np.ndarray, positive: np.ndarray) -> np.ndarray:
    """Which pairs of a positive and a negative image are told apart.

    Parameters
    ----------
    scores : numpy.ndarray
        One for each image, shape (N,), or for several networks, shape (networks, N).
    positive : numpy.ndarray
        bool, shape (N,).

    Returns
    -------
    numpy.ndarray
        Shape (positive images, negative images): the share of networks that give the positive one
        the higher score, ties counting half. Its mean is the mean AUC.
    """
    scores = np.atleast_2d(scores)
    one, other = scores[:, positive, None], scores[:, None, ~positive]
    return ((one > other) + 0.5 * (one == other)).mean(0)


def wins_interval(
    won: np.ndarray, positive: np.ndarray, patients: np.ndarray, seed: int = 0
) -> tuple[float, float]:
    """95 % bootstrap interval of an AUC, or of a difference of two, over patients.

    Parameters
    ----------
    won : numpy.ndarray
        From `wins`; or one such minus another of the same images, for a paired difference.
    positive : numpy.ndarray
        bool, shape (N,).
    patients : numpy.ndarray
        Of the images, shape (N,).
    seed : int
        Of the resampling.

    Returns
    -------
    tuple of float
        Lower and upper end.
    """
    _, index = np.unique(patients, return_inverse=True)
    count = index.max() + 1
    drawn = np.random.default_rng(seed).multinomial(
        count, np.full(count, 1 / count), size=RESAMPLES
    )[:, index]
    ones, others = drawn[:, positive], drawn[:, ~positive]
    found = ((ones @ won) * others).sum(1) / (ones.sum(1) * others.sum(1))
    low, high = np.percentile(found, [2.5, 97.5])
    return float(low), float(high)
