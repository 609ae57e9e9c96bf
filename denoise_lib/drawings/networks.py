"""The networks of the book, drawn with the symbols of their equations."""

from __future__ import annotations

from collections.abc import Callable

from denoise_lib.checks import unknown
from denoise_lib.drawings.svg import AXIS, NOTE, Drawing, Panel, Place


def vincent() -> Drawing:
    """Vincent 2008: one layer as it is trained, and the stack.

    Returns
    -------
    Drawing
    """
    layer = Panel(
        "One layer",
        "A vector x loses some of its components, a layer encodes it, another decodes it, and the "
        "loss compares the outcome with x itself.",
    )
    clean = layer.signal("*x*", "a clean patch")
    layer.box("corrupt, *q*_{D}", "noise", "some components|are set to zero")
    rows = [
        layer.units(7, missing=(1, 4), note="*x̃*"),
        layer.units(5, note="*y* = *s*(*Wx̃* + *b*)"),
        layer.units(7, note="*z* = *s*(*W*ᵀ*y* + *b′*)"),
    ]
    _fully(layer, rows)
    loss = layer.box("loss *L*(*x*, *z*)", "loss", "back to the clean *x*,|not to *x̃*")
    layer.around(clean, loss, 24)

    stack = Panel(
        "The stack",
        "Three encoders on top of each other and three decoders back down. Each pair is first "
        "trained alone, then all together.",
    )
    stack.signal("*x̃*", "noisy patch")
    encoders = [stack.box(f"encode {k}", "dense", width=150 - 20 * (k - 1)) for k in (1, 2, 3)]
    decoders = [stack.box(f"decode {k}", "up", width=150 - 20 * (k - 1)) for k in (3, 2, 1)]
    stack.signal("*z*", "estimate")
    for k, (encoder, decoder) in enumerate(zip(encoders, reversed(decoders), strict=True)):
        x = AXIS + 84 + 14 * (2 - k)
        points = [encoder.right, (x, encoder.y), (x, decoder.y), decoder.right]
        stack.line(points, head=False, dashed=True)
    middle = (encoders[0].y + decoders[-1].y) / 2
    stack.note(Place(0, middle, 0, 0), "each pair|alone first,|then all|together", x=250)
    return Drawing((layer, stack))


def gondara() -> Drawing:
    """Gondara 2016: the convolutional autoencoder and its waist.

    Returns
    -------
    Drawing
    """
    panel = Panel(
        "Convolutional autoencoder",
        "Two convolutions, each followed by a pooling, lead to a waist of a quarter of the size; "
        "three convolutions with upsampling between them lead back. Nothing goes around the waist.",
    )
    panel.signal("*y*", "*H* × *W*")
    widths = (150, 110, 76)
    for width, size in zip(widths, ("*H* × *W*", "*H*/2 × *W*/2"), strict=False):
        panel.box("conv + ReLU", "convolution", f"64 maps, {size}", width=width)
        code = "the code *h*" if width == widths[1] else "the largest of 2 × 2"
        panel.box("pool", "down", code, width=width - 36, height=22)
    panel.box("conv + ReLU", "convolution", "64 maps, *H*/4 × *W*/4", width=widths[2] + 14)
    panel.box("up", "up", "each value, 4 times", width=74, height=22)
    panel.box("conv + ReLU", "convolution", "64 maps, *H*/2 × *W*/2", width=widths[1])
    panel.box("up", "up", "", width=114, height=22)
    panel.box("conv, sigmoid", "convolution", "one map", width=widths[0])
    panel.signal("*x̂*", "the image itself")
    return Drawing((panel,))


def dncnn() -> Drawing:
    """DnCNN 2017: layers of one size, and the subtraction around them.

    Returns
    -------
    Drawing
    """
    panel = Panel(
        "DnCNN",
        "Convolutions of one size follow each other and estimate the noise, which is subtracted "
        "from the noisy image that a line has led around all of them.",
    )
    noisy = panel.signal("*y*", "noisy image")
    panel.box("conv + ReLU", "convolution", "3 × 3, 64 maps")
    panel.box("conv + BN + ReLU", "convolution", "*D* − 2 of these")
    panel.dots()
    panel.box("conv + BN + ReLU", "convolution")
    panel.box("conv", "convolution", "one map")
    panel.signal("*R*(*y*)", "the noise")
    minus = panel.sign("−", "")
    panel.signal("*x̂* = *y* − *R*(*y*)", "")
    panel.around(noisy, minus, 22)
    return Drawing((panel,))


def liu() -> Drawing:
    """Liu 2018: the denoiser, and the training through a task network.

    Returns
    -------
    Drawing
    """
    network = Panel(
        "The denoiser",
        "Two strided convolutions halve the size, two transposed ones double it again. Maps of the "
        "same size are joined across, and the noisy image is added at the end.",
    )
    noisy = network.signal("*y*", "noisy image")
    full = network.box("stem", "convolution", "64 maps, *H* × *W*", width=150)
    half = network.box("encode", "down", "128 maps, *H*/2 × *W*/2", width=110)
    network.box("encode", "down", "128 maps, *H*/4 × *W*/4", width=76)
    network.box("up", "up", "transposed", width=74, height=22)
    decode = network.box("decode", "convolution", "joined: 256 maps", width=110)
    network.box("up", "up", "transposed", width=114, height=22)
    last = network.box("conv", "convolution", "joined: one map", width=150)
    plus = network.sign("+")
    network.signal("*x̂*", "estimate")
    network.around(half, decode, 60)
    network.around(full, last, 38)
    network.around(noisy, plus, 16)

    joint = Panel(
        "Trained through a reader",
        "The estimate is compared with the clean image and read by a frozen task network. The "
        "gradient of the task's loss runs back through the frozen network into the denoiser.",
    )
    joint.signal("*y*", "noisy image")
    denoiser = joint.box("denoiser", "convolution", "learns", height=34)
    estimate = joint.signal("*x̂*", "")
    task = joint.box("task network", "task", "frozen: it hands|gradients on", height=34)
    joint.padlock(AXIS - 62, task.y - 2)
    joint.signal("*T*(*x̂*)", "its answer")
    loss = joint.box("squared error + *λ* CE", "loss", "against the clean *x*|and the masks *m*")
    joint.around(estimate, loss, 24)
    x, red = 346, "#d55e00"
    back = [loss.bottom, (AXIS, loss.y + 32), (x, loss.y + 32), (x, denoiser.y - 10)]
    joint.line([*back, (denoiser.right[0], denoiser.y - 10)], dashed=True, colour=red)
    joint.words(x - 10, (loss.y + denoiser.y) / 2, "gradient", turned=True, colour=red)
    return Drawing((network, joint))


def rdn() -> Drawing:
    """RDN 2020: the network, and one of its blocks.

    Returns
    -------
    Drawing
    """
    network = Panel(
        "RDN",
        "Two convolutions, then residual dense blocks. The outputs of all blocks are fused; the "
        "maps of the first convolution are added, and a last one makes the image.",
    )
    network.signal("*y*", "noisy image")
    first = network.box("conv", "convolution", "*F*_{−1}")
    network.box("conv", "convolution", "*F*_{0}")
    blocks = [network.box("dense block 1", "convolution"), network.box("block 2", "convolution")]
    network.dots()
    blocks.append(network.box("block *D*", "convolution", ""))
    fusion = network.box("fuse, 1 × 1 and 3 × 3", "fusion", "", width=160)
    plus = network.sign("+", "*F*_{GF} + *F*_{−1}")
    network.box("conv", "convolution", "one map")
    network.signal("*x̂*", "estimate")
    network.around(first, plus, 22)
    for k, block in enumerate(blocks[:2]):
        network.around(block, fusion, AXIS + 124 - 16 * k)
    network.words(AXIS + 132, blocks[1].y + 20, "*F*_{1}, …, *F*_{D}", anchor="start")

    block = Panel(
        "A dense block",
        "Each convolution sees the maps of all that come before it in the block. A last one of "
        "size 1 x 1 fuses them, and the block's input is added.",
    )
    start = block.signal("*F*_{d−1}")
    layers = [block.box("conv + ReLU", "convolution", width=120) for _ in range(3)]
    fused = block.box("fuse, 1 × 1", "fusion", width=120)
    added = block.sign("+", "*G*_{0} maps again")
    block.signal("*F*_{d}", "")
    nodes = [start, *layers, fused]
    for i, source in enumerate(nodes):
        for j, target in enumerate(nodes[i + 2 :], start=i + 2):
            _wire(block, source, target, 16 * (j - i - 1))
    block.note(
        Place(0, layers[1].y, 0, 0), "each reads all|before it and|adds *G* maps", x=NOTE + 28
    )
    block.around(start, added, 30)
    return Drawing((network, block))


def unet() -> Drawing:
    """A U-Net, as most denoisers after 2018 are built.

    Returns
    -------
    Drawing
    """
    panel = Panel(
        "U-Net",
        "The image is halved in steps and doubled again; at each size the maps of the way down are "
        "joined to those of the way up.",
    )
    panel.signal("*y*, *σ*", "noisy image, often|with a map of *σ*")
    widths = (150, 116, 82)
    down = []
    for width in widths:
        note = "joined to the same|size on the way up" if width == widths[0] else ""
        down.append(panel.box("convs", "convolution", note, width=width))
        panel.box("down", "down", "", width=width - 36, height=22)
    panel.box("convs", "convolution", "few pixels that|see far", width=56)
    up = []
    for width in reversed(widths):
        panel.box("up", "up", "", width=width - 36, height=22)
        up.append(panel.box("convs", "convolution", "", width=width))
    panel.signal("*x̂*", "estimate")
    for k, (left, right) in enumerate(zip(down, reversed(up), strict=True)):
        panel.around(left, right, 20 + 18 * k)
    return Drawing((panel,))


def _fully(panel: Panel, rows: list[list[Place]]) -> None:
    """Every unit of a row with every one of the next."""
    for upper, lower in zip(rows, rows[1:], strict=False):
        for start in upper:
            for end in lower:
                panel.line([start.bottom, end.top], head=False, width=0.5)


def _wire(panel: Panel, source: Place, target: Place, offset: float) -> None:
    """A wire around at the right, further out the more it leaves between."""
    x = AXIS + 60 + offset
    y0, y1 = source.bottom[1] - 6, target.top[1] + 8
    points = [(source.right[0], y0), (x, y0), (x, y1), (target.right[0], y1)]
    panel.line(points)


DRAWINGS: dict[str, Callable[[], Drawing]] = {
    each.__name__: each for each in (vincent, gondara, dncnn, liu, rdn, unet)
}


def draw(name: str) -> Drawing:
    """The drawing of a network; as the last line of a cell it is shown.

    Parameters
    ----------
    name : str
        One of `DRAWINGS`.

    Returns
    -------
    Drawing

    Raises
    ------
    ValueError
        When there is none of this name; the message lists the known ones.
    """
    if name not in DRAWINGS:
        raise unknown("drawing", name, DRAWINGS)
    return DRAWINGS[name]()
