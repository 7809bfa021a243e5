"""The file of a user: what the contract of all rules is held against."""

import torch
from torch import nn


class Vote(nn.Module):
    """Log-odds of a soft vote: twice 0.3 times the sum over each 2 × 2 block."""

    def __init__(self) -> None:
        super().__init__()
        self.vote = nn.Conv2d(1, 1, 2, stride=2, bias=False)
        nn.init.constant_(self.vote.weight, 0.6)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """`(n, 1, L, L)` to `(n, 1, L/2, L/2)`."""
        return self.vote(x)
