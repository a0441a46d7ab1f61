"""Who sees which pixel: splits with guard bands, their audit, and the pixels themselves."""

from hsigan.sampling.audit import Audit, audit
from hsigan.sampling.draw import stratified_folds
from hsigan.sampling.grid import GridPosition
from hsigan.sampling.make import make_split
from hsigan.sampling.options import SplitOptions
from hsigan.sampling.split import PARTS, BoolMap, Part, Split

__all__ = [
    "PARTS",
    "Audit",
    "BoolMap",
    "GridPosition",
    "Part",
    "Split",
    "SplitOptions",
    "audit",
    "make_split",
    "stratified_folds",
]
