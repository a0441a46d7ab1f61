"""Who sees which pixel: splits with guard bands, their audit, and the pixels themselves."""

from hsigan.sampling.audit import Audit, PatchLeak, audit, check_patch_split, patch_leak
from hsigan.sampling.draw import stratified_folds
from hsigan.sampling.georeference import common_grid
from hsigan.sampling.grid import GridPosition
from hsigan.sampling.make import make_split
from hsigan.sampling.options import MODES, GuardSide, Mode, SplitOptions
from hsigan.sampling.patches import PatchView, centres_of, cut_patches, row_patches
from hsigan.sampling.pixels import PixelTable, common_bands, gather_pixels, gather_unlabelled
from hsigan.sampling.scenes import check_split_fits, labels_of, split_scenes
from hsigan.sampling.split import PARTS, BoolMap, Part, Split

__all__ = [
    "MODES",
    "PARTS",
    "Audit",
    "BoolMap",
    "GridPosition",
    "GuardSide",
    "Mode",
    "Part",
    "PatchLeak",
    "PatchView",
    "PixelTable",
    "Split",
    "SplitOptions",
    "audit",
    "centres_of",
    "check_patch_split",
    "check_split_fits",
    "common_bands",
    "common_grid",
    "cut_patches",
    "gather_pixels",
    "gather_unlabelled",
    "labels_of",
    "make_split",
    "patch_leak",
    "row_patches",
    "split_scenes",
    "stratified_folds",
]
