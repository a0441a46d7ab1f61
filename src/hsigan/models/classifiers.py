"""Classifiers of single spectra."""

from __future__ import annotations

from torch import Tensor, nn

from hsigan.models.blocks import LeakyMLP


class SpectralMLP(nn.Module):
    """The "NN 1D" of Audebert et al. 2018: a perceptron on one spectrum.

    ::

        x (N, B) -> [linear -> LeakyReLU] x (depth - 1) -> linear -> logits (N, K)

    Parameters
    ----------
    bands : number of bands B
    classes : number of classes K
    width : units of each hidden layer
    depth : number of linear layers
    slope : LeakyReLU's slope for negative values
    """

    def __init__(
        self, bands: int, classes: int, width: int = 512, depth: int = 4, slope: float = 0.01
    ) -> None:
        super().__init__()
        self.arguments = {
            "bands": bands,
            "classes": classes,
            "width": width,
            "depth": depth,
            "slope": slope,
        }
        self.network = LeakyMLP((bands, *[width] * (depth - 1), classes), slope)

    def forward(self, x: Tensor) -> Tensor:
        """Map standardised spectra (N, B) to logits (N, K)."""
        logits: Tensor = self.network(x)
        return logits


CLASSIFIER_NETWORKS: dict[str, type[nn.Module]] = {"nn-1d": SpectralMLP}
