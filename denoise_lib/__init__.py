"""Image denoising on chest radiographs: data, noise, methods, one protocol, figures.

Data flows one way: `data` (clean images) -> `noise` (y = x + n) -> `methods` (estimate = f(y,
sigma)) -> `metrics` -> `evaluation` (one row per image and method) -> `plotting`. `training` turns
a network and a data set into weights, `tasks` ask what denoised images are good for, and `study`
compares everything.
"""

__version__ = "0.1.0"
