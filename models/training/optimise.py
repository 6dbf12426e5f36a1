"""One training step and its learning rate, for the tagger and the decoder alike."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR


def warm_up_and_decay(optimiser: Optimizer, steps: int, warm: int) -> LambdaLR:
    """The learning rate rises over `warm` steps and falls to nothing at the last, both linearly."""
    return LambdaLR(optimiser, lambda s: min((s + 1) / warm, max(0.0, (steps - s) / max(1, steps - warm))))


def descend(loss: Tensor, model: nn.Module, optimiser: Optimizer, schedule: LambdaLR) -> float:
    """One step down the loss's gradient, clipped to a norm of 1; returns the loss."""
    optimiser.zero_grad()
    loss.backward()
    clip_grad_norm_(model.parameters(), 1.0)
    optimiser.step()
    schedule.step()
    return loss.item()
