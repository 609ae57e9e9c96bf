"""ONNX files. What they compute is tested where they are run: test_web.py and test_try.py."""

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from denoise_lib import methods
from denoise_lib.checks import UserError
from denoise_lib.export import export_onnx


@pytest.fixture
def network():
    """A small DnCNN, whose batch norms do something, with kernels of float16."""
    torch.manual_seed(0)
    made = methods.create("dncnn", depth=4, features=8)
    nn.init.normal_(made.tail.weight)
    for module in made.modules():
        if isinstance(module, nn.Conv2d):
            module.weight.data = module.weight.data.half().float()
        if isinstance(module, nn.BatchNorm2d):
            module.running_var.uniform_(0.5, 2)
            module.running_mean.normal_()
            nn.init.uniform_(module.weight, 0.5, 2)
    return made.eval()


def stored(path) -> dict[str, np.ndarray]:
    graph = onnx.load(path).graph
    return {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}


def test_kernels_of_float16_are_stored_as_such_with_what_batch_norm_multiplies_them_by(
    network, tmp_path
):
    found = stored(export_onnx(network, tmp_path / "network.onnx"))

    kernel = network.body[0][0].weight.detach().numpy()
    norm = network.body[0][1]
    scale = (norm.weight / (norm.running_var + norm.eps).sqrt()).detach().numpy()
    np.testing.assert_array_equal(found["body.0.0.weight.half"], kernel)
    assert found["body.0.0.weight.half"].dtype == np.float16
    np.testing.assert_allclose(found["body.0.0.weight.scale"].ravel(), scale, rtol=1e-6)
    assert "tail.weight.half" in found and "tail.weight.scale" not in found


def test_kernels_that_float16_cannot_hold_stay(network, tmp_path):
    network.body[0][0].weight.data += 1e-6

    found = stored(export_onnx(network, tmp_path / "network.onnx"))

    assert found["body.0.0.weight"].dtype == np.float32
    assert "body.1.0.weight.half" in found


def test_the_file_says_how_it_is_to_be_used(network, tmp_path):
    model = onnx.load(export_onnx(network, tmp_path / "network.onnx"))

    onnx.checker.check_model(model, full_check=True)
    assert {p.key: p.value for p in model.metadata_props} == {
        "receptive_radius": "4",
        "alignment": "1",
    }
    for value, name in ((model.graph.input, "noisy"), (model.graph.output, "denoised")):
        (only,) = value
        axes = [d.dim_param or d.dim_value for d in only.type.tensor_type.shape.dim]
        assert only.name == name and axes == [1, 1, "height", "width"]


def test_the_network_stays_as_it_was(network, tmp_path):
    network.train()
    before = {name: value.clone() for name, value in network.state_dict().items()}

    export_onnx(network, tmp_path / "network.onnx")

    assert network.training
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name])


def test_only_networks_are_exported(tmp_path):
    with pytest.raises(UserError, match="Only networks"):
        export_onnx(methods.load("median"), tmp_path / "median.onnx")
    assert not list(tmp_path.iterdir())
