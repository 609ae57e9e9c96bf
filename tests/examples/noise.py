from dataclasses import dataclass

from denoise_lib.checks import check_number
from denoise_lib.noise import Noise, Shown, noise_model


@noise_model(
    trial={"amplitude": 0.1},
    study={"uniform": Shown("uniform, ±0.1", {"amplitude": 0.1})},
)
@dataclass(frozen=True)
class UniformNoise(Noise):
    """Additive noise that is uniform between -amplitude and amplitude, in units of the range."""

    amplitude: float

    def __post_init__(self):
        self._set(amplitude=check_number(self.amplitude, "amplitude"))

    def _corrupt(self, clean, draws):
        return clean + self.amplitude * (2 * draws.uniform(clean) - 1)
