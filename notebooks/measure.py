# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Measure a method, yours too
#
# The study has a row for every method, noise and image. This notebook makes such rows, for a method of the library or for
# a denoiser of your own, and shows at once whether it differs from the others by more than chance.
#
# In particular we will
#
# - measure a method under the study's protocol;
# - put it beside the committed rows of all others, which have seen the same noisy images;
# - put an interval on the differences, where there are several patients;
# - do the same with a function of five lines.
#
# **You need** Python, and the page on [quality](../quality) for the words. **Running time:** half a minute.

# %%
import sys

if "google.colab" in sys.modules:  # Elsewhere the package is already installed.
    get_ipython().run_line_magic(
        "pip", "install -q 'denoise_lib[dicom] @ git+https://github.com/OWNER/denoise-book'"
    )

# %% tags=["parameters"]
preset = "quick"  # "smoke" looks at two images only
method = "gondara-nih"
dataset = "chest-drr"
sigma = 25

# %%
import matplotlib.pyplot as plt
import pandas as pd
from scipy import ndimage

from denoise_lib import methods, plotting
from denoise_lib.evaluation import apply, evaluate, summarise
from denoise_lib.noise import GaussianNoise
from denoise_lib.protocol import Protocol
from denoise_lib.study import statistics, store

protocol = Protocol(dataset, noise=GaussianNoise(sigma), limit=2 if preset == "smoke" else None)

# %% [markdown]
# ## Measuring
#
# A denoiser is a function `f(noisy, sigma=None) -> image`. {source}`methods.load` makes the library's by name;
# {source}`evaluation.evaluate` draws each image's noise from a generator keyed by its name, so that every method sees
# the same bits, and returns one row per image.

# %%
rows = evaluate(methods.load(method), protocol, method)
rows.drop(columns="seconds").head()

# %% [markdown]
# ## Beside the others
#
# The committed rows of the same protocol were measured on the same noisy images, so each image can be compared with itself.


# %%
def beside(rows, protocol):
    """These rows, and the committed ones of all other methods that have the same images."""
    try:
        committed = store.load(protocol)
    except FileNotFoundError:
        return rows
    others = committed[~committed.method.isin(rows.method)]
    same = [name for name, group in others.groupby("method") if set(group.image) == set(rows.image)]
    return pd.concat([others[others.method.isin(same)], rows], ignore_index=True)


together = beside(rows, protocol)
plotting.score_table(summarise(together))

# %% [markdown]
# Images differ far more than methods do, and that all methods met the *same* images does not show in such a table. The paired
# differences show it: {source}`study.statistics.compare_with` subtracts image by image. Where there are several patients it adds an interval, by resampling
# patients; over the views of one patient it gives the spread.

# %%
differences = statistics.compare_with(together, method)
differences.sort_values("difference", ascending=False).round(4)

# %% [markdown]
# ## Your own denoiser
#
# Anything that takes a tensor of shape (N, 1, H, W) and returns one will do. Here is a Wiener filter in five lines:


# %%
def wiener(noisy, sigma=None):
    """Keep of each pixel's deviation from its surroundings what the noise does not explain."""
    if sigma is None:
        raise ValueError("This filter has to be told the noise level: give sigma.")
    y, n2 = noisy.numpy(), (sigma / 255) ** 2
    mean = ndimage.uniform_filter(y, (1, 1, 7, 7))
    variance = ndimage.uniform_filter(y**2, (1, 1, 7, 7)) - mean**2
    kept = (1 - n2 / variance.clip(n2)).clip(0)
    return noisy.new_tensor(mean + kept * (y - mean))


mine = evaluate(wiener, protocol, "mine")
compared = beside(mine, protocol)
order = list(summarise(compared).index)
print(f"{mine.psnr.mean():.2f} dB; place {order.index('mine') + 1} of {len(order)}")

# %% [markdown]
# A low place, and the residual below shows why. Where an edge runs through the window, the variance is large, so the filter keeps everything in
# it, the noise too. Elsewhere the variance of 49 noisy pixels is itself a rough estimate. [The first chapter](01_vincent2008) has the other
# Wiener filter, which learns the variances of whole patches from clean images.

# %% mystnb={"image": {"alt": "One radiograph: clean, noisy and after the Wiener filter, with a magnified detail, the scores and the residual."}}
item = protocol.items()[0]
clean = item.image[None]
noisy = protocol.noise(clean, [item.id], protocol.seed)
shown = {"noisy": noisy, "mine": apply(wiener, noisy, protocol.noise.known_sigma)}
plotting.comparison_panel(clean, shown, protocol)
plt.show()

# %% [markdown]
# To have it in every table and figure of the book, declare it in the library: see *Add a denoiser* in the
# repository's `CONTRIBUTING.md`. `denoise study run` then measures it wherever the others were measured.
#
# ## Summary
#
# In this notebook we have measured a method under the study's protocol, compared it with the committed rows image by
# image, and done the same with a denoiser of our own. What the study itself found is on the page
# [the comparison](../comparison).
