"""Networks that repair decoded KLT components: what a quantiser has taken away, guessed back.

Planes are measured in steps of the quantiser, so that one network serves every step, and each
component goes through it alone, so that any number of components of any sensor will do. What
components tell about each other is evidence that needs no training: local regressions on the
leading ones.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name that PyTorch's own documentation uses

SLOPE = 0.1
"""LeakyReLU's slope for negative values."""
GUIDES = 3
"""Leading components that all others are regressed on."""
_DETAIL_PX = 6  # radius of the window whose mean is taken off: the network sees details alone
_RADII = (2, 5)  # of the windows of regressions
_SOFTNESS = 0.05  # of a regression, in squared steps: guides without details predict nothing
_BAND_RADII = (1, 3, 7, 15)  # of windows: each band is of half the frequency of the one before
_SILENCE, _LOUDEST = -6.0, 1.5  # log-odds of amplitudes before training; the largest, in steps
_GROUP = 2  # pixels are worked on in groups of 2 x 2
_EVIDENCE = 3 + len(_RADII)
FACTS = 4
"""Numbers that describe a component to the networks."""


def window_mean(planes: Tensor, radius: int) -> Tensor:
    """Return means over windows of side 2 radius + 1, cut off at the border; (N, K, H, W)."""
    side = 2 * radius + 1
    rows = F.avg_pool2d(planes, (side, 1), 1, (radius, 0), count_include_pad=False)
    return F.avg_pool2d(rows, (1, side), 1, (0, radius), count_include_pad=False)


def local_regression(guides: Tensor, planes: Tensor, radius: int) -> Tensor:
    """Predict planes from guides by linear regressions in windows.

    The guided filter of He, Sun and Tang (IEEE TPAMI 35 (6), 2013, section 3) with several guides.
    Components are uncorrelated over a scene, not within a window: at an edge they all change in the
    same place, and the leading ones, which a quantiser spares most, say where.

    Parameters
    ----------
    guides
        (N, G, H, W), in steps, about zero.
    planes
        (N, K, H, W), likewise. A guide may be among them: it comes out smoothed, where it changes
        by less than a step.
    radius
        Windows have a side of 2 radius + 1 pixels.

    Returns
    -------
    Tensor
        (N, K, H, W).
    """
    mean, centres = window_mean(planes, radius), window_mean(guides, radius)
    pairs = list(zip(_singly(guides), _singly(centres), strict=True))
    among = [window_mean(guides * guide, radius) - centres * centre for guide, centre in pairs]
    across = [window_mean(planes * guide, radius) - mean * centre for guide, centre in pairs]
    slopes = _solve([_singly(row) for row in among], across)
    offset = mean
    for slope, centre in zip(slopes, _singly(centres), strict=True):
        offset = offset - slope * centre
    # Every pixel lies in many windows, whose regressions are averaged.
    predicted = window_mean(offset, radius)
    for slope, guide in zip(slopes, _singly(guides), strict=True):
        predicted = predicted + window_mean(slope, radius) * guide
    return predicted


def _singly(planes: Tensor) -> list[Tensor]:
    """Return the components of planes (N, K, H, W), each (N, 1, H, W)."""
    return [planes[:, index : index + 1] for index in range(planes.shape[1])]


def _solve(left: list[list[Tensor]], right: list[Tensor]) -> list[Tensor]:
    """Solve G equations at every pixel by elimination: entries (N, 1, H, W), sides (N, K, H, W)."""
    count = len(left)
    for i in range(count):
        left[i][i] = left[i][i].clamp_min(0) + _SOFTNESS
    for i in range(count):
        for j in range(i + 1, count):
            share = left[j][i] / left[i][i]
            left[j] = [low - share * high for low, high in zip(left[j], left[i], strict=True)]
            left[j][j] = left[j][j].clamp_min(_SOFTNESS)  # as it is, but for rounding
            right[j] = right[j] - share * right[i]
    for i in reversed(range(count)):
        for j in range(i + 1, count):
            right[i] = right[i] - left[i][j] * right[j]
        right[i] = right[i] / left[i][i]
    return right


def gather_evidence(planes: Tensor, kept: slice = slice(None)) -> Tensor:
    """Return what the network sees of decoded planes.

    Parameters
    ----------
    planes
        (N, K', H, W), in steps, the leading component first.
    kept
        The K components that are asked for; the others are evidence.

    Returns
    -------
    Tensor
        (N, K, C, H, W): the component's details, finer details, what the regressions add to it,
        and the logarithm of all components' details (the one channel that has no sign).
    """
    details = planes - window_mean(planes, _DETAIL_PX)
    detail, guides = details[:, kept], details[:, :GUIDES]
    fine = planes[:, kept] - window_mean(planes[:, kept], 1)
    energy = details.square().sum(dim=1, keepdim=True).sqrt().log1p().expand_as(detail)
    added = [local_regression(guides, detail, radius) - detail for radius in _RADII]
    return torch.stack([detail, fine, *added, energy], dim=2)


def split_bands(planes: Tensor) -> Tensor:
    """Split planes (N, K, H, W) into bands of frequency (N, K, 4, H, W), the highest first.

    Their sum is the planes less their means over windows of 31 pixels.
    """
    bands, rest = [], planes
    for radius in _BAND_RADII:
        smoothed = window_mean(planes, radius)
        bands.append(rest - smoothed)
        rest = smoothed
    return torch.stack(bands, dim=2)


def noise_bands(noise: Tensor) -> Tensor:
    """Split white noise (N, K, H, W) of variance 1 into bands (N, K, 4, H, W) of variance 1."""
    shares = torch.tensor([1.0, *(1 / (2 * radius + 1) ** 2 for radius in _BAND_RADII)])
    deviations = (shares[:-1] - shares[1:]).sqrt().to(noise.device)
    return split_bands(noise) / deviations[:, None, None]


MOST_RATIO, LEAST_RATIO = 30.0, 0.05
"""Components that deviate by more steps are as good as exact, by fewer as good as lost."""


def repairable(log_ratios: Tensor) -> slice:
    """Return which components (K,) there is something to learn or to repair in."""
    worth = (log_ratios < math.log(MOST_RATIO)) & (log_ratios > math.log(LEAST_RATIO))
    found = torch.nonzero(worth)[:, 0]
    return slice(int(found[0]), int(found[-1]) + 1) if len(found) else slice(0, 0)


def in_deviations(facts: Tensor) -> Tensor:
    """Return how many expected deviations a step is, (N, K, 1, 1), of facts (N, K, 4)."""
    return torch.exp(-2 * facts[:, :, 0, None, None])


def describe_components(log_ratios: Tensor) -> Tensor:
    """Return what the networks are told of each component, (N, K, 4) numbers of about unit size.

    ``log_ratios`` (N, K) are natural logarithms of the components' expected deviations in steps,
    the leading one first.
    """
    ratio = log_ratios.clamp(-4, 5) / 2
    behind = (log_ratios - log_ratios[:, :1]).clamp(-6, 0)
    return torch.stack([ratio, ratio.square() / 3, behind / 3, behind.exp()], dim=2)


class ComponentRepair(nn.Module):
    """Adds to decoded components what was probably lost.

    ::

        evidence (N, K, C, H, W) ─> groups of 2 x 2 pixels (N K, 4 C, H/2, W/2)
            ─> conv 3x3, LeakyReLU ─> residual convs, LeakyReLU ─┬─ conv 3x3 ─> correction ── + ─>
                  ^ shifts                                     └─ conv 3x3 ─> amplitudes ─┐ │
        facts (N, K, 4) ─ linear                                 noise (N, K, 4, H, W) ── * ┘

    The last convolutions start at zero: an untrained network corrects nothing, and its noise is
    next to nothing. Without amplitudes it is a denoiser for the least squared error; with them it
    adds noise in four bands of frequency, as much as it thinks right at every pixel of every
    component.

    Parameters
    ----------
    width
        Channels of the hidden layers.
    layers
        Hidden layers, the first included.
    has_noise
        Whether there are amplitudes.
    """

    def __init__(self, width: int = 32, layers: int = 3, has_noise: bool = False) -> None:
        super().__init__()
        self.arguments = {"width": width, "layers": layers, "has_noise": has_noise}
        self.width, self.layers = width, layers
        group = _GROUP**2
        self.first = nn.Conv2d(_EVIDENCE * group, width, 3, padding=1)
        self.more = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in range(layers - 1))
        self.shifts = nn.Linear(FACTS, layers * width)
        self.correction = _silent(width, group)
        self.amplitudes = None
        if has_noise:
            self.amplitudes = _silent(width, len(_BAND_RADII) * group, _SILENCE)

    def forward(self, planes: Tensor, log_ratios: Tensor, noise: Tensor | None = None) -> Tensor:
        """Return repaired planes (N, K, H, W).

        Parameters
        ----------
        planes
            Decoded components (N, K, H, W), in steps.
        log_ratios
            (N, K), natural logarithms of the components' expected deviations in steps.
        noise
            (N, K, 4, H, W) from `noise_bands`, or None: no noise is added.
        """
        evidence = gather_evidence(planes)
        return planes + self.correct(evidence, describe_components(log_ratios), noise)

    def correct(self, evidence: Tensor, facts: Tensor, noise: Tensor | None = None) -> Tensor:
        """Return what `forward` adds, (N, K, H, W).

        Parameters
        ----------
        evidence
            (N, K, C, H, W) from `gather_evidence`, of any of the components.
        facts
            (N, K, 4) of the same components, from `describe_components`.
        noise
            (N, K, 4, H, W) or None.
        """
        correction, amplitudes = self.propose(evidence, facts)
        if noise is None or amplitudes is None:
            return correction
        return correction + (amplitudes * noise).sum(dim=2)

    def propose(self, evidence: Tensor, facts: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return the correction (N, K, H, W) and the noise's amplitudes (N, K, 4, H, W) or None.

        Evidence and facts are those of `correct`.
        """
        n, components, _, height, width = evidence.shape
        padding = (0, -width % _GROUP, 0, -height % _GROUP)
        grouped = F.pad(evidence.flatten(0, 1), padding, mode="replicate")
        grouped = F.pixel_unshuffle(grouped, _GROUP)  # (N K, 4 C, H/2, W/2)
        shifts = self.shifts(facts.flatten(0, 1))[:, :, None, None].chunk(1 + len(self.more), dim=1)
        hidden = F.leaky_relu(self.first(grouped) + shifts[0], SLOPE)
        for layer, shift in zip(self.more, shifts[1:], strict=True):
            hidden = hidden + F.leaky_relu(layer(hidden) + shift, SLOPE)

        def ungrouped(groups: Tensor) -> Tensor:
            pixels = F.pixel_shuffle(groups.float(), _GROUP)[:, :, :height, :width]
            return pixels.reshape(n, components, -1, height, width)

        correction = ungrouped(self.correction(hidden))[:, :, 0]
        if self.amplitudes is None:
            return correction, None
        # What is lost of a component is about a step at most, and not more than its deviation.
        most = _LOUDEST / (1 + in_deviations(facts))
        return correction, most[:, :, None] * torch.sigmoid(ungrouped(self.amplitudes(hidden)))


def _silent(inputs: int, outputs: int, start: float = 0.0) -> nn.Conv2d:
    convolution = nn.Conv2d(inputs, outputs, 3, padding=1)
    for parameter, value in zip(convolution.parameters(), (0.0, start), strict=True):
        nn.init.constant_(parameter, value)
    return convolution
