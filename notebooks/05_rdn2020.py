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
# # Who listens to whom?
#
# *Zhang, Tian, Kong, Zhong and Fu, "Residual Dense Network for Image Restoration", IEEE TPAMI 2020* {footcite}`zhang2020rdn`
#
# A deep network may forget what its early layers saw. RDN does not let it: inside a block every layer reads *everything* that was made before, and at the end all blocks are
# read once more. That is many wires. **We cut them, one at a time, and wait for something to break.**
#
# You need the chapter on [DnCNN](03_dncnn2017), and six to fifteen minutes on two processor cores if you run this page.

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
import numpy as np
import pandas as pd
import torch
from denoise_lib import drawings, methods
from denoise_lib.data import load_dataset
from denoise_lib.evaluation import compare, evaluate, score, summarise
from denoise_lib.methods import configuration, recipe
from denoise_lib.noise import GaussianNoise
from denoise_lib.plotting import chapters
from denoise_lib.plotting.toys import toy
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
# ## Read everything, then squeeze
#
# ResNets {footcite}`he2016resnet` *add* a layer's input to its output. DenseNets {footcite}`huang2017densenet` *concatenate* within a block: each layer reads the outputs of all layers before it, unmixed. Between blocks they shrink the maps, which you cannot afford in a denoiser. RDN keeps the size of the image
# all through. It squeezes the maps of a block back to few at its end, and adds the block's input.

# %% mystnb={"figure": {"caption": "Within a block every layer reads all that came before; at its end the maps are fused, and the input is added."}} tags=["remove-input"]
drawings.draw("rdn")

# %% [markdown]
# A block takes in $G_0$ maps. Its $c$-th convolution reads them and all that was made since, and adds $G$ maps (the *growth rate*). The paper calls this *contiguous memory*. A 1×1 convolution fuses everything back to $G_0$ maps, and the input is added, the *local residual*:
#
# $$F_{d,c} = \mathrm{ReLU}\bigl(W_{d,c} * [F_{d-1}, F_{d,1}, \dots, F_{d,c-1}]\bigr),$$
#
# $$F_d = F_{d-1} + W^{1 \times 1}_{d} * [F_{d-1}, F_{d,1}, \dots, F_{d,C}].$$


# %%
def convolution(inputs, outputs, size=3):
    return nn.Conv2d(inputs, outputs, size, padding=size // 2)


class ResidualDenseBlock(nn.Module):
    def __init__(self, features, growth, layers):
        super().__init__()
        inputs = [features + c * growth for c in range(layers + 1)]
        self.convs = nn.ModuleList(convolution(n, growth) for n in inputs[:-1])
        self.fusion = convolution(inputs[-1], features, 1)

    def forward(self, inputs):
        maps = inputs
        for each in self.convs:
            maps = torch.cat([maps, torch.relu(each(maps))], dim=1)
        return inputs + self.fusion(maps)


# %% [markdown]
# Across blocks, one more fusion, the *global* one, reads the outputs of all $D$ blocks, and the very first maps are added:
#
# $$F_{GF} = W^{3 \times 3} * W^{1 \times 1} * [F_1, \dots, F_D], \qquad \hat x = W^{3 \times 3} * (F_{-1} + F_{GF}).$$
#
# Contiguous memory, local residual, global fusion: these are the paper's three ideas, and the three that we will cut.


# %%
class RDN(nn.Module):
    def __init__(self, blocks=16, layers=8, growth=64, features=64):
        super().__init__()
        self.shallow1 = convolution(1, features)
        self.shallow2 = convolution(features, features)
        sizes = features, growth, layers
        dense = [ResidualDenseBlock(*sizes) for _ in range(blocks)]
        self.blocks = nn.ModuleList(dense)
        squeeze = convolution(blocks * features, features, 1)
        self.fusion = nn.Sequential(squeeze, convolution(features, features))
        self.output = convolution(features, 1)

    def forward(self, y):
        first = self.shallow1(y)  # F_{-1}
        outputs = [self.shallow2(first)]  # F_0
        for block in self.blocks:
            outputs.append(block(outputs[-1]))  # F_1 ... F_D
        return self.output(first + self.fusion(torch.cat(outputs[1:], dim=1)))


# %% [markdown]
# The paper has $D = 16$ blocks of $C = 8$ layers, and $G = G_0 = 64$ (`growth` and `features`). Guess its weights, knowing that DnCNN has 556,097.

# %%
# NBVAL_CHECK_OUTPUT
small = configuration("rdn", "quick")
print(f"the paper's: {methods.count_parameters(RDN()):,}")
print(f"ours: {methods.count_parameters(RDN(**small)):,}, with {small}")

# %% tags=["hide-cell"]
ours = RDN(**small)
model = methods.create("rdn", **small)  # the library's is the same
model.load_state_dict(ours.state_dict())
probe = torch.rand(1, 1, 33, 47)
with torch.no_grad():
    assert torch.equal(model.eval()(probe), ours.eval()(probe))

# %% [markdown]
# Forty times DnCNN. You would get nowhere with that in a short training on a processor, so we train a small one of the same construction.
#
# ## Training
#
# The authors minimise the *absolute* error. With the squared error you ask for the mean of what $x$ may be, with this one for the [median](../best). We take sixty steps at the paper's rate:

# %%
train_images = load_dataset("chest-drr").train.images()
generator = torch.Generator().manual_seed(seed)
torch.manual_seed(seed)
model = methods.create("rdn", **small)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)
losses = []
for _ in range(3 if preset == "smoke" else 60):
    x = sample_patches(train_images, 4, 48, generator)
    y = noise.sample(x, generator)
    loss = nn.functional.l1_loss(model(y), x)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
print(f"first {losses[0]:.3f}, last ten {sum(losses[-10:]) / 10:.3f}")

# %% tags=["remove-input"]
assert preset == "smoke" or sum(losses[-10:]) / 10 < losses[0] / 2

# %% [markdown]
# The noise alone has a mean absolute value of 0.078, so these sixty steps have just begun to remove it. We start anew and train for longer, with a larger learning rate that first rises and then falls:

# %%
settings = recipe("rdn", preset)
settings

# %% [markdown]
# After its first steps `fit` says how long it takes on your machine. Too long? Write `model = methods.load("rdn-nih")` in place of the next cell and leave out the curve after it: the same network, trained longer on other radiographs. With `preset = "smoke"` the page runs in about a minute. Meanwhile guess: of all the wires in a block, which can you cut without anyone noticing?

# %%
torch.manual_seed(seed)
model = methods.create("rdn", **small)
run = fit(model, NoisyPatches(train_images, noise), settings, validation)

# %% mystnb={"figure": {"caption": "The small RDN among the classical denoisers (dashed)."}, "image": {"alt": "Validation PSNR against the training step, rising among the classical denoisers, which are dashed lines."}} tags=["hide-input"]
names = [name for name in ("nlm", "tv", "bm3d") if name in methods.available()]
classical = compare(
    {name: methods.load(name) for name in names}, validation, progress=False
)
chapters.training_curve(
    run.curve, classical.groupby("method")["psnr"].mean().to_dict()
)
plt.show()

# %% mystnb={"figure": {"caption": "After a short training the small RDN is one of many."}, "image": {"alt": "Mean PSNR on the test images as dots; BM3D leads, the small RDN is among the classical denoisers."}} tags=["hide-input"]
rows = pd.concat([store.baselines(protocol), evaluate(model, protocol, "rdn")])
chapters.score_dots(rows, leave_out=("noisy",))
plt.show()

# %% tags=["remove-input"]
psnr = summarise(rows)["psnr"]
behind = psnr["bm3d"] - psnr["rdn"]
if preset == "quick" and sigma == 25:
    assert 0 < behind < 1.5 and psnr["rdn"] > psnr["noisy"] + 10
Markdown(
    f"After a short training the small RDN is {behind:.1f} dB behind BM3D. You find it after a longer one, beside the others, in [the comparison](../comparison)."
)

# %% [markdown]
# ## Cutting wires
#
# A layer of a dense block *can* read everything before it. Does it? We cut one source at a time: the layer gets the *average* of those maps in place of the maps. (Zeros would change the mean brightness too.) Nothing is trained
# again; `middle_psnr` is the PSNR in the middle of the validation images. How many decibels do you expect to lose?


# %%
def psnr_without(conv, maps):
    """Mean PSNR when a convolution reads only the means of some maps."""

    def flatten(module, inputs):
        cut = inputs[0].clone()
        cut[:, maps] = cut[:, maps].mean((2, 3), keepdim=True)
        return (cut,)

    hook = conv.register_forward_pre_hook(flatten)
    quality = middle_psnr()
    hook.remove()
    return quality


# %% tags=["hide-input"]
def middle_psnr():
    """Mean PSNR in the middle of the validation images."""
    with torch.no_grad():
        estimates = model(noisy_middles.to(device)).cpu()
    pairs = zip(middles, estimates, strict=True)
    return sum(
        score(x[None], z[None], protocol)["psnr"] for x, z in pairs
    ) / len(middles)


device = next(model.parameters()).device
witnesses = load_dataset("chest-drr").val[:few]
middles = witnesses.images()[..., 64:192, 64:192]
noisy_middles = noise(witnesses.images(), witnesses.ids)[..., 64:192, 64:192]
intact = middle_psnr()
width, growth, depth = small["features"], small["growth"], small["layers"]
sources = [slice(0, width)]
sources += [
    slice(width + c * growth, width + (c + 1) * growth) for c in range(depth)
]
lost = np.full((small["blocks"], depth + 1, depth + 1), np.nan)
together = []  # all sources of a layer but the newest, cut at once
if preset != "smoke":
    for d, block in enumerate(model.blocks):
        for row, conv in enumerate([*block.convs, block.fusion]):
            for column in range(row + 1):
                lost[d, row, column] = intact - psnr_without(
                    conv, sources[column]
                )
            if row:
                old = slice(0, sources[row].start)
                together.append(intact - psnr_without(conv, old))
fused = [
    intact - psnr_without(model.fusion[0], slice(d * width, (d + 1) * width))
    for d in range(small["blocks"])
]

# %% mystnb={"figure": {"caption": "Decibels lost when one wire is cut: a row is a layer, a column what it listens to."}} tags=["remove-input"]
layers = [*(str(c) for c in range(1, depth + 1)), "fuse"]
known = [
    [
        [None if np.isnan(v) else round(float(v), 3) for v in row]
        for row in block
    ]
    for block in lost
]
HTML(
    toy(
        "wires",
        {
            "lost": known,
            "layers": layers,
            "fused": [round(float(value), 2) for value in fused],
        },
        chapters.wires(lost, np.array(fused), layers),
        "Four triangular heat maps, one for each block, of the decibels lost when a layer gets only "
        "the mean of one of its sources, and one column for the global fusion; nearly all fields of "
        "the triangles are pale, those of the column are dark.",
    )
)

# %% tags=["remove-input"]
older = np.array(
    [lost[:, row, column] for row in range(depth + 1) for column in range(row)]
)
if preset != "smoke":
    assert np.median(older) < 0.1 and np.median(together) < 0.2
    assert min(fused) > 5 * np.median(together) and np.argmax(fused) == 0
    rows = lost[:, 1:].reshape(-1, depth + 1)  # layers that have a choice
    assert (np.nanargmax(rows, axis=1) == 0).mean() > 0.5
Markdown(
    "**Hardly anything breaks inside a block.** Leave a layer only its newest source, cut all others at once, and for half of the layers you lose less than "
    f"{max(0.01, np.median(together)):.2f} dB. Where an older wire matters, it is mostly the oldest, the block's input.\n\n"
    f"The wires that matter run *between* blocks: cut one block from the global fusion, and you lose {min(fused):.0f} to {max(fused):.0f} dB, most with the first."
)

# %% [markdown]
# Does that mean that the dense wires are useless, and the global fusion is everything? Careful, for two reasons. A block's input skips past its layers, so a cut inside changes only a small correction; a cut of the fusion takes a whole block's output. And a network that was *trained* with a wire relies on it; one trained *without* might
# do as well. That is another experiment.
#
# ## Trained without
#
# So we train RDN again and again, each time without one of its three ideas, and once with a new one, a skip from the noisy image to the output. (Without contiguous memory each layer reads the one before it only, and the network has fewer than half the weights.) And one control that the question needs: plain residual
# blocks with as many weights and nothing dense.

# %% [markdown]
# ```{margin}
# The small configuration, trained as above, on [rendered radiographs](../data) of one patient; PSNR on their validation images, a dot for each training.
# ```

# %% mystnb={"figure": {"caption": "Take a part of RDN away, and the scatter of three seeds hides it. Add a skip from the image, and you see it."}, "image": {"alt": "Validation PSNR of six small networks, a dot for each of three seeds; all but one lie within the scatter of each other, the one with a skip from the image is ahead."}} tags=["hide-input"]
parts = store.load_side("rdn_ablation")
order = parts.groupby("variant")["psnr"].mean().sort_values().index
figure, axis = plt.subplots(figsize=(5.8, 2.4), layout="constrained")
for place, variant in enumerate(order):
    psnr = parts.loc[parts["variant"] == variant, "psnr"]
    apart = 0.12 * np.arange(len(psnr)) - 0.12  # so that no dot hides another
    axis.plot(psnr, place + apart, "o", color="#0072B2", alpha=0.7)
axis.set_yticks(range(len(order)), order)
axis.set_xlabel("PSNR (dB), validation split")
axis.spines[["top", "right"]].set_visible(False)
plt.show()

# %% tags=["remove-input"]
means = parts.groupby("variant")["psnr"].mean()
skip = "with a skip from the image"
others = means.drop(skip)
assert others.max() - others.min() < 0.1 < means[skip] - others["RDN"] < 0.3
by_seed = parts.pivot(index="variant", columns="seed", values="psnr")
assert by_seed.shape == (6, 3) and (by_seed.idxmax() == skip).all()
scatter = by_seed.max(axis=1) - by_seed.min(axis=1)
assert others.max() - others.min() < scatter.max()
sizes = parts.groupby("variant")["parameters"].first()
assert sizes["without contiguous memory"] < sizes["RDN"] / 2
assert abs(sizes["plain residual blocks"] / sizes["RDN"] - 1) < 0.05
Markdown(
    "**At this size no part is worth anything that shows.** Take away contiguous memory, the local residual or the global fusion, or take plain residual blocks: the means differ by less than "
    f"the seeds do. Only the skip from the image helps, by {means[skip] - others['RDN']:.1f} dB and with every seed. (We tested this length of training and one learning rate.)"
)

# %% [markdown]
# When we cut a block from the global fusion, we lost decibels, since that network had learned to rely on it. One that we trained without the fusion relies on something else. (What the parts are worth in a network of the paper's size, you cannot tell from ours.)

# %% [markdown]
# ## Deeper or wider?
#
# With $D$ you decide how many blocks there are, with $G$ how much each layer adds. We take three seeds each, two fifths of the steps above:

# %% mystnb={"figure": {"caption": "Wider or deeper, a dot for each seed."}, "image": {"alt": "Two plots of the PSNR on the validation split, against the growth rate and against the number of blocks, one dot for each seed."}} tags=["hide-input"]
ablation = store.load_side("rdn")
figure, axes = plt.subplots(
    1, 2, figsize=(7, 2.7), layout="constrained", sharey=True
)
for axis, column, title in zip(
    axes,
    ("growth", "blocks"),
    ("growth rate G (D = 4)", "blocks D (G = 16)"),
    strict=True,
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

# %% tags=["hide-cell"]
means = ablation.groupby(["blocks", "growth"]).agg(
    parameters=("parameters", "first"),
    psnr=("psnr", "mean"),
    spread=("psnr", "std"),
)
means["sees"] = [f"{2 * (4 * blocks + 4) + 1} px" for blocks, _ in means.index]
level, error = means["psnr"], means["spread"] / 3**0.5  # of a mean of three


def times_four(low, high):
    """Gain from the smaller to the larger network, and its standard error."""
    return level[high] - level[low], np.hypot(error[low], error[high])


deeper = times_four((2, 16), (8, 16))
wider = times_four((4, 8), (4, 32))
assert deeper[0] > 3 * deeper[1] and wider[0] < 2 * wider[1]
assert deeper[0] - wider[0] > 2 * np.hypot(deeper[1], wider[1])
means.round(2)

# %% [markdown]
# **Depth pays, width hardly shows.** You gain more with four times the blocks than with four times the growth rate, whose gain our three seeds cannot tell from nothing. But a deeper network also *sees* further, one ring of neighbours for each 3×3 convolution; the view alone may be worth
# tenths of a decibel, and we cannot tell the two apart. (The deepest sees more than a patch of the training. Nor is our experiment fair to the small ones: a large step costs more, and all got as many steps.)
#
# ## In short
#
# RDN hands every layer all maps of its block. Ours, small and briefly trained, can spare most of the wires inside its blocks. A trained network can depend on a part that another training would not have needed. If you want to know what a part is worth, train without it, and put a plain
# network of the same size beside it.
#
# And the paper's gain? On BSD68 at 50, RDN has 0.18 dB more than DnCNN {footcite}`zhang2024xformer,zhang2017dncnn`. It also has forty times the weights, other training images and test noise that is clipped, so you cannot credit the architecture alone.
#
# Next: [what came after](../after). The [ledger](../fidelity) lists what we changed against the paper.
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
# **2.** You saw that `image_skip=True` helps. Why would it? And would you expect it to help after a long training?
#
# <details><summary>Solution</summary>
#
# `methods.create("rdn", **small, image_skip=True)`. The network then only has to produce the correction $x - y$, the
# negative of what DnCNN predicts, and starts nearer to a good answer. With long
# training you would expect the difference to shrink, since the first features $F_{-1}$ can carry the image to the output too.
#
# </details>

# %% tags=["hide-cell"]
short = replace(
    settings, steps=8 if preset == "smoke" else 100, validate_every=8
)
reached = {}
for image_skip in (False, True):
    torch.manual_seed(seed)
    network = methods.create("rdn", **small, image_skip=image_skip)
    fit(network, NoisyPatches(train_images, noise), short, progress=False)
    few_images = replace(protocol, limit=4)
    reached[image_skip] = evaluate(network, few_images, progress=False)[
        "psnr"
    ].mean()
if preset != "smoke":
    assert reached[True] > reached[False]
print(
    {f"image_skip={skip}": f"{psnr:.2f} dB" for skip, psnr in reached.items()}
)

# %% [markdown]
# **3.** The paper calls the sum $F_{-1} + F_{GF}$ *global residual learning*. Set the weights and biases of the global fusion to zero. What is left of the output, and so what do the blocks learn?
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
    a, b, nothing = (
        torch.rand(1, 1, 32, 32),
        torch.rand(1, 1, 32, 32),
        torch.zeros(1, 1, 32, 32),
    )
    both = linear(a + b) - linear(nothing)
    each = linear(a) + linear(b) - 2 * linear(nothing)
    torch.testing.assert_close(both, each, atol=1e-5, rtol=0)
print("f(a + b) = f(a) + f(b), but for the constant")

# %% [markdown]
# **4.** Plot quiz: both plots of depth and width have a logarithmic axis to base 2. What would a straight line tell you, and do our points rule one out?
#
# <details><summary>Solution</summary>
#
# That every doubling brings you the same number of decibels. Ours do not rule it out: the second doubling of the depth brings less than the first, but the difference is smaller than twice its standard error. With three seeds you see a gain of 0.4 dB, and not its bend. For the width, any line will do: the seeds scatter as much as the points rise.
#
# </details>

# %% tags=["hide-cell"]
bend = 2 * level[4, 16] - level[2, 16] - level[8, 16]
its_error = (
    4 * error[4, 16] ** 2 + error[2, 16] ** 2 + error[8, 16] ** 2
) ** 0.5
assert 0 < bend < 2 * its_error

# %% [markdown]
#
# **5.** Open: why might a network that is trained for long make more of its dense wires than ours does? How would you test it?
#
# ````{dropdown} References
# ```{footbibliography}
# ```
# ````
