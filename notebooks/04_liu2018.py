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
# # Denoising for a reader that is not human
#
# *Liu, Wen, Liu, Wang and Huang, "When Image Denoising Meets High-Level Vision Tasks: A Deep Learning Approach", IJCAI 2018* {footcite}`liu2018`
#
# Often only another network looks at your denoised image, to classify it or to find the heart in it. Why do we not ask *that* network what it needs to see? Liu and his co-authors
# let it tell the denoiser, during the denoiser's training. **What it asks for, it gets. Somebody else pays.**
#
# You need the [chapter before](03_dncnn2017), and ten to twenty-five minutes on two processor cores if you run this page.

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
sigma = 50  # noise level on the 0-255 scale: strong, so that the task suffers
seed = 0

# %% tags=["hide-cell"]
import copy
import itertools
from dataclasses import replace

import matplotlib.pyplot as plt
import pandas as pd
import torch
import torch.nn.functional as F
from denoise_lib import drawings, methods, plotting
from denoise_lib.data import load_dataset
from denoise_lib.evaluation import apply, compare
from denoise_lib.methods import recipe
from denoise_lib.noise import GaussianNoise
from denoise_lib.plotting import chapters
from denoise_lib.plotting.toys import embedded, toy
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
from IPython.display import HTML, Markdown
from PIL import Image
from torch import nn

torch.manual_seed(seed)
noise = GaussianNoise(sigma)
few = 4 if preset == "smoke" else None  # a smoke run looks at four images only
protocol = Protocol(noise=noise, limit=few)
validation = Protocol(split="val", noise=noise, limit=4)

# %% [markdown]
# ## A gradient through a locked door
#
# Train a denoiser on squared error, and it [blurs where it cannot know](../best). To a network behind it a blurred edge may be worth less than a sharp guess. You could retrain that network on denoised images.
# This paper turns it around: the task network $T$ is trained before, on clean images, and **frozen**. Only the denoiser $D_\theta$ learns, from two losses:
#
# $$\ell(\theta) = \underbrace{\tfrac 1 N \lVert D_\theta(y) - x \rVert^2}_{\text{is the image right?}} + \lambda \, \underbrace{\mathrm{CE}\bigl(T(D_\theta(y)),\, m\bigr)}_{\text{is the answer right?}},$$
#
# with the true masks $m$ and a cross-entropy. We send the gradient back through $T$ to the denoiser, and never change $T$ itself.

# %% mystnb={"figure": {"caption": "The reader is frozen; its loss teaches the denoiser in front of it."}} tags=["remove-input"]
drawings.draw("liu")

# %% [markdown]
# The denoiser works at three sizes. Each stage is a convolution and a *bottleneck* of three narrow ones, whose output we add.


# %%
def layer(inputs, outputs, size, stride=1, bias=False):
    conv = nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=bias)
    return [conv, nn.BatchNorm2d(outputs), nn.ReLU()]


class Stage(nn.Module):
    def __init__(self, inputs, outputs, narrow, stride=1):
        super().__init__()
        self.conv = nn.Sequential(*layer(inputs, outputs, 3, stride, True))
        layers = layer(outputs, narrow, 1) + layer(narrow, narrow, 3)
        layers += layer(narrow, outputs, 1)[:-1]  # no ReLU at its end
        self.bottleneck = nn.Sequential(*layers)

    def forward(self, inputs):
        maps = self.conv(inputs)
        return torch.relu(maps + self.bottleneck(maps))


# %%
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

    def forward(self, y):
        full = self.stem(y)
        half = self.encode2(full)
        coarse = self.up2(self.encode4(half))
        fine = self.up1(self.decode2(torch.cat([coarse, half], dim=1)))
        residual = self.output(torch.cat([fine, full], dim=1))
        return y[..., 3:-3, 3:-3] + residual  # two unpadded convolutions


# %%
# NBVAL_CHECK_OUTPUT
ours = LiuDenoiser()
print(f"{methods.count_parameters(ours):,} weights")

# %% tags=["hide-cell"]
denoiser = methods.create("liu")  # the same, with the border replicated first
denoiser.load_state_dict(ours.state_dict())
probe = torch.rand(1, 1, 40, 40)
with torch.no_grad():
    assert torch.equal(denoiser.eval().valid(probe), ours.eval()(probe))
    assert denoiser(torch.rand(1, 1, 33, 47)).shape == (1, 1, 33, 47)
assert methods.count_parameters(LiuDenoiser(3)) == 1_033_443

# %% [markdown]
# ## The reader
#
# *Reader* is what we call the network behind the denoiser. Ours finds lungs, heart, ribs and spine: a small U-Net {footcite}`ronneberger2015unet`, trained on **clean** images. (Rendered radiographs [come with masks](../data).)

# %%
data = load_dataset("chest-drr")
train = images_and_masks(data.train)  # the image, then its masks
torch.manual_seed(seed)
task = UNet(len(data.structures))
learned = fit_task(task, train, TASK_RECIPES[preset])

# %% [markdown]
# *Dice's coefficient* measures how a predicted mask $A$ overlaps the true one $B$: $2 |A \cap B| / (|A| + |B|)$, one if they are equal. What do you expect noise to do to it?

# %%
test = data.test[:few]
truth = images_and_masks(test)[:, 1:]
clean, noisy = test.images(), noise(test.images(), test.ids)


def mean_dice(images):
    scores = dice(segment(task, images), truth).mean(dim=0)
    return dict(zip(data.structures, scores.tolist(), strict=True))


pd.DataFrame({"clean": mean_dice(clean), "noisy": mean_dice(noisy)}).T.round(2)

# %% [markdown]
# You see that most of the heart is gone. Now we do the trick in the open, on a denoiser that knows nothing yet. With one line we freeze the reader: `eval()` keeps its batch norm from adapting, `requires_grad_(False)` spares its gradients. `torch.no_grad()` would be wrong: you would cut the gradient on its way to the denoiser.

# %%
task.eval().requires_grad_(False)
device = next(task.parameters()).device
denoiser = methods.create("liu").train().to(device)
optimizer = torch.optim.Adam(denoiser.parameters(), lr=1e-3)
generator = torch.Generator().manual_seed(seed)


# %%
def joint_step(weight=0.02):
    patches = sample_patches(train, 2, 128, generator, symmetries="none")
    x, masks = patches[:, :1], patches[:, 1:].to(device)
    estimate = denoiser(noise.sample(x, generator).to(device))
    mse = F.mse_loss(estimate, x.to(device))
    answer = F.binary_cross_entropy_with_logits(task(estimate), masks)
    optimizer.zero_grad()
    (mse + weight * answer).backward()
    optimizer.step()
    return mse.item(), answer.item()


# %% tags=["hide-input"]
before = [value.clone() for value in task.state_dict().values()]
history = [joint_step() for _ in range(3 if preset == "smoke" else 30)]
after = task.state_dict().values()
assert all(map(torch.equal, before, after))  # the reader is unchanged
tens = pd.DataFrame(history, columns=["image", "answer"])
tens = tens.groupby(10 * (tens.index // 10)).mean()
tens.rename_axis("from step").round(4)

# %% [markdown]
# The paper's joint stage starts from a denoiser that is trained already. So from here on does ours: we train one for the image alone. Then two copies go on, one with $\lambda = 0.02$ and one with $\lambda = 0$, alike in everything else.

# %%
settings = recipe("liu", preset)
settings

# %% [markdown]
# After its first steps `fit` says how long it takes on your machine. With `preset = "smoke"` the page runs in about a minute, and learns nothing. Meanwhile guess: which organ will gain most, and what will the image pay for it?

# %%
torch.manual_seed(seed)
pretrained = methods.create("liu")
run = fit(pretrained, NoisyPatches(train[:, :1], noise), settings, validation)

# %%
joint_recipe = replace(settings, steps=settings.steps // 2, learning_rate=1e-3)
denoisers = {}
for name, weight in (("liu", 0.0), ("liu-joint", 0.02)):
    denoisers[name] = copy.deepcopy(pretrained)
    fit_joint(denoisers[name], task, train, noise, joint_recipe, weight)

# %% mystnb={"figure": {"caption": "The plain training, with the classical denoisers (dashed)."}, "image": {"alt": "Validation PSNR against the step of the plain training; it rises towards the classical denoisers, which are dashed lines."}} tags=["hide-input"]
names = [name for name in ("nlm", "tv", "bm3d") if name in methods.available()]
classical = compare(
    {name: methods.load(name) for name in names}, validation, progress=False
)
chapters.training_curve(
    run.curve, classical.groupby("method")["psnr"].mean().to_dict()
)
plt.show()
if preset == "quick":
    rises = run.curve["psnr"].diff().dropna()
    assert (rises > -0.5).all() and run.curve["psnr"].iloc[-1] > run.curve[
        "psnr"
    ].iloc[0]

# %% [markdown]
# ## What the reader makes of it

# %% mystnb={"figure": {"caption": "The outlines that the reader finds in four versions of one radiograph."}, "image": {"alt": "One radiograph clean, noisy, by a plain and by a jointly trained denoiser, each with the outlines of the heart, lungs and bones that the task network finds in it."}} tags=["hide-input"]
estimates = {"clean": clean, "noisy": noisy}
for name, method in {"nlm": methods.load("nlm"), **denoisers}.items():
    estimates[name] = torch.cat([apply(method, y[None], sigma) for y in noisy])
shown = ("clean", "noisy", "liu", "liu-joint")
outlines = {}
for n in shown:
    found = segment(task, estimates[n][:1])
    overlap = dice(found, truth[:1]).mean().item()
    title = f"{plotting.label(n)}: mean Dice {overlap:.2f}"
    outlines[title] = (estimates[n][0, 0], found[0])
chapters.outlines(outlines, data.structures)
plt.show()

# %% tags=["remove-input"]
overlaps = pd.DataFrame(
    {name: mean_dice(images) for name, images in estimates.items()}
).T
mean = overlaps.mean(axis=1)
if preset == "quick":
    assert mean["noisy"] + 0.05 < mean["liu"] < mean["clean"]
    assert mean["noisy"] + 0.05 < mean["liu-joint"]
Markdown(
    f"Noise takes the mean Dice from {mean['clean']:.2f} to {mean['noisy']:.2f}, and either denoiser brings most of it back. Does the reader's own "
    "loss add anything? One run cannot show it. So we ran six values of λ with three seeds, every seed with a reader and a pretrained denoiser of its own."
)

# %% [markdown]
# And we let two readers see each denoised image: the one that the denoiser was trained through, and a *stranger*, the reader of another seed, which took no part. What would you expect? (All on the test images. We judge at λ = 0.02, which the authors' configuration amounts to, as you will see; nothing is chosen here.)

# %% [markdown]
# ```{margin}
# Each seed: a reader, a stranger, a pretrained denoiser and a joint stage for each λ, all as above; noise of 50, [rendered radiographs](../data) of one patient. Thin lines are seeds, thick ones their mean, dashed ones the Dice of clean images.
# ```

# %% mystnb={"figure": {"caption": "As the reader weighs more (to the right), the heart is found better, the ribs worse, and the PSNR falls."}, "image": {"alt": "Four plots against lambda, a thin line for each seed and a thick one for their mean. The Dice of the heart rises and stays up, by the denoiser's own reader and by a stranger. That of the ribs falls, and so does the PSNR, ever more steeply. Dashed lines show the Dice of clean images."}} tags=["hide-input"]
ablation = store.load_side("liu")
denoised = ablation[ablation["images"] == "denoised"]
weights = sorted(denoised["weight"].unique())
titles = {
    "dice_heart": "the heart's Dice, its own reader",
    "stranger_dice_heart": "the heart's Dice, a stranger",
    "dice_ribs": "the ribs' Dice, its own reader",
    "psnr": "PSNR (dB)",
}
gain, hearts = {}, denoised.filter(like="dice_heart")
lowest, highest = hearts.min().min() - 0.01, hearts.max().max() + 0.01
figure, axes = plt.subplots(2, 2, figsize=(7, 5.2), layout="constrained")
for axis, (column, title) in zip(axes.flat, titles.items(), strict=True):
    by_seed = denoised.pivot(index="weight", columns="seed", values=column)
    gain[column] = by_seed - by_seed.loc[0.0]
    axis.plot(
        by_seed.to_numpy(), "o-", color="#0072B2", linewidth=0.7, alpha=0.6
    )
    axis.plot(by_seed.mean(axis=1).to_numpy(), color="#0072B2", linewidth=2.2)
    axis.set_xticks(range(len(weights)), [f"{weight:g}" for weight in weights])
    axis.set(xlabel="λ", title=title)
    axis.spines[["top", "right"]].set_visible(False)
    if "heart" in column:
        axis.set_ylim(lowest, highest)
    if column != "psnr":
        on_clean = ablation.loc[ablation["images"] == "clean", column].mean()
        axis.axhline(on_clean, color="#444444", linestyle="--")
plt.show()

# %% tags=["remove-input"]
LAMBDA = 0.02
at = {column: changes.loc[LAMBDA] for column, changes in gain.items()}
assert len(at["psnr"]) == 3
assert (at["dice_heart"] > 0.01).all() and (
    at["stranger_dice_heart"] > 0.005
).all()
assert (at["dice_ribs"] < 0).all()
assert (gain["psnr"].loc[weights[1:]] < 0).all(axis=None)
assert (gain["psnr"].diff().iloc[1:] < 0).all(axis=None)
on_clean = ablation.loc[ablation["images"] == "clean", "dice_heart"].mean()
own = denoised.loc[denoised["weight"] == LAMBDA, "dice_heart"].mean()
assert abs(own - on_clean) < 0.005
Markdown(
    f"**The heart gains, whoever reads.** Its Dice rises by {at['dice_heart'].mean():.2f} if the denoiser's own reader looks, and by {at['stranger_dice_heart'].mean():.2f} if the stranger does, "
    "with every seed. Its own reader then finds it as well as in clean images. So what helps is in the image and not in one reader's taste alone. The paper reports the same of networks that took no part."
)

# %% tags=["remove-input"]
structures = denoised.groupby("weight")[
    [c for c in ablation if c.startswith("dice_")]
].mean()
moved = (structures.loc[LAMBDA] - structures.loc[0.0]).mean()
assert abs(moved) < 0.015
spine = denoised.pivot(index="weight", columns="seed", values="dice_spine")
assert (spine.loc[LAMBDA] > spine.loc[0.0]).all()
little = {column: changes.loc[LAMBDA / 10] for column, changes in gain.items()}
assert (little["dice_heart"] > at["dice_heart"] / 2).all()
assert (little["psnr"] > -0.2).all() and (little["dice_ribs"] < 0).all()
Markdown(
    "**Somebody pays.** With every seed the ribs lose a little while the spine gains, and over all four structures the mean Dice hardly moves. "
    f"Above all the image pays: {-at['psnr'].mean():.1f} dB of PSNR at this λ, and more with every larger one. "
    "The denoiser spends what it has on what the reader's loss counts.\n\n"
    f"The first step is the cheapest. At a tenth of this λ you have more than half of the heart's gain already, and pay {-little['psnr'].mean():.1f} dB."
)

# %% [markdown]
# Now you let the reader weigh more and more. Watch what becomes of our image:

# %% mystnb={"figure": {"caption": "One detail at four weights of the reader's loss, with the heart as it is and as the reader finds it."}} tags=["remove-input"]
files = {
    (float(path.stem.split("-")[1]), path.stem.split("-")[2]): path
    for path in (store.folder() / "images").glob("joint-*.webp")
}
drawn = sorted({weight for weight, _ in files})
assert len(drawn) == 4 and {0, LAMBDA} < set(drawn) <= set(weights)
by_weight = denoised.groupby("weight")[
    ["dice_heart", "stranger_dice_heart", "psnr"]
].mean()
still, axes = plt.subplots(2, 2, figsize=(7, 7.4), layout="constrained")
for axis, w in zip(axes.flat, drawn, strict=True):
    axis.imshow(Image.open(files[w, "outlines"]), interpolation="nearest")
    axis.set_title(f"λ = {w:g}", fontsize=10)
    axis.set_axis_off()
HTML(
    toy(
        "joint",
        {
            "weights": drawn,
            "outlines": [embedded(files[w, "outlines"]) for w in drawn],
            "errors": [embedded(files[w, "error"]) for w in drawn],
            "scores": [
                {
                    "heart": round(row["dice_heart"], 3),
                    "stranger": round(row["stranger_dice_heart"], 3),
                    "psnr": round(row["psnr"], 2),
                }
                for row in (by_weight.loc[w] for w in drawn)
            ],
        },
        still,
        "A detail of a radiograph by Liu's denoiser at four weights of the reader's loss, with the "
        "true outline of the heart and the one that the reader finds. As the weight grows, the "
        "image fills with a fine pattern.",
    )
)

# %% tags=["hide-cell"]
by_structure = structures.rename(
    columns=lambda name: name.removeprefix("dice_")
)
clean_row = ablation[ablation["images"] == "clean"][list(structures)].mean()
by_structure.loc["clean images"] = clean_row.to_numpy()
by_structure.round(3).rename_axis("λ")

# %% [markdown]
# An *adversarial example* follows the gradient of a network with respect to its input, to mislead it {footcite}`goodfellow2015`. The denoiser has been trained by that very gradient, the other way. You cannot conclude from a higher Dice that an image is more faithful, and nothing here
# tells you to show it to a person. (We have three seeds, and one patient whose anatomy the readers know.)
#
# ## A grid of fine dots
#
# Look closely, and you find something in what the jointly trained network leaves behind:

# %% mystnb={"figure": {"caption": "The jointly trained network (right) leaves a grid of dots along the spine."}, "image": {"alt": "A detail of the errors of the plain and of the jointly trained denoiser, magnified four times: the second shows a regular grid of fine dots along the bright spine."}} tags=["hide-input"]
part = (0, 0, slice(96, 160), slice(96, 160))
errors = {plotting.label(n): (estimates[n] - clean)[part] for n in denoisers}
chapters.error_details(errors)
plt.show()

# %% [markdown]
# It is a *checkerboard*, strongest where the image is bright. In a transposed convolution with a stride of 2, even and odd pixels are computed by different weights, and nothing makes these agree {footcite}`odena2016checkerboard`. The squared error keeps it down. That the reader's loss does not is a likely cause, but its own pooling, through which the gradient comes, may have a
# part in it. We did not take the two apart.


# %% tags=["remove-input"]
def comb(name):
    """Power of the error at the periods of 2 and 4 pixels over that beside, both directions."""
    power = (
        torch.fft.fft2((estimates[name] - clean)[:, 0]).abs().square().mean(0)
    )
    step = power.shape[0] // 4
    ratios = []
    for row, column in itertools.product(range(4), repeat=2):
        if row or column:
            beside = power.roll((3 - row * step, 3 - column * step), (0, 1))[
                :7, :7
            ]
            ratios.append((beside[3, 3] / beside.median()).log())
    return torch.stack(ratios).mean().exp().item()


combs = {name: comb(name) for name in ("nlm", *denoisers)}
if preset == "quick":
    assert combs["liu-joint"] > 2 * combs["liu"]
Markdown(
    f"At the grid's frequencies the joint network's error has {combs['liu-joint']:.0f} times the power of the frequencies beside; the plain one's has "
    f"{combs['liu']:.0f} times."
)

# %% [markdown]
# ## How much should the reader weigh?
#
# $\lambda$ means nothing unless you know the scale of both losses. Ours are means over pixels, of values in $[0, 1]$ and in nats. The authors' released configuration puts its weight on the *other* term, on half the *sum* of
# squared errors of values up to 255; converted, it is a $\lambda$ of about 0.02 (exercise 3). Their cross-entropy is a softmax over classes, ours a mean of four binary ones, so only the order of magnitude carries over. Copy a number without its scale and you train something else.
#
# ## In short
#
# This denoiser believes in its training images, and in what its reader's loss counts. Gradients pass through frozen weights: that is the whole trick. Here the heart gains, also for other readers; you pay in ribs and in decibels. Whether you have a good bargain depends on who looks next. So ask a reader that took no part, and ask about what you did not count.
#
# Next: [what happens if every layer may read every other](05_rdn2020). What we changed against the paper stands in the [ledger](../fidelity).
#
# ## Exercises
#
# **1.** Put `with torch.no_grad():` around `task(estimate)` in the training step. What happens to the loss's
# gradient, and would you notice?
#
# <details><summary>Solution</summary>
#
# The cross-entropy becomes a constant for the denoiser: training runs without an error and is exactly plain MSE
# training. The printed cross-entropy may fall all the same, because better denoising helps the task. The numbers do not
# tell you. `answer.requires_grad` does: it is `False`. So does a run with $\lambda = 0$ that ends in the same weights.
#
# </details>

# %% tags=["hide-cell"]
patches = sample_patches(train, 2, 128, generator, symmetries="none")
masks = patches[:, 1:].to(device)
estimate = denoiser(noise.sample(patches[:, :1], generator).to(device))
with torch.no_grad():
    silenced = F.binary_cross_entropy_with_logits(task(estimate), masks)
heard = F.binary_cross_entropy_with_logits(task(estimate), masks)
assert heard.requires_grad and not silenced.requires_grad
print("the same value:", torch.isclose(heard, silenced).item())

# %% [markdown]
# **2.** Evaluate this page's jointly trained denoiser with a task network of another `seed`, heart and ribs apart. Does the gain carry over? How sure can you be after one pair?
#
# <details><summary>Solution</summary>
#
# Train a second `UNet` after `torch.manual_seed(1)` with `fit_task` and apply `segment` to `estimates["liu-joint"]`
# and `estimates["liu"]`. From a single pair you cannot tell: in our figure above, the stranger's gain differs between three seeds by a factor of two.
#
# </details>

# %% tags=["hide-cell"]
torch.manual_seed(1)
second = UNet(len(data.structures))
fit_task(second, train, TASK_RECIPES[preset], progress=False)
by_second = {
    name: dice(segment(second, estimates[name]), truth).mean(dim=0)
    for name in ("clean", "liu", "liu-joint")
}
by_second = pd.DataFrame(by_second, index=data.structures).T
strangers = at["stranger_dice_heart"]
assert strangers.max() > 1.8 * strangers.min()
by_second[["heart", "ribs"]].round(3)

# %% [markdown]
# **3.** The loss weights of the released configuration correspond to $\lambda \approx 0.02$. Their cross-entropy has the weight 1, and half
# the sum of squared errors of values in $[0, 255]$ the weight $5 \cdot 10^{-9}$, for crops of 321×321 pixels in three colours. (Take their cross-entropy for a mean over pixels, the default of their framework.) Derive the conversion.
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
# **4.** Predict: which $\lambda$ is the best for the *mean* Dice of the denoiser's own reader, and do our three seeds agree on it? Then look.
#
# <details><summary>Solution</summary>
#
# Our seeds do not agree, so you cannot say. What all of them show you is the gain of the heart, the loss of the ribs and the price in PSNR. To claim a best $\lambda$ you would need more readers, and images that you did not use to choose it.
#
# </details>

# %% tags=["hide-cell"]
own = denoised.assign(mean=denoised.filter(regex="^dice_").mean(axis=1))
own = own.pivot(index="weight", columns="seed", values="mean")
assert own.idxmax().nunique() > 1
print(own.idxmax().to_dict())

# %% [markdown]
# **5.** Open: you must decide whether a denoiser may stand in front of a classifier that is in use. Which three experiments do you ask for?
#
# ````{dropdown} References
# ```{footbibliography}
# ```
# ````
