"""Noise models: from a clean image x to a noisy image y.

Every model draws in two ways. Calling it, ``noise(clean, ids, seed)``, draws from a generator
keyed by (seed, image id): the same bits on every machine, in any order and any batch size, so
that all methods are judged on the same noisy images. ``noise.sample(clean, generator)`` draws
fresh noise quickly on the images' own device, for training.

Sigma is given on the 0-255 scale, as the papers give it, and divided here, once.
"""

from __future__ import annotations

import hashlib
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import MISSING, asdict, dataclass, field, fields
from typing import Protocol, TypeVar

import numpy as np
import torch
import torch.nn.functional as F

from denoise_lib.checks import (
    LARGEST_SIGMA,
    UserError,
    check_clean,
    check_flag,
    check_number,
    check_values,
    check_whole,
    shown,
    unknown,
)

# Beyond these nothing of an image is left, or single precision counts no more.
MOST_PHOTONS, MOST_COUNTS, WIDEST = 1e7, 1e4, 100

LEAST_COUNT = 0.5  # what stands in a logarithm instead of nothing

# The tone curve of `chest-drr`. Attenuations: medians over 16 training images of what
# `tools/render_chest_drr.py` shows as black and as white; gamma and slope: the middle of the
# ranges that it draws from.
CHEST_DRR = {"black": 0.0, "white": 4.8, "gamma": 1.4, "slope": 2.75}

# The root mean square of their noise on `chest-drr` is about that of sigma 10, 25 and 50.
STUDY_DOSES = (1400, 270, 50)


class _Draws(Protocol):
    """Random fields of the shape of an image batch, (N, 1, H, W)."""

    def normal(self, like: torch.Tensor) -> torch.Tensor: ...

    def uniform(self, like: torch.Tensor) -> torch.Tensor: ...

    def poisson(self, rate: torch.Tensor) -> torch.Tensor: ...


class _KeyedDraws:
    """Random fields with one generator per image, keyed by (seed, image id)."""

    def __init__(self, ids: Sequence[str], seed: int):
        self._generators = [_keyed_generator(seed, image_id) for image_id in ids]

    def _stack(self, draw: Callable[[np.random.Generator], np.ndarray]) -> torch.Tensor:
        drawn = [draw(generator) for generator in self._generators]
        return torch.from_numpy(np.stack(drawn).astype(np.float32))

    def normal(self, like: torch.Tensor) -> torch.Tensor:
        # Drawn in double and rounded: a last-bit difference between maths libraries disappears.
        return self._stack(lambda generator: generator.standard_normal(like.shape[1:]))

    def uniform(self, like: torch.Tensor) -> torch.Tensor:
        return self._stack(lambda generator: generator.random(like.shape[1:]))

    def poisson(self, rate: torch.Tensor) -> torch.Tensor:
        # By inversion, one uniform a pixel: the rejection samplers of NumPy and PyTorch consume a
        # number of draws that depends on the rate, and would lose step over one rounding error.
        uniform = np.stack([generator.random(rate.shape[1:]) for generator in self._generators])
        return torch.from_numpy(_poisson_quantile(uniform, rate.double().numpy())).float()


def _poisson_quantile(share: np.ndarray, rate: np.ndarray) -> np.ndarray:
    """The smallest count whose distribution function is at least `share`, to the last bit that
    of scipy.stats.poisson.ppf, which takes a second to import."""
    from scipy import special  # half a second to import

    count = np.ceil(special.pdtrik(share, rate))
    below = np.maximum(count - 1, 0)
    count = np.where(special.pdtr(below, rate) >= share, below, count)
    return np.where(rate == 0, 0, count)


class _FreshDraws:
    """Random fields drawn on the images' own device."""

    def __init__(self, generator: torch.Generator | None):
        self._generator = generator

    def normal(self, like: torch.Tensor) -> torch.Tensor:
        return torch.randn(like.shape, generator=self._generator, device=like.device)

    def uniform(self, like: torch.Tensor) -> torch.Tensor:
        return torch.rand(like.shape, generator=self._generator, device=like.device)

    def poisson(self, rate: torch.Tensor) -> torch.Tensor:
        return torch.poisson(rate, generator=self._generator)


def _keyed_generator(seed: int, image_id: str) -> np.random.Generator:
    digest = hashlib.sha256(f"{seed}:{image_id}".encode()).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest[:16], "little")))


@dataclass(frozen=True)
class Shown:
    """A noise model with parameters, as the study knows it.

    Attributes
    ----------
    title : str
        Its name in figures and tables.
    parameters : mapping
        Of the model.
    in_matrix : bool
        Whether all methods are measured on it.
    trained_on : bool
        Whether, besides, a network is trained on it and tested on all that others are trained on.
    """

    title: str
    parameters: Mapping[str, float]
    in_matrix: bool = True
    trained_on: bool = True


@dataclass(frozen=True)
class Declared:
    """What is known of a noise model besides its code.

    Attributes
    ----------
    model : type
        Its class.
    trial : mapping
        Parameters for the tests.
    study : mapping
        From a name to how the study shows it there; empty for most.
    """

    model: type[Noise]
    trial: Mapping[str, float]
    study: Mapping[str, Shown] = field(default_factory=dict)


NoiseClass = TypeVar("NoiseClass", bound="type[Noise]")

_MODELS: dict[str, Declared] = {}


def noise_model(
    trial: Mapping[str, float], study: Mapping[str, Shown] | None = None
) -> Callable[[NoiseClass], NoiseClass]:
    """Declare the class below as a noise model; see `Declared`.

    Parameters
    ----------
    trial : mapping
        Parameters for the tests.
    study : mapping, optional
        Where the study shows it.

    Returns
    -------
    callable
        A decorator that leaves the class as it is.
    """

    def declare(model: NoiseClass) -> NoiseClass:
        if model.__name__ in _MODELS:
            raise ValueError(f"There is a noise {model.__name__} already: give it another name.")
        _MODELS[model.__name__] = Declared(model, trial, study or {})
        return model

    return declare


def declared() -> dict[str, Declared]:
    """All noise models by the name of their class."""
    return dict(_MODELS)


@contextmanager
def temporarily() -> Iterator[None]:
    """Forget at the end what is declared meanwhile: for tests."""
    before = dict(_MODELS)
    try:
        yield
    finally:
        _MODELS.clear()
        _MODELS.update(before)


def _check_ids(ids: Sequence[str], count: int) -> None:
    """Refuse ids that do not name each image once, in text that has bytes."""
    if isinstance(ids, str) or not isinstance(ids, Sequence) or len(ids) != count:
        raise UserError(f"Give one id per image in a list: {count} images, ids={shown(ids)}.")
    for image_id in ids:
        try:
            image_id.encode()
        except (AttributeError, UnicodeEncodeError):
            raise UserError(f"An image's id must be Unicode text, not {shown(image_id)}.") from None


@dataclass(frozen=True)
class Noise(ABC):
    """A noise model; see the subclasses for the parameters."""

    def __call__(self, clean: torch.Tensor, ids: Sequence[str], seed: int = 0) -> torch.Tensor:
        """Draw the noise that belongs to these images.

        Parameters
        ----------
        clean : torch.Tensor
            float32, shape (N, 1, H, W), values in [0, 1].
        ids : sequence of str
            N image identifiers. The noise of an image depends on its id, its size and `seed` only.
        seed : int
            Another seed gives other noise.

        Returns
        -------
        torch.Tensor
            float32, shape (N, 1, H, W), on the CPU; leaves [0, 1] unless `clip` is set.

        Raises
        ------
        TypeError, ValueError
            When `clean` is not a batch of grey images in [0, 1], or `ids` is not one per image.
        """
        check_clean(clean)
        _check_ids(ids, len(clean))
        seed = check_whole(seed, "seed")
        return self._finish(self._corrupt(clean.cpu().float(), _KeyedDraws(ids, seed)))

    def sample(self, clean: torch.Tensor, generator: torch.Generator | None = None) -> torch.Tensor:
        """Draw fresh noise on the images' own device, for training.

        Parameters
        ----------
        clean : torch.Tensor
            float32, shape (N, 1, H, W), values in [0, 1].
        generator : torch.Generator, optional
            On the same device as `clean`.

        Returns
        -------
        torch.Tensor
            float32, shape (N, 1, H, W).

        Raises
        ------
        TypeError, ValueError
            When `clean` is no float tensor, or not finite.
        """
        check_values(clean, "clean images")
        return self._finish(self._corrupt(clean, _FreshDraws(generator)))

    @property
    def known_sigma(self) -> float | None:
        """Sigma (0-255) that a denoiser is told; None where one number does not describe it."""
        return None

    def to_dict(self) -> dict:
        """Type and parameters, for the protocol's hash and the results' rows."""
        return {"type": type(self).__name__, **asdict(self)}

    @abstractmethod
    def _corrupt(self, clean: torch.Tensor, draws: _Draws) -> torch.Tensor: ...

    def _finish(self, noisy: torch.Tensor) -> torch.Tensor:
        return noisy.clamp(0, 1) if getattr(self, "clip", False) else noisy

    def _set(self, **values: float | bool) -> None:
        # A frozen dataclass normalises its fields this way: 25 and 25.0 must hash alike.
        for name, value in values.items():
            object.__setattr__(self, name, value)


@noise_model(
    trial={"sigma": 25},
    study={
        "gaussian-25": Shown("Gaussian, sigma 25", {"sigma": 25}),
        # For the page on mistakes only.
        "gaussian-5": Shown("Gaussian, sigma 5", {"sigma": 5}, in_matrix=False),
        "gaussian-20": Shown("Gaussian, sigma 20", {"sigma": 20}, in_matrix=False),
        "gaussian-50": Shown("Gaussian, sigma 50", {"sigma": 50}, in_matrix=False),
    },
)
@dataclass(frozen=True)
class GaussianNoise(Noise):
    """Additive white Gaussian noise, y = x + (sigma/255) n with n ~ N(0, 1).

    Attributes
    ----------
    sigma : float
        Standard deviation on the 0-255 scale.
    clip : bool
        Clip y to [0, 1], as an 8-bit file would. Off in the protocol: a clipped input has a bias
        in dark and bright areas that a network trained without clipping has never seen.
    """

    sigma: float
    clip: bool = False

    def __post_init__(self) -> None:
        self._set(
            sigma=check_number(self.sigma, "sigma", high=LARGEST_SIGMA),
            clip=check_flag(self.clip, "clip"),
        )

    @property
    def known_sigma(self) -> float:
        """Its standard deviation on the 0-255 scale."""
        return self.sigma

    def _corrupt(self, clean: torch.Tensor, draws: _Draws) -> torch.Tensor:
        return clean + self.sigma / 255 * draws.normal(clean)


@noise_model(trial={"low": 5, "high": 55})
@dataclass(frozen=True)
class BlindGaussianNoise(Noise):
    """Gaussian noise whose sigma is drawn for each image, evenly between two levels.

    What DnCNN-B is trained with: [0, 55] in the paper.

    Attributes
    ----------
    low, high : float
        Range of the standard deviation on the 0-255 scale.
    """

    low: float = 0.0
    high: float = 55.0

    def __post_init__(self) -> None:
        self._set(low=check_number(self.low, "low", high=LARGEST_SIGMA))
        self._set(high=check_number(self.high, "high", self.low, LARGEST_SIGMA))

    def _corrupt(self, clean: torch.Tensor, draws: _Draws) -> torch.Tensor:
        level = draws.uniform(clean)[..., :1, :1]
        sigma = self.low + (self.high - self.low) * level
        return clean + sigma / 255 * draws.normal(clean)


@noise_model(trial={"photons": 100, "read_sigma": 5})
@dataclass(frozen=True)
class PoissonGaussianNoise(Noise):
    """Photon noise plus read noise of a camera, where white is where most photons arrive.

    y = P / photons + (read_sigma/255) n, with P ~ Poisson(photons x) and n ~ N(0, 1): the textbook
    model of a photograph. In a radiograph white is where the fewest arrive: see `XRayNoise`.

    Attributes
    ----------
    photons : float
        Dose: mean number of photons a pixel receives where x = 1 (white).
    read_sigma : float
        Standard deviation of the read noise on the 0-255 scale.
    clip : bool
        Clip y to [0, 1].
    """

    photons: float
    read_sigma: float = 0.0
    clip: bool = False

    def __post_init__(self) -> None:
        self._set(
            photons=check_number(self.photons, "photons", 1e-3, MOST_PHOTONS),
            read_sigma=check_number(self.read_sigma, "read_sigma", high=LARGEST_SIGMA),
            clip=check_flag(self.clip, "clip"),
        )

    def sigma_at(self, level: float) -> float:
        """Standard deviation of the noise where the clean image has this value.

        Parameters
        ----------
        level : float
            Of the clean image, in [0, 1].

        Returns
        -------
        float
            On the 0-255 scale.
        """
        return 255 * (level / self.photons + (self.read_sigma / 255) ** 2) ** 0.5

    def _corrupt(self, clean: torch.Tensor, draws: _Draws) -> torch.Tensor:
        counts = draws.poisson(clean * self.photons)
        return counts / self.photons + self.read_sigma / 255 * draws.normal(clean)


@noise_model(
    trial={"sigma": 25, "width": 1.5},
    study={"correlated": Shown("correlated, sigma 25", {"sigma": 25, "width": 1})},
)
@dataclass(frozen=True)
class CorrelatedNoise(Noise):
    """Gaussian noise that neighbouring pixels share, as in a detector whose screen spreads light.

    y = x + (sigma/255) (h * n) with n ~ N(0, 1) in every pixel and a Gaussian h, scaled so that
    the standard deviation is sigma.

    Attributes
    ----------
    sigma : float
        Standard deviation on the 0-255 scale.
    width : float
        Standard deviation of the Gaussian h in pixels.
    """

    sigma: float
    width: float = 1.0

    def __post_init__(self) -> None:
        self._set(
            sigma=check_number(self.sigma, "sigma", high=LARGEST_SIGMA),
            width=check_number(self.width, "width", 1e-3, WIDEST),
        )

    @property
    def known_sigma(self) -> float:
        """Its standard deviation on the 0-255 scale."""
        return self.sigma

    def _corrupt(self, clean: torch.Tensor, draws: _Draws) -> torch.Tensor:
        weights = _gaussian_weights(self.width)
        weights /= np.sqrt((weights**2).sum())  # white noise of variance 1 keeps it
        reach = len(weights) // 2
        height, width = clean.shape[-2:]
        # Drawn beyond the edges too, so that the noise there is like the noise elsewhere.
        white = draws.normal(
            clean.new_empty(*clean.shape[:-2], height + 2 * reach, width + 2 * reach)
        )
        return clean + self.sigma / 255 * _filtered(white, weights)


def _gaussian_weights(width: float) -> np.ndarray:
    """A Gaussian of this standard deviation at whole pixels, cut off beyond three of it."""
    reach = int(np.ceil(3 * width))
    return np.exp(-(np.arange(-reach, reach + 1) ** 2) / (2 * width**2))


def _filtered(field: torch.Tensor, weights: np.ndarray) -> torch.Tensor:
    """Rows and columns convolved with symmetric weights, which cost half their number a border."""
    border = len(weights) // 2
    for axis in (-2, -1):
        length = field.shape[axis] - 2 * border
        parts = (w * field.narrow(axis, i, length) for i, w in enumerate(weights.tolist()))
        field = sum(parts, torch.zeros((), device=field.device))
    return field


@dataclass(frozen=True)
class ToneCurve:
    """From the attenuation of the rays to the grey that a radiograph shows, and back.

    The attenuation a = -log(P / dose) of P counts becomes s = (a - black) / (white - black), then
    u = s^gamma, then x = (1 + tanh(k (u - 1/2)) / tanh(k/2)) / 2 with k = 0.8 slope: a logistic
    curve from 0 to 1, the one that `tools/render_chest_drr.py` draws. Beyond black and white, u is
    -|s|^gamma and the logistic curve goes on along its tangents: nothing is cut off, and every
    grey has one attenuation.

    Attributes
    ----------
    black, white : float
        Attenuation that is shown as 0 and as 1.
    gamma : float
        Above 1 darkens.
    slope : float
        Of the logistic curve; 0 for none, x = u.
    """

    black: float
    white: float
    gamma: float = 1.0
    slope: float = 0.0

    def display(self, attenuation: torch.Tensor) -> torch.Tensor:
        """The grey that is shown.

        Parameters
        ----------
        attenuation : torch.Tensor
            Any shape.

        Returns
        -------
        torch.Tensor
            The same shape; in [0, 1] between black and white.
        """
        share = (attenuation - self.black) / (self.white - self.black)
        u = share.sign() * share.abs() ** self.gamma
        if not self.slope:
            return u
        k, inside = 0.8 * self.slope, u.clamp(0, 1)
        curve = (1 + torch.tanh(k * (inside - 0.5)) / math.tanh(k / 2)) / 2
        return curve + (u - inside) * k / math.sinh(k)

    def attenuation(self, grey: torch.Tensor) -> torch.Tensor:
        """The inverse of `display`.

        Parameters
        ----------
        grey : torch.Tensor
            Any shape.

        Returns
        -------
        torch.Tensor
            The same shape.
        """
        u = self._before_logistic(grey)
        return self.black + (self.white - self.black) * u.sign() * u.abs() ** (1 / self.gamma)

    def steepness(self, grey: torch.Tensor) -> torch.Tensor:
        """How much more grey a little more attenuation shows, dx/da.

        Parameters
        ----------
        grey : torch.Tensor
            Any shape.

        Returns
        -------
        torch.Tensor
            The same shape; 0 at black where gamma is above 1.
        """
        u = self._before_logistic(grey)
        power = self.gamma * u.abs() ** (1 - 1 / self.gamma) / (self.white - self.black)
        if not self.slope:
            return power
        k = 0.8 * self.slope
        return power * k / (2 * math.tanh(k / 2) * torch.cosh(k * (u.clamp(0, 1) - 0.5)) ** 2)

    def _before_logistic(self, grey: torch.Tensor) -> torch.Tensor:
        if not self.slope:
            return grey
        k, inside = 0.8 * self.slope, grey.clamp(0, 1)
        u = 0.5 + torch.atanh((2 * inside - 1) * math.tanh(k / 2)) / k
        return u + (grey - inside) * math.sinh(k) / k


@noise_model(
    trial={"dose": 20_000, "electronic": 2, "blur": 0.8},
    study={
        f"xray-{dose}": Shown(
            f"X-ray dose {dose}",
            {"dose": dose, "electronic": 1, **CHEST_DRR},
            trained_on=False,
        )
        for dose in STUDY_DOSES
    },
)
@dataclass(frozen=True)
class XRayNoise(Noise):
    """Counting noise of an X-ray detector, in the radiograph that is made of its counts.

    White is where few photons arrive: a grey x shows the attenuation a(x) of `ToneCurve`, behind
    which lambda = dose exp(-a(x)) photons are expected. The counts are P = lambda + h * (Q -
    lambda) + electronic n, with Q ~ Poisson(lambda), n ~ N(0, 1) and a Gaussian h of sum 1, and
    y = x(-log(P / dose)), with at least half a count in the logarithm. The clean image is what
    the detector shows without noise, its blur included, so h spreads the noise alone.

    For many counts, Var(y) = x'(a)^2 (g / lambda + electronic^2 / lambda^2), and g, the sum of
    the squares of h, is 1 without blur: see `sigma_at`. For few, the logarithm bends: the mean of
    -log P lies about 1 / (2 lambda) above -log(lambda), so y is too bright where x is white.
    Scattered photons and the edge enhancement of a finished radiograph are left out.

    Attributes
    ----------
    dose : float
        Photons that a pixel detects where nothing is in their way.
    electronic : float
        Standard deviation of the electronics' noise, in counts.
    blur : float
        Standard deviation of h in pixels: neighbours share the noise.
    black, white, gamma, slope : float
        Of the `ToneCurve`. By default a straight line over the attenuations of `chest-drr`;
        ``**CHEST_DRR`` is that data set's own curve.
    clip : bool
        Clip y to [0, 1].
    """

    dose: float
    electronic: float = 0.0
    blur: float = 0.0
    black: float = CHEST_DRR["black"]
    white: float = CHEST_DRR["white"]
    gamma: float = 1.0
    slope: float = 0.0
    clip: bool = False

    def __post_init__(self) -> None:
        self._set(
            dose=check_number(self.dose, "dose", 1, MOST_PHOTONS),
            electronic=check_number(self.electronic, "electronic", high=MOST_PHOTONS),
            blur=check_number(self.blur, "blur", high=WIDEST),
            black=check_number(self.black, "black", high=100),
            gamma=check_number(self.gamma, "gamma", 1, 20),
            slope=check_number(self.slope, "slope", high=20),
            clip=check_flag(self.clip, "clip"),
        )
        self._set(white=check_number(self.white, "white", self.black + 1e-3, 200))

    @property
    def tone(self) -> ToneCurve:
        """The curve between attenuation and grey."""
        return ToneCurve(self.black, self.white, self.gamma, self.slope)

    @property
    def kept_variance(self) -> float:
        """The share of a count's variance that the blur leaves in a pixel, g."""
        return float((self._weights() ** 2).sum() ** 2)

    def counts(self, image: torch.Tensor) -> torch.Tensor:
        """The counts that an image shows: expected ones of a clean image, measured ones of a noisy.

        Parameters
        ----------
        image : torch.Tensor
            Any shape; the clean range is [0, 1].

        Returns
        -------
        torch.Tensor
            The same shape, at least half a count where the image is one of this noise.
        """
        return self.dose * torch.exp(-self.tone.attenuation(image))

    def display(self, counts: torch.Tensor) -> torch.Tensor:
        """The image of these counts: the inverse of `counts`.

        Parameters
        ----------
        counts : torch.Tensor
            Any shape; below half a count it counts as half a count.

        Returns
        -------
        torch.Tensor
            The same shape; the clean range is [0, 1].
        """
        return self.tone.display(-torch.log(counts.clamp(min=LEAST_COUNT) / self.dose))

    def sigma_at(self, level: float) -> float:
        """Standard deviation of the noise where the clean image has this value, for many counts.

        Parameters
        ----------
        level : float
            Of the clean image, in [0, 1].

        Returns
        -------
        float
            On the 0-255 scale.
        """
        grey = torch.tensor(level, dtype=torch.float64)
        expected, steepness = self.counts(grey).item(), self.tone.steepness(grey).item()
        variance = self.kept_variance / expected + (self.electronic / expected) ** 2
        return 255 * steepness * variance**0.5

    def _weights(self) -> np.ndarray:
        weights = _gaussian_weights(self.blur) if self.blur else np.ones(1)
        return weights / weights.sum()

    def _corrupt(self, clean: torch.Tensor, draws: _Draws) -> torch.Tensor:
        # In double where it can be had: a last-bit difference between maths libraries disappears.
        exact = clean.double() if clean.device.type == "cpu" else clean
        weights = self._weights()
        expected = self.counts(F.pad(exact, 4 * [len(weights) // 2], mode="replicate"))
        quanta = _filtered(draws.poisson(expected) - expected, weights)
        counts = self.counts(exact) + quanta + self.electronic * draws.normal(clean)
        return self.display(counts).to(clean.dtype)


@noise_model(trial={"low": 5, "high": 55, "widest": 2})
@dataclass(frozen=True)
class BlindCorrelatedNoise(Noise):
    """`CorrelatedNoise` whose sigma and width are drawn for each image, evenly.

    What a blind network is trained with that must not rely on white noise.

    Attributes
    ----------
    low, high : float
        Range of the standard deviation on the 0-255 scale.
    widest : float
        Largest standard deviation of the Gaussian h in pixels; the smallest is 0, white noise.
    """

    low: float = 0.0
    high: float = 55.0
    widest: float = 2.0

    def __post_init__(self) -> None:
        self._set(low=check_number(self.low, "low", high=LARGEST_SIGMA))
        self._set(high=check_number(self.high, "high", self.low, LARGEST_SIGMA))
        self._set(widest=check_number(self.widest, "widest", 1e-3, WIDEST))

    def _corrupt(self, clean: torch.Tensor, draws: _Draws) -> torch.Tensor:
        one = clean[..., :1, :1]
        sigma = self.low + (self.high - self.low) * draws.uniform(one)
        width = (self.widest * draws.uniform(one)).clamp(min=1e-3)
        reach = int(np.ceil(3 * self.widest))
        offsets = torch.arange(-reach, reach + 1, device=clean.device)
        kernels = torch.exp(-(offsets**2) / (2 * width.flatten()[:, None] ** 2))
        kernels = kernels / kernels.square().sum(1, keepdim=True).sqrt()
        number, _, rows, columns = clean.shape
        field = draws.normal(clean.new_empty(number, 1, rows + 2 * reach, columns + 2 * reach))
        # Each image has a filter of its own: they are the channels of one grouped convolution.
        field = F.conv2d(field.mT.transpose(0, 1), kernels[:, None, None], groups=number)
        field = F.conv2d(field.mT, kernels[:, None, None], groups=number).transpose(0, 1)
        return clean + sigma / 255 * field


@noise_model(trial={"proportion": 0.2, "rate": 5})
@dataclass(frozen=True)
class AdditivePoissonNoise(Noise):
    """Counts that are added, y = x + p P with P ~ Poisson(rate), and brighten the image by p rate.

    Gondara's (2016) Poisson settings, p = 0.2 and rate 1 or 5, as far as they are known
    (unverified). Photon noise, whose strength depends on the image, is `PoissonGaussianNoise`.

    Attributes
    ----------
    proportion : float
        p, in units of the image's range [0, 1].
    rate : float
        Mean count in every pixel, lambda.
    """

    proportion: float
    rate: float

    def __post_init__(self) -> None:
        self._set(
            proportion=check_number(self.proportion, "proportion", high=10),
            rate=check_number(self.rate, "rate", high=MOST_COUNTS),
        )

    def _corrupt(self, clean: torch.Tensor, draws: _Draws) -> torch.Tensor:
        return clean + self.proportion * draws.poisson(torch.full_like(clean, self.rate))


@noise_model(
    trial={"fraction": 0.2},
    study={"salt-pepper": Shown("salt and pepper, 10 %", {"fraction": 0.1})},
)
@dataclass(frozen=True)
class SaltPepperNoise(Noise):
    """A fraction of the pixels becomes 0 or 1, each by a fair coin (Vincent et al. 2010).

    Attributes
    ----------
    fraction : float
        Expected fraction of corrupted pixels, in [0, 1].
    """

    fraction: float

    def __post_init__(self) -> None:
        self._set(fraction=check_number(self.fraction, "fraction", high=1))

    def _corrupt(self, clean: torch.Tensor, draws: _Draws) -> torch.Tensor:
        uniform = draws.uniform(clean)
        noisy = torch.where(uniform < self.fraction / 2, torch.zeros_like(clean), clean)
        return torch.where(uniform >= 1 - self.fraction / 2, torch.ones_like(clean), noisy)


@noise_model(trial={"fraction": 0.3})
@dataclass(frozen=True)
class MaskingNoise(Noise):
    """A fraction of the pixels becomes 0 (Vincent et al. 2008, section 2.3).

    Attributes
    ----------
    fraction : float
        Expected fraction of masked pixels, in [0, 1].
    """

    fraction: float

    def __post_init__(self) -> None:
        self._set(fraction=check_number(self.fraction, "fraction", high=1))

    def _corrupt(self, clean: torch.Tensor, draws: _Draws) -> torch.Tensor:
        return clean * (draws.uniform(clean) >= self.fraction)


@noise_model(trial={"sigma": 40}, study={"speckle": Shown("speckle, sigma 50", {"sigma": 50})})
@dataclass(frozen=True)
class SpeckleNoise(Noise):
    """Multiplicative noise, y = x + x (sigma/255) n with n ~ N(0, 1).

    Attributes
    ----------
    sigma : float
        Standard deviation on the 0-255 scale where x = 1 (white).
    clip : bool
        Clip y to [0, 1].
    """

    sigma: float
    clip: bool = False

    def __post_init__(self) -> None:
        self._set(
            sigma=check_number(self.sigma, "sigma", high=LARGEST_SIGMA),
            clip=check_flag(self.clip, "clip"),
        )

    def _corrupt(self, clean: torch.Tensor, draws: _Draws) -> torch.Tensor:
        return clean + clean * self.sigma / 255 * draws.normal(clean)


def create(kind: str, **parameters: float) -> Noise:
    """Make a noise model from what `Noise.to_dict` gives.

    Parameters
    ----------
    kind : str
        The class's name, e.g. "GaussianNoise".
    **parameters
        Its parameters.

    Returns
    -------
    Noise

    Raises
    ------
    ValueError
        When the kind, or one of its parameters, is not known; the message lists the known ones.
    """
    if not isinstance(kind, str) or kind not in _MODELS:
        raise unknown("noise", kind, _MODELS)
    model = _MODELS[kind].model
    known = [each.name for each in fields(model)]
    if wrong := set(parameters) - set(known):
        raise UserError(f"{kind} has no {', '.join(sorted(wrong))}, but: {', '.join(known)}.")
    needed = [each.name for each in fields(model) if each.default is MISSING]
    if lacking := [name for name in needed if name not in parameters]:
        raise UserError(f"{kind} needs {', '.join(lacking)}: give a number for each.")
    return model(**parameters)
