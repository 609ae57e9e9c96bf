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
# # Predict the noise, not the image
#
# *Zhang, Zuo, Chen, Meng and Zhang, "Beyond a Gaussian Denoiser: Residual Learning of Deep CNN for Image Denoising", IEEE TIP 2017* {footcite}`zhang2017dncnn`
#
# You ask a denoiser for the image. You ask DnCNN for the *noise*, and subtract it. It is the same question, and the same loss, as you will see. Yet the paper became
# the one that every later denoiser is measured against. **What do you buy by asking differently?** We build the network in a dozen lines, take its two ingredients away one at a time, and meet the paper's own numbers
# with the authors' own weights.
#
# You need the [chapter before](02_gondara2016), and six to fifteen minutes on two processor cores if you run this page.

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
preset = "quick"  # or "smoke" (about a minute), or "full" (wants a GPU)
sigma = 25  # noise level on the 0-255 scale
seed = 0

# %% tags=["hide-cell"]
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from denoise_lib import drawings, methods
from denoise_lib.data import load_dataset
from denoise_lib.evaluation import apply, compare, evaluate, summarise
from denoise_lib.methods import recipe
from denoise_lib.noise import GaussianNoise
from denoise_lib.plotting import chapters
from denoise_lib.plotting.toys import base64_levels, toy
from denoise_lib.protocol import Protocol
from denoise_lib.study import store
from denoise_lib.training import fit
from denoise_lib.training.patches import NoisyPatches, sample_patches
from IPython.display import HTML, Markdown
from torch import nn

torch.manual_seed(seed)
noise = GaussianNoise(sigma)
few = 4 if preset == "smoke" else None  # a smoke run looks at four images only
protocol = Protocol(noise=noise, limit=few)
validation = Protocol(split="val", noise=noise, limit=4)

# %% [markdown]
# ## One subtraction
#
# Let $y = x + v$ with noise $v$. The network estimates the noise, and what is left is the image:
#
# $$\mathcal R(y) \approx v, \qquad \hat x = y - \mathcal R(y).$$

# %% mystnb={"figure": {"caption": "The layers estimate the noise; the image runs around them on one line."}} tags=["remove-input"]
drawings.draw("dncnn")

# %% [markdown]
# You find nothing else in it: no pooling, no waist, no blocks. The image runs around all layers on one line. In between, *batch normalisation* {footcite}`ioffe2015batchnorm` brings every map to mean zero and spread one over the batch, then scales and shifts it by two learned numbers. After the training, averages over many batches take the place of the batch.
#
# How far does a pixel see? Each 3×3 convolution adds one ring of neighbours. The paper's depth is $D = 17$.

# %% mystnb={"figure": {"caption": "What one pixel of the output sees. Change the depth, or move the pixel."}} tags=["remove-input"]
item = protocol.items()[0]
figure, axis = plt.subplots(figsize=(3, 3.2), layout="constrained")
axis.imshow(item.image[0, 64:192, 64:192], cmap="gray", vmin=0, vmax=1)
axis.add_patch(
    plt.Rectangle(
        (46.5, 46.5), 35, 35, fill=False, edgecolor="#E69F00", linewidth=2
    )
)
axis.set_title("17 convolutions see 35 x 35 pixels", fontsize=10)
axis.set_axis_off()
HTML(
    toy(
        "receptive",
        {
            "clean": base64_levels(item.image[0, 64:192, 64:192]),
            "width": 128,
            "height": 128,
            "zoom": 3,
            "pixel": [64, 64],
        },
        figure,
        "A detail of a radiograph with a square of 35 by 35 pixels: what one pixel of the output sees.",
    )
)

# %% [markdown]
# You can read the whole network on a screen:


# %%
class DnCNN(nn.Module):
    def __init__(self, depth=17, features=64):
        super().__init__()
        layers = [nn.Conv2d(1, features, 3, padding=1), nn.ReLU()]
        for _ in range(depth - 2):
            conv = nn.Conv2d(features, features, 3, padding=1, bias=False)
            layers += [conv, nn.BatchNorm2d(features), nn.ReLU()]
        last = nn.Conv2d(features, 1, 3, padding=1)
        nn.init.zeros_(last.weight)  # the first estimate is then y itself
        nn.init.zeros_(last.bias)
        self.residual = nn.Sequential(*layers, last)  # R(y)

    def forward(self, y):
        return y - self.residual(y)


# %% [markdown]
# How many weights do you count? The first convolution, fifteen in the middle with their norms' scales and shifts, and the last:
#
# $$(9 \cdot 64 + 64) + 15\,(9 \cdot 64 \cdot 64 + 2 \cdot 64) + (9 \cdot 64 + 1) = 556\,097.$$

# %%
# NBVAL_CHECK_OUTPUT
ours = DnCNN()
print(f"{methods.count_parameters(ours):,} weights")

# %% tags=["hide-cell"]
model = methods.create("dncnn")  # the library's is the same
model.load_state_dict(
    dict(zip(model.state_dict(), ours.state_dict().values(), strict=True))
)
probe = torch.rand(1, 1, 33, 47)
with torch.no_grad():
    assert torch.equal(model.eval()(probe), ours.eval()(probe))

# %% [markdown]
# ## The loss does not change
#
# The paper's loss, its equation (1), compares the predicted noise with the true one:
#
# $$\ell(\Theta) = \frac{1}{2N} \sum_{i=1}^{N} \bigl\| \mathcal R(y_i; \Theta) - (y_i - x_i) \bigr\|_F^2 .$$
#
# Put $\mathcal R(y) = y - \hat x$ into it, and each term is $\|\hat x_i - x_i\|^2$. **It is the squared error of the image.** Only the target of the layers differs: grey levels are distributed differently in every image, the noise always in the same way.

# %% mystnb={"figure": {"caption": "Grey levels spread over several peaks; the noise is one narrow bell."}, "image": {"alt": "Three histograms of one radiograph: the clean grey levels with several peaks, the noisy ones, blurred, and the residual, one narrow bell around zero."}} tags=["hide-input"]
item = protocol.items()[0]
clean = item.image[None]
noisy = noise(clean, [item.id])
fields = {
    "clean $x$": clean,
    "noisy $y$": noisy,
    "noise $v = y - x$": noisy - clean,
}
figure, axes = plt.subplots(
    1, 3, figsize=(7, 1.9), layout="constrained", sharey=True
)
for axis, (title, field) in zip(axes, fields.items(), strict=True):
    axis.hist(
        field.flatten(),
        bins=80,
        range=(-0.4, 1.4),
        color="#666666",
        density=True,
    )
    axis.set(title=title, yticks=[])
    axis.spines[["top", "right", "left"]].set_visible(False)
plt.show()

# %% [markdown]
# The authors argue that this suits batch norm, and that a network which only has to make a small field of mean zero need not first learn to copy its input. We shall test what the residual and batch norm are each worth.
#
# ## Training
#
# We let the last layer start at zero. (That is our change. With the authors' random start the first loss is about a third above the variance of the noise, with PyTorch's usual one far above it: exercise 4.) What should it be with ours?

# %%
train_images = load_dataset("chest-drr").train.images()
generator = torch.Generator().manual_seed(seed)
model = methods.create("dncnn").train()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
losses = []
for _ in range(3 if preset == "smoke" else 60):
    x = sample_patches(train_images, 4, 40, generator)
    y = noise.sample(x, generator)
    loss = nn.functional.mse_loss(model(y), x)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
print(f"first {losses[0]:.4f}, last ten {sum(losses[-10:]) / 10:.4f}")

# %% tags=["remove-input"]
if preset != "smoke":
    assert abs(losses[0] / (sigma / 255) ** 2 - 1) < 0.1
    assert sum(losses[-10:]) < sum(losses[:10])
    assert sum(losses[-10:]) < 10 * 10 * losses[0]

# %% [markdown]
# You get the variance of the noise, $(25 / 255)^2 = 0.0096$: our first estimate is the noisy image itself. `fit` goes on, with a rate that rises and falls and an average over the last weights.

# %%
settings = recipe("dncnn", preset)
settings

# %% [markdown]
# After its first steps `fit` says how long it takes on your machine. Too long? Write `model = methods.load("dncnn-b-nih")` in place of the next cell and leave out the curve after it. You then have a deeper network, trained longer on other radiographs. With `preset = "smoke"` the page runs in about a minute. Meanwhile guess: is BM3D, made in 2007 and trained on nothing, still ahead after these few minutes?

# %%
torch.manual_seed(seed)
model = methods.create("dncnn")
run = fit(model, NoisyPatches(train_images, noise), settings, validation)

# %% mystnb={"figure": {"caption": "DnCNN reaches non-local means in this short training, and not BM3D (dashed)."}, "image": {"alt": "Validation PSNR against the training step; it rises to non-local means and stays below BM3D, which are dashed lines."}} tags=["hide-input"]
names = [name for name in ("nlm", "tv", "bm3d") if name in methods.available()]
classical = compare(
    {name: methods.load(name) for name in names}, validation, progress=False
)
chapters.training_curve(
    run.curve, classical.groupby("method")["psnr"].mean().to_dict()
)
plt.show()

# %% mystnb={"figure": {"caption": "After a short training DnCNN is level with non-local means, behind BM3D."}, "image": {"alt": "Mean PSNR on the test images as dots; BM3D leads, DnCNN follows, then the other classical denoisers."}} tags=["hide-input"]
rows = pd.concat(
    [store.baselines(protocol), evaluate(model, protocol, "dncnn")]
)
chapters.score_dots(rows, leave_out=("noisy",))
plt.show()

# %% tags=["remove-input"]
psnr = summarise(rows)["psnr"]
behind = psnr["bm3d"] - psnr["dncnn"]
if preset == "quick" and sigma == 25:
    assert (
        psnr.drop(["dncnn", "bm3d", "nlm"]) < psnr["dncnn"] - 0.1
    ).all() and 0 < behind < 1
    assert abs(psnr["dncnn"] - psnr["nlm"]) < 0.25
Markdown(
    "**After a short training DnCNN is level with non-local means.** BM3D, which needs no training either, is still "
    f"{behind:.1f} dB ahead. The weights of DnCNN's authors, trained far longer, [pass it](../comparison) by PSNR."
)

# %% [markdown]
# ## What is left over
#
# The output $\mathcal R(y)$ should be the noise. Here you see it, and beside it what is wrong with it, at four times the contrast:

# %% mystnb={"figure": {"caption": "True noise, predicted noise, and four times their difference, which shows the patient."}, "image": {"alt": "Three fields in orange and purple: the true noise, the predicted noise, and their difference at four times the contrast, in which faint edges of ribs and the mediastinum can be seen."}} tags=["hide-input"]
predicted = noisy - apply(model, noisy, sigma)
spread = 3 * sigma / 255
fields = {
    "true noise $v$": (noisy - clean, spread),
    "predicted $R(y)$": (predicted, spread),
    "$v - R(y)$, x 4": (noisy - clean - predicted, spread / 4),
}
figure, axes = plt.subplots(1, 3, figsize=(7, 2.7), layout="constrained")
for axis, (title, (field, limit)) in zip(axes, fields.items(), strict=True):
    axis.imshow(field[0, 0], cmap="PuOr", vmin=-limit, vmax=limit)
    axis.set_title(title, fontsize=10)
    axis.set_axis_off()
plt.show()

# %% [markdown]
# The blotches are noise that stayed in the image. Along the edges it is structure that was taken out with the noise. Some of that no denoiser can avoid: at an edge [many images are possible](../best), and their mean is none of them. The rest is this network's. It knows what noise looks like only as well as it knows what radiographs look like: the two questions are one.
#
# ## Two ingredients, taken away one at a time
#
# Is it the residual, the batch norm, or both? For a fair trial our four networks should start alike. With a last layer of zeros a direct network begins at a black image and a residual one at the noisy image; the first has
# lost before you take a step. So we give every network a *carrier*: its first feature map takes the image through all layers, and where there is batch norm its scale and shift undo what the statistics do to it:
#
# ```python
# # in words, not to run
# carried = noisy + 1  # positive, so that no ReLU cuts it
# for conv, norm in layers:
#     conv.weight[0] = identity
#     norm.weight[0], norm.bias[0] = carried.std(), carried.mean()
# ```
#
# The last layer then hands on the carried image, in the direct network, and nothing, in the residual one. So the direct network starts by returning the noisy image, the residual one by
# subtracting nothing. We give each its own best learning rate, out of a range that holds it. One network still starts worse, the direct one with batch norm: in batches of four each batch gets a brightness of its own, and the first squared error is about four times the variance of the noise.

# %% mystnb={"figure": {"caption": "Four networks, each over a range of learning rates, a point for each training."}, "image": {"alt": "Validation PSNR against the learning rate for four networks, with and without residual learning and batch norm, a point for each training; each curve has its top inside."}} tags=["hide-input"]
ablation = store.load_side("dncnn_ablation")
variants = {
    (True, True): ("residual, batch norm", "#D55E00", "o"),
    (False, True): ("direct, batch norm", "#E69F00", "s"),
    (True, False): ("residual, no batch norm", "#0072B2", "o"),
    (False, False): ("direct, no batch norm", "#56B4E9", "s"),
}
curves = {}
figure, axis = plt.subplots(figsize=(7, 3.2), layout="constrained")
for (residual, norm), (name, colour, marker) in variants.items():
    kind = (ablation["residual_learning"] == residual) & (
        ablation["batch_norm"] == norm
    )
    axis.plot(
        *ablation.loc[kind, ["learning_rate", "psnr"]].T.to_numpy(),
        marker,
        color=colour,
    )
    curves[name] = ablation[kind].groupby("learning_rate")["psnr"].mean()
    axis.plot(curves[name], color=colour, label=name)
axis.set(
    xscale="log", xlabel="learning rate", ylabel="PSNR (dB), validation split"
)
axis.set_ylim(bottom=31)
axis.spines[["top", "right"]].set_visible(False)
axis.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
plt.show()

# %% [markdown]
# ```{margin}
# The unequal start: {source}`tests.test_dncnn_ablation.test_in_small_batches_only_direct_with_batch_norm_starts_elsewhere`. DnCNN with 32 maps in place of 64, 2,000 steps of four patches of 32×32, on [rendered radiographs](../data) of one patient; measured on its validation images. A point for each training; three seeds at the best rates, whose means the line joins. What is below 31 dB is left out.
# ```

# %% tags=["remove-input"]
starts = ablation.groupby("seed")["first_psnr"]
assert (starts.max() - starts.min() < 0.06).all()  # dB, before any step
top = {name: curve.max() for name, curve in curves.items()}
rate = {name: curve.idxmax() for name, curve in curves.items()}
for name, curve in curves.items():
    assert curve.index.min() < rate[name] < curve.index.max()
plain = top["residual, no batch norm"] - top["direct, no batch norm"]
apart = top["residual, batch norm"] - top["direct, batch norm"]
assert 0.1 < plain < 0.6 and apart > 1
assert rate["residual, batch norm"] == rate["residual, no batch norm"] == 3e-3
residual = ablation[ablation["residual_learning"]]
same_rate = residual[residual["learning_rate"] == 3e-3].pivot(
    index="seed", columns="batch_norm", values="psnr"
)
assert same_rate.shape == (3, 2)
without = same_rate[False] - same_rate[True]
assert abs(without.mean()) < 0.15 and without.min() < 0 < without.max()
larger = residual[residual["batch_norm"] & (residual["learning_rate"] == 1e-2)][
    "psnr"
].sort_values()
assert len(larger) == 3 and larger.iloc[1] < 30
assert larger.iloc[2] > top["residual, batch norm"]
Markdown(
    f"**In batches of four, batch norm needs the residual.** Asked for the image itself, the network with batch norm is {apart:.1f} dB behind the one that is asked for "
    "the noise. Without batch norm the residual is worth a few tenths of a decibel. Larger batches may close the first gap; we did not "
    "try them.\n\n"
    "**Batch norm itself wins nothing here.** At the rate that is best for both, the residual networks with and without it are level; which of them is ahead depends on the seed. "
    "Try the next larger step, and one of three trainings with batch norm gains from it. The other two break down: never judge a rate by one seed."
)

# %% [markdown]
# So the residual helps without batch norm too, as the paper says. Its other claim, that the pair is best, comes from photographs and fifty epochs; with two thousand steps on
# radiographs we cannot contradict it.
#
# Later networks for restoration left batch norm out, [RDN](05_rdn2020) among them. It was a means to train deep networks, and other means came.
#
# ## Is this really DnCNN?
#
# So short a training cannot show you that our network is the paper's. The authors' weights can. They fit into ours layer by layer, with batch norm already merged into the convolutions, and on the paper's test sets they give you the paper's numbers:

# %% tags=["remove-input"]
parity = store.load_side("parity")
published = {
    ("set12", "S"): (32.86, 30.44, 27.18),
    ("set12", "B"): (32.68, 30.36, 27.21),
    ("bsd68", "S"): (31.73, 29.23, 26.23),
    ("bsd68", "B"): (31.61, 29.16, 26.23),
}
largest = 0.0
for (dataset, network), values in published.items():
    chosen = parity[
        (parity["dataset"] == dataset) & (parity["model"] == network)
    ]
    here = chosen.sort_values("sigma")["psnr"]
    assert len(here) == 3
    largest = max(largest, (here - list(values)).abs().max())
assert largest < 0.03
bsd = parity[
    (parity["dataset"] == "bsd68") & (parity["model"] == "S")
].set_index("sigma")["psnr"]
lines = ["| BSD68, PSNR in dB | σ = 15 | 25 | 50 |", "|---|---|---|---|"]
lines.append("| BM3D, published | 31.07 | 28.57 | 25.62 |")
lines.append("| DnCNN-S, published | 31.73 | 29.23 | 26.23 |")
cells = " | ".join(f"{bsd[level]:.2f}" for level in (15, 25, 50))
lines.append(f"| DnCNN-S, their weights here | {cells} |")
Markdown("\n".join(lines))

# %% [markdown]
# You see one of four tables. Over both test sets (the other is Set12), both networks and all three levels, no number is off by more than three hundredths. (Published values: the authors' repository {footcite}`zhang2017dncnn`, and a port that quotes
# the paper for Set12 {footcite}`saoyan`.)
#
# ## Trained for another level
#
# DnCNN-*S* knows one $\sigma$. DnCNN-*B*, for *blind*, has 20 layers and another level in every patch of its training, from 0 to 55. What do you pay for not telling it the level? And what for a network of another level?

# %% mystnb={"figure": {"caption": "At its own level the network for 25 is hardly better than the blind one, and at 50 far worse."}, "image": {"alt": "PSNR on Set12 against the noise level for the authors' DnCNN-S trained at 25 and their blind DnCNN-B: level at 25, and S is far below B at 50."}} tags=["hide-input"]
blind = store.load_side("blind").pivot(
    index="sigma", columns="model", values="psnr"
)
figure, axis = plt.subplots(figsize=(5.5, 3), layout="constrained")
axis.plot(blind["S (25)"], "s-", color="#D55E00", label="DnCNN-S, for 25")
axis.plot(blind["B"], "*-", color="#0072B2", label="DnCNN-B, blind")
axis.axvline(25, color="#999999", linestyle=":")
axis.plot(
    blind.index,
    20 * np.log10(255 / blind.index),
    color="#999999",
    label="the noisy image",
)
axis.set(xlabel="noise level σ", ylabel="PSNR (dB), Set12")
axis.spines[["top", "right"]].set_visible(False)
axis.legend(frameon=False)
plt.show()

# %% tags=["remove-input"]
ahead = blind["S (25)"] - blind["B"]
assert 0 < ahead[25] < 0.1 and ahead[50] < -9
assert blind["S (25)"][5] < 20 * np.log10(255 / 5) - 3
Markdown(
    "**At 25, not knowing costs less than a tenth of a decibel, with three layers more to make up for it. At 50, having been trained for 25 costs ten.** Above its level DnCNN-S leaves much of the noise "
    "in; far below it, it smooths so much that the noisy image itself would score better."
)

# %% [markdown]
# ## In short
#
# What does DnCNN believe about images? That what is true in one place is true in any, within the 35 pixels that it sees. Asking for the noise changes nothing in the loss and one line in the network. What it changes is where the training starts and what the layers must carry. And it has a second life: the best prediction of the noise is
# $-\sigma^2$ times the [score](../best), the direction in which images lie. The diffusion models that made images from noise in 2020 were trained with essentially this loss, at all levels at once {footcite}`ho2020`.
#
# Next: a denoiser that is trained [for somebody who reads the image](04_liu2018). What we changed against the paper stands in the [ledger](../fidelity).
#
# ## Exercises
#
# **1.** The network predicts noise. Feed it a *clean* image. What should $\mathcal R(x)$ be, what is
# it, and what does this say about using a denoiser on images of unknown quality?
#
# <details><summary>Solution</summary>
#
# For a network that has met clean images, close to zero. This one has not: it removes what looks most like noise of its level, fine texture, whether noise is there or not. A blind model, trained down to $\sigma = 0$, does less harm. (Ours was trained on
# other images and for longer as well, so the comparison is not of that alone; [Gondara's chapter](02_gondara2016) shows how such a comparison is made.)
#
# </details>

# %% tags=["hide-cell"]
clean = protocol.items()[0].image[None]
blind_network = methods.load("dncnn-b-nih")
removed = {
    "trained for 25": clean - apply(model, clean),
    "trained for 0 to 55": clean - apply(blind_network, clean),
}
damage = {name: 255 * field.std().item() for name, field in removed.items()}
if preset != "smoke":
    assert damage["trained for 25"] >= damage["trained for 0 to 55"]
print({name: f"{value:.2f} grey levels" for name, value in damage.items()})

# %% [markdown]
# **2.** You deepen the network from 17 to 24 layers. How far does a pixel see now, and how many weights does that cost?
#
# <details><summary>Solution</summary>
#
# $2 \cdot 24 + 1 = 49$ pixels across, for seven times $9 \cdot 64 \cdot 64 + 2 \cdot 64$ weights more.
#
# </details>

# %% tags=["hide-cell"]
deeper = methods.create("dncnn", depth=24)
more = methods.count_parameters(deeper) - 556_097
assert (
    more == 7 * (9 * 64 * 64 + 2 * 64) and 2 * deeper.receptive_radius + 1 == 49
)
print(f"{more:,} more")

# %% [markdown]
# **3.** Show that a bias in front of batch norm changes nothing in the output, at training time.
#
# <details><summary>Solution</summary>
#
# Batch norm computes $(u - \mathrm{mean}(u)) / \mathrm{std}(u)$. With $u + b$ in place of $u$, the
# mean grows by $b$ and the standard deviation stays, so $b$ cancels.
#
# </details>

# %% tags=["hide-cell"]
maps = torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(seed))
biased = maps + torch.tensor([1.0, -2.0, 3.0])[:, None, None]
torch.testing.assert_close(
    nn.BatchNorm2d(3)(biased), nn.BatchNorm2d(3)(maps), atol=1e-5, rtol=0
)
print("the same output")

# %% [markdown]
# **4.** Break it: leave out `nn.init.zeros_(last.weight)`. What is your first loss now, and why does the training suffer?
#
# <details><summary>Solution</summary>
#
# The network then begins by subtracting a random field, so the first loss is far above the variance of the noise. A short training spends its first steps on unlearning it.
#
# </details>

# %% tags=["hide-cell"]
torch.manual_seed(seed)
usual = methods.create("dncnn").train()
usual.tail.reset_parameters()
x = sample_patches(train_images, 16, 40, generator)
with torch.no_grad():
    first = nn.functional.mse_loss(usual(noise.sample(x, generator)), x).item()
assert first > 5 * (sigma / 255) ** 2
print(f"first loss {first:.3f}, the noise has {(sigma / 255) ** 2:.3f}")

# %% [markdown]
# **5.** Plot quiz: cover the labels in the figure of the two ingredients. How do you see that the top of a curve can be believed? And what would you have concluded had the search ended at a rate of $10^{-3}$?
#
# <details><summary>Solution</summary>
#
# You can believe a top if there are lower points on both of its sides. At $10^{-3}$ both residual networks are still rising, so you would have blamed an architecture for a step that was too small.
#
# </details>

# %% tags=["hide-cell"]
for name in ("residual, batch norm", "residual, no batch norm"):
    print(f"{name}: the best rate is {rate[name]:g}")
    assert rate[name] > 1e-3

# %% [markdown]
# **6.** Open: the residual suits noise that is *added*. What would you let the network predict for [X-ray noise](../noise), whose strength depends on the image?
#
# ````{dropdown} References
# ```{footbibliography}
# ```
# ````
