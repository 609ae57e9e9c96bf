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
# # RDN: let every layer see its whole block
#
# *Zhang, Tian, Kong, Zhong and Fu, "Residual Dense Network for Image Restoration", IEEE TPAMI, 2020;
# first for super-resolution at CVPR, 2018* {footcite}`zhang2020rdn`.
#
# **The idea in one sentence:** lest a deep network forget what its early layers saw, RDN hands every layer all maps
# of its own block, and at its end looks at the output of every block.
#
# In particular we will
#
# - build the residual dense block and the network, and count 21,973,377 weights from the description;
# - train a small configuration live on chest radiographs;
# - vary its growth rate and its depth, and see which of the two pays;
# - cut single connections and be surprised: which old feature maps does a layer still use?
#
# **You need** the chapter on [DnCNN](03_dncnn2017); the pages on [noise](../noise) and
# [quality](../metrics) explain $\sigma$, PSNR and SSIM.
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
import numpy as np
import pandas as pd
import torch
from IPython.display import Markdown
from matplotlib.colors import PowerNorm
from torch import nn

from denoise_lib import methods, plotting
from denoise_lib.data import load_dataset
from denoise_lib.evaluation import apply, compare, evaluate, score, summarise
from denoise_lib.inference import denoise
from denoise_lib.methods import configuration, recipe
from denoise_lib.noise import GaussianNoise
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
# Two ideas of their time meet in RDN. ResNets {footcite}`he2016resnet` add a layer's input to its
# output. DenseNets {footcite}`huang2017densenet` go further: they *concatenate*, so that each layer
# reads the outputs of all layers before it, unmixed. That is costly for restoration, where feature maps stay as large as the
# image. RDN makes it affordable: dense inside a block, squeezed by a 1×1 convolution at its end, and all blocks' outputs fused once more.
#
# The paper trains one network for each noise level of 10, 30, 50 and 70. For BSD68 at 50, later
# papers' tables give it 26.41 dB and DnCNN 26.23 dB {footcite}`zhang2024xformer,zhang2017dncnn`.
# Mind a difference that does not show in these two numbers: RDN's noisy test inputs are 8-bit files, noise
# rounded *and clipped*; DnCNN's are not ([why that matters](../noise)).

# %% [markdown]
# ## The idea in equations
#
# | symbol | meaning | in the code |
# |---|---|---|
# | $y$, $\hat x$ | noisy image, estimate | `noisy`, the output |
# | $F_{-1}$, $F_0$ | shallow features | `first`, `maps` before the loop |
# | $D$, $C$ | number of blocks; convolutions in a block | `blocks`, `layers` |
# | $G_0$, $G$ | maps between blocks; maps that a convolution adds (*growth rate*) | `features`, `growth` |
# | $F_d$ | output of block $d$ | `maps` |
# | $F_{GF}$ | global feature fusion | `self.fusion(...)` |
#
# (Biases are left out of the equations; every convolution has them.) **Inside a block**, the $c$-th convolution reads
# the block's input and everything made since,
#
# $$F_{d,c} = \mathrm{ReLU}\bigl(W_{d,c} * [F_{d-1}, F_{d,1}, \dots, F_{d,c-1}]\bigr),$$
#
# a 1×1 convolution fuses all of it back to $G_0$ maps (*local feature fusion*), and the block's input
# is added (*local residual learning*):
#
# $$F_d = F_{d-1} + W^{1 \times 1}_{d} * [F_{d-1}, F_{d,1}, \dots, F_{d,C}].$$
#
# **Across blocks**, *global feature fusion* takes the outputs of all blocks, but not $F_0$, and *global
# residual learning* adds the very first features:
#
# $$F_{GF} = W^{3 \times 3} * W^{1 \times 1} * [F_1, \dots, F_D], \qquad
# \hat x = W^{3 \times 3} * (F_{-1} + F_{GF}).$$
#
# No batch norm anywhere, and no ReLU outside the blocks. What a layer knows of earlier *blocks* it knows
# through $F_{d-1}$, their digest; only the global fusion reads them all.

# %% [markdown]
# ## The model


# %%
class ResidualDenseBlock(nn.Module):
    def __init__(self, features, growth, layers):
        super().__init__()
        self.convs = nn.ModuleList(
            nn.Conv2d(features + c * growth, growth, 3, padding=1) for c in range(layers)
        )
        self.fusion = nn.Conv2d(features + layers * growth, features, 1)

    def forward(self, inputs):
        maps = inputs
        for conv in self.convs:
            maps = torch.cat([maps, torch.relu(conv(maps))], dim=1)  # F_{d,c}
        return inputs + self.fusion(maps)  # F_d


class RDN(nn.Module):
    def __init__(self, blocks=16, layers=8, growth=64, features=64):
        super().__init__()
        self.shallow1 = nn.Conv2d(1, features, 3, padding=1)
        self.shallow2 = nn.Conv2d(features, features, 3, padding=1)
        self.blocks = nn.ModuleList(
            ResidualDenseBlock(features, growth, layers) for _ in range(blocks)
        )
        self.fusion = nn.Sequential(
            nn.Conv2d(blocks * features, features, 1),
            nn.Conv2d(features, features, 3, padding=1),
        )
        self.output = nn.Conv2d(features, 1, 3, padding=1)

    def forward(self, noisy):
        first = self.shallow1(noisy)  # F_{-1}
        maps, outputs = self.shallow2(first), []  # F_0
        for block in self.blocks:
            maps = block(maps)
            outputs.append(maps)  # F_1 ... F_D
        return self.output(first + self.fusion(torch.cat(outputs, dim=1)))


# %% [markdown]
# The paper's configuration is $D = 16$, $C = 8$, $G = G_0 = 64$. Its parameters for grey images:

# %%
# NBVAL_CHECK_OUTPUT
print(f"{methods.count_parameters(RDN()):,} parameters")

# %% [markdown]
# That is forty times DnCNN, and a short training on a processor would not get it anywhere. So we train a small RDN of
# the same construction; the library's network is the one above, as a copy of the weights shows:

# %%
# NBVAL_CHECK_OUTPUT
small = configuration("rdn", "quick")
ours = RDN(**small)
model = methods.create("rdn", **small)
model.load_state_dict(ours.state_dict())
probe = torch.rand(1, 1, 33, 47)
with torch.no_grad():
    print("same output:", torch.equal(model.eval()(probe), ours.eval()(probe)))
print(small, f"{methods.count_parameters(model):,} parameters")

# %% [markdown]
# ## Training, in the open
#
# The authors' code trains with the **absolute** error instead of the squared one, and so do we:
#
# $$\ell(\Theta) = \frac{1}{N n} \sum_{i=1}^{N} \lVert \hat x_i - x_i \rVert_1$$
#
# for $N$ patches of $n$ pixels. Its gradient does not fade as the error shrinks. Of all functions of $y$ it is smallest for the *median* of
# what $x$ may be, where the squared error asks for the mean. PSNR, which the protocol reports, is made
# of squared errors, and in a short search the squared error was ahead with this network ([training](../training)). The first sixty
# steps:

# %%
train_images = load_dataset("chest-drr").train.images()
generator = torch.Generator().manual_seed(seed)
torch.manual_seed(seed)
model = methods.create("rdn", **small)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)
losses = []
for _ in range(3 if preset == "smoke" else 60):
    clean = sample_patches(train_images, count=4, patch_size=48, generator=generator)
    noisy = noise.sample(clean, generator)
    loss = nn.functional.l1_loss(model(noisy), clean)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
tens = [sum(losses[i : i + 10]) / 10 for i in range(0, len(losses), 10)]
print("mean absolute error, means of ten steps:", [round(value, 3) for value in tens])
assert preset == "smoke" or tens[-1] < tens[0] / 2

# %% [markdown]
# `training.fit` runs this loop with a learning rate that rises and falls, a running average of the
# weights, a bound on the length of the gradient, half precision where the hardware supports it, and a progress bar.

# %%
torch.manual_seed(seed)
model = methods.create("rdn", **small)
settings = recipe("rdn", preset)
validation = Protocol(split="val", noise=noise, limit=2 if preset == "smoke" else 4)
run = fit(model, NoisyPatches(train_images, noise), settings, validation)
settings

# %% mystnb={"image": {"alt": "Two plots against the training step: the loss falls steeply and then levels off; the validation PSNR rises among dashed lines for the classical denoisers."}}
names = [name for name in ("nlm", "tv", "bm3d") if name in methods.available()]
classical = compare({name: methods.load(name) for name in names}, validation, progress=False)
plotting.learning_curve(run.curve, classical.groupby("method")["psnr"].mean())
plt.show()

# %% [markdown]
# ## Results under the protocol
#
# The same noisy test images for every method, the committed rows of the classical denoisers beside
# the network that we have just trained; the [protocol's hash](../metrics) guards the table.

# %%
rows = pd.concat([store.baselines(protocol), evaluate(model, protocol, "rdn")])
table = summarise(rows)
plotting.score_table(table)

# %% mystnb={"image": {"alt": "Horizontal bars of the mean PSNR of each method, best at the top."}}
plotting.metric_bars(rows, "psnr")
plt.show()

# %% tags=["remove-input"]
psnr = table["psnr"]
behind = psnr["bm3d"] - psnr["rdn"]
if preset == "quick" and sigma == 25:
    assert 0 < behind < 1.5 and psnr["rdn"] > psnr["noisy"] + 10
Markdown(
    f"A short training brings the small RDN to {psnr['rdn']:.2f} dB, among the classical denoisers and {behind:.1f} dB behind the "
    "best of them, BM3D, which needs no training at all."
)

# %% [markdown]
# **Trained for longer.** The library brings the same network, [trained for longer](../training) on real radiographs and for all
# noise levels up to 55 at once. It is tested here on images of another kind, and is not told the noise level:

# %%
released = methods.load("rdn-nih")
released_rows = evaluate(lambda y, sigma: denoise(y, released), protocol, "rdn-nih")
both = summarise(pd.concat([rows, released_rows]))
plotting.score_table(both.loc[["rdn", "rdn-nih", "noisy"]])

# %% mystnb={"image": {"alt": "A test radiograph: clean, noisy, by the best classical denoisers and by RDN, each with a magnified detail and its scores, and below each image the residual that remains."}}
item = protocol.items()[0]
clean = item.image[None]
noisy = noise(clean, [item.id])
shown = {"noisy": noisy}
shown |= {name: apply(methods.load(name), noisy, sigma) for name in names[-2:]}
shown["rdn"] = apply(model, noisy, sigma)
plotting.comparison_panel(clean, shown, protocol, columns=3)
plt.show()

# %% [markdown]
# ## What it learned: who listens to whom
#
# A layer of a dense block *can* read everything made before in it. Does it? We cut one connection at a time: the layer gets the
# *average* of a source, the block's input $F_{d-1}$ or an earlier convolution, in place of its maps, and we measure
# how many decibels the denoised validation images lose, in the middle of each image. (Zeros in place of the average would measure an offset too: maps
# after a ReLU have a positive mean.) Nothing is trained again. Read each triangle row by row: a dark field means that this layer
# would miss that source.


# %% mystnb={"image": {"alt": "Four triangular heat maps, one for each block, of the decibels lost when a layer gets only the mean of one of its sources, and one column for the global fusion; nearly all fields of the triangles are pale, those of the column are dark."}}
def psnr_without(conv, maps):
    """Mean PSNR when a convolution reads the means of some of its input maps (a slice) instead."""

    def flatten(module, inputs):
        cut = inputs[0].clone()
        cut[:, maps] = cut[:, maps].mean((2, 3), keepdim=True)
        return (cut,)

    hook = conv.register_forward_pre_hook(flatten)
    quality = middle_psnr()
    hook.remove()
    return quality


def middle_psnr():
    """Mean PSNR in the middle of the validation images."""
    with torch.no_grad():
        estimates = model(noisy_middles.to(device)).cpu()
    pairs = zip(middles, estimates, strict=True)
    return sum(score(x[None], z[None], protocol)["psnr"] for x, z in pairs) / len(middles)


device = next(model.parameters()).device
witnesses = load_dataset("chest-drr").val[:few]
middles = witnesses.images()[..., 64:192, 64:192]
noisy_middles = noise(witnesses.images(), witnesses.ids)[..., 64:192, 64:192]
intact = middle_psnr()
width, growth, depth = small["features"], small["growth"], small["layers"]
sources = [slice(0, width)]
sources += [slice(width + c * growth, width + (c + 1) * growth) for c in range(depth)]
lost = np.full((small["blocks"], depth + 1, depth + 1), np.nan)
together = []  # all sources of a layer but the newest, cut at once
if preset != "smoke":
    for d, block in enumerate(model.blocks):
        for row, conv in enumerate([*block.convs, block.fusion]):
            for column in range(row + 1):
                lost[d, row, column] = intact - psnr_without(conv, sources[column])
            if row > 1:
                together.append(intact - psnr_without(conv, slice(0, sources[row].start)))
fused = [
    intact - psnr_without(model.fusion[0], slice(d * width, (d + 1) * width))
    for d in range(small["blocks"])
]


def heat_map(axis, values):
    picture = axis.imshow(values, cmap="Blues", norm=PowerNorm(0.5, vmin=0, vmax=2))
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            colour, text = "white" if value > 1 else "black", f"{value.round(2) + 0.0:.2f}"
            axis.text(column, row, text, ha="center", va="center", color=colour, size=8)
    return picture


names_shown = [*(str(c) for c in range(1, depth + 1)), "LFF"]
figure, axes = plt.subplots(
    1, 5, figsize=(12, 3.2), layout="constrained", width_ratios=[2] * 4 + [1]
)
for d, axis in enumerate(axes[:-1]):
    picture = heat_map(axis, lost[d])
    axis.set(title=f"block {d + 1}", xlabel="from")
    axis.set_xticks(range(depth + 1), ["in", *names_shown[:-1]])
    axis.set_yticks(range(depth + 1), names_shown if d == 0 else [""] * (depth + 1))
axes[0].set_ylabel("to")
heat_map(axes[-1], np.array(fused)[:, None])
axes[-1].set_title("global\nfusion")
axes[-1].set_yticks(range(len(fused)), [f"block {d + 1}" for d in range(len(fused))])
axes[-1].set_xticks([])
figure.colorbar(picture, ax=axes, shrink=0.8, extend="max", label="PSNR lost (dB)")
plt.show()

# %% tags=["remove-input"]
old = np.array([lost[:, row, column] for row in range(depth + 1) for column in range(row)])
if preset != "smoke":
    assert np.median(old) < 0.1 and np.median(together) < 0.2
    assert np.mean(fused) > 5 * np.median(together)
Markdown(
    "**Most wires inside a block are spare, one layer at a time.** We expected to break something. Instead we could cut almost any old source of a layer, or all "
    f"of them at once, and hardly lose anything: {np.median(old):.2f} dB (median) for one. The wires that matter most run "
    f"*between* blocks. Cut the output of one block from the global fusion, and {np.mean(fused):.1f} dB are gone on average.\n\n"
    "The reason may be the two short cuts that RDN has besides. Each $F_d$ contains $F_{d-1}$, which the local skip adds, and the global "
    "fusion reads every block. In this network these may carry the image; that none of them is needed, the trainings without them show below."
)

# %% [markdown]
# ## Growth rate and depth
#
# $G$ decides how much each layer may add, $D$ how many blocks there are. The committed table comes
# from `denoise study run rdn`: each configuration trained as above, for
# two fifths of the steps, with three seeds.

# %% mystnb={"image": {"alt": "Two plots of the PSNR on the validation split, against the growth rate and against the number of blocks, one dot for each seed."}}
ablation = store.load_side("rdn")
figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained", sharey=True)
for axis, column, title in zip(
    axes, ("growth", "blocks"), ("growth rate G (D = 4)", "blocks D (G = 16)"), strict=True
):
    other = {"growth": "blocks", "blocks": "growth"}[column]
    chosen = ablation[ablation[other] == {"blocks": 4, "growth": 16}[other]]
    axis.plot(chosen[column], chosen["psnr"], "o", color="#0072B2")
    means = chosen.groupby(column)["psnr"].mean()
    axis.plot(means.index, means, color="#0072B2")
    axis.set_xscale("log", base=2)
    axis.set_xticks(means.index, [str(value) for value in means.index])
    axis.set(xlabel=title)
    axis.spines[["top", "right"]].set_visible(False)
axes[0].set_ylabel("PSNR (dB), validation split")
plt.show()

# %%
means = ablation.groupby(["blocks", "growth"]).agg(
    parameters=("parameters", "first"), psnr=("psnr", "mean"), spread=("psnr", "std")
)
means["sees"] = [f"{2 * (4 * blocks + 4) + 1} px" for blocks, _ in means.index]
first = means["psnr"][4, 16] - means["psnr"][2, 16]
second = means["psnr"][8, 16] - means["psnr"][4, 16]
wider = means["psnr"][4, 32] - means["psnr"][4, 8]
assert first > 3 * means["spread"].max() / 3**0.5
assert 0 < second < first / 2 and 0 < wider < first / 2
means.round(2)

# %% [markdown]
# **The first doubling of depth pays.** Four blocks are clearly better than two. Eight add little to four, and so does a fourfold growth rate: a gain of the size of the
# scatter between seeds.
# But a deeper network also *sees* more: every 3×3 convolution lets a pixel see one more ring of neighbours. A wider view alone may be worth tenths of a decibel,
# and this experiment cannot separate the two.
#
# The race is unfair to the small networks, too: a large step costs more, and all got the same number of steps.

# %% [markdown]
# ## What is each part worth?
#
# The paper has an ablation of its three ideas (*unverified*): the contiguous memory (a layer, and the fusion at the end of the block, then read the layer before them only, with fewer than half
# the weights), the local residual, and the global fusion. We take each away at our size, try a skip from the image to the output, and add the control that the question needs: plain residual blocks, as many weights, nothing
# dense. Trained as above, three seeds each:

# %% mystnb={"image": {"alt": "Validation PSNR of six small networks, a dot for each of three seeds."}}
parts = store.load_side("rdn_ablation")
order = parts.groupby("variant")["psnr"].mean().sort_values().index
figure, axis = plt.subplots(figsize=(7, 2.6), layout="constrained")
for place, variant in enumerate(order):
    psnr = parts.loc[parts["variant"] == variant, "psnr"]
    axis.plot(psnr, [place] * len(psnr), "o", color="#0072B2", alpha=0.7)
axis.set_yticks(range(len(order)), order)
axis.set_xlabel("PSNR (dB), validation split")
axis.spines[["top", "right"]].set_visible(False)
plt.show()

# %% tags=["remove-input"]
means = parts.groupby("variant")["psnr"].mean()
skip = "with a skip from the image"
others = means.drop(skip)
assert others.max() - others.min() < 0.1 < means[skip] - others["RDN"] < 0.3
sizes = parts.groupby("variant")["parameters"].first()
assert sizes["without contiguous memory"] < sizes["RDN"] / 2
assert abs(sizes["plain residual blocks"] / sizes["RDN"] - 1) < 0.05
Markdown(
    "**At this size no part is worth anything that shows.** Without contiguous memory and more than half of the weights, without the local residual or the global "
    "fusion the network does as well, and so do plain residual blocks. Only the skip from the image helps, by "
    f"{means[skip] - others['RDN']:.2f} dB.\n\n"
    "That is no contradiction to the cuts above. To cut a *trained* network and to train without a part are different questions: a block cut from the global fusion "
    "costs decibels, since this network has learned to rely on it, and a network that was trained without the fusion relies on something else. What the parts are worth in a network of the paper's size and training, this does not tell."
)

# %% [markdown]
# ## Where it fails
#
# **Another noise level.** Like DnCNN-S, this RDN has seen one noise level only: above it, it leaves noise; below it, it
# removes detail.

# %% mystnb={"image": {"alt": "Mean PSNR against the noise level: the curves of the classical denoisers fall smoothly, RDN's curve is best around its training level and falls behind theirs below and above it."}}
levels = [10, sigma, 40] if preset == "smoke" else [5, 15, sigma, 35, 50]
rivals = {name: methods.load(name) for name in ("noisy", "nlm", "tv")}
mismatch = pd.concat(
    compare(
        {**rivals, "rdn": model},
        Protocol(noise=GaussianNoise(level), limit=few or 6),
        progress=False,
    )
    for level in sorted(set(levels))
)
figure = plotting.noise_level_curves(mismatch)
figure.axes[0].axvline(sigma, color="#999999", linestyle=":")
plt.show()

# %% [markdown]
# **Another patient, another machine.** A real radiograph, taken with computed radiography; we treat
# it as clean, though it carries noise of its own.

# %% mystnb={"image": {"alt": "A real chest radiograph: clean, noisy, by two classical denoisers and by RDN, with magnified details, scores and residuals."}}
witness = load_dataset("chest-cr").test[0]
witness_clean = witness.image[None]
witness_noisy = noise(witness_clean, [witness.id])
witness_shown = {"noisy": witness_noisy}
witness_shown |= {name: apply(methods.load(name), witness_noisy, sigma) for name in names[-2:]}
witness_shown["rdn"] = apply(model, witness_noisy, sigma)
plotting.comparison_panel(witness_clean, witness_shown, protocol, columns=3)
plt.show()

# %% tags=["remove-input"]
on_witness = {
    name: score(witness_clean, image, protocol)["psnr"] for name, image in witness_shown.items()
}
best = max(names[-2:], key=on_witness.get)
gap = on_witness["rdn"] - on_witness[best]
Markdown(
    f"On the real radiograph the small RDN reaches {on_witness['rdn']:.2f} dB, "
    f"{abs(gap):.2f} dB {'above' if gap > 0 else 'below'} {plotting.label(best)}."
)

# %% [markdown]
# **The price.** Every feature map that is kept has to be stored and read again. At the paper's size the global
# fusion reads $16 \cdot 64 = 1024$ maps at once, and a block's fusion 576; DnCNN never holds more than two layers of 64. A large
# radiograph must be cut into tiles (the authors' code does so too {footcite}`zhang2020rdn`).
#
# ## Fidelity: the paper, its code, and ours
#
# Facts about the authors' code are from their repository {footcite}`zhang2020rdn`. It has training code for
# super-resolution only, and for denoising test code and test images; *unverified* marks what we could not check against a
# source.
#
# | | paper | authors' code | here | why |
# |---|---|---|---|---|
# | size | $D = 16$, $C = 8$, $G = G_0 = 64$ | the same (the scripts' name `D18C6G64` misleads) | `methods.create("rdn")` the same: {source}`methods.rdn.RDN`, {source}`tests.test_models.test_parameter_counts`; trained here: 4, 4, 16, 32: {source}`methods.registry.Network.configuration` | a short training |
# | global fusion | without $F_0$ | the same | the same: {source}`methods.rdn.RDN.forward`, {source}`tests.test_models.test_rdn_fuses_the_blocks_but_not_f0_and_adds_f_minus_1` | |
# | upsampler | none for denoising | at the end, for super-resolution | none: {source}`tests.test_models.test_every_image_size_works` | |
# | skip from $y$ to $\hat x$ | *unverified* | none for super-resolution | none; `image_skip=True` adds it: {source}`methods.rdn.RDN.forward`, {source}`tests.test_models.test_rdn_image_skip_adds_no_parameter` | a flag, since the sources leave it open |
# | loss | L1 (*unverified* for denoising) | L1 | L1: {source}`training.loop.LOSSES`, {source}`tests.test_training.test_a_trained_network_improves_on_the_noisy_image` | |
# | optimiser | Adam, $10^{-4}$ (*unverified* for denoising) | the same, halved every 200 epochs of 1000 steps | Adam, one cycle with a cosine, higher: {source}`training.loop.optimise` | best for a short training |
# | batch, patch | 16; 48×48 (*unverified* for denoising) | 16; 48×48 for ×2 only | 4; 48×48: {source}`methods.registry.Network.recipe` | more steps in the same time |
# | values | 0 to 255 | 0 to 255 | 0 to 1: {source}`checks.check_clean` | one convention for all models; Adam makes most of the difference disappear |
# | noisy input | 8-bit files: rounded and clipped (*unverified* for training) | the test images are such files | not clipped: {source}`noise.GaussianNoise`, {source}`tests.test_noise.test_noise_is_not_clipped_unless_asked_for` | one protocol for all methods |
# | training images | DIV2K, 800 photographs (*unverified* for denoising) | DIV2K | 160 rendered radiographs: {source}`data.chest_drr` | this book's subject |
#
# Common slips in public reimplementations: $F_0$ in the global fusion, the skip from $F_0$ instead of
# $F_{-1}$, a ReLU after a fusion, a local fusion with $G$ instead of $G_0$ outputs. The tests check all
# four ({source}`tests.test_models.test_rdn_block_is_the_papers_equation`).
#
# ## Summary
#
# In this notebook we have built a residual dense network at the paper's size and
# trained a small one. Concatenation hands every layer all maps of its block, and our small network, briefly trained, hardly looks
# at them. Once trained, it relies on the connections between the blocks; trained without any one of its three ideas, it is as good. What the paper gains over DnCNN it gains with forty times the parameters, with other training
# images and with clipped noise.
#
# ## Exercises
#
# **1.** Count the parameters of one block, biases included, as a formula in $G_0$, $G$ and $C$. Which term dominates for
# the paper's configuration?
#
# <details><summary>Solution</summary>
#
# $\sum_{c=0}^{C-1} \bigl(9 (G_0 + cG) G + G\bigr) + (G_0 + CG) G_0 + G_0$. The sum over $c$
# dominates: for $G_0 = G$ it is $9 G^2 C (C + 1) / 2 + C G$, with $C = 8$ and $G = 64$ that is 1,327,616 of the block's
# 1,364,544 parameters.
#
# </details>

# %% tags=["hide-cell"]
g0 = g = 64
c = 8
dense = 9 * g**2 * c * (c + 1) // 2 + c * g
whole = dense + (g0 + c * g) * g0 + g0
assert whole == methods.count_parameters(ResidualDenseBlock(g0, g, c))
print(f"{dense:,} of {whole:,}")

# %% [markdown]
# **2.** Train with `image_skip=True`. Does it help in so short a training, and why would it?
#
# <details><summary>Solution</summary>
#
# `methods.create("rdn", **small, image_skip=True)`. The network then only has to produce the correction $x - y$, the
# negative of what DnCNN predicts, and starts nearer to a good answer. With long
# training one would expect the difference to shrink, since the first features $F_{-1}$ can carry the image to the output too.
#
# </details>

# %% tags=["hide-cell"]
short = replace(settings, steps=8 if preset == "smoke" else 100, validate_every=8)
reached = {}
for image_skip in (False, True):
    torch.manual_seed(seed)
    network = methods.create("rdn", **small, image_skip=image_skip)
    fit(network, NoisyPatches(train_images, noise), short, progress=False)
    few_images = replace(protocol, limit=4)
    reached[image_skip] = evaluate(network, few_images, progress=False)["psnr"].mean()
if preset != "smoke":
    assert reached[True] > reached[False]
print({f"image_skip={skip}": f"{psnr:.2f} dB" for skip, psnr in reached.items()})

# %% [markdown]
# **3.** Set the weights and biases of the global fusion to zero. What is left of the output, and what does this
# say about global residual learning?
#
# <details><summary>Solution</summary>
#
# $\hat x = W^{3 \times 3} * F_{-1}$, two linear convolutions of the noisy image one after the other: away from the border, a 5×5
# linear filter plus a constant. The blocks learn the correction to a linear filter.
#
# </details>

# %% tags=["hide-cell"]
linear = methods.create("rdn", **small)
for parameter in linear.fusion.parameters():
    nn.init.zeros_(parameter)
with torch.no_grad():
    a, b, nothing = torch.rand(1, 1, 32, 32), torch.rand(1, 1, 32, 32), torch.zeros(1, 1, 32, 32)
    both = linear(a + b) - linear(nothing)
    each = linear(a) + linear(b) - 2 * linear(nothing)
    torch.testing.assert_close(both, each, atol=1e-5, rtol=0)
print("f(a + b) = f(a) + f(b), but for the constant")

# %% [markdown]
# ## References
#
# ```{footbibliography}
# ```
