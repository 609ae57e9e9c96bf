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
# # Denoising for a reader that is not human
#
# *Liu, Wen, Liu, Wang and Huang, "When Image Denoising Meets High-Level Vision Tasks: A Deep
# Learning Approach", IJCAI, 2018* {footcite}`liu2018`.
#
# **The idea in one sentence:** if a network will look at the denoised image, let that network, frozen,
# tell the denoiser during its training what it needs to see.
#
# In particular we will
#
# - build the paper's denoiser layer by layer as its authors released it, for one grey channel: three scales, 1,027,937
#   parameters;
# - train a small U-Net to find lungs, heart, ribs and spine in *clean* radiographs, and freeze it;
# - watch it stumble over noise, and recover on denoised images;
# - train the denoiser *through* it, and weigh what that gives and takes.
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
sigma = 50  # noise level on the 0-255 scale: strong, so that the task suffers
seed = 0

# %%
import copy
import itertools
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from IPython.display import Markdown
from torch import nn

from denoise_lib import methods, plotting
from denoise_lib.data import load_dataset
from denoise_lib.evaluation import apply, compare, evaluate, score, summarise
from denoise_lib.inference import denoise
from denoise_lib.methods import recipe
from denoise_lib.noise import GaussianNoise
from denoise_lib.protocol import Protocol
from denoise_lib.study import store
from denoise_lib.tasks.segmentation import (
    TASK_RECIPES,
    UNet,
    dice,
    fit_joint,
    fit_task,
    images_and_masks,
    segment,
)
from denoise_lib.training import fit
from denoise_lib.training.patches import NoisyPatches, sample_patches

torch.manual_seed(seed)
noise = GaussianNoise(sigma)
few = 4 if preset == "smoke" else None  # a smoke run looks at four images only
protocol = Protocol(noise=noise, limit=few)

# %% [markdown]
# ## The paper
#
# A denoiser trained for the mean squared error learns to be right on average. Where it cannot know,
# it blurs, because the average of all sharp possibilities is blurred. To a network behind it, which
# classifies or segments, a blurred edge may be worth less than a sharp guess. The usual answer had
# been to retrain that network on noisy or denoised images, for each noise level and each denoiser
# anew. Liu and his co-authors turned it around: leave the high-level network alone and train the
# *denoiser* with its loss added. The denoiser then serves that network, and, so they report, others that it was never
# trained with.
#
# One point is easily told wrong: **only the denoiser is trained in the joint
# step. The high-level network is trained before, on clean images, and frozen.** The paper's abstract
# says so, and in the authors' configuration files every layer of the high-level network has the
# learning rate zero {footcite}`liu2018`.

# %% [markdown]
# ## The idea in equations
#
# | symbol | meaning | in the code |
# |---|---|---|
# | $x$, $y$ | clean and noisy image | `clean`, `noisy` |
# | $D_\theta$ | the denoiser, $\hat x = D_\theta(y)$ | `denoiser` |
# | $N$ | number of values in an image | |
# | $T$ | the task network, frozen | `task` |
# | $m$ | the true masks | `masks` |
# | $\mathrm{CE}$ | cross-entropy of the task's output with $m$ | `segmentation.task_loss` |
# | $\lambda$ | weight of the task | `weight` |
#
# $$\ell(\theta) = \underbrace{\tfrac 1 N \lVert D_\theta(y) - x \rVert^2}_{\mathrm{MSE}}
#   + \lambda \, \underbrace{\mathrm{CE}\bigl(T(D_\theta(y)),\, m\bigr)}_{\text{what the task thinks of it}} .$$
#
# By the chain rule,
# $\partial\, \mathrm{CE} / \partial \theta = (\partial \hat x / \partial \theta)^\top (\partial T / \partial \hat x)^\top \nabla_T \mathrm{CE}$:
# $T$ is differentiated, but not changed.
#
# **$\lambda$ means nothing without the scale of the two losses.** Here MSE is the mean over pixels with
# values in $[0, 1]$, cross-entropy the mean over pixels and structures in nats. The released configuration puts the
# weight on the other term: cross-entropy has the weight 1, and *half* the *sum* of squared errors, over values in $[0, 255]$, the weight
# $5 \cdot 10^{-9}$ for segmentation. Converted to our scale that is a $\lambda$ of about 0.02 (exercise 3, for crops of
# 321×321 RGB pixels). Their cross-entropy is a softmax over classes, ours a mean of four binary ones, so only the order of
# magnitude carries over. A figure of 0.25 is often quoted; we could not find its source and regard it as *unverified*.

# %% [markdown]
# ## The denoiser
#
# Three scales: the full one, 1/2 and 1/4. Strided convolutions go down, transposed ones up, and at
# each scale the feature maps from the way down are concatenated with those on the way up. The work is done in *stages*: a convolution, then a
# bottleneck (1×1, 3×3, 1×1) whose output is added.


# %%
class Stage(nn.Module):
    def __init__(self, inputs, outputs, narrow, stride=1):
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, padding=1), nn.BatchNorm2d(outputs), nn.ReLU()
        )
        self.bottleneck = nn.Sequential(
            nn.Conv2d(outputs, narrow, 1, bias=False),
            nn.BatchNorm2d(narrow),
            nn.ReLU(),
            nn.Conv2d(narrow, narrow, 3, padding=1, bias=False),
            nn.BatchNorm2d(narrow),
            nn.ReLU(),
            nn.Conv2d(narrow, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )

    def forward(self, inputs):
        maps = self.conv(inputs)
        return torch.relu(maps + self.bottleneck(maps))


class LiuDenoiser(nn.Module):
    def __init__(self, channels=1):
        super().__init__()
        self.stem = nn.Conv2d(channels, 64, 5)
        self.encode2 = Stage(64, 128, 32, stride=2)
        self.encode4 = Stage(128, 128, 32, stride=2)
        self.up2 = nn.ConvTranspose2d(128, 32, 4, 2, padding=1)
        self.decode2 = Stage(32 + 128, 256, 64)
        self.up1 = nn.ConvTranspose2d(256, 64, 4, 2, padding=1)
        self.output = nn.Conv2d(64 + 64, channels, 3)

    def forward(self, noisy):
        full = self.stem(noisy)
        half = self.encode2(full)
        coarse = self.up2(self.encode4(half))
        fine = self.up1(self.decode2(torch.cat([coarse, half], dim=1)))
        return noisy[..., 3:-3, 3:-3] + self.output(torch.cat([fine, full], dim=1))


# %% [markdown]
# First and last convolution are unpadded, so 6 pixels are lost: 40×40 goes in, 34×34 comes out. The
# library's version replicates the border first, so that the image keeps its size, whatever it is;
# inside it is the same network:

# %%
# NBVAL_CHECK_OUTPUT
ours = LiuDenoiser()
denoiser = methods.create("liu")
denoiser.load_state_dict(ours.state_dict())
probe = torch.rand(1, 1, 40, 40)
with torch.no_grad():
    print("released form:", tuple(ours.eval()(probe).shape))
    print("same output:", torch.equal(denoiser.eval().valid(probe), ours(probe)))
    print("any size:", tuple(denoiser(torch.rand(1, 1, 33, 47)).shape))
print(
    f"grey {methods.count_parameters(ours):,}, colour {methods.count_parameters(LiuDenoiser(3)):,}"
)

# %% [markdown]
# ## The task
#
# The paper classifies photographs with VGG-16 and segments them with DeepLab. Our task is closer to
# radiographs: find lungs, heart, ribs and spine. On `chest-drr` the masks fit the images exactly, since both
# are rendered from one CT. The CT's labels are the work of a network ([more about them](../data)). A small U-Net {footcite}`ronneberger2015unet` is trained on **clean** images:

# %%
data = load_dataset("chest-drr")
train = images_and_masks(data.train)  # the image and its masks as channels
test = data.test[:few]
truth = images_and_masks(test)[:, 1:]

torch.manual_seed(seed)
task = UNet(len(data.structures))
task_run = fit_task(task, train, TASK_RECIPES[preset])
print(f"{methods.count_parameters(task):,} parameters, {task_run.seconds:.0f} s")

# %% [markdown]
# *Dice's coefficient* measures the overlap of a predicted mask $A$ with the true one $B$,
# $2 |A \cap B| / (|A| + |B|)$: 1 is perfect, 0 is disjoint. On the test split:

# %%
clean = test.images()
noisy = noise(clean, test.ids)


def mean_dice(images):
    scores = dice(segment(task, images), truth).mean(dim=0)
    return dict(zip(data.structures, scores.tolist(), strict=True))


pd.DataFrame({"clean": mean_dice(clean), "noisy": mean_dice(noisy)}).T.round(3)

# %% [markdown]
# ## Training, in the open
#
# Thirty iterations of joint training, on an untrained denoiser, only to show the mechanics. The task network is frozen by `requires_grad_(False)` and `eval()`: its weights get
# no gradient, its batch-norm statistics no update. `torch.no_grad()` would be wrong: it would cut the
# gradient on its way to the denoiser.

# %%
task.eval().requires_grad_(False)
before = [value.clone() for value in task.state_dict().values()]
torch.manual_seed(seed)
denoiser = methods.create("liu").train()
device = next(task.parameters()).device
denoiser.to(device)
optimizer = torch.optim.Adam(denoiser.parameters(), lr=1e-3)
generator = torch.Generator().manual_seed(seed)
history = []
for _ in range(3 if preset == "smoke" else 30):
    patches = sample_patches(train, count=2, patch_size=128, generator=generator, symmetries="none")
    clean_patches, masks = patches[:, :1], patches[:, 1:].to(device)
    estimate = denoiser(noise.sample(clean_patches, generator).to(device))
    mse = F.mse_loss(estimate, clean_patches.to(device))
    cross_entropy = F.binary_cross_entropy_with_logits(task(estimate), masks)
    loss = mse + 0.02 * cross_entropy
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    history.append((mse.item(), cross_entropy.item()))
tens = pd.DataFrame(history, columns=["MSE", "cross-entropy"])
tens = tens.groupby(tens.index // 10).mean().rename_axis("ten steps")
print(tens.round(4))
unchanged = all(map(torch.equal, before, task.state_dict().values()))
print("task network unchanged:", unchanged)

# %% [markdown]
# The joint *stage* of the paper starts from a denoiser that is trained already. So does ours: first plain training, as in
# the other chapters,

# %%
validation = Protocol(split="val", noise=noise, limit=2 if preset == "smoke" else 4)
settings = recipe("liu", preset)
torch.manual_seed(seed)
pretrained = methods.create("liu")
run = fit(pretrained, NoisyPatches(train[:, :1], noise), settings, validation)
settings

# %% mystnb={"image": {"alt": "The loss and the validation PSNR against the training step for plain training; the loss falls and the PSNR rises towards dashed lines for the classical denoisers."}}
names = [name for name in ("nlm", "tv", "bm3d") if name in methods.available()]
classical = compare({name: methods.load(name) for name in names}, validation, progress=False)
plotting.learning_curve(run.curve, classical.groupby("method")["psnr"].mean())
plt.show()
if preset == "quick":
    rises = run.curve["psnr"].diff().dropna()
    assert (rises > -0.5).all() and run.curve["psnr"].iloc[-1] > run.curve["psnr"].iloc[0]

# %% [markdown]
# and then half as many steps of joint training, with `segmentation.fit_joint`. To see what the task's loss does, and not
# what more training does, a second copy goes on for as long with $\lambda = 0$. The two differ in nothing but $\lambda$:

# %%
joint_recipe = replace(settings, steps=settings.steps // 2, learning_rate=1e-3)
denoisers = {}
for name, weight in (("liu", 0.0), ("liu-joint", 0.02)):
    denoisers[name] = copy.deepcopy(pretrained)
    fit_joint(denoisers[name], task, train, noise, joint_recipe, weight)

# %% [markdown]
# ## Results under the protocol
#
# First the image itself, as in every chapter: the same noisy test images for all, the classical
# denoisers' committed rows beside the two networks.

# %%
rows = pd.concat([store.baselines(protocol), compare(denoisers, protocol)])
table = summarise(rows)
plotting.score_table(table)

# %% mystnb={"image": {"alt": "Horizontal bars of the mean PSNR of each method, best at the top."}}
plotting.metric_bars(rows, "psnr")
plt.show()

# %% [markdown]
# **Trained for longer.** The library brings this network [trained for longer](../training) on real
# radiographs, for all noise levels up to 55 at once, without the joint stage: those images have no masks. It has never seen a
# rendered one and is not told the noise level:

# %%
released = methods.load("liu-nih")
released_rows = evaluate(lambda y, sigma: denoise(y, released), protocol, "liu-nih")
both = summarise(pd.concat([rows, released_rows]))
plotting.score_table(both.loc[["liu", "liu-joint", "liu-nih", "noisy"]])

# %% [markdown]
# Then what the frozen task network makes of it:

# %%
estimates = {"clean": clean, "noisy": noisy}
for name, method in {"nlm": methods.load("nlm"), **denoisers}.items():
    estimates[name] = torch.cat([apply(method, y[None], sigma) for y in noisy])
overlaps = pd.DataFrame({name: mean_dice(images) for name, images in estimates.items()}).T
overlaps["mean"] = overlaps.mean(axis=1)
overlaps.rename(plotting.label).round(3)

# %% tags=["remove-input"]
mean = overlaps["mean"]
if preset == "quick":
    assert mean["noisy"] + 0.05 < mean["liu"] < mean["clean"]
    assert mean["noisy"] + 0.05 < mean["liu-joint"]
Markdown(
    f"Noise takes the mean Dice from {mean['clean']:.2f} to {mean['noisy']:.2f}, and any of the denoisers brings most of it back. What "
    "the task's loss adds to that is small, and one run cannot show it. We come to it below, with more of them."
)

# %% mystnb={"image": {"alt": "One radiograph clean, noisy, by a plain and by a jointly trained denoiser, each with the outlines of the heart, lungs and bones that the task network finds in it."}}
shown = [name for name in ("clean", "noisy", "liu", "liu-joint") if name in estimates]
figure, axes = plt.subplots(1, len(shown), figsize=(12, 3.5), layout="constrained")
colours = ["#56B4E9", "#D55E00", "#F0E442", "#009E73"]
for axis, name in zip(axes, shown, strict=True):
    image = estimates[name][:1]
    axis.imshow(image[0, 0].clamp(0, 1), cmap="gray", vmin=0, vmax=1)
    for logits, colour in zip(segment(task, image)[0], colours, strict=True):
        axis.contour(logits, levels=[0], colors=colour, linewidths=1)
    axis.set_title(plotting.label(name))
    axis.set_axis_off()
handles = [
    plt.Line2D([], [], color=c, label=s) for c, s in zip(colours, data.structures, strict=True)
]
figure.legend(handles=handles, loc="outside lower center", ncols=4, frameon=False)
plt.show()

# %% [markdown]
# Look closely at the jointly trained one, on the spine say, and at its residual in the next figure: a grid of fine lines. It is the *checkerboard* of
# transposed convolutions {footcite}`odena2016checkerboard`: a kernel of 4 with a stride of 2 gives neighbouring pixels
# weights of their own, and nothing makes these agree. Two such layers make periods of two and of four pixels. How much stronger is the error there than at
# the frequencies beside?


# %%
def comb(name):
    """Power of the error at the periods of 2 and 4 pixels over that beside, both directions."""
    power = torch.fft.fft2((estimates[name] - clean)[:, 0]).abs().square().mean(0)
    step = power.shape[0] // 4
    ratios = []
    for row, column in itertools.product(range(4), repeat=2):
        if row or column:
            beside = power.roll((3 - row * step, 3 - column * step), (0, 1))[:7, :7]
            ratios.append((beside[3, 3] / beside.median()).log())
    return torch.stack(ratios).mean().exp().item()


combs = {name: comb(name) for name in ("nlm", *denoisers)}
if preset == "quick":
    assert combs["liu-joint"] > 2 * combs["liu"]
pd.Series(combs, name="error at the grid's frequencies, relative").rename(plotting.label).round(1)

# %% mystnb={"image": {"alt": "A test radiograph: clean, noisy, by two classical denoisers and by the two networks, each with a magnified detail and its scores, and below each image the residual that remains."}}
item = test[0]
panel = {"noisy": noisy[:1]}
panel |= {name: apply(methods.load(name), noisy[:1], sigma) for name in names[-2:]}
panel |= {name: apply(network, noisy[:1], sigma) for name, network in denoisers.items()}
plotting.comparison_panel(item.image[None], panel, protocol, columns=3)
plt.show()

# %% [markdown]
# ## What it learned: how much should the task weigh?
#
# One run proves little. The committed table comes from `denoise study run liu`: the same two stages, with six values of
# $\lambda$ and three seeds each, every seed with a task network and a pretrained denoiser of its own. Each denoised image is read by two task networks:
# the one that the denoiser was trained through, and a *stranger*, trained alike from another seed, which took no part. All are measured on the test
# split; $\lambda$ is not tuned here, every value is shown.

# %% mystnb={"image": {"alt": "Three plots against lambda, a thin line for each seed and a thick one for their mean: the mean Dice by the task network of the training rises and turns down at large lambda, by a stranger it stays level, the PSNR falls. Dashed lines show the Dice of clean images."}}
ablation = store.load_side("liu")
ablation["dice"] = ablation.filter(regex="^dice_").mean(axis=1)
ablation["stranger"] = ablation.filter(regex="^stranger_dice_").mean(axis=1)
denoised = ablation[ablation["images"] == "denoised"]
weights = sorted(denoised["weight"].unique())
figure, axes = plt.subplots(1, 3, figsize=(11, 3.4), layout="constrained")
axes[1].sharey(axes[0])
titles = {
    "dice": "mean Dice, its own reader",
    "stranger": "mean Dice, a stranger",
    "psnr": "PSNR (dB)",
}
for axis, (column, title) in zip(axes, titles.items(), strict=True):
    by_seed = denoised.pivot(index="weight", columns="seed", values=column).to_numpy()
    axis.plot(by_seed, "o-", color="#0072B2", linewidth=0.7, alpha=0.6)
    axis.plot(by_seed.mean(axis=1), color="#0072B2", linewidth=2.2)
    axis.set_xticks(range(len(weights)), [f"{weight:g}" for weight in weights])
    axis.set(xlabel="lambda", title=title)
    axis.spines[["top", "right"]].set_visible(False)
    if column != "psnr":
        on_clean = ablation.loc[ablation["images"] == "clean", column].mean()
        axis.axhline(on_clean, color="#444444", linestyle="--")
plt.show()

# %% tags=["remove-input"]
kinds = ablation.assign(weight=ablation["weight"].map("{:g}".format))
kinds["input"] = np.where(
    kinds["images"] == "denoised", "denoised, λ = " + kinds["weight"], kinds["images"]
)
columns = [*[c for c in ablation if c.startswith("dice_")], "dice", "stranger", "psnr"]
order = ["clean", "noisy", "pretrained", *[f"denoised, λ = {weight:g}" for weight in weights]]
summary = kinds.groupby("input")[columns].agg(["mean", "std"]).loc[order]


def cell(row, column):
    digits = 2 if column == "psnr" else 3
    mean, spread = summary.loc[row, (column, "mean")], summary.loc[row, (column, "std")]
    return "" if np.isnan(mean) else f"{mean:.{digits}f}\u00a0±\u00a0{spread:.{digits}f}"


names_shown = {c: c.removeprefix("dice_") for c in columns}
names_shown |= {"dice": "mean", "stranger": "mean, stranger", "psnr": "PSNR (dB)"}
pd.DataFrame({names_shown[c]: {row: cell(row, c) for row in order} for c in columns})

# %% [markdown]
# (Mean ± standard deviation over the seeds.)

# %% tags=["remove-input"]
gain = {}
for column in ("dice", "stranger", "psnr"):
    by_seed = denoised.pivot(index="seed", columns="weight", values=column)
    gain[column] = by_seed.sub(by_seed[0.0], axis=0)
best = gain["dice"].mean().idxmax()
own, strange, price = (gain[column][best] for column in ("dice", "stranger", "psnr"))
structures = summary.xs("mean", axis=1, level=1).filter(regex="^dice_")
gains = structures.loc[f"denoised, λ = {best:g}"] - structures.loc["denoised, λ = 0"]
heart = structures["dice_heart"]
assert len(own) == 3 and 0 < best < weights[-1] and (own > 0).all()
assert strange.mean() < own.mean() / 2 and own.mean() < 0.03
assert gains.idxmax() == "dice_heart" and gains["dice_heart"] > 2 * gains.drop("dice_heart").max()
assert (gains[["dice_lungs", "dice_ribs"]] < 0).all()
assert heart[f"denoised, λ = {best:g}"] > heart["clean"]
assert (gain["psnr"][weights[1:]] < 0).all(axis=None)
Markdown(
    f"**It pleases the reader that it was trained with.** At λ = {best:g} the mean Dice is highest: {own.mean():.3f} above λ = 0, with all three "
    f"seeds; a larger λ gives less. The stranger's gain is less than half of that. The price is {-price.mean():.1f} dB of PSNR. The paper reports that "
    "networks which took no part gain too; at this size and for this task, little of that shows.\n\n"
    "**Most of it is the heart.** Lungs and ribs lose a little. And the denoiser's own reader finds the heart *better than on clean images*, which removing "
    "noise alone cannot explain. The masks have trained the denoiser too: it makes up for a weakness of the task network, and draws what that network wants to "
    "see. An adversarial example follows the gradient of a network with respect to its input in order to mislead it. The denoiser has learned to follow it the "
    "other way. Three seeds and one patient do not make this general."
)

# %% [markdown]
# ## Where it fails
#
# **It serves one reader.** What *this* task network wants to see may be an edge
# that helps the segmentation and is not in the patient. A higher Dice of a denoised image does not mean that it is
# more faithful; the PSNR above says what it costs. Nothing here speaks for showing it to a human reader.
#
# **One patient.** Train and test images show the same person under different poses: the task network knows the
# anatomy it has to find, and the Dice of clean images flatters it.
#
# **Another patient, another machine.** A real radiograph, taken with computed radiography; we treat it as clean,
# though it carries noise of its own.

# %% mystnb={"image": {"alt": "A real chest radiograph: clean, noisy, by a classical denoiser and by the two networks, with magnified details, scores and residuals."}}
witness = load_dataset("chest-cr").test[0]
witness_clean = witness.image[None]
witness_noisy = noise(witness_clean, [witness.id])
witness_shown = {"noisy": witness_noisy}
witness_shown |= {name: apply(methods.load(name), witness_noisy, sigma) for name in names[-1:]}
witness_shown |= {name: apply(net, witness_noisy, sigma) for name, net in denoisers.items()}
plotting.comparison_panel(witness_clean, witness_shown, protocol, columns=3)
plt.show()

# %% tags=["remove-input"]
on_witness = {
    name: score(witness_clean, image, protocol)["psnr"] for name, image in witness_shown.items()
}
gap = on_witness["liu"] - on_witness[names[-1]]
Markdown(
    f"On the real radiograph the plainly trained denoiser reaches {on_witness['liu']:.2f} dB, "
    f"{abs(gap):.2f} dB {'above' if gap > 0 else 'below'} {plotting.label(names[-1])}; the jointly "
    f"trained one {on_witness['liu-joint']:.2f} dB."
)

# %% [markdown]
# ## Fidelity: the paper, its code, and ours
#
# Facts about the authors' code are from their repository {footcite}`liu2018`; *unverified* marks what we
# could not check against a source.
#
# | | paper | authors' code | here | why |
# |---|---|---|---|---|
# | denoiser | three scales, stages as above (*unverified* in the paper's text) | as above | the same, layer by layer: {source}`methods.liu.LiuDenoiser.valid`, {source}`tests.test_models.test_parameter_counts` | 1,033,443 parameters in colour |
# | borders | | unpadded, 6 pixels lost | replicated first: {source}`methods.liu.LiuDenoiser.forward`, {source}`tests.test_models.test_liu_is_the_released_network_on_the_image_with_its_border_replicated` | output as large as the input |
# | initial weights | | Xavier, most biases 0.2 | PyTorch's; last layer zero: {source}`methods.liu.LiuDenoiser.__init__`, {source}`tests.test_models.test_liu_starts_as_the_identity_at_any_size` | starts from $\hat x = y$ |
# | last layer | | learns at a tenth of the rate | at the full rate: {source}`training.loop.optimise` | it starts from zero |
# | values | | 0 to 255, a mean colour subtracted | 0 to 1: {source}`checks.check_clean` | one convention for all models |
# | task | classification, segmentation of photographs | VGG-16, DeepLab | U-Net on radiographs, 4 structures: {source}`tasks.segmentation.UNet`, {source}`tests.test_segmentation.test_task_network_learns_to_find_discs` | masks at hand, this book's subject |
# | task network in the joint step | frozen | learning rate 0; its dropout stays active | frozen, in evaluation mode: {source}`tasks.segmentation.fit_joint`, {source}`tests.test_segmentation.test_joint_training_changes_the_denoiser_and_nothing_of_the_task_network` | ours has no dropout, but batch norm |
# | its input | | | the estimate as it is; clipped to $[0, 1]$ when Dice is measured: {source}`tasks.segmentation.segment`, {source}`tests.test_segmentation.test_segmenting_clips_as_a_file_would` | a clipped pixel has no gradient |
# | $\lambda$ | *unverified* | about 0.02 on our scale (see above) | 0.02 in the live training, 0 to 0.6 in the table: {source}`study.side.liu.WEIGHTS`, {source}`tests.test_segmentation.test_a_weight_of_zero_is_plain_denoising` | shown, not assumed |
# | start of the joint step | pretrained denoiser (*unverified*) | pretrained denoiser | the same: {source}`study.side.liu.joint` | |
# | patches | | 40×40; crops of 321×321 for segmentation | 128×128, not flipped: {source}`methods.registry.Network.recipe`, {source}`tests.test_segmentation.test_symmetries_follow_the_recipe` | the task has to know left from right |
# | noise | levels 15, 30, 45, 60 (*unverified*) | 30, not clipped | 50 in this chapter: {source}`study.side.liu.SEGMENTED` | strong enough to hurt the task |
# | optimiser | | SGD, momentum 0.9, $10^{-4}$, 1 M steps | Adam, one cycle with a cosine: {source}`training.loop.optimise` | best for a short training |
# | score | | 8 bit, borders of 3 pixels cropped | the book's protocol: {source}`protocol.Protocol` | one protocol for all methods |
#
# ## Summary
#
# In this notebook we have built a denoiser of three scales, a task network that was trained on clean
# images and frozen, and trained the denoiser through the task network. Gradients pass through frozen weights; that
# is the whole trick. What the task gains and what the image loses is decided by $\lambda$, and $\lambda$ by the
# scale of the losses.
#
# ## Exercises
#
# **1.** Put `with torch.no_grad():` around `task(estimate)` in the training step. What happens to the loss's
# gradient, and would you notice?
#
# <details><summary>Solution</summary>
#
# The cross-entropy becomes a constant for the denoiser: training runs without an error and is exactly plain MSE
# training. The printed cross-entropy may fall all the same, because better denoising helps the task. The numbers do not give it
# away; `cross_entropy.requires_grad`, now `False`, does, and so does a run with $\lambda = 0$ that ends in the same weights.
#
# </details>

# %% tags=["hide-cell"]
estimate = denoiser(noise.sample(clean_patches, generator).to(device))
with torch.no_grad():
    silenced = F.binary_cross_entropy_with_logits(task(estimate), masks)
heard = F.binary_cross_entropy_with_logits(task(estimate), masks)
assert heard.requires_grad and not silenced.requires_grad
print("the same value:", torch.isclose(heard, silenced).item())

# %% [markdown]
# **2.** Evaluate the jointly trained denoiser with a task network of another `seed`. Does the gain carry over?
#
# <details><summary>Solution</summary>
#
# Train a second `UNet` after `torch.manual_seed(1)` with `fit_task` and apply `segment` to `estimates["liu-joint"]`
# and `estimates["liu"]`. What carries over is what both networks need to see; what does not was made for the first
# one only. A single pair is not enough to tell: the table above has three, and less than half carries over.
#
# </details>

# %% tags=["hide-cell"]
torch.manual_seed(1)
second = UNet(len(data.structures))
fit_task(second, train, TASK_RECIPES[preset], progress=False)
by_second = {
    name: dice(segment(second, estimates[name]), truth).mean().item()
    for name in ("clean", "liu", "liu-joint")
}
print({name: round(value, 3) for name, value in by_second.items()})

# %% [markdown]
# **3.** The loss weights of the released configuration correspond to $\lambda \approx 0.02$. Derive the conversion from what is
# said about them below the equation above.
#
# <details><summary>Solution</summary>
#
# Their loss is $\mathrm{CE} + w \cdot \tfrac 1 2 \sum_d (255\, e_d)^2$ with $e$ the error in $[0, 1]$, summed over the
# $N$ values of an image. The sum is $N \cdot 255^2 \cdot \mathrm{MSE}$. Dividing the loss by the factor of MSE gives
# $\mathrm{MSE} + \lambda\, \mathrm{CE}$ with $\lambda = 2 / (w\, N\, 255^2)$. For $w = 5 \cdot 10^{-9}$ and
# $N = 3 \cdot 321^2$ this is 0.020.
#
# </details>

# %% tags=["hide-cell"]
w, values = 5e-9, 3 * 321**2
conversion = 2 / (w * values * 255**2)
assert round(conversion, 3) == 0.020
print(f"lambda = {conversion:.4f}")

# %% [markdown]
# ## References
#
# ```{footbibliography}
# ```
