"""Which three bands are shown as red, green and blue."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_RED_GREEN_BLUE_NM = (650.0, 550.0, 460.0)


def colour_bands(bands: int, wavelengths_nm: NDArray[np.float64] | None) -> list[int]:
    """Return three positions among usable bands: the nearest to red, green and blue light.

    Parameters
    ----------
    bands : number of usable bands
    wavelengths_nm : (bands,) in nanometres, or None; unknown ones are not finite
    """
    if wavelengths_nm is None or not np.isfinite(wavelengths_nm).all():
        # Visible light comes first: at about the ratios of 400-2500 nm instruments.
        return [int(part * (bands - 1)) for part in (0.14, 0.09, 0.03)]
    return [int(np.abs(wavelengths_nm - colour).argmin()) for colour in _RED_GREEN_BLUE_NM]
