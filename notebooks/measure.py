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
# This notebook makes the rows of the study: one method, under any noise, on any data set, one row per image.
# `make study` executes it with papermill for whatever `results/` does not have yet. You can execute it for a
# denoiser of your own, and see at once whether it differs from the others by more than chance.
#
# In particular we will
#
# - measure a method under the study's protocol;
# - put it beside the committed rows of all others, which have seen the same noisy images;
# - test the differences over patients (on `chest-drr`, over views of one);
# - do the same with a function of five lines.
#
# **You need** Python, and the page on [quality](../metrics) for the words. **Running time:** half a minute.

# %%
import sys

if "google.colab" in sys.modules:  # Elsewhere the package is already installed.
    get_ipython().run_line_magic(
        "pip", "install -q 'denoise_lib[dicom] @ git+https://github.com/OWNER/denoise-book'"
    )

# %% tags=["parameters"]
preset = "quick"  # "smoke" looks at two images only
method = "gondara-nih"
variant = ""  # how it is applied, see denoise_lib.study
dataset = "chest-drr"
noises = [{"type": "GaussianNoise", "sigma": 25}]
limit = None  # images per protocol; None: the whole split
precision = "fp32"  # of networks; "auto" can be faster and costs some networks up to 0.03 dB
record = False  # add the rows to results/

# %%
import matplotlib.pyplot as plt
import pandas as pd
from scipy import ndimage
from tqdm.auto import tqdm

from denoise_lib import noise, plotting, results, statistics, study
from denoise_lib.evaluation import apply, evaluate, summarise
from denoise_lib.protocol import Protocol

images = 2 if preset == "smoke" else limit
protocols = [
    Protocol(
        dataset,
        noise=noise.create(each["type"], **{k: v for k, v in each.items() if k != "type"}),
        limit=images,
    )
    for each in noises
]

# %% [markdown]
# ## Measuring
#
# A denoiser is a function `f(noisy, sigma=None) -> image`. {source}`study.create` makes those of the study by name;
# {source}`evaluation.evaluate` draws each image's noise from a generator keyed by its name, so that every method sees
# the same bits, and returns one row per image. Rows are kept a few images at a time: stop whenever you like.

# %%
PORTION = 20  # images between two savings


def missing(protocol):
    """The images of a protocol that results/ does not have for this method."""
    ids = protocol.items().ids
    if not record:
        return ids
    try:
        rows = results.load(protocol, variant)
    except FileNotFoundError:
        return ids
    return sorted(set(ids) - set(rows[rows.method == method].image))


measured = []
for protocol in tqdm(protocols, desc=f"{method} {variant}".strip()):
    ids = missing(protocol)
    if ids:  # making a denoiser may mean training it
        denoiser = study.create(method, variant, protocol.noise, precision)
    for start in range(0, len(ids), PORTION):
        rows = evaluate(denoiser, protocol, method, only=ids[start : start + PORTION])
        rows = rows.assign(variant=variant)
        if record:
            results.save(rows, study.budget(method, variant))
        measured.append(rows)
rows = pd.concat(measured) if measured else pd.DataFrame()
rows.drop(columns="seconds", errors="ignore").head()

# %% [markdown]
# ## Beside the others
#
# The committed rows of the same protocol were measured on the same noisy images, so each image can be compared with itself.


# %%
def beside(rows, protocol):
    """These rows, and the committed ones of all other methods that have the same images."""
    try:
        committed = results.load(protocol)
    except FileNotFoundError:
        return rows
    others = committed[~committed.method.isin(rows.method)]
    same = [name for name, group in others.groupby("method") if set(group.image) == set(rows.image)]
    return pd.concat([others[others.method.isin(same)], rows], ignore_index=True)


def ours(protocol):
    """The method's own rows: the kept ones, those of an interrupted run among them, or the new."""
    kept = results.load(protocol, variant) if record else rows[rows.protocol == protocol.hash]
    return kept[kept.method == method]


together = beside(ours(protocols[0]), protocols[0])
plotting.score_table(summarise(together)).drop(columns="time per image (s)")

# %% [markdown]
# The intervals are wide because images differ; that all methods met the *same* images does not show in them. The paired
# differences do show it: {source}`statistics.compare_with` subtracts image by image, averages over each patient's images
# and tests the patients' differences.

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
    y, n2 = noisy.numpy(), ((sigma or 25) / 255) ** 2
    mean = ndimage.uniform_filter(y, (1, 1, 7, 7))
    variance = ndimage.uniform_filter(y**2, (1, 1, 7, 7)) - mean**2
    kept = (1 - n2 / variance.clip(n2)).clip(0)
    return noisy.new_tensor(mean + kept * (y - mean))


mine = evaluate(wiener, protocols[0], "mine")
compared = beside(mine, protocols[0])
print(f"{mine.psnr.mean():.2f} dB; place {list(summarise(compared).index).index('mine') + 1}")

# %% mystnb={"image": {"alt": "One radiograph: clean, noisy and after the Wiener filter, with a magnified detail, the scores and the residual."}}
item = protocols[0].items()[0]
clean = item.image[None]
noisy = protocols[0].noise(clean, [item.id], protocols[0].seed)
shown = {"noisy": noisy, "mine": apply(wiener, noisy, protocols[0].noise.known_sigma)}
plotting.comparison_panel(clean, shown, protocols[0])
plt.show()

# %% [markdown]
# To have it in every table and figure of the book, give it a place in the library: see *Add a denoiser* in the
# repository's `CONTRIBUTING.md`.
#
# ## Summary
#
# In this notebook we have measured a method under the study's protocol, compared it with the committed rows image by
# image, and done the same with a denoiser of our own. What the study itself found is on the page
# [the comparison](../comparison).
