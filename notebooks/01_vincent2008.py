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
# # Learn by undoing damage
#
# *Vincent, Larochelle, Bengio and Manzagol, "Extracting and Composing Robust Features with Denoising Autoencoders", ICML 2008* {footcite}`vincent2008`
#
# Cover a quarter of a radiograph's pixels. Could you fill them in? Most of them, yes: a rib goes on, a lung stays dark. You can because you know what
# radiographs look like. **So if a network repairs damage well, it must have learned what images are like.** That is this paper, and in 2008 its goal was not the repaired image but what the network had learned.
#
# We build its autoencoder, look at what it learns, find out what it has to do with the most famous image generators of today, and then take it at its name: how well
# does it denoise?
#
# You need the pages on [noise](../noise) and on [the best possible denoiser](../best), and five to ten minutes on two processor cores if you run this page.

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
from dataclasses import replace

import matplotlib.pyplot as plt
import pandas as pd
import torch
import torch.nn.functional as F
from denoise_lib import drawings, methods, plotting
from denoise_lib.data import load_dataset
from denoise_lib.evaluation import apply, compare, evaluate, score, summarise
from denoise_lib.methods import configuration, recipe, vincent
from denoise_lib.methods.wiener import PatchWiener
from denoise_lib.noise import GaussianNoise, MaskingNoise, SaltPepperNoise
from denoise_lib.plotting import chapters
from denoise_lib.protocol import Protocol
from denoise_lib.study import store
from denoise_lib.training import fit
from denoise_lib.training.layerwise import patch_vectors, train_layers
from denoise_lib.training.patches import NoisyPatches, sample_patches
from IPython.display import Markdown
from torch import nn

torch.manual_seed(seed)
noise = GaussianNoise(sigma)
few = 4 if preset == "smoke" else None  # a smoke run looks at four images only
protocol = Protocol(noise=noise, limit=few)
validation = Protocol(split="val", noise=noise, limit=4)

# %% mystnb={"figure": {"caption": "Even with half of its pixels masked you can follow ribs and heart."}, "image": {"alt": "A detail of a radiograph, clean, with a quarter of its pixels masked, and with half of them masked. Ribs and heart can still be followed."}} tags=["hide-input"]
item = protocol.items()[0]
clean = item.image[None]
detail = (..., slice(64, 176), slice(64, 176))
damage = {
    f"{fraction:.0%} masked": MaskingNoise(fraction) for fraction in (0.25, 0.5)
}
plotting.show_images(
    {"clean": clean[detail]}
    | {k: q(clean, [item.id])[detail] for k, q in damage.items()},
)
plt.show()

# %% [markdown]
# ## Copying is no longer enough
#
# In 2008 deep networks were hard to train from a random start, so each layer was first *pretrained* to describe its own input. An autoencoder does so: it encodes its input,
# decodes it, and lowers the difference. With enough hidden units it can cheat, by copying. Vincent and his co-authors damage the input and
# ask for the *undamaged* one back. You cannot copy a value that is not there. You have to infer it from the others.

# %% mystnb={"figure": {"caption": "A denoising autoencoder sees the damaged patch and is compared with the undamaged one."}} tags=["remove-input"]
drawings.draw("vincent")

# %% [markdown]
# Let $x$ be a clean patch, a vector of values in $[0, 1]$, and $\tilde x$ the same with damage. One layer has hidden units $y$ and a reconstruction $z$,
#
# $$y = s(W \tilde x + b), \qquad z = s(W^\top y + b'),$$
#
# with $s$ the sigmoid. (These are the paper's letters; elsewhere in this book $y$ is the noisy image.) The loss compares $z$ with the **clean** $x$. As values in $[0, 1]$
# can be read as probabilities, it is the cross-entropy:
#
# $$L(x, z) = -\sum_k \bigl[ x_k \log z_k + (1 - x_k) \log (1 - z_k) \bigr].$$
#
# The code is the equations:


# %%
class DenoisingAutoencoder(nn.Module):
    def __init__(self, inputs, hidden):
        super().__init__()
        start = torch.empty(hidden, inputs)
        self.weight = nn.Parameter(nn.init.xavier_uniform_(start))
        self.bias = nn.Parameter(torch.zeros(hidden))
        self.decoder_bias = nn.Parameter(torch.zeros(inputs))

    def forward(self, damaged):
        y = torch.sigmoid(F.linear(damaged, self.weight, self.bias))
        return torch.sigmoid(F.linear(y, self.weight.T, self.decoder_bias))


# %% [markdown]
# How many numbers does it learn for the paper's digits, 28×28 pixels and 500 hidden units? Count before you run it. (From here on we use the library's class, which is the same with some options more.)

# %%
# NBVAL_CHECK_OUTPUT
ours = DenoisingAutoencoder(784, 500)
print(f"{methods.count_parameters(ours):,}")

# %% tags=["hide-cell"]
layer = vincent.DenoisingAutoencoder(784, 500)
layer.load_state_dict(ours.state_dict())
probe = torch.rand(3, 784)
with torch.no_grad():
    assert torch.equal(layer(probe), ours(probe))  # the library's is the same

# %% [markdown]
# Now three steps of training, on patches of 12×12 pixels from 160 [rendered radiographs](../data). At the start $z$ knows nothing of $x$. What should the
# first loss be, per pixel?

# %%
train_images = load_dataset("chest-drr").train.images()
generator = torch.Generator().manual_seed(seed)
layer = vincent.DenoisingAutoencoder(144, 400)
optimizer = torch.optim.Adam(layer.parameters(), lr=1e-3)
for step in range(3):
    x = sample_patches(train_images, 256, 12, generator).flatten(1)
    damaged = MaskingNoise(0.25).sample(x, generator)
    loss = F.binary_cross_entropy(layer(damaged), x)  # against the CLEAN x
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(f"step {step}: {loss.item():.3f}")

# %% [markdown]
# You start near $\log 2 = 0.693$, the price of a coin for each pixel. You will not end at zero: for a grey value strictly between black and white even the best answer, $z = x$, still costs the entropy of $x$.
#
# ## What damage does to the filters
#
# Each row of $W$ is a pattern to which one hidden unit answers. We train three autoencoders that differ only in their masking. What do you expect from the one without any, which may copy?

# %% tags=["hide-input"]
draw = patch_vectors(train_images, patch_size=12)  # batches of clean patches
layer_recipe = vincent.LAYER_RECIPES[preset]
# Filters take their time.
longer = replace(layer_recipe, steps=5 * layer_recipe.steps, learning_rate=1e-2)
single = {}
for fraction in (0.0, 0.25, 0.5):
    torch.manual_seed(seed)
    stack = vincent.StackedAutoencoder(144, (400,))
    train_layers(stack, draw, MaskingNoise(fraction), longer)
    single[fraction] = stack.layers[0].weight.detach().cpu().view(-1, 12, 12)

# %% mystnb={"figure": {"caption": "Filters for no damage, a quarter and half of the pixels masked: blobs become edges."}, "image": {"alt": "Three groups of twelve filters of twelve by twelve pixels, for no damage, a quarter and a half of the pixels masked: grainy blobs turn into smooth edges."}} tags=["hide-input"]
strongest = {}
for fraction, filters in single.items():
    order = filters.flatten(1).norm(dim=1).argsort(descending=True)
    strongest[f"{fraction:.0%} masked"] = filters[order[:12]]
chapters.filter_groups(strongest)
plt.show()

# %% tags=["remove-input"]
roughness = {
    fraction: (
        sum(filters.diff(dim=axis).pow(2).mean((1, 2)) for axis in (-1, -2))
        / 2
        / filters.pow(2).mean((1, 2))
    )
    .median()
    .item()
    for fraction, filters in single.items()
}
if preset == "quick":
    assert roughness[0.0] > 1.3 * roughness[0.25] > 1.3 * 1.1 * roughness[0.5]

# %% [markdown]
# (You see the twelve with the largest weights.) The one that may copy keeps blobs and grain. Where pixels are masked and must be guessed from their neighbours, you find smooth edges, which nobody asked for. Is it the masking? Less training would leave filters grainy as well, and any noise on the input keeps weights small; we did not try to tell these apart.
#
# ## Where the arrows point
#
# What does a network that repairs learn about images, beyond its filters? Let an image have two pixels only, so that we can draw it. Clean images lie on a curve, here a piece of a spiral. For this toy we take another network, Gaussian noise in place of the masking, and the squared error, for which the theory is exact. We draw for many points
# where it moves them.

# %%
turns = 1.5 + 4.5 * torch.rand(4000, generator=generator)
spiral = torch.stack([turns * turns.cos(), turns * turns.sin()], 1) / 6
toy = nn.Sequential(
    nn.Linear(2, 128),
    nn.ReLU(),
    nn.Linear(128, 128),
    nn.ReLU(),
    nn.Linear(128, 2),
)

# %%
optimizer = torch.optim.Adam(toy.parameters(), lr=2e-3)
for _ in range(2000 if preset != "smoke" else 20):
    x = spiral[torch.randint(len(spiral), (512,), generator=generator)]
    noisy = x + 0.08 * torch.randn(x.shape, generator=generator)
    loss = (toy(noisy) - x).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

# %% mystnb={"figure": {"caption": "Each arrow is what the denoiser does to a point: it leads back to where the data are."}, "image": {"alt": "Points on a spiral, and arrows around it. Near the spiral each arrow leads to its nearest part."}} tags=["hide-input"]
places = spiral[::16] + 0.1 * torch.randn(250, 2, generator=generator)
with torch.no_grad():
    moved = toy(places)
chapters.field(spiral, places, moved)
plt.show()
if preset != "smoke":

    def far(points):
        return torch.cdist(points, spiral).min(1).values.mean()

    assert far(moved) < far(places) / 2

# %% [markdown]
# **The arrows point to where images are.** A denoiser that is trained on squared error estimates the [posterior mean](../best), so its arrow $\hat x - \tilde x$ is about $\sigma^2$ times the *score* $\nabla \log p$ of
# the noisy data. Vincent himself showed three years later that training a denoising autoencoder in this way is learning the score {footcite}`vincent2011`. Follow the arrows in small steps, with a little fresh noise at each and less every time, and you arrive at an image. That is how diffusion models generate
# {footcite}`ho2020`. What they train is a denoiser.
#
# ## Stacking
#
# The paper trains one layer, then a second on the hidden units of the first, and so on. To train the next layer, send the **clean** image through the finished ones, damage what comes out, and ask the layer for what it was before:
#
# ```python
# for depth, layer in enumerate(stack.layers):
#     clean = stack.encode(x, depth)          # undamaged, through finished layers
#     z = layer(corruption.sample(clean))     # only this layer's input is damaged
#     loss = reconstruction_loss(layer.decoder, z, clean)
# ```
#
# Then all layers are joined and trained together. The paper does this for a classifier of digits, and counts errors of classification. It never reports a PSNR. *Only later did people use it to restore images.* So we have to choose how, and there are two ways: the whole image at once, or small patches of it. (In both we damage with Gaussian noise from the first layer on, since that is what we want to remove.)
#
# ## First reading: the whole image
#
# Shrink each image to 64×64, feed all 4096 pixels to dense layers with a narrow middle, enlarge the output. What would you expect, with 160 images to learn from?

# %% tags=["hide-input"]
small_images = F.interpolate(train_images, (64, 64), mode="area").flatten(1)


def draw_whole(generator):
    chosen = torch.randint(
        len(small_images), (32,), generator=generator, device=generator.device
    )
    return small_images.to(generator.device)[chosen]


torch.manual_seed(seed)
whole = vincent.WholeImageAutoencoder(size=64, hidden=(512, 128))
# Averaging 4 x 4 pixels leaves a quarter of the noise's standard deviation.
train_layers(
    whole.stack,
    draw_whole,
    GaussianNoise(sigma / 4),
    vincent.LAYER_RECIPES[preset],
)
steps = max(4, recipe("vincent", preset).steps // 4)
whole_recipe = replace(
    recipe("vincent", preset),
    patch_size=256,
    symmetries="none",
    learning_rate=1e-3,
    steps=steps,
    validate_every=steps,
)
fit(whole, NoisyPatches(train_images, noise), whole_recipe)
whole_rows = evaluate(whole, protocol, "Whole image")

# %% mystnb={"figure": {"caption": "The network on whole images answers with another thorax, much like the average of its training images."}, "image": {"alt": "A test radiograph, noisy, what the whole-image network makes of it, which is another, blurred thorax, and the average of all training images, which looks much the same."}} tags=["hide-input"]
average = F.interpolate(
    small_images.mean(0).view(1, 1, 64, 64), (256, 256), mode="bilinear"
)
noisy = noise(clean, [item.id])
plotting.show_images(
    {
        "clean": clean,
        "noisy": noisy,
        "whole-image network": apply(whole, noisy, sigma),
        "average training image": average,
    },
)
plt.show()


# %% tags=["remove-input"]
def psnr_of(items, describe):
    """Mean PSNR of what `describe` makes of clean images."""
    pairs = [(each.image[None], describe(each.image[None])) for each in items]
    return sum(score(x, z, protocol)["psnr"] for x, z in pairs) / len(pairs)


def shrunk(image):
    """To 64 x 64 and back."""
    small = F.interpolate(image, (64, 64), mode="area")
    return F.interpolate(small, (256, 256), mode="bilinear")


seen = Protocol(split="train", noise=noise, limit=few or 20)
on_seen = evaluate(whole, seen, progress=False)["psnr"].mean()
reached = whole_rows["psnr"].mean()
ignoring = psnr_of(protocol.items(), lambda _: average)
ceiling = psnr_of(protocol.items(), shrunk)
if preset == "quick":
    assert 0 < reached - ignoring < 2 and reached < 20.17 and ceiling > 28
    assert on_seen < ceiling - 5
Markdown(
    f"**It hardly looks.** The network ends at {reached:.0f} dB, below the noisy image itself. The average of all training images, "
    f"which ignores its input, has {ignoring:.0f}.\n\n"
    f"Is it the shrinking? No: shrink a clean image and enlarge it again, and you keep {ceiling:.0f} dB. Is it that the test images are turned and stretched more than the training "
    f"images? In part; but on its own *training* images the network reaches {on_seen:.0f} dB only. It has not learned to look even at what it was shown. (Whether a longer training would "
    "teach it, we did not try.) To a dense layer over the whole image, a rib that is shifted by a pixel is another rib."
)

# %% [markdown]
# All training images show one patient. What does it make of somebody else? Here is the [radiograph of another](../data):

# %% mystnb={"figure": {"caption": "A real patient, and what the network makes of him: the patient of its training."}, "image": {"alt": "A real radiograph of another patient, and what the whole-image network makes of its noisy version: the blurred thorax of the training images."}} tags=["hide-input"]
witness = load_dataset("chest-cr").test[0]
witness_noisy = noise(witness.image[None], [witness.id])
plotting.show_images(
    {
        "another patient": witness.image[None],
        "the network, of its noisy image": apply(whole, witness_noisy, sigma),
    },
)
plt.show()

# %% [markdown]
# The network draws a plausible chest, but not this patient's. In medicine that is a dangerous way to fail.
#
# ## Second reading: overlapping patches
#
# You cut the image into overlapping patches of 12×12, 4 pixels apart, denoise each, and average every pixel over all patches that contain it. Our stack has two layers of 512 units, and decoders with weights of their own. First we train the layers, one by one; then all together, through the average, on larger crops:

# %%
settings = recipe("vincent", preset)
settings

# %% [markdown]
# After its first steps `fit` says how long it takes on your machine. Too long? Write `model = methods.load("vincent-nih")` in place of the next cell and leave out the curve after it: the same network, trained longer on other radiographs. With `preset = "smoke"` the page runs in about a minute. Meanwhile guess: which of the classical methods will be the first that it passes?

# %%
torch.manual_seed(seed)
model = methods.create("vincent", **configuration("vincent", preset))
train_layers(model.stack, draw, noise, layer_recipe)
run = fit(model, NoisyPatches(train_images, noise), settings, validation)

# %% mystnb={"figure": {"caption": "The stack on patches rises to the classical denoisers (dashed)."}, "image": {"alt": "Validation PSNR against the training step, rising to the classical denoisers, which are dashed lines."}} tags=["hide-input"]
names = [
    name
    for name in ("median", "nlm", "tv", "bm3d")
    if name in methods.available()
]
classical = compare(
    {name: methods.load(name) for name in names}, validation, progress=False
)
chapters.training_curve(
    run.curve, classical.groupby("method")["psnr"].mean().to_dict()
)
plt.show()

# %% [markdown]
# ## How far does a straight line get?
#
# Before we praise the stack it needs a fair opponent. [Wiener's filter](../best) is the best *linear* function of the same patches: one mean and one covariance of training patches, in closed form.

# %%
clean_patches = sample_patches(train_images, 60_000, 12, generator).flatten(1)
wiener = PatchWiener(clean_patches, stride=4)
wiener_rows = evaluate(wiener, protocol, "Wiener's filter", progress=False)

# %% mystnb={"figure": {"caption": "The stack and Wiener's filter end side by side, near a blur."}, "image": {"alt": "Mean PSNR on the test images as dots: BM3D leads; the stack and Wiener's filter lie together, near the Gaussian filter."}} tags=["hide-input"]
rows = pd.concat(
    [
        store.baselines(protocol),
        evaluate(model, protocol, "vincent"),
        whole_rows,
        wiener_rows,
    ]
)
chapters.score_dots(rows, leave_out=("Whole image", "noisy"))
plt.show()

# %% tags=["remove-input"]
table = summarise(rows)
gap = table.loc["vincent"] - table.loc["Wiener's filter"]
if preset == "quick" and sigma == 25:
    assert abs(gap["psnr"]) < 0.3 and 0 < gap["ssim"] < 0.05
    assert table.psnr["bm3d"] > table.psnr["vincent"] + 1
    assert abs(table.psnr["gaussian"] - table.psnr["vincent"]) < 0.4
    for edge_keeping in ("bilateral", "wavelet"):
        assert table.psnr[edge_keeping] < table.psnr["vincent"] + 0.2
    assert table.psnr["vincent"] > table.psnr["median"]
    assert table.psnr["vincent"] > table.psnr["noisy"] + 12
Markdown(
    f"**A deep stack ties with a straight line.** {methods.count_parameters(model):,} weights and a short training reach "
    f"{table.psnr['vincent']:.1f} dB, and so do two linear filters, Wiener's and the tuned Gaussian one. (Nor do you get more from the bilateral filter or from wavelets. The median is behind.) On images as smooth as these a weighted mean of "
    "neighbours goes a long way; BM3D, more than a decibel ahead, shows that it does not go all the way."
)

# %% [markdown]
# Wiener's filter and the stack are both built from overlapping estimates, of which nine are averaged in each pixel; in exercise 2 you take that away. Look at the errors: both leave the same edges behind.

# %% mystnb={"figure": {"caption": "Wiener's filter and the stack leave the same edges in their errors."}, "image": {"alt": "A test radiograph: clean, by Wiener's filter and by the stack on patches, each with a magnified detail and its scores, and below each image the residual that remains."}} tags=["hide-input"]
shown = {
    "Wiener's filter": apply(wiener, noisy, sigma),
    "vincent": apply(model, noisy, sigma),
}
plotting.comparison_panel(clean, shown, protocol)
plt.show()

# %% [markdown]
# What holds the stack back? One possible reason is that **dense layers do not share.** Each of the 144 places of a patch has weights of its own, and an edge that is shifted by one pixel has to be learned again. Another is that we trained briefly: with a longer training and larger patches a plain network of this kind [beat BM3D in 2012](../after). Convolutions share from
# the start. They are the [next chapter](02_gondara2016).
#
# ## In short
#
# To repair damage a network has to know what images are like. That is why a paper on pretraining from 2008 is still read: the same idea, with patches masked in place of pixels, trains
# today's vision models {footcite}`he2022mae`, and with noise at all levels it generates images. As a *denoiser* of radiographs it depends on how you read it. Trained briefly on whole images, ours does worse than nothing. On
# patches it does as well as a linear filter. What does it believe about images? What its training patches showed it, at each place of a patch separately.
#
# What we changed against the paper stands in the [ledger](../fidelity).
#
# ## Exercises
#
# **1.** Train a single layer, as in the first loop but longer, with the *damaged* vectors as target. Its loss ends lower. Is it the better network?
#
# <details><summary>Solution</summary>
#
# No. The two losses have different floors, the entropies of their targets, and a masked zero has none. Compare the squared error of held-out *clean* patches instead. With the damaged
# target nothing has to be inferred from neighbours, and the network learns to keep the damage.
#
# </details>

# %% tags=["hide-cell"]
held_out = patch_vectors(load_dataset("chest-drr").val.images(), patch_size=12)
held_out_patches = held_out(torch.Generator().manual_seed(99)).clone()
masked = MaskingNoise(0.25).sample(
    held_out_patches, torch.Generator().manual_seed(98)
)
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
    errors[target] = {
        "last loss": loss.item(),
        "squared error, clean": error.item(),
    }
errors = pd.DataFrame(errors).T
if preset != "smoke":
    assert errors["last loss"].idxmin() == "damaged"
    assert errors["squared error, clean"].idxmin() == "clean"
errors.round(4).rename_axis("target")

# %% [markdown]
# **2.** Wiener's filter and the stack use patches 4 pixels apart. What happens to each if you make it 12, so that no pixel is averaged?
#
# <details><summary>Solution</summary>
#
# With a stride of 4 each pixel is estimated nine times from different surroundings, and the average is better. The filter loses a decibel, with seams. The stack breaks down: it was trained
# for the *average* of nine estimates, and in the last training we asked no single one to be right.
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
# **3.** `nn.Dropout(nu)` is often used for masking. It multiplies what it leaves by $1/(1-\nu)$. Think of images of one grey level, and of a network that returns $a$ times the mean of its
# inputs. Which level does it return for an *undamaged* image after training with the paper's masking, and which after dropout?
#
# <details><summary>Solution</summary>
#
# Of a masked image only a fraction $1-\nu$ of the sum is left. To return the level, the network has to multiply by $1/(1-\nu)$, and does so with an undamaged image too, which comes out too bright.
# Dropout multiplies beforehand, so the undamaged level is right; but each surviving pixel is shown brighter than it is, which is another damage than the paper's. A
# wrong scale is cheap to make and expensive in PSNR: remember the [suspects](../quality).
#
# </details>

# %% tags=["hide-cell"]
nu = 0.25
flat = torch.rand(
    5000, 1, generator=torch.Generator().manual_seed(seed)
).expand(-1, 144)
keep = (
    torch.rand(flat.shape, generator=torch.Generator().manual_seed(1)) >= nu
).float()
for name, damaged in {
    "masking": flat * keep,
    "dropout": flat * keep / (1 - nu),
}.items():
    means = damaged.mean(1)
    a = (means @ flat[:, 0]) / (means @ means)  # least squares
    print(f"{name}: an undamaged level of 0.5 becomes {0.5 * a:.2f}")
    assert abs(a - (1 / (1 - nu) if name == "masking" else 1)) < 0.01

# %% [markdown]
# **4.** Damage a test image in a way that the network has not seen: turn a quarter of its pixels black or white. Predict the PSNR after the network, then run it.
#
# <details><summary>Solution</summary>
#
# It has learned to remove Gaussian noise. A white pixel on dark lung is to it a very bright detail, which it spreads over the neighbours. You gain about ten decibels, since the damage is so bad, and stay about ten below what you reach under its own noise.
#
# </details>

# %% tags=["hide-cell"]
peppered = SaltPepperNoise(0.25)(clean, [item.id])
before, after = (
    score(clean, image, protocol)["psnr"]
    for image in (peppered, apply(model, peppered))
)
if preset == "quick":
    assert before + 8 < after < table.psnr["vincent"] - 8
print(f"{before:.1f} dB before, {after:.1f} dB after")

# %% [markdown]
# **5.** Plot quiz: the arrows meet the spiral nearly at right angles. Why? And where do you expect them not to?
#
# <details><summary>Solution</summary>
#
# Noise *along* the curve turns one clean image into another, and nothing about the result looks wrong. Only what leads *away* from the curve can be taken back. At the two ends of the spiral there are clean images on one side only, so there
# the arrows lean inwards.
#
# </details>

# %% tags=["hide-cell"]
ordered = spiral[spiral.norm(dim=1).argsort()]
nearest = torch.cdist(places, ordered).argmin(1)
inside = nearest.clamp(20, len(ordered) - 21)
along = ordered[inside + 20] - ordered[inside - 20]
cosine = F.cosine_similarity(moved - places, along).abs()
angle = cosine.acos().rad2deg()
end = (nearest < 100) | (nearest > len(ordered) - 100)
angles = angle[~end].median(), angle[end].median()
print(f"{angles[0]:.0f} degrees in the middle, {angles[1]:.0f} at the ends")
if preset != "smoke":
    assert angles[0] > 70 and angles[1] < 50

# %% [markdown]
# **6.** Open: is the layer-by-layer start worth anything today? Leave out `train_layers` before the patches' `fit`, give the time to `fit`, and repeat with three seeds.
#
# ````{dropdown} References
# ```{footbibliography}
# ```
# ````
