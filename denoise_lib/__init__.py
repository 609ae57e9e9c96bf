"""Image denoising on chest radiographs: data, noise, models, one protocol, figures.

Data flows one way: `data` (clean images) -> `noise` (y = x + n) -> `models` and `baselines`
(estimate = f(y, sigma)) -> `metrics` -> `evaluation` (one row per image and method) -> `plotting`.
`training` turns a model and a data set into weights.
"""

__version__ = "0.1.0"
