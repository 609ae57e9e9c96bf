from denoise_lib import methods
from denoise_lib.evaluation import evaluate
from denoise_lib.noise import GaussianNoise
from denoise_lib.protocol import Protocol
from denoise_lib.study.side_studies import side_study


@side_study("Does a wrong noise level hurt?", method=("nlm", "median"), told=(10, 40))
def misled(method: str, told: float) -> dict[str, float]:
    """Mean PSNR (dB) on two test images at sigma 25."""
    denoiser = methods.load(method)
    protocol = Protocol(noise=GaussianNoise(25), limit=2)
    rows = evaluate(lambda noisy, sigma: denoiser(noisy, sigma=told), protocol, progress=False)
    return {"psnr": rows["psnr"].mean()}
