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
# # The denoising autoencoder: learn by undoing damage
#
# *Vincent, Larochelle, Bengio and Manzagol, "Extracting and Composing Robust Features with Denoising
# Autoencoders", ICML, 2008* {footcite}`vincent2008`.
#
# **The idea in one sentence:** to repair a damaged image, a network has to know what images are like, so
# repairing is a way to learn it.
#
# In particular we will
#
# - build the denoising autoencoder and its three kinds of damage;
# - train it on patches of radiographs and watch its filters change as the damage grows, and measure how local and how smooth they are;
# - stack autoencoders greedily, layer by layer, as the paper does;
# - use the stack as a denoiser in two ways: on the whole shrunken image, as a comparison may have done, and
#   on overlapping patches, and see why the first one must blur.
#
# **You need** Python and matrix products; the pages on [noise](../noise) and [quality](../metrics) explain
# $\sigma$, PSNR and SSIM.
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
from torch import nn

from denoise_lib import methods, plotting
from denoise_lib.data import load_dataset
from denoise_lib.evaluation import apply, compare, evaluate, score, summarise
from denoise_lib.methods import configuration, recipe, vincent
from denoise_lib.methods.wiener import PatchWiener
from denoise_lib.noise import GaussianNoise, MaskingNoise, SaltPepperNoise
from denoise_lib.protocol import Protocol
from denoise_lib.study import store
from denoise_lib.training import fit
from denoise_lib.training.layerwise import patch_vectors, train_layers
from denoise_lib.training.patches import NoisyPatches, sample_patches

torch.manual_seed(seed)
noise = GaussianNoise(sigma)
few = 4 if preset == "smoke" else None  # a smoke run looks at four images only
protocol = Protocol(noise=noise, limit=few)

# %% [markdown]
# ## The paper
#
# In 2008 deep networks of fully connected layers were hard to train from a random start, so they were first *pretrained*
# layer by layer, each layer learning to describe its input. An ordinary autoencoder encodes its input, decodes it and
# minimises the difference. With enough hidden units it can cheat by copying. Vincent and his co-authors damage the input and
# ask for the *undamaged* one back. Copying is no longer enough: damaged values have to be inferred from the others, so the hidden
# units have to know how pixels depend on each other.
#
# **Its goal was not denoising.** The paper measures the classification error of networks pretrained this
# way, on variants of handwritten digits. With a random background, for instance, the published errors are 14.58 % for a
# kernel machine, 11.28 % for stacked ordinary autoencoders, 10.30 % for stacked denoising ones, and 6.73 % for a
# deep belief network, which wins there (values of the 2010 paper {footcite}`vincent2010` as reported in a summary,
# *unverified* against its text). Its results are classification errors, not PSNR or SSIM (*unverified* against the full
# text). Calling it a denoiser is an interpretation made by later studies. This chapter tries two interpretations.

# %% [markdown]
# ## The idea in equations
#
# | symbol | meaning | in the code |
# |---|---|---|
# | $x$ | clean input, a vector of $d$ values in $[0, 1]$ | `clean` |
# | $\tilde x \sim q(\tilde x \mid x)$ | the same, damaged | `damaged` |
# | $y = s(W \tilde x + b)$ | hidden units, $s$ the sigmoid | `layer.encode` |
# | $z = g(W' y + b')$ | reconstruction | `layer.decode` |
# | $\nu$ | fraction of damaged components | `fraction` |
#
# (These are the paper's letters. In the other chapters $y$ is the noisy image, here $\tilde x$, and $\hat x$ the estimate, here $z$.)
# With *tied* weights, $W' = W^\top$. The decoder's $g$ is a sigmoid, with the cross-entropy as loss, or nothing (*affine*),
# with the squared error. The loss compares $z$ with the **clean** $x$:
#
# $$\min_{W, b, W', b'} \; \mathbb E_{x} \, \mathbb E_{\tilde x \sim q(\tilde x \mid x)} \, L(x, z), \qquad
# L = -\sum_k \bigl[ x_k \log z_k + (1 - x_k) \log (1 - z_k) \bigr] \;\text{ or }\; \lVert x - z \rVert^2 .$$
#
# Three kinds of damage: **masking** sets a fraction $\nu$ of the components to 0; **salt and pepper** sets them to 0 or 1 by
# a fair coin; **Gaussian** adds $\mathcal N(0, \sigma^2)$. The 2008 paper uses masking; the other two came in 2010
# (*unverified*).

# %% mystnb={"image": {"alt": "A radiograph, clean, with a quarter of its pixels masked, with a quarter replaced by salt and pepper, and with Gaussian noise."}}
item = protocol.items()[0]
clean = item.image[None]
damage = {"masking, 0.25": MaskingNoise(0.25), "salt and pepper, 0.25": SaltPepperNoise(0.25)}
damage[f"Gaussian, sigma {sigma}"] = noise
plotting.show_images({"clean": clean} | {n: q(clean, [item.id]) for n, q in damage.items()})
plt.show()

# %% [markdown]
# ## The model


# %%
class DenoisingAutoencoder(nn.Module):
    def __init__(self, inputs, hidden):
        super().__init__()
        self.weight = nn.Parameter(nn.init.xavier_uniform_(torch.empty(hidden, inputs)))
        self.bias = nn.Parameter(torch.zeros(hidden))
        self.decoder_bias = nn.Parameter(torch.zeros(inputs))

    def encode(self, vectors):
        return torch.sigmoid(F.linear(vectors, self.weight, self.bias))  # y

    def decode(self, hidden):
        return torch.sigmoid(F.linear(hidden, self.weight.T, self.decoder_bias))  # z, tied

    def forward(self, vectors):
        return self.decode(self.encode(vectors))


# %% [markdown]
# For 28×28 digits and 500 hidden units that is $784 \cdot 500 + 500 + 784 = 393\,284$ parameters:

# %%
# NBVAL_CHECK_OUTPUT
ours = DenoisingAutoencoder(784, 500)
layer = vincent.DenoisingAutoencoder(784, 500)
layer.load_state_dict(ours.state_dict())
probe = torch.rand(3, 784)
with torch.no_grad():
    print("same output:", torch.equal(layer(probe), ours(probe)))
print(f"{methods.count_parameters(layer):,} parameters")

# %% [markdown]
# ## Training, in the open
#
# The inputs are patches of 12×12 pixels, cut out of 160 training images: radiographs rendered from the CT of *one* patient
# in different poses ([more about them](../data)). Three steps:

# %%
train_images = load_dataset("chest-drr").train.images()
generator = torch.Generator().manual_seed(seed)
torch.manual_seed(seed)
layer = vincent.DenoisingAutoencoder(144, 400)
optimizer = torch.optim.Adam(layer.parameters(), lr=1e-3)
for step in range(3):
    clean_vectors = sample_patches(train_images, 256, 12, generator).flatten(1)
    damaged = MaskingNoise(0.25).sample(clean_vectors, generator)
    loss = F.binary_cross_entropy(layer(damaged), clean_vectors)  # against the CLEAN vectors
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(f"step {step}: cross-entropy {loss.item():.4f}")

# %% [markdown]
# The cross-entropy does not approach zero: for grey values its minimum, at $z = x$, is the entropy of $x$, up to
# $\log 2 \approx 0.693$.
#
# ## What it learned: filters and damage
#
# Three autoencoders that differ in the damage only. Each row of $W$ is the pattern to which one hidden unit
# answers. We show the strongest of them, and measure how *local* each is by the number of pixels that
# effectively carry it, $\bigl(\sum_k w_k^2\bigr)^2 / \sum_k w_k^4$: 144 for a filter spread evenly over the patch, 1
# for a single pixel, 80 for independent uniform weights, as they are at the start.

# %%
draw = patch_vectors(train_images, patch_size=12)  # batches of clean patches
layer_recipe = vincent.LAYER_RECIPES[preset]
# Filters take their time.
longer = replace(layer_recipe, steps=5 * layer_recipe.steps, learning_rate=1e-2)
fractions = (0.0, 0.25, 0.5)
single = {}
for fraction in fractions:
    torch.manual_seed(seed)
    stack = vincent.StackedAutoencoder(144, (400,))
    train_layers(stack, draw, MaskingNoise(fraction), longer)
    single[fraction] = stack.layers[0].cpu()

# %% mystnb={"image": {"alt": "Three groups of twelve filters of twelve by twelve pixels, for a masking fraction of 0, 0.25 and 0.5; the title of each group gives the median number of effective pixels."}}
figure = plt.figure(figsize=(11, 3.4), layout="constrained")
for group, (fraction, autoencoder) in zip(figure.subfigures(1, 3), single.items(), strict=True):
    filters = autoencoder.weight.detach()
    pixels = filters.pow(2).sum(1) ** 2 / filters.pow(4).sum(1)
    strongest = filters.norm(dim=1).argsort(descending=True)[:12]
    group.suptitle(f"masking {fraction:g}: {pixels.median():.0f} effective pixels", fontsize=11)
    for axis, index in zip(group.subplots(3, 4).flat, strongest, strict=True):
        limit = filters[index].abs().max()
        axis.imshow(filters[index].view(12, 12), cmap="PuOr", vmin=-limit, vmax=limit)
        axis.set_axis_off()
plt.show()

# %%
torch.manual_seed(seed)
locality = {}
trained = {f"masking {fraction:g}": autoencoder for fraction, autoencoder in single.items()}
for name, autoencoder in {
    "at the start": vincent.DenoisingAutoencoder(144, 400),
    **trained,
}.items():
    filters = autoencoder.weight.detach()
    pixels = filters.pow(2).sum(1) ** 2 / filters.pow(4).sum(1)
    squares = filters.view(-1, 12, 12)
    steps_squared = [squares.diff(dim=axis).pow(2).mean((1, 2)) for axis in (-1, -2)]
    roughness = sum(steps_squared) / 2 / filters.pow(2).mean(1)
    locality[name] = {
        "effective pixels, median": pixels.median().item(),
        "10 % of filters below": pixels.quantile(0.1).item(),
        "roughness (2 for white noise)": roughness.median().item(),
    }
pd.DataFrame(locality).T.round(2)

# %% [markdown]
# Training makes the filters smoother than their random start even without damage, and a little more local. With damage they become
# smoother still, because a masked pixel must be inferred from its neighbours, from grainy blobs to
# smooth edges. On these smooth images the damage changes the *smoothness* of the filters far more than their extent.

# %% [markdown]
# ## Stacking
#
# A second autoencoder is trained on the hidden units of the first, a third on those of the second. Only the input of
# the layer *in training* is damaged; what it is given are the activations of the **undamaged** image:
#
# ```python
# for depth, layer in enumerate(stack.layers):
#     clean = stack.encode(x, depth)          # through the finished layers, undamaged
#     z = layer(corruption.sample(clean))     # only this layer's input is damaged
#     loss = reconstruction_loss(layer.decoder, z, clean)
# ```
#
# `training.layerwise.train_layers` is this loop. Then the layers are joined, all encoders up and all decoders down, and *fine-tuned* together. The
# paper does this for classification; we do it for denoising, with `training.fit`, the function that trains all models of this book.
#
# ## Reading 1: the whole image
#
# One can shrink each image, to 64×64 pixels say, feed all 4096 of them to dense layers with a narrow
# middle, and enlarge the output. We do so, with greedy pretraining first and fine-tuning afterwards:

# %%
small_images = F.interpolate(train_images, (64, 64), mode="area").flatten(1)


def draw_whole(generator):
    chosen = torch.randint(len(small_images), (32,), generator=generator, device=generator.device)
    return small_images.to(generator.device)[chosen]


torch.manual_seed(seed)
whole = vincent.WholeImageAutoencoder(size=64, hidden=(512, 128))
# Averaging 4 x 4 pixels leaves a quarter of the noise's standard deviation.
train_layers(whole.stack, draw_whole, GaussianNoise(sigma / 4), vincent.LAYER_RECIPES[preset])
whole_recipe = replace(
    recipe("vincent", preset), patch_size=256, symmetries="none", learning_rate=1e-3
)
whole_recipe = replace(
    whole_recipe, steps=max(4, whole_recipe.steps // 4), validate_every=whole_recipe.steps
)
fit(whole, NoisyPatches(train_images, noise), whole_recipe)
whole_rows = evaluate(whole, protocol, "Whole image")
print(f"{methods.count_parameters(whole):,} parameters, {whole_rows['psnr'].mean():.2f} dB")

# %% [markdown]
# Where is the image lost? Is it the shrinking, the narrow middle of 128 numbers, or something else? We take the steps one at a
# time. The best *linear* description of the training images by 128 numbers is known without training: their principal
# components. 160 images have at most 159 of them.

# %%
seen, held_out = (Protocol(split=s, noise=noise, limit=few or 20) for s in ("train", "val"))
splits = [seen.items(), held_out.items(), protocol.items()]
average = small_images.mean(0)
_, _, components = torch.linalg.svd(small_images - average, full_matrices=False)


def mean_psnr(items, describe):
    """PSNR of clean images that are shrunk, described and enlarged again."""
    images = items.images()
    small = describe(F.interpolate(images, (64, 64), mode="area").flatten(1))
    enlarged = F.interpolate(small.view(-1, 1, 64, 64).clamp(0, 1), (256, 256), mode="bilinear")
    pairs = zip(images, enlarged, strict=True)
    return sum(score(x[None], z[None], protocol)["psnr"] for x, z in pairs) / len(images)


def by_components(count):
    chosen = components[:count]
    return lambda vectors: (vectors - average) @ chosen.T @ chosen + average


reached = [evaluate(whole, split)["psnr"].mean() for split in (seen, held_out)]
losses = {
    "shrunk and enlarged, clean": [mean_psnr(items, lambda v: v) for items in splits],
    "128 components, clean": [mean_psnr(items, by_components(128)) for items in splits],
    "159 components, clean": [mean_psnr(items, by_components(159)) for items in splits],
    "autoencoder, noisy": [*reached, whole_rows["psnr"].mean()],
    "the average training image": [mean_psnr(items, by_components(0)) for items in splits],
}
losses = pd.DataFrame(losses, index=["training", "validation", "test"]).T
if preset != "smoke":
    above_average = losses.loc["autoencoder, noisy"] - losses.loc["the average training image"]
    assert 0 < above_average["test"] < 2  # dB
    fallen = losses["training"] - losses["test"]
    assert fallen["autoencoder, noisy"] < fallen["128 components, clean"]
losses.round(2).rename_axis("PSNR (dB)")

# %% [markdown]
# **Shrinking** removes all detail finer than four pixels; on images as smooth as these it costs little. The **narrow
# middle** does not have to cost much either: on the *training* images 128 numbers do almost as well as the shrunken image
# itself. The rest has three parts. **Short training**: even on the training images the network stays far below what 128
# numbers allow. **Few examples**: on the validation images, new poses of the same range, the best linear components lose
# several decibels, and all 159 of them do hardly better. The network barely drops on new poses: it was already poor on the training images.
# **Poses outside that range**: on the [test images](../data), which are made so, components and network fall
# again. There the network is less than two decibels better than the average training image, an answer that ignores its input. To a dense layer over the whole image a rib shifted by a pixel is another rib. What it answers is a mixture of
# memories, and a mixture of thoraxes in slightly different places is a blurred thorax.
#
# ## Reading 2: overlapping patches
#
# A small patch of a radiograph *can* be described by few numbers, as we shall see. Cut the image into overlapping patches,
# denoise each, and average each pixel over all patches that contain it. First the greedy pretraining, then the fine-tuning:

# %%
torch.manual_seed(seed)
model = methods.create("vincent", **configuration("vincent", preset))
pretraining = train_layers(model.stack, draw, noise, layer_recipe)
pretraining.curve.groupby("layer")["loss"].last().rename("loss at the end").to_frame()

# %%
settings = recipe("vincent", preset)
validation = Protocol(split="val", noise=noise, limit=2 if preset == "smoke" else 4)
run = fit(model, NoisyPatches(train_images, noise), settings, validation)
settings

# %% mystnb={"image": {"alt": "Two plots against the fine-tuning step: the loss falls; the validation PSNR rises towards dashed lines for the classical denoisers."}}
names = [name for name in ("median", "nlm", "tv", "bm3d") if name in methods.available()]
classical = compare({name: methods.load(name) for name in names}, validation, progress=False)
plotting.learning_curve(run.curve, classical.groupby("method")["psnr"].mean())
plt.show()

# %% [markdown]
# ## How far does a straight line get?
#
# Before we praise the stack we need a fair opponent: the best *linear* function of the same patches. It has a closed
# form. For patches with mean $m$ and covariance $C$ under white noise of variance $\sigma^2$ it is Wiener's filter,
#
# $$\hat x = m + C\,(C + \sigma^2 I)^{-1} (y - m).$$
#
# The eigenvectors of $C$ are the principal components of the patches. The filter keeps the fraction $v / (v + \sigma^2)$ of a component
# whose variance is $v$. Nothing is trained: mean and covariance of 60,000 training patches are all it knows.

# %%
clean_patches = sample_patches(train_images, 60_000, 12, generator).flatten(1)
wiener = PatchWiener(clean_patches, stride=4)
wiener_rows = evaluate(wiener, protocol, "Wiener's filter")
half_kept = int((wiener.gains(sigma) > 0.5).sum())
print(f"{wiener.numbers:,} numbers; {half_kept} of 144 components keep more than half")

# %% [markdown]
# Most of what a patch of radiograph is lies in a handful of components; the filter lets these pass and mutes the rest.
#
# ## Results under the protocol
#
# The same noisy test images for every method, the committed rows of the classical denoisers beside Wiener's filter and the two
# networks; the [protocol's hash](../metrics) guards the table.

# %%
rows = pd.concat(
    [store.baselines(protocol), evaluate(model, protocol, "vincent"), whole_rows, wiener_rows]
)
table = summarise(rows)
plotting.score_table(table)

# %% mystnb={"image": {"alt": "Horizontal bars of the mean PSNR of each method, best at the top; the whole-image autoencoder is near the bottom."}}
plotting.metric_bars(rows, "psnr")
plt.show()

# %% tags=["remove-input"]
place = list(table.index).index("vincent") + 1
best = table["psnr"].drop("vincent").idxmax()
Markdown(
    f"At sigma {sigma} and the `{preset}` preset the stack on patches lifts the mean PSNR from "
    f"{table.psnr['noisy']:.2f} to **{table.psnr['vincent']:.2f} dB**: place {place} of {len(table)}, "
    f"{table.psnr[best] - table.psnr['vincent']:.2f} dB from {plotting.label(best)}. The whole-image "
    f"reading ends at {table.psnr['Whole image']:.2f} dB, "
    f"{table.psnr['vincent'] - table.psnr['Whole image']:.2f} dB lower: the same paper, the same "
    "loss, another reading."
)

# %% tags=["remove-input"]
gap = table.loc["vincent"] - table.loc["Wiener's filter"]
if preset == "quick" and sigma == 25:
    assert abs(gap["psnr"]) < 0.3 and 0 < gap["ssim"] < 0.05
Markdown(
    f"**A deep stack, and a straight line.** The stack has {methods.count_parameters(model):,} weights and a short "
    f"training. By PSNR it is level with the linear filter: {gap['psnr']:+.2f} dB. On images as smooth as these, much of what "
    "can be known of a pixel is a weighted mean of its neighbours. The stack's SSIM is higher: a function that is not linear can treat edges and flat areas differently."
)

# %% mystnb={"image": {"alt": "A test radiograph: clean, noisy, by a classical denoiser, by the whole-image autoencoder, which is blurred, and by the stack on patches, each with a magnified detail and its scores, and below each image the residual that remains."}}
noisy = noise(clean, [item.id])
shown = {"noisy": noisy}
shown |= {name: apply(methods.load(name), noisy, sigma) for name in names[-1:]}
shown["Whole image"] = apply(whole, noisy, sigma)
shown["vincent"] = apply(model, noisy, sigma)
plotting.comparison_panel(clean, shown, protocol, columns=3)
plt.show()

# %% [markdown]
# ## Where it fails
#
# **Dense layers do not share.** Each of the 144 places of a patch has its own weights; that an edge is an edge wherever it is
# has to be learned 144 times. Convolutions, in the [next chapter](02_gondara2016), know it from the start.
#
# **The damage it was trained with.** Fine-tuned on Gaussian noise, the stack knows nothing of other damage:

# %%
strange = {
    name: {
        "damaged": score(clean, q(clean, [item.id]), protocol)["psnr"],
        "after the network": score(clean, apply(model, q(clean, [item.id])), protocol)["psnr"],
    }
    for name, q in damage.items()
}
pd.DataFrame(strange).T.round(2).rename_axis("PSNR (dB)")

# %% [markdown]
# **Another patient, another machine.** A real radiograph, taken with computed radiography; we treat it as clean,
# though it carries noise of its own.

# %% mystnb={"image": {"alt": "A real chest radiograph: clean, noisy, by a classical denoiser, by the whole-image autoencoder, which shows another thorax altogether, and by the stack on patches."}}
witness = load_dataset("chest-cr").test[0]
witness_clean = witness.image[None]
witness_noisy = noise(witness_clean, [witness.id])
witness_shown = {"noisy": witness_noisy}
witness_shown |= {name: apply(methods.load(name), witness_noisy, sigma) for name in names[-1:]}
witness_shown["Whole image"] = apply(whole, witness_noisy, sigma)
witness_shown["vincent"] = apply(model, witness_noisy, sigma)
plotting.comparison_panel(witness_clean, witness_shown, protocol, columns=3)
plt.show()

# %% tags=["remove-input"]
on_witness = {
    name: score(witness_clean, image, protocol)["psnr"] for name, image in witness_shown.items()
}
Markdown(
    f"On the real radiograph: {on_witness['vincent']:.2f} dB on patches, "
    f"{on_witness['Whole image']:.2f} dB for the whole image, {on_witness[names[-1]]:.2f} dB by "
    f"{plotting.label(names[-1])}. What the whole-image network shows is not this patient. It is what it "
    "remembers of the one it was trained on, which in medicine is the worst kind of failure: it looks plausible."
)

# %% [markdown]
# ## Fidelity: the papers and ours
#
# What we know of details beyond the abstract comes from public reimplementations and summaries; *unverified* marks what we
# could not check against the text.
#
# We found no code by the authors from 2008. The tutorial code of their laboratory, LISA {footcite}`lisa`, is; it stands in the
# second column.
#
# | | papers | tutorial code | here | why |
# |---|---|---|---|---|
# | goal | features for classification | the same | denoising | this book's subject |
# | encoder | $s(W \tilde x + b)$ | the same | the same: {source}`methods.vincent.DenoisingAutoencoder.encode` | |
# | decoder | sigmoid or affine; tied weights optional | sigmoid, tied | all four: {source}`methods.vincent.DenoisingAutoencoder.decode`, {source}`tests.test_models.test_tied_decoder_is_the_transposed_encoder`; affine and untied for denoising | pixels under Gaussian damage leave $[0, 1]$ |
# | loss | against the clean $x$; sum over components | the same | against the clean $x$, mean over components: {source}`training.layerwise.reconstruction_loss`, {source}`tests.test_pretraining.test_loss_is_smallest_at_the_clean_values` | a constant factor, which Adam divides out |
# | damage | masking (2008), Gaussian and salt and pepper (2010) (*unverified*) | masking | all three: {source}`noise.MaskingNoise`, {source}`tests.test_noise.test_fractions_of_corrupted_pixels`; Gaussian for denoising | what is to be undone |
# | masked components | a fixed number, $\nu d$ of each input (*unverified*) | each one by a coin | each one by a coin, so their number varies about $\nu d$: {source}`noise.MaskingNoise` | the laboratory's own code |
# | input passed up | undamaged | undamaged | undamaged: {source}`training.layerwise.train_layers`, {source}`tests.test_pretraining.test_each_layer_is_damaged_at_its_own_input_only` | |
# | initial weights | | uniform, $\pm 4 \sqrt{6 / (d_\text{in} + d_\text{out})}$ | a quarter of that: {source}`methods.vincent._uniform` | Glorot and Bengio's range; Adam moves it soon enough |
# | layers | 1 to 3, 1000 to 3000 units (2010 grid, *unverified*) | 3 of 1000 | two of 512: {source}`methods.registry.Network.configuration`; three of 1000 by default: {source}`methods.vincent.PatchAutoencoder` | a short training |
# | input | whole 28×28 images; 12×12 patches of natural images (2010, *unverified*) | whole 28×28 images | 12×12 patches, overlapping: {source}`methods.vincent.PatchAutoencoder.forward`, {source}`tests.test_models.test_overlapping_patches_of_an_identity_give_the_image_back` | radiographs have no fixed size |
# | fine-tuning | classifier, no damage | the same | denoiser, fresh damage: {source}`training.loop.fit` | the goal |
# | optimiser | plain SGD (*unverified*) | SGD; one layer: rate 0.1, batch 20; stack: 0.001, then 0.1, batch 1 | Adam, one cycle with a cosine: {source}`training.loop.optimise` | best for a short training |
#
# Common slips in public code: the loss against the *damaged* input; `nn.Dropout` as masking, which rescales what it leaves by
# $1 / (1 - \nu)$; damage left on while encoding for the next layer; cross-entropy for values outside $[0, 1]$.
#
# ## Summary
#
# In this notebook we have built denoising autoencoders, seen damage shape their filters, stacked them greedily and
# turned the stack into a denoiser. Read as a network for whole images, the paper does worse than leaving the noise in.
# Read as a network for patches, it denoises, about as well as the best linear filter of the same patches. A comparison that lists only the first has measured the reading, not the idea.
#
# ## Exercises
#
# **1.** Write the training loop above for as many steps as `longer` has, once with the clean and once with the *damaged* vectors as target.
# The second ends with the lower loss. Is it the better network?
#
# <details><summary>Solution</summary>
#
# No. The two losses have different targets and therefore different floors, the entropies of the targets: a masked zero has none. They
# cannot be compared. Compare the squared error of held-out *clean* patches, reconstructed from masked ones. With the damaged
# target nothing has to be inferred from neighbours, and the network learns to keep the damage.
#
# </details>

# %% tags=["hide-cell"]
held_out_patches = draw(torch.Generator().manual_seed(99)).clone()
masked = MaskingNoise(0.25).sample(held_out_patches, torch.Generator().manual_seed(98))
errors = {}
for target in ("clean", "damaged"):
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    layer = vincent.DenoisingAutoencoder(144, 400)
    optimizer = torch.optim.Adam(layer.parameters(), lr=1e-2)
    for _ in range(5 if preset == "smoke" else 300):
        vectors = draw(generator)
        damaged = MaskingNoise(0.25).sample(vectors, generator)
        wanted = vectors if target == "clean" else damaged
        loss = F.binary_cross_entropy(layer(damaged), wanted)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        error = F.mse_loss(layer(masked), held_out_patches)
    errors[target] = {"last loss": loss.item(), "squared error, clean": error.item()}
errors = pd.DataFrame(errors).T
if preset != "smoke":
    assert errors["last loss"].idxmin() == "damaged"
    assert errors["squared error, clean"].idxmin() == "clean"
errors.round(4).rename_axis("target")

# %% [markdown]
# **2.** Why is the PSNR of Wiener's filter higher with a stride of 4 than with a stride of 12? And what happens to the *stack*
# if its stride is changed to 12 after the training?
#
# <details><summary>Solution</summary>
#
# With a stride of 4 each pixel is estimated $3 \times 3 = 9$ times from different surroundings. The errors of these estimates are
# partly independent, so their average is better, and the seams between patches disappear. The stack breaks down. It was fine-tuned
# for the *average* of nine estimates, and nothing in the fine-tuning asked a single one to be right.
#
# </details>

# %% tags=["hide-cell"]
few_images = replace(protocol, limit=4)
by_stride = {}
for stride in (12, 4):
    model.stride = stride
    filters = {"Wiener": PatchWiener(clean_patches, stride), "stack": model}
    rows_of_few = compare(filters, few_images, progress=False)
    by_stride[stride] = rows_of_few.groupby("method")["psnr"].mean()
by_stride = pd.DataFrame(by_stride)
if preset != "smoke":
    assert 0.5 < by_stride.loc["Wiener", 4] - by_stride.loc["Wiener", 12] < 2
    assert by_stride.loc["stack", 12] < by_stride.loc["stack", 4] - 10
by_stride.round(2).rename_axis(columns="stride")

# %% [markdown]
# **3.** `nn.Dropout(nu)` is often used for masking. It multiplies what it leaves by $1/(1-\nu)$. Think of images of one grey
# level and of a network that returns $a$ times the average of its inputs, $a$ being learned: which level does it return for an *undamaged* image after training with the paper's
# masking, and which after training with dropout? What else is different?
#
# <details><summary>Solution</summary>
#
# Of a masked image only a fraction $1-\nu$ of the sum is left. To return the level, the network has to multiply the average
# by $1/(1-\nu)$, and does so with an undamaged image too, which comes out too bright. Dropout multiplies beforehand, so the
# undamaged level is right. But each surviving pixel is now shown brighter than it is, outside $[0, 1]$ even, so that copying it would
# be wrong: it is another damage than the paper's, with other filters. And `nn.Dropout` does nothing after `eval()`, so that a
# validation loss is computed without damage. In neither case was an undamaged image among the training inputs. An offset like this one is cheap to make and expensive in PSNR: see [how PSNR lies](../psnr).
#
# </details>

# %% tags=["hide-cell"]
nu = 0.25
flat = torch.rand(5000, 1, generator=torch.Generator().manual_seed(seed)).expand(-1, 144)
keep = (torch.rand(flat.shape, generator=torch.Generator().manual_seed(1)) >= nu).float()
for name, damaged in {"masking": flat * keep, "dropout": flat * keep / (1 - nu)}.items():
    means = damaged.mean(1)
    a = (means @ flat[:, 0]) / (means @ means)  # least squares
    print(f"{name}: an undamaged level of 0.5 becomes {0.5 * a:.2f}")
    assert abs(a - (1 / (1 - nu) if name == "masking" else 1)) < 0.01

# %% [markdown]
# ## References
#
# ```{footbibliography}
# ```
