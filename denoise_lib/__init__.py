"""Image denoising on chest radiographs: data, noise, models, one protocol, figures.

Data flows one way: `data` (clean images) -> `noise` (y = x + n) -> `models` and `baselines`
(estimate = f(y, sigma)) -> `metrics` -> `evaluation` (one row per image and method) -> `plotting`.
`training` turns a model and a data set into weights.
"""


def __getattr__(name: str) -> str:
    """`__version__`, read only when asked for: it is that of the installed package."""
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("denoise_lib")
    except PackageNotFoundError:
        return "0.0"
