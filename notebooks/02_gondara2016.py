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
# # A convolutional autoencoder for small medical data
#
# *Gondara, "Medical Image Denoising Using Convolutional Denoising Autoencoders", ICDM Workshops,
# 2016* {footcite}`gondara2016`.
#
# **The idea in one sentence:** five convolutions in the shape of an hourglass, trained on a few
# hundred medical images, are enough to denoise them well.
#
# In particular we will
#
# - translate the paper's noise settings, $p$, $\mu$ and $\sigma$, into this book's $\sigma$;
# - build the hourglass and check its parameter count;
# - train it live on chest radiographs, on images and not on noise residuals;
# - see how few images it needs;
# - hand the denoiser an image with no noise at all, and be surprised.
#
# **You need** Python and the basics of a convolutional network; the pages on
# [noise](../noise) and [quality](../metrics) explain $\sigma$, PSNR and SSIM.
# **Running time:** minutes on two processor cores ([what it took us](../reproduce)), less on a GPU.

# %%
import sys

if "google.colab" in sys.modules:  # Elsewhere the package is already installed.
    get_ipython().run_line_magic(
        "pip", "install -q 'denoise_lib[dicom] @ git+https://github.com/OWNER/denoise-book'"
    )

# %% tags=["parameters"]
preset = "quick"  # "smoke" takes seconds, "quick" some minutes, "full" wants a GPU
sigma = 25  # noise level on the 0-255 scale
seed = 0

# %%
from dataclasses import replace

import matplotlib.pyplot as plt
import pandas as pd
import torch
import torch.nn.functional as F
from IPython.display import Markdown
from scipy import ndimage
from skimage.metrics import structural_similarity
from torch import nn

from denoise_lib import methods, plotting
from denoise_lib.data import load_dataset
from denoise_lib.evaluation import apply, compare, evaluate, score, summarise
from denoise_lib.inference import denoise
from denoise_lib.methods import recipe
from denoise_lib.noise import AdditivePoissonNoise, GaussianNoise
from denoise_lib.protocol import Protocol
from denoise_lib.study import store
from denoise_lib.training import fit
from denoise_lib.training.patches import NoisyPatches, sample_patches

torch.manual_seed(seed)
noise = GaussianNoise(sigma)
few = 4 if preset == "smoke" else None  # a smoke run looks at four images only
protocol = Protocol(noise=noise, limit=few)

# %% [markdown]
# ## The paper
#
# Denoising autoencoders {footcite}`vincent2008` learned by undoing corruption, but with dense
# layers and thousands of hidden units they were hungry for data. Convolutional ones share their
# weights across the image. Gondara's question was a practical one: a hospital has hundreds of
# images, not millions. Is that enough? The paper trains one small network on two sets, 322 mammograms and
# 400 dental X-rays, alone and pooled, and reports that it is, that pooling different kinds of images
# even helps, and that signal can be recovered from very heavy noise.
#
# The paper's own score is SSIM. We do not put its values beside ours: we could not check them against
# the paper's text, and SSIM depends on settings (above all on `data_range`) that have to agree
# before two values may be compared. The [page on quality](../metrics) shows how much.

# %% [markdown]
# ## The idea in equations
#
# | symbol | meaning | in the code |
# |---|---|---|
# | $x$ | clean image, values in $[0, 1]$ | `clean` |
# | $y$ | noisy image | `noisy` |
# | $h = f(y)$ | code: what the encoder hands on | `model.encoder(noisy)` |
# | $z = g(h)$ | reconstruction, the estimate of $x$ | `model.decoder(code)` |
# | $p, \mu, \sigma_G$ | the paper's noise: proportion, mean, standard deviation | |
#
# An encoder $f$ halves the resolution twice, a decoder $g$ doubles it twice:
#
# $$z = g(f(y)), \qquad \min_{f, g}\; \mathbb E\, L\bigl(x,\, g(f(y))\bigr).$$
#
# The loss compares with the **clean** $x$ (the first exercise tries without).
# Unlike the residual network of the next chapter, every pixel of the output has to be made anew
# from the code.
#
# The last layer is a sigmoid, so $z$ lies between 0 and 1 and can be read, pixel by pixel, as the
# parameter of a Bernoulli variable. The loss that goes with it is the cross-entropy
#
# $$L(x, z) = -\sum_d \bigl[ x_d \log z_d + (1 - x_d) \log(1 - z_d) \bigr],$$
#
# which is smallest at $z = x$ for grey values too. The network does not know $x$, of course: of all functions of
# $y$, the one with the least expected loss is the mean $\mathbb E[x \mid y]$, as it is for the squared error. Its gradient before the sigmoid is just
# $z_d - x_d$: where the squared error's gradient fades in black and white areas, this one does not.

# %% [markdown]
# ### Its noise and ours
#
# Public reimplementations agree that the paper's noise is $y = x + p\,\mathcal N(\mu, \sigma_G^2)$
# with $x$ in $[0, 1]$. So $p$ is not a proportion of *pixels*: it scales the noise. With $\mu = 0$
# it is additive Gaussian noise with standard deviation $p\,\sigma_G$, that is
# $\sigma = 255\,p\,\sigma_G$ on this book's scale:

# %%
settings = pd.DataFrame(
    [(0.1, 0, 1), (0.5, 0, 1), (0.2, 0, 2), (0.2, 0, 5)], columns=["p", "mu", "sigma_G"]
)
settings["our sigma"] = 255 * settings["p"] * settings["sigma_G"]
settings

# %% [markdown]
# The mildest setting is our $\sigma = 25$, near enough. In the strongest the noise is as wide as the
# whole range from black to white.

# %% mystnb={"image": {"alt": "A chest radiograph, clean and under the four noise settings of the paper; in the last one only a hint of the thorax can be made out."}}
item = protocol.items()[0]
clean = item.image[None]
examples = {"clean": clean}
for row in settings.itertuples():
    strength = GaussianNoise(255 * row.p * row.sigma_G)
    examples[f"p = {row.p}, sigma_G = {row.sigma_G}"] = strength(clean, [item.id]).clamp(0, 1)
plotting.show_images(examples, columns=5, width=11)
plt.show()

# %% [markdown]
# The paper also has Poisson settings, recalled as $p = 0.2$ with $\lambda = 1$ and $5$ (*unverified*). Read
# the same way, $y = x + p\,\mathrm{Poisson}(\lambda)$, this noise has the mean $p\lambda$: it *brightens* the
# image, by 0.2 and by 1. At the higher rate a PSNR of such an image is mostly a measure of that offset:

# %%
poisson_settings = []
for rate in (1, 5):
    added = AdditivePoissonNoise(0.2, rate)(clean, [item.id]) - clean
    poisson_settings.append(
        {
            "p": 0.2,
            "lambda": rate,
            "mean of y - x": added.mean().item(),
            "standard deviation, as our sigma": 255 * added.std().item(),
            "PSNR (dB)": 10 * torch.log10(1 / (added**2).mean()).item(),
            "PSNR without the mean (dB)": 10 * torch.log10(1 / added.var()).item(),
        }
    )
pd.DataFrame(poisson_settings).round(2)

# %% [markdown]
# How far does the network of this chapter get under each of the six? The committed table comes from
# `denoise study run gondara_noise`: for every setting a network of its own, with a third of the training
# below and three seeds (mean ± standard deviation), measured on the validation split. The
# classical denoisers have to estimate the noise level where it is not Gaussian.

# %% tags=["remove-input"]
tried = store.load_side("gondara_noise")
cells = {}
for (kind, p, parameter), group in tried.groupby(["noise", "p", "parameter"], sort=False):
    name = f"{kind}, p = {p:g}, {'sigma_G' if kind == 'Gaussian' else 'lambda'} = {parameter:g}"
    by_method = group.groupby("method")[["psnr", "ssim"]].agg(["mean", "std"])
    for method in ("noisy", "median", "nlm", "gondara"):
        (quality, spread), (likeness, _) = by_method.loc[method].unstack().to_numpy()
        text = f"{quality:.2f}" + (f" ± {spread:.2f}" if method == "gondara" else "")
        cells.setdefault(name, {})[plotting.label(method)] = f"{text} dB / {likeness:.3f}"
pd.DataFrame(cells).T.rename_axis("PSNR / SSIM")

# %% tags=["remove-input"]
gaussian = tried[tried["noise"] == "Gaussian"]
strength = (gaussian["p"] * gaussian["parameter"]).rename("strength")
by_strength = gaussian.groupby([strength, "method"])["psnr"].mean().unstack()
ahead = (by_strength["gondara"] - by_strength["nlm"]).sort_index()
assert ahead.is_monotonic_increasing and ahead.iloc[0] < 0
Markdown(
    "The worse the noise, the more learning pays. Under the mildest Gaussian setting the network is behind non-local "
    f"means, under the heaviest it is {ahead.iloc[-1]:.1f} dB ahead. A part of that lead is unfair: the network was trained at each "
    "setting, and non-local means was never tuned beyond sigma 75.\n\n"
    "Under the Poisson settings the classical denoisers seem to fail. They do what they are made for and leave the "
    "brightness as it is, and the network has learned to subtract it. Tell non-local means the mean and the variance of the "
    "noise, and it recovers:"
)

# %%
nlm, told = methods.load("nlm"), {}
for rate in (1, 5):
    counts = Protocol(split="val", noise=AdditivePoissonNoise(0.2, rate), limit=few)
    images, ids = counts.items().images(), counts.items().ids
    centred = counts.noise(images, ids) - 0.2 * rate
    estimates = [apply(nlm, y[None], 255 * 0.2 * rate**0.5) for y in centred]
    pairs = zip(images, estimates, strict=True)
    scores = [score(x[None], z, counts)["psnr"] for x, z in pairs]
    told[f"lambda = {rate}"] = sum(scores) / len(scores)
    untold = tried.query("method == 'nlm' and noise == 'Poisson' and parameter == @rate")
    assert preset == "smoke" or told[f"lambda = {rate}"] > untold["psnr"].item() + 5
print({setting: f"{psnr:.2f} dB" for setting, psnr in told.items()})

# %% [markdown]
# ### Its SSIM and ours
#
# The values that circulate for the first setting on mammograms, SSIM 0.45 for the noisy images and 0.80 after a
# median filter (*unverified*), are higher than mammograms give with `data_range=1`, and one setting explains it. For images in $[0, 1]$,
# scikit-image's SSIM used `data_range=2` for floating-point images by default in those years. A check on 108 mammograms of the same collection at 64×64 pixels, made outside this book,
# gave 0.457 and 0.807 with `data_range=2` and a 5×5 median, and 0.36 and 0.70 with `data_range=1`. It is an
# inference, not a proof; but it is a reason not to put the paper's SSIM beside ours. On our radiograph, shrunk the same way, the setting moves the values less:

# %%
small_clean = F.interpolate(clean, (64, 64), mode="area")
small_noisy = GaussianNoise(25.5)(small_clean, [item.id])
median = torch.from_numpy(ndimage.median_filter(small_noisy[0, 0].numpy(), 5))[None, None]
ssim_rows = {}
for name, image in (("noisy", small_noisy), ("median, 5 x 5", median)):
    pair = small_clean[0, 0].numpy(), image[0, 0].numpy()
    ssim_rows[name] = {
        f"data_range={r}": structural_similarity(*pair, data_range=r) for r in (1, 2)
    }
pd.DataFrame(ssim_rows).T.round(3)

# %% [markdown]
# ## The model
#
# - **Encoder**: Conv 3×3 → ReLU → max-pool 2×2, twice. A 256×256 image becomes 64 maps of 64×64.
# - **Decoder**: Conv 3×3 → ReLU → upsample ×2, twice, then Conv 3×3 → sigmoid. Upsampling repeats
#   each value in a 2×2 square.
#
# All layers have 64 filters. Nothing leads around the waist: no skip connections, no batch norm.


# %%
class ConvDenoisingAutoencoder(nn.Module):
    def __init__(self, features=64):
        super().__init__()
        self.encode1 = nn.Conv2d(1, features, 3, padding=1)
        self.encode2 = nn.Conv2d(features, features, 3, padding=1)
        self.decode1 = nn.Conv2d(features, features, 3, padding=1)
        self.decode2 = nn.Conv2d(features, features, 3, padding=1)
        self.decode3 = nn.Conv2d(features, 1, 3, padding=1)

    def forward(self, noisy):
        half = F.max_pool2d(F.relu(self.encode1(noisy)), 2)
        code = F.max_pool2d(F.relu(self.encode2(half)), 2)  # h = f(y)
        half = F.interpolate(F.relu(self.decode1(code)), scale_factor=2)
        full = F.interpolate(F.relu(self.decode2(half)), scale_factor=2)
        return torch.sigmoid(self.decode3(full))  # z = g(h)


# %% [markdown]
# $$\underbrace{9 \cdot 64 + 64}_{\text{first}} + 3\,\underbrace{(9 \cdot 64 \cdot 64 + 64)}_{\text{middle}} + \underbrace{9 \cdot 64 + 1}_{\text{last}} = 112\,001$$

# %%
# NBVAL_CHECK_OUTPUT
ours = ConvDenoisingAutoencoder()
print(f"{methods.count_parameters(ours):,} parameters")

# %% [markdown]
# The library's `methods.create("gondara")` is the same network for images of any size: it pads the
# edges up to a multiple of four and crops afterwards. Copying our weights over shows it:

# %%
# NBVAL_CHECK_OUTPUT
model = methods.create("gondara")
model.load_state_dict(dict(zip(model.state_dict(), ours.state_dict().values(), strict=True)))
probe = torch.rand(1, 1, 64, 64)
with torch.no_grad():
    print("same output:", torch.equal(model(probe), ours(probe)))
    print("odd sizes:", tuple(model(torch.rand(1, 1, 61, 47)).shape))

# %% [markdown]
# ## Training, in the open
#
# The paper shrinks whole images to 64×64 (so both public reimplementations do). We keep the full
# resolution and train on 64×64 patches, so that the results can stand beside the other methods'.
# Three steps:

# %%
train_images = load_dataset("chest-drr").train.images()
generator = torch.Generator().manual_seed(seed)
torch.manual_seed(seed)
model = methods.create("gondara")
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for step in range(3):
    clean_patches = sample_patches(train_images, count=16, patch_size=64, generator=generator)
    noisy_patches = noise.sample(clean_patches, generator)
    loss = F.binary_cross_entropy(model(noisy_patches), clean_patches)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(f"step {step}: cross-entropy {loss.item():.4f}")

# %% [markdown]
# Cross-entropy does not go to zero: for grey values its minimum, reached at $z = x$, is the entropy
# of $x$ itself. So watch the PSNR in the learning curve, not the height of the loss.

# %%
entropy = F.binary_cross_entropy(train_images, train_images)
print(f"cross-entropy of the training images with themselves: {entropy.item():.4f}")

# %% [markdown]
# `training.fit` runs this loop with a learning rate that rises higher and falls again, a running average of the
# weights, a bound on the length of the gradient, half precision where the processor multiplies it natively, and a progress bar.

# %%
torch.manual_seed(seed)
model = methods.create("gondara")
settings = recipe("gondara", preset)
validation = Protocol(split="val", noise=noise, limit=2 if preset == "smoke" else 4)
run = fit(model, NoisyPatches(train_images, noise), settings, validation)
settings

# %% mystnb={"image": {"alt": "Two plots against the training step: the loss falls to its floor within a few hundred steps; the validation PSNR rises quickly and then slowly, with dashed lines for the classical denoisers."}}
names = [name for name in ("median", "nlm", "tv", "bm3d") if name in methods.available()]
classical = compare({name: methods.load(name) for name in names}, validation, progress=False)
plotting.learning_curve(run.curve, classical.groupby("method")["psnr"].mean())
plt.show()

# %% [markdown]
# ## Results under the protocol
#
# The same noisy test images for every method, the committed rows of the classical denoisers beside
# the network that we have just trained; the [protocol's hash](../metrics) guards the table.

# %%
rows = pd.concat([store.baselines(protocol), evaluate(model, protocol, "gondara")])
table = summarise(rows)
plotting.score_table(table)

# %% mystnb={"image": {"alt": "Horizontal bars of the mean SSIM of each method, best at the top."}}
plotting.metric_bars(rows, "ssim")
plt.show()

# %% tags=["remove-input"]
place = list(table.index).index("gondara") + 1
best = table["psnr"].drop("gondara").idxmax()
Markdown(
    f"At sigma {sigma} and the `{preset}` preset the autoencoder lifts the mean PSNR from "
    f"{table.psnr['noisy']:.2f} to **{table.psnr['gondara']:.2f} dB** and the mean SSIM from "
    f"{table.ssim['noisy']:.3f} to **{table.ssim['gondara']:.3f}**. That is place {place} of "
    f"{len(table)} by PSNR; the best other method, {plotting.label(best)}, has "
    f"{table.psnr[best]:.2f} dB."
)

# %% [markdown]
# **Trained for longer.** The library brings this network [trained for longer](../training), on real radiographs and for all
# noise levels up to 55 at once. It is tested here on images of another kind, and is not told the noise level:

# %%
released = methods.load("gondara-nih")
released_rows = evaluate(lambda y, sigma: denoise(y, released), protocol, "gondara-nih")
both = summarise(pd.concat([rows, released_rows]))
plotting.score_table(both.loc[["gondara", "gondara-nih", "noisy"]])

# %% mystnb={"image": {"alt": "A test radiograph: clean, noisy, by classical denoisers and by the autoencoder, each with a magnified detail and its scores, and below each image the residual that remains."}}
noisy = noise(clean, [item.id])
shown = {"noisy": noisy}
shown |= {name: apply(methods.load(name), noisy, sigma) for name in names[-2:]}
shown["gondara"] = apply(model, noisy, sigma)
plotting.comparison_panel(clean, shown, protocol, columns=3)
plt.show()

# %% [markdown]
# ## How few images are enough?
#
# The paper's central question. The committed table comes from `denoise study run gondara`: two
# thirds of the training above on the first 10, the first 50 or all 160 radiographs, three seeds each.

# %% mystnb={"image": {"alt": "The validation PSNR against the training step for 10, 50 and 160 training images: thin lines for each of three seeds and a thick one for their mean."}}
sample = store.load_side("gondara")
figure, axis = plt.subplots(figsize=(7, 3.6), layout="constrained")
for count, colour in ((10, "#D55E00"), (50, "#E69F00"), (160, "#0072B2")):
    curves = sample[sample["images"] == count].pivot(index="step", columns="seed", values="psnr")
    axis.plot(curves, color=colour, linewidth=0.7, alpha=0.6)
    axis.plot(curves.mean(axis=1), color=colour, linewidth=2.2, label=f"{count} images")
axis.set(xlabel="training step", ylabel="PSNR (dB), validation split")
axis.legend(frameon=False)
axis.spines[["top", "right"]].set_visible(False)
plt.show()

# %% tags=["remove-input"]
last = sample[sample["step"] == sample["step"].max()]
by_count = last.groupby("images")["psnr"].agg(["mean", "std"])
Markdown(
    "Means over the seeds at the end: "
    + ", ".join(
        f"{n} images {row['mean']:.2f} ± {row['std']:.2f} dB" for n, row in by_count.iterrows()
    )
    + f". From 10 to 160 images the mean changes by {by_count['mean'][160] - by_count['mean'][10]:+.2f} dB; the seeds scatter "
    f"by {by_count['std'].max():.2f} dB. Ten are enough, then, but for a reason that should make us careful: one radiograph "
    "holds tens of thousands of patches, and all of ours show one patient."
)

# %% [markdown]
# ## What it learned
#
# The filters of the first layer are only 3×3 pixels, too few to draw a shape. We show those with the largest
# weights; what they are good for shows in the maps behind them.

# %% mystnb={"image": {"alt": "Sixteen filters of three by three weights from the first layer, without a pattern that one could name."}}
filters = model.encoder[0].weight.detach().cpu()[:, 0]
strongest = filters.flatten(1).norm(dim=1).argsort(descending=True)[:16]
figure, axes = plt.subplots(2, 8, figsize=(9, 2.4), layout="constrained")
for axis, index in zip(axes.flat, strongest, strict=True):
    limit = filters[index].abs().max()
    axis.imshow(filters[index], cmap="PuOr", vmin=-limit, vmax=limit)
    axis.set_axis_off()
plt.show()

# %% [markdown]
# The code $h$ of the radiograph above, eight of its 64 maps, each 64×64. Most are the image in another tone curve,
# and several are almost copies of each other. Together they hold everything that the decoder will ever know.

# %% mystnb={"image": {"alt": "Eight feature maps of the code for one radiograph at a quarter of its resolution: the thorax in different tones, several of them alike."}}
with torch.no_grad():
    device = next(model.parameters()).device
    code = model.encoder(noisy.to(device)).cpu()[0]
busiest = code.flatten(1).std(dim=1).argsort(descending=True)[:8]
figure, axes = plt.subplots(1, 8, figsize=(12, 1.8), layout="constrained")
for axis, index in zip(axes, busiest, strict=True):
    axis.imshow(code[index], cmap="cividis")
    axis.set_axis_off()
plt.show()

# %% [markdown]
# ## Where it fails
#
# **An image without noise.** Here is a test that a denoiser ought to pass without effort. We hand it **clean**
# images, and a perfect denoiser would return them as they are.

# %%
nothing = Protocol(noise=GaussianNoise(0), limit=few)
without_noise = evaluate(model, nothing, "clean input")["psnr"].mean()
with_noise = table.psnr["gondara"]
print(f"PSNR with noise:        {with_noise:.2f} dB")
print(f"PSNR without any noise: {without_noise:.2f} dB")
if preset != "smoke":
    assert without_noise < with_noise - 2

# %% mystnb={"image": {"alt": "A clean radiograph, the same through the autoencoder, and the difference, which shows the edges of ribs, clavicles and the diaphragm."}}
passed = apply(model, clean)
figure, axes = plt.subplots(1, 3, figsize=(10, 3.7), layout="constrained")
grey, error = {"cmap": "gray"}, {"cmap": "PuOr", "vmin": -0.1, "vmax": 0.1}
for axis, title, picture, limits in zip(
    axes,
    ("clean input", "output", "output - input"),
    (clean, passed, passed - clean),
    (grey, grey, error),
    strict=True,
):
    axis.imshow(picture[0, 0], **limits)
    axis.set_title(title)
    axis.set_axis_off()
plt.show()

# %% [markdown]
# It gets *worse* when the noise is taken away. The first suspect is the waist: max-pooling throws away where in its
# 2×2 square a value was largest, twice, and nothing leads around it. But the network itself has an alibi. With noise, the
# output comes closer to the truth than it does here, through the same waist. So the detail does pass.
#
# We question the suspect properly: the same network, with a third of the training above, for three tasks and with three seeds each. All get the same
# clean validation images, and their means stand below.

# %%
trained_for = store.load_side("gondara_clean").groupby("task")[["psnr_clean", "psnr_noisy"]]
by_task = trained_for.mean().loc[["sigma 25", "sigma 0 to 55", "no noise"]]
assert by_task["psnr_clean"].is_monotonic_increasing
assert by_task["psnr_clean"]["sigma 0 to 55"] > by_task["psnr_clean"]["sigma 25"] + 4
by_task.rename(columns={"psnr_clean": "clean input", "psnr_noisy": "sigma 25"}).round(2)

# %% [markdown]
# The waist passes far more than our denoiser let through. What took the detail was the *training*. A network that has only ever
# seen sigma 25 removes noise of sigma 25, whether it is there or not, and finds it in the edges. One that has seen all levels up to 55
# does far less harm. The practical lesson is for your own images: a denoiser for one level, used on a
# cleaner image, removes image.
#
# **Another patient, another machine.** A real radiograph, taken with computed radiography; we treat it as
# clean, though it carries noise of its own.

# %% mystnb={"image": {"alt": "A real chest radiograph: clean, noisy, by two classical denoisers and by the autoencoder, with magnified details, scores and residuals."}}
witness = load_dataset("chest-cr").test[0]
witness_clean = witness.image[None]
witness_noisy = noise(witness_clean, [witness.id])
witness_shown = {"noisy": witness_noisy}
witness_shown |= {name: apply(methods.load(name), witness_noisy, sigma) for name in names[-2:]}
witness_shown["gondara"] = apply(model, witness_noisy, sigma)
plotting.comparison_panel(witness_clean, witness_shown, protocol, columns=3)
plt.show()

# %% tags=["remove-input"]
on_witness = {
    name: score(witness_clean, image, protocol)["psnr"] for name, image in witness_shown.items()
}
best = max(names[-2:], key=on_witness.get)
gap = on_witness["gondara"] - on_witness[best]
Markdown(
    f"On the real radiograph the autoencoder reaches {on_witness['gondara']:.2f} dB, "
    f"{abs(gap):.2f} dB {'above' if gap > 0 else 'below'} {plotting.label(best)}."
)

# %% [markdown]
# ## Fidelity: the paper and ours
#
# The author's own code is not public. What we know of details comes from public
# reimplementations {footcite}`adammah`; *unverified* marks what we could not check against a source.
#
# | | paper | reimplementations | here | why |
# |---|---|---|---|---|
# | layers | conv-pool-conv-pool, conv-up-conv-up-conv (*unverified*) | the same | the same: {source}`methods.gondara.ConvDenoisingAutoencoder` | |
# | filters | 64 of 3×3 (*unverified*) | 64, or 64/128/128/64, of 3×3 | 64 of 3×3: {source}`tests.test_models.test_parameter_counts` | 112,001 parameters |
# | last layer | sigmoid (*unverified*) | sigmoid | sigmoid: {source}`tests.test_models.test_gondara_output_is_in_the_range_of_an_image` | |
# | images | whole, shrunk to 64×64 (*unverified*) | the same | 64×64 patches of 256×256 images: {source}`training.patches.sample_patches`, {source}`tests.test_training.test_patches_are_windows_of_the_images_up_to_flips`; any size: {source}`methods.gondara.ConvDenoisingAutoencoder.forward`, {source}`tests.test_models.test_every_image_size_works` | comparable with the other methods |
# | training set | 300 images a set, or both pooled (*unverified*) | the same | 160 rendered radiographs: {source}`data.chest_drr` | this book's subject |
# | noise | Gaussian and Poisson | $p\,\mathcal N(\mu, \sigma_G^2)$, not clipped | the first setting's $\sigma$, rounded to the protocol's 25: {source}`noise.GaussianNoise`, {source}`tests.test_noise.test_noise_is_not_clipped_unless_asked_for`; all six in the table above: {source}`noise.AdditivePoissonNoise`, {source}`tests.test_noise.test_added_counts_brighten_by_p_times_their_mean` | one protocol for all methods |
# | noise draws | | one draws once for all epochs | fresh for every patch: {source}`training.loop.fit` | no noise is seen twice |
# | loss, optimiser | | cross-entropy and Adam | the same, with a one-cycle schedule: {source}`training.loop.optimise` | best for a short training |
# | batch, length | | 10, 100 epochs | 16, in steps: {source}`methods.registry.Network.recipe` | a short training |
# | score | SSIM, `data_range` not stated | `data_range` from each noisy image | SSIM with `data_range=1`, Gaussian window: {source}`metrics.ssim` | see [quality](../metrics) |
#
# ## Summary
#
# In this notebook we have built the hourglass network and trained it on 160 images. It is a strong smoother from
# little data. Trained for one level, it removes that level from everything it is shown, and that costs a clean image more than the waist
# does. The waist has its price too: the same network trained without any noise comes no nearer to a clean image than the table says. The networks that came after it go *around* the waist all the same (by predicting only the noise, as
# [DnCNN](03_dncnn2017) does) or build bridges over it.
#
# ## Exercises
#
# **1.** Train with the *noisy* patches as target, a slip found in a public notebook. (The sigmoid cannot leave
# $[0, 1]$, and the cross-entropy refuses targets outside, so clip them.) Which function minimises this loss? Does the
# trained network denoise?
#
# <details><summary>Solution</summary>
#
# The identity, as far as a sigmoid can give it. So nothing in the *training* asks for less noise, and yet this network
# denoises, a decibel or so behind the one that was shown clean targets: in this training it does not learn to copy the noise. Here much of the
# denoising is the work of the *architecture*.
#
# </details>

# %% tags=["hide-cell"]
copied = trained_for.mean().loc["its own input", "psnr_noisy"]
print(
    f"trained on noisy targets: {copied:.2f} dB; on clean ones: {by_task['psnr_noisy']['sigma 25']:.2f} dB"
)
noisy_level = store.baselines(protocol).query("method == 'noisy'")["psnr"].mean()
assert noisy_level + 8 < copied < by_task["psnr_noisy"]["sigma 25"] < copied + 2

# %% [markdown]
# **2.** Replace the max-pooling by convolutions of stride 2. How many parameters does this add, and what does it do to
# clean images that are trained for?
#
# <details><summary>Solution</summary>
#
# Give both encoder convolutions `stride=2` and leave out the pooling: no parameter is added. A strided convolution computes a quarter of the
# values, and chooses which quarter; pooling computes all of them and keeps the largest. The short trainings below copy clean
# images, the task in which a waist shows most. There the strides come clearly closer: the pooling, not the small middle alone, loses detail. (It is one training each.)
#
# </details>


# %% tags=["hide-cell"]
def strided():
    network = methods.create("gondara")
    first, second = network.encoder[0], network.encoder[3]
    first.stride = second.stride = (2, 2)
    network.encoder = nn.Sequential(first, nn.ReLU(), second, nn.ReLU())
    return network


copying = replace(settings, steps=8 if preset == "smoke" else 200, validate_every=8)
passes = {}
for name, make in {"max-pooling": lambda: methods.create("gondara"), "stride": strided}.items():
    torch.manual_seed(seed)
    network = make()
    assert methods.count_parameters(network) == 112_001
    fit(network, NoisyPatches(train_images, GaussianNoise(0)), copying, progress=False)
    passes[name] = evaluate(network, replace(nothing, limit=4), progress=False)["psnr"].mean()
if preset != "smoke":
    assert passes["stride"] > passes["max-pooling"] + 0.5
print({name: f"{psnr:.2f} dB" for name, psnr in passes.items()})

# %% [markdown]
# **3.** Show that the cross-entropy above is smallest at $z = x$ for every $x$ in $[0, 1]$, and that its expectation over several
# possible $x$ is smallest at their mean.
#
# <details><summary>Solution</summary>
#
# Its derivative is $(z_d - x_d) / (z_d (1 - z_d))$: negative below $x_d$, positive above. The loss is linear in $x_d$, so its
# expectation is the loss of the mean, which is smallest there.
#
# </details>

# %% tags=["hide-cell"]
possible = torch.tensor([0.1, 0.2, 0.9])
z = torch.linspace(0.01, 0.99, 99)
expected = torch.stack(
    [F.binary_cross_entropy(z, x.expand_as(z), reduction="none") for x in possible]
)
best = z[expected.mean(0).argmin()]
print(f"mean of the possible values {possible.mean():.2f}, best answer {best:.2f}")
assert abs(best - possible.mean()) < 0.01

# %% [markdown]
# ## References
#
# ```{footbibliography}
# ```
