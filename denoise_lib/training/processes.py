"""Several processes that train as one: a shared decision, and shared batch statistics."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import torch
import torch.distributed as dist
from torch import nn

if TYPE_CHECKING:
    from accelerate import Accelerator


class SynchronisedBatchNorm2d(nn.BatchNorm2d):
    """Batch norm over the batches of all processes.

    `torch.nn.SyncBatchNorm` does the same on GPUs only. With it, two processes with half a batch
    each compute what one process computes with the whole.
    """

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Normalise maps; every process must call it.

        Parameters
        ----------
        input : torch.Tensor
            Maps of shape (N, C, H, W).

        Returns
        -------
        torch.Tensor
            Same shape and type.
        """
        if not self.training:
            return super().forward(input)
        from torch.distributed.nn.functional import all_reduce

        assert self.num_batches_tracked is not None and self.momentum is not None
        assert self.running_mean is not None and self.running_var is not None
        values = input.float()
        count = values.numel() // values.shape[1] * dist.get_world_size()
        mean = all_reduce(values.sum((0, 2, 3))) / count
        centred = values - mean[:, None, None]
        variance = all_reduce(centred.square().sum((0, 2, 3))) / count
        with torch.no_grad():
            self.num_batches_tracked.add_(1)
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * count / (count - 1), self.momentum)
        scale = self.weight * (variance + self.eps).rsqrt()
        return (centred * scale[:, None, None] + self.bias[:, None, None]).to(input.dtype)


def synchronised_batch_norm(model: nn.Module, synchronised: bool) -> None:
    """Switch a model's batch norms, in place, to statistics over all processes or back.

    Parameters
    ----------
    model : torch.nn.Module
        Its parameters, buffers and their names stay what they are.
    synchronised : bool
        Over all processes, or each its own.
    """
    old, new = nn.BatchNorm2d, SynchronisedBatchNorm2d
    if not synchronised:
        old, new = new, old
    for module in model.modules():
        if type(module) is old:
            module.__class__ = new  # pyright: ignore[reportAttributeAccessIssue]


def same_on_all(value: object, accelerator: Accelerator) -> bool:
    """Whether any process says yes: all must stop, or save, after the same step.

    Parameters
    ----------
    value : object
        This process's answer; its truth counts.
    accelerator : Accelerator
        Of the training.

    Returns
    -------
    bool
    """
    if accelerator.num_processes == 1:
        return bool(value)
    votes = torch.tensor(float(bool(value)), device=accelerator.device)
    return cast(torch.Tensor, accelerator.reduce(votes, "sum")).item() > 0
