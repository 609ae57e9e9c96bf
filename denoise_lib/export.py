"""Networks for other programs: `export_onnx(network, path)` writes an ONNX file."""

from __future__ import annotations

import copy
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from denoise_lib.checks import UserError, require
from denoise_lib.files import replacing
from denoise_lib.prepared import fold_batch_norm

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto

# The newest that every current runtime reads. Its operators are all that the networks need.
OPSET = 18
INPUT, OUTPUT = "noisy", "denoised"
SIZES = {2: "height", 3: "width"}  # names of the free axes
EXAMPLE = (67, 90)  # odd sizes, so that no network's padding is taken for a constant


def export_onnx(network: nn.Module | Callable, path: str | Path) -> Path:
    """Write a network as an ONNX file that computes what the network computes, at any size.

    Batch norms are merged into the convolutions before them. Kernels and matrices that are float16
    numbers, as those of the released networks are, are stored as such and become float32 when the
    file is read: half the bytes, and not a bit is lost. Input and output are float32.

    Parameters
    ----------
    network : torch.nn.Module
        ``f(noisy, sigma=None) -> image``; left as it is.
    path : str or pathlib.Path
        The file to write. Its input `noisy` and its output `denoised` have shape (1, 1, H, W),
        whose free axes are called `height` and `width`. Its metadata `receptive_radius` and
        `alignment` say how it may be applied in tiles.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    ModuleNotFoundError
        When onnx or onnxscript is not installed.
    ValueError
        When it is no network of this library.
    """
    content = as_onnx(network)
    with replacing(Path(path)) as temporary:
        temporary.write_bytes(content)
    return Path(path)


def as_onnx(network: nn.Module | Callable) -> bytes:
    """The content of the file that `export_onnx` writes.

    Parameters
    ----------
    network : torch.nn.Module
        ``f(noisy, sigma=None) -> image``; left as it is.

    Returns
    -------
    bytes

    Raises
    ------
    ModuleNotFoundError
        When onnx or onnxscript is not installed.
    ValueError
        When it is no network of this library.
    """
    onnx = require("onnx", "onnx", "Writing ONNX files")
    require("onnxscript", "onnx", "Writing ONNX files")
    if not isinstance(network, nn.Module) or not hasattr(network, "receptive_radius"):
        raise UserError(
            "Only networks become ONNX files: choose a released one; `denoise models` lists them."
        )
    folded = copy.deepcopy(network).cpu().eval().requires_grad_(False)
    kernels = {name: value.numpy() for name, value in folded.state_dict().items()}
    fold_batch_norm(folded)
    model = _traced(folded)
    _name_sizes(model.graph)
    _store_halves(model.graph, kernels)
    onnx.helper.set_model_props(
        model, {name: str(getattr(network, name)) for name in ("receptive_radius", "alignment")}
    )
    return model.SerializeToString()


def _traced(network: nn.Module) -> Any:
    """The graph of a network with free height and width."""
    free = dict.fromkeys(SIZES, torch.export.Dim.DYNAMIC)
    with _quiet():
        program = torch.onnx.export(
            network,
            (torch.zeros(1, 1, *EXAMPLE),),
            dynamo=True,
            opset_version=OPSET,
            dynamic_shapes={"noisy": free},
            input_names=[INPUT],
            output_names=[OUTPUT],
            verbose=False,
        )
    assert program is not None  # it is where no file is asked for
    return program.model_proto


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporter's remarks about packages that nothing here needs."""
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)


def _name_sizes(graph: GraphProto) -> None:
    """Give the free axes of input and output their names, by which a runtime can fix them."""
    graph.ClearField("value_info")  # of what is inside; it has the exporter's names
    for value in (*graph.input, *graph.output):
        for axis, name in SIZES.items():
            value.type.tensor_type.shape.dim[axis].dim_param = name


def _store_halves(graph: GraphProto, kernels: Mapping[str, np.ndarray]) -> None:
    """Store each kernel as float16 where that loses nothing.

    A batch norm multiplies each of a kernel's outputs by a number, after which it is no longer one
    of float16. So the kernel is stored as it was before, and the numbers beside it; a runtime
    multiplies them once, when it reads the file.
    """
    from onnx import numpy_helper

    nodes: list[NodeProto] = []
    for tensor in list(graph.initializer):
        values = numpy_helper.to_array(tensor)
        if values.ndim < 2 or values.dtype != np.float32:
            continue
        kernel = kernels.get(tensor.name, values)
        scale = _scale(values, kernel)
        if scale is None or not np.array_equal(kernel.astype(np.float16), kernel):
            continue
        name = tensor.name
        stored = {f"{name}.half": kernel.astype(np.float16)}
        if (scale != 1).any():
            stored[f"{name}.scale"] = scale
        graph.initializer.remove(tensor)
        graph.initializer.extend(numpy_helper.from_array(v, n) for n, v in stored.items())
        nodes += _widened(name, len(stored) > 1)
    for position, node in enumerate(nodes):
        graph.node.insert(position, node)


def _scale(values: np.ndarray, kernel: np.ndarray) -> np.ndarray | None:
    """What each output of the kernel is multiplied by to give these values; None if nothing is."""
    if values.shape != kernel.shape:
        return None
    rest = tuple(range(1, values.ndim))
    size = np.square(kernel, dtype=np.float64).sum(rest, keepdims=True)
    product = (values.astype(np.float64) * kernel).sum(rest, keepdims=True)
    scale = np.divide(product, size, out=np.ones_like(product), where=size > 0)
    scale = scale.astype(np.float32)
    scale = np.where(np.abs(scale - 1) < 1e-6, np.float32(1), scale)
    return scale if np.allclose(kernel * scale, values, rtol=1e-6, atol=1e-12) else None


def _widened(name: str, scaled: bool) -> list[NodeProto]:
    """The operators that make a kernel of what is stored of it."""
    from onnx import TensorProto, helper

    wide = f"{name}.single" if scaled else name
    nodes = [helper.make_node("Cast", [f"{name}.half"], [wide], to=TensorProto.FLOAT)]
    if scaled:
        nodes.append(helper.make_node("Mul", [wide, f"{name}.scale"], [name]))
    return nodes
