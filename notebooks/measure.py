# ---
# jupyter:
#   jupytext:
#     cell_metadata_filter: tags,mystnb
#     formats: ipynb,py:percent
#     notebook_metadata_filter: kernelspec,jupytext,-jupytext.text_representation.jupytext_version
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Is your denoiser better?
#
# You have a denoiser of your own, or an idea for one. Is it better than BM3D, and by more than chance? Measure it here as every method of [the comparison](../comparison) was measured, and put it beside them: they have all met the same noisy images. It takes
# half a minute.

# %% tags=["hide-cell"]
import sys

if "google.colab" in sys.modules:  # Elsewhere the package is already installed.
    repository, release = "OWNER/denoise-book", "0.1.0"
    if repository.startswith("OWNER/"):  # Anybody could open such an account.
        raise RuntimeError(
            "The book has no public address yet: run this on your own machine."
        )
    wheel = (
        f"https://github.com/{repository}/releases/download/v{release}"
        f"/denoise_lib-{release}-py3-none-any.whl"
    )
    get_ipython().run_line_magic(
        "pip", f"install -q 'denoise_lib[dicom] @ {wheel}'"
    )

# %% tags=["parameters", "hide-cell"]
preset = "quick"  # "smoke" looks at two images only
method = "gondara-nih"
dataset = "chest-drr"
sigma = 25

# %% tags=["hide-cell"]
import matplotlib.pyplot as plt
import pandas as pd
from denoise_lib import methods, plotting
from denoise_lib.estimation import estimate_sigma
from denoise_lib.evaluation import apply, evaluate, summarise
from denoise_lib.noise import GaussianNoise
from denoise_lib.protocol import Protocol
from denoise_lib.study import statistics, store
from scipy import ndimage

protocol = Protocol(
    dataset, noise=GaussianNoise(sigma), limit=2 if preset == "smoke" else None
)

# %% [markdown]
# ## Measure
#
# A denoiser is a function `f(noisy, sigma=None) -> image`. You get one of the library by its name. `evaluate` adds each image's noise, which depends on the image's name alone, and gives you a row for each image.

# %%
rows = evaluate(methods.load(method), protocol, method)
rows.drop(columns="seconds").head()

# %% [markdown]
# ## Compare
#
# What all other methods reach is stored with the library. They were measured on the same noisy images, so you can compare each image with itself.


# %%
def beside(rows, protocol):
    """These rows, and the stored ones of others on the same images."""
    try:
        stored = store.load(protocol)
    except FileNotFoundError:
        return rows
    others = stored[~stored.method.isin(rows.method)]
    images = others.groupby("method").image.agg(set)
    same = images.index[images == set(rows.image)]
    others = others[others.method.isin(same)]
    return pd.concat([others, rows], ignore_index=True)


together = beside(rows, protocol)
plotting.score_table(summarise(together))

# %% [markdown]
# Images differ far more than methods do, and the table hides that all methods met the *same* ones. So subtract image by image. Where there are several patients you also get an interval, by drawing patients anew; over the views of one patient you get the spread.

# %%
differences = statistics.compare_with(together, method)
differences.sort_values("difference", ascending=False).round(4)

# %% [markdown]
# ## Now yours
#
# Anything will do that takes a tensor of shape (N, 1, H, W) and returns one. Here is a small filter: it keeps of each pixel's deviation from its surroundings what the noise does not explain. It must know how strong the noise is, so [it measures it](../noisy) where nobody says. Where do you expect it to end?


# %%
def wiener(noisy, sigma=None):
    """Keep of each pixel's deviation what the noise does not explain."""
    if sigma is None:
        sigma = estimate_sigma(noisy[0])
    y, n2 = noisy.numpy(), (sigma / 255) ** 2
    mean = ndimage.uniform_filter(y, (1, 1, 7, 7))
    variance = ndimage.uniform_filter(y**2, (1, 1, 7, 7)) - mean**2
    kept = (1 - n2 / variance.clip(n2 or 1)).clip(0)
    return noisy.new_tensor(mean + kept * (y - mean))


mine = evaluate(wiener, protocol, "mine")
compared = beside(mine, protocol)
order = list(summarise(compared).index)
place = order.index("mine") + 1
print(f"{mine.psnr.mean():.2f} dB; place {place} of {len(order)}")

# %% [markdown]
# A low place, and the error below shows why. Where an edge runs through the window the variance is large, so the filter keeps everything in it, the noise too. Elsewhere the variance of 49 noisy pixels is itself a rough guess. [The other Wiener filter](../best), which learns the variances of
# whole patches from clean images, does much better.

# %% mystnb={"figure": {"caption": "The filter keeps the noise along edges, as the error shows."}, "image": {"alt": "One radiograph: clean, noisy and after the Wiener filter, with a magnified detail, the scores and the residual."}}
item = protocol.items()[0]
clean = item.image[None]
noisy = protocol.noise(clean, [item.id], protocol.seed)
shown = {
    "noisy": noisy,
    "mine": apply(wiener, noisy, protocol.noise.known_sigma),
}
plotting.comparison_panel(clean, shown, protocol)
plt.show()

# %% [markdown]
# If you want yours in every table and figure of the book, declare it in the library; *Add a denoiser* in the repository's `CONTRIBUTING.md` shows how.
