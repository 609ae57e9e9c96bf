import numpy as np

from denoise_lib.methods.classical import classical


@classical("shrink", "Towards the mean", "#882255", "2", grid={"share": [0.1, 0.3, 0.5, 0.7]})
def shrink(image: np.ndarray, sigma: float, *, share: float) -> np.ndarray:
    """Move every pixel a share of the way to the image's mean."""
    return (1 - share) * image + share * image.mean()
