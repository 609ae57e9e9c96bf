"""Muon: orthogonal updates for convolutions, Adam for the rest."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from denoise_lib import methods
from denoise_lib.training.optimizers import Muon, create_optimizers, orthogonalise


@settings(max_examples=25, deadline=None)
@given(rows=st.integers(2, 70), columns=st.integers(2, 70), seed=st.integers(0, 99))
def test_singular_values_come_near_one(rows, columns, seed):
    torch.manual_seed(seed)
    matrices = torch.randn(3, rows, columns)

    values = torch.linalg.svdvals(orthogonalise(matrices))

    # A square random matrix has singular values near zero, which five iterations cannot lift.
    assert values.max() < 1.3
    assert values.median() > 0.5


def test_the_singular_vectors_stay_what_they_are():
    torch.manual_seed(0)
    left, _ = torch.linalg.qr(torch.randn(20, 8))
    right, _ = torch.linalg.qr(torch.randn(8, 8))
    matrix = left @ torch.diag(torch.linspace(0.5, 2, 8)) @ right.T

    update = orthogonalise(matrix[None])[0]

    inner = left.T @ update @ right
    assert (inner - torch.diag(inner.diagonal())).abs().max() < 0.05
    assert (inner.diagonal() - 0.95).abs().max() < 0.35


def test_every_direction_of_a_step_has_the_learning_rates_length():
    kernel = torch.nn.Parameter(torch.zeros(32, 16, 3, 3))
    kernel.grad = torch.randn(32, 16, 3, 3)

    Muon([kernel], lr=0.02).step()

    values = torch.linalg.svdvals(kernel.detach().reshape(32, -1)) / 0.02
    assert values.min() > 0.6 and values.max() < 1.3


@pytest.mark.parametrize(("weight_decay", "largest"), [(0.0, 6.5), (2.0, 0.65)])
def test_weight_decay_bounds_the_weights(weight_decay, largest):
    torch.manual_seed(0)
    kernel = torch.nn.Parameter(torch.zeros(16, 16, 3, 3))
    optimizer = Muon([kernel], lr=0.05, weight_decay=weight_decay)

    for _ in range(100):  # always in the same direction: 100 steps of 0.05 unless they decay
        kernel.grad = torch.eye(16, 144).reshape(kernel.shape)
        optimizer.step()

    length = torch.linalg.matrix_norm(kernel.detach().reshape(16, -1), 2)
    assert 0.5 * largest < length < largest


def test_every_parameter_has_one_optimizer_and_thin_ones_have_adam():
    model = methods.create("dncnn", depth=4)

    muon, adam = create_optimizers(model, "muon", 1e-3, 0.02)

    by_muon = [p for group in muon.param_groups for p in group["params"]]
    by_adam = [p for group in adam.param_groups for p in group["params"]]
    assert sorted(map(id, by_muon + by_adam)) == sorted(map(id, model.parameters()))
    assert [tuple(p.shape) for p in by_muon] == [(64, 64, 3, 3)] * 2


def test_adam_alone_is_adam():
    (adam,) = create_optimizers(methods.create("dncnn", depth=4), "adam", 1e-3, 0.02)

    assert isinstance(adam, torch.optim.Adam) and adam.param_groups[0]["betas"] == (0.9, 0.999)


def test_muon_learns_a_rare_direction_as_fast_as_a_common_one():
    torch.manual_seed(0)
    target = torch.randn(16, 16)
    inputs = torch.randn(512, 16) * torch.logspace(0, -2, 16)  # the last is a hundred times weaker

    def progress_in_the_weakest(make):
        weight = torch.nn.Parameter(torch.zeros(16, 16))
        optimizer = make([weight])
        for _ in range(200):
            loss = (inputs @ (weight - target).T).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return 1 - ((weight - target)[:, -1].norm() / target[:, -1].norm()).item()

    plain = progress_in_the_weakest(lambda p: torch.optim.SGD(p, lr=1.0))
    assert progress_in_the_weakest(lambda p: Muon(p, lr=0.03)) > 20 * plain


def test_the_momentum_is_nesterovs(monkeypatch):
    """Twice the gradient's share of a step: now, and as a part of the mean."""
    monkeypatch.setattr("denoise_lib.training.optimizers.orthogonalise", lambda matrices: matrices)
    weight = torch.nn.Parameter(torch.zeros(4, 4))
    optimizer = Muon([weight], lr=1.0, momentum=0.9)
    gradients = torch.randn(2, 4, 4, generator=torch.Generator().manual_seed(0))

    expected, mean = torch.zeros(4, 4), torch.zeros(4, 4)
    for gradient in gradients:
        weight.grad = gradient.clone()
        optimizer.step()
        mean = 0.9 * mean + 0.1 * gradient
        expected -= 0.1 * gradient + 0.9 * mean

    torch.testing.assert_close(weight.detach(), expected)


def test_adam_forgets_sooner_beside_muon():
    model = methods.create("dncnn", depth=4, features=16)

    beside = create_optimizers(model, "muon", 1e-3, 0.02)[-1]
    (alone,) = create_optimizers(model, "adam", 1e-3, 0.02)

    assert beside.param_groups[0]["betas"] == (0.9, 0.99)
    assert alone.param_groups[0]["betas"] == (0.9, 0.999)
