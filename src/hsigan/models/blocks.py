"""Building blocks that several networks share."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - PyTorch's own name for it


class LeakyMLP(nn.Module):
    """Linear layers with LeakyReLU between them, whose input gradient has a closed form.

    Parameters
    ----------
    sizes
        Widths from input to output, for example ``(103, 512, 512, 512, 9)``: four linear layers.
    slope
        LeakyReLU's slope for negative values.

    Notes
    -----
    The network is piecewise linear. On the piece that holds x its gradient is a chain of masked
    matrix products, so a gradient penalty needs one backward pass and never double backward.
    """

    def __init__(self, sizes: Sequence[int], slope: float = 0.01) -> None:
        super().__init__()
        self.slope = slope
        self.layers = nn.ModuleList(
            nn.Linear(inputs, outputs) for inputs, outputs in itertools.pairwise(sizes)
        )
        for layer in self.linears:
            nn.init.kaiming_normal_(layer.weight, a=slope)

    @property
    def linears(self) -> list[nn.Linear]:
        """The linear layers, from input to output."""
        return [layer for layer in self.layers if isinstance(layer, nn.Linear)]

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, sizes[0]) to (N, sizes[-1])."""
        output: Tensor = self.linears[-1](self.hidden(x))
        return output

    def hidden(self, x: Tensor) -> Tensor:
        """Return the last hidden features, (N, sizes[-2])."""
        for layer in self.linears[:-1]:
            x = F.leaky_relu(layer(x), self.slope)
        return x

    def hidden_with_masks(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return the last hidden features and each layer's slopes (1, or ``slope`` below zero)."""
        masks = []
        for layer in self.linears[:-1]:
            before = layer(x)
            masks.append(torch.where(before.detach() > 0, 1.0, self.slope).to(before.dtype))
            x = before * masks[-1]
        return x, masks

    def input_gradient(self, masks: list[Tensor], top: Tensor) -> Tensor:
        """Return the gradient of ``hidden(x) @ top`` with respect to x.

        Parameters
        ----------
        masks
            From `hidden_with_masks`, each (N, width).
        top
            Weights on the hidden features, (width,) or (N, width).

        Returns
        -------
        Tensor
            (N, sizes[0]); differentiable in the weights and in ``top``.
        """
        gradient = top
        for layer, mask in zip(reversed(self.linears[:-1]), reversed(masks), strict=True):
            gradient = F.linear(gradient * mask, layer.weight.T)
        return gradient
