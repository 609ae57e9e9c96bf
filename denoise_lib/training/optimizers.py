"""How weights are updated: Adam, or Muon for the convolutions and Adam for the rest."""

from __future__ import annotations

import torch
from torch import nn

from denoise_lib.device import has_fast_bf16

# The fastest quintic for Newton and Schulz's iteration, which need not converge to 1 exactly.
QUINTIC = (3.4445, -4.7750, 2.0315)
SMALLEST_MATRIX = 16


class Muon(torch.optim.Optimizer):
    """Momentum whose matrix is replaced by the nearest orthogonal one (K. Jordan et al., 2024).

    A convolution's kernel (out, in, h, w) is the matrix (out, in h w). Every direction of the
    update then has the same length: rare directions, which Adam and momentum hardly follow, are
    learned as fast as common ones. `torch.optim.Muon` takes matrices only.

    Parameters
    ----------
    parameters : iterable of torch.nn.Parameter
        Two or more axes each.
    lr : float
        Length of a step; the same works for matrices of any shape.
    momentum : float
        Decay of the mean gradient; Nesterov's.
    weight_decay : float
        Fraction of the weights that a step of length 1 takes away. As no step is longer than `lr`,
        no singular value of a matrix can then grow far beyond 1 / `weight_decay`.
    """

    def __init__(
        self, parameters, lr: float = 0.02, momentum: float = 0.95, weight_decay: float = 0.0
    ):
        super().__init__(parameters, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Update the parameters; matrices of one shape are orthogonalised together.

        Parameters
        ----------
        closure : None
            Not used.
        """
        for group in self.param_groups:
            by_shape: dict[tuple[int, int], list[tuple[nn.Parameter, torch.Tensor]]] = {}
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                gradient = parameter.grad.reshape(len(parameter), -1)
                state = self.state[parameter]
                if not state:
                    state["momentum"] = torch.zeros_like(gradient)
                state["momentum"].lerp_(gradient, 1 - group["momentum"])
                update = gradient.lerp(state["momentum"], group["momentum"])
                by_shape.setdefault(tuple(update.shape), []).append((parameter, update))
            for (rows, columns), pairs in by_shape.items():
                updates = orthogonalise(torch.stack([update for _, update in pairs]))
                length = group["lr"] * max(1, rows / columns) ** 0.5
                for (parameter, _), update in zip(pairs, updates, strict=True):
                    parameter.mul_(1 - group["lr"] * group["weight_decay"])
                    parameter.sub_(update.view(parameter.shape), alpha=length)


def orthogonalise(matrices: torch.Tensor, iterations: int = 5) -> torch.Tensor:
    """Bring all singular values near 1 by Newton and Schulz's iteration.

    Parameters
    ----------
    matrices : torch.Tensor
        Shape (N, rows, columns).
    iterations : int
        Five give singular values between about 0.7 and 1.2, which is near enough for an update.

    Returns
    -------
    torch.Tensor
        float32, same shape. Computed in bfloat16 where that is fast: where it is emulated, it takes
        longer than the rest of a training step.
    """
    a, b, c = QUINTIC
    tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.mT if tall else matrices
    x = x.bfloat16() if has_fast_bf16(x.device) else x.float()
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(iterations):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return (x.mT if tall else x).float()


def create_optimizers(
    model: nn.Module,
    name: str,
    learning_rate: float,
    matrix_learning_rate: float,
    weight_decay: float = 0.0,
) -> list[torch.optim.Optimizer]:
    """The optimiser, or the two, for a model's weights.

    Parameters
    ----------
    model : torch.nn.Module
        Its parameters are shared out.
    name : str
        "adam"; or "muon": Muon for convolutions of at least 16 x 16 (in matrix form), Adam for
        what is left, i.e. first and last layers, batch norms and biases.
    learning_rate : float
        Adam's.
    matrix_learning_rate : float
        Muon's.
    weight_decay : float
        Muon's.

    Returns
    -------
    list of torch.optim.Optimizer
    """
    matrices = [p for p in model.parameters() if name == "muon" and _is_matrix(p)]
    chosen = {id(p) for p in matrices}
    others = [p for p in model.parameters() if id(p) not in chosen]
    optimizers: list[torch.optim.Optimizer] = []
    if matrices:
        optimizers.append(Muon(matrices, matrix_learning_rate, weight_decay=weight_decay))
    if others:
        # Muon's runs are short: Adam's memory of squared gradients is shortened with them.
        betas = (0.9, 0.99 if matrices else 0.999)
        optimizers.append(torch.optim.Adam(others, learning_rate, betas=betas))
    return optimizers


def _is_matrix(parameter: nn.Parameter) -> bool:
    if parameter.ndim < 2:
        return False
    return min(len(parameter), parameter[0].numel()) >= SMALLEST_MATRIX
