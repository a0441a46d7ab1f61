"""The per-class row cut of the DeepHyperX toolbox."""

import numpy as np

from hsigan.sampling.labelled import LabelledPixels
from hsigan.sampling.split import BoolMap


def rows_above_cut(pixels: LabelledPixels, share: float) -> BoolMap:
    """Cut each class at a row so that about `share` of its pixels lie above, and train there.

    It is the split behind the column "50 % (s)" of Audebert, Le Saux and Lefevre (IGARSS 2018,
    Table 2). The cut is made for each class by itself, in each group of files that share a grid, so
    training pixels of one class may lie beside test pixels of another: only a guard keeps their
    patches apart. Where a class spans two rows or more, both sides get a row.

    Parameters
    ----------
    pixels : LabelledPixels
    share : float
        Share of each class's pixels that train.

    Returns
    -------
    (M,) bool
        Whether a labelled pixel lies above its class's cut.
    """
    above = np.zeros(len(pixels.code), dtype=np.bool_)
    for code in range(len(pixels.classes)):
        for group in np.unique(pixels.group[pixels.code == code]):
            here = np.flatnonzero((pixels.code == code) & (pixels.group == group))
            rows, counts = np.unique(pixels.ground_row[here], return_counts=True)
            if len(rows) == 1:
                above[here] = share >= 0.5
                continue
            missed = np.abs(np.cumsum(counts)[:-1] / len(here) - share)
            above[here] = pixels.ground_row[here] <= rows[np.argmin(missed)]
    return above
