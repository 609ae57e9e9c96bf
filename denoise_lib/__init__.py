"""Image denoising on chest radiographs: data, noise, methods, one protocol, figures.

Data flows one way: `data` (clean images) -> `noise` (y = x + n) -> `methods` (estimate = f(y,
sigma)) -> `metrics` -> `evaluation` (one row per image and method) -> `plotting`. `training` turns
a network and a data set into weights, `tasks` ask what denoised images are good for, and `study`
compares everything.
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
