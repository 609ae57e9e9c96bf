"""Networks: the papers' parameter counts, any image size, gradients, learning."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from denoise_lib import models

SMALL = {"dncnn": {"depth": 4, "features": 8}, "gondara": {"features": 8}}


@pytest.fixture(params=models.available())
def small(request):
    torch.manual_seed(0)
    return models.create(request.param, **SMALL[request.param])


@pytest.mark.parametrize(
    ("name", "config", "parameters"),
    [
        ("dncnn", {}, 556_097),
        ("dncnn", {"depth": 20}, 667_073),
        ("gondara", {}, 112_001),
    ],
)
def test_parameter_counts(name, config, parameters):
    assert models.count_parameters(models.create(name, **config)) == parameters


def test_dncnn_has_17_convolutions_and_no_bias_in_the_middle():
    convolutions = [m for m in models.create("dncnn").modules() if isinstance(m, torch.nn.Conv2d)]

    assert len(convolutions) == 17
    assert [c.bias is not None for c in convolutions] == [True] + 15 * [False] + [True]
    assert {c.kernel_size for c in convolutions} == {(3, 3)}


@settings(max_examples=15, deadline=None)
@given(
    name=st.sampled_from(models.available()), height=st.integers(1, 50), width=st.integers(1, 50)
)
def test_every_image_size_works(name, height, width):
    model = models.create(name, **SMALL[name]).eval()

    estimate = model(torch.rand(2, 1, height, width), sigma=25)

    assert estimate.shape == (2, 1, height, width)


def test_dncnn_starts_as_the_identity_and_subtracts_its_residual():
    model = models.create("dncnn").eval()
    noisy = torch.rand(1, 1, 20, 20)

    torch.testing.assert_close(model(noisy), noisy)
    torch.nn.init.constant_(model.tail.bias, 0.25)
    torch.testing.assert_close(model(noisy), noisy - 0.25)


def test_dncnn_receptive_field_is_2d_plus_1():
    model = models.create("dncnn", depth=5, features=8).eval()
    torch.nn.init.ones_(model.tail.weight)
    noisy = torch.rand(1, 1, 31, 31, requires_grad=True)

    model.residual(noisy)[0, 0, 15, 15].backward()

    rows, columns = noisy.grad[0, 0].nonzero(as_tuple=True)
    assert (rows.min(), rows.max()) == (10, 20)
    assert (columns.min(), columns.max()) == (10, 20)


def test_gondara_output_is_in_the_range_of_an_image():
    estimate = models.create("gondara")(10 * torch.randn(1, 1, 16, 16))

    assert estimate.min() >= 0 and estimate.max() <= 1


def test_gradients_are_right_in_double_precision(small):
    small = small.double().eval()
    if isinstance(small, models.DnCNN):
        torch.nn.init.normal_(small.tail.weight, std=0.1)
    noisy = torch.rand(1, 1, 6, 6, dtype=torch.float64, requires_grad=True)

    assert torch.autograd.gradcheck(small, noisy)


def test_each_model_overfits_one_batch(small):
    clean = torch.rand(2, 1, 4, 4).repeat_interleave(4, -1).repeat_interleave(4, -2)
    noisy = clean + 0.1 * torch.randn(clean.shape)
    optimizer = torch.optim.Adam(small.parameters(), 1e-2)

    def step():
        loss = torch.nn.functional.mse_loss(small(noisy), clean)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    losses = [step() for _ in range(200)]

    assert losses[-1] < 0.25 * losses[0]


def test_state_dict_names_are_stable():
    assert list(models.create("gondara").state_dict())[:2] == [
        "encoder.0.weight",
        "encoder.0.bias",
    ]
    names = list(models.create("dncnn").state_dict())
    assert names[:2] == ["head.0.weight", "head.0.bias"]
    assert names[2:4] == ["body.0.0.weight", "body.0.1.weight"]
    assert names[-2:] == ["tail.weight", "tail.bias"]


def test_an_unknown_model_lists_the_known_ones():
    with pytest.raises(ValueError, match="dncnn, gondara"):
        models.create("resnet")
    with pytest.raises(ValueError, match="at least 2"):
        models.create("dncnn", depth=1)
