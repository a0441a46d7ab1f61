"""What a person may have to say about a file before it can be read as a scene."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hsigan.errors import LabelError, SceneError

Layout = Literal["hwb", "bhw", "flat"]
Order = Literal["C", "F"]
PathLike = str | Path


@dataclass(frozen=True)
class ReadOptions:
    """How to read a scene file that does not say everything itself.

    Parameters
    ----------
    variable : str or None
        Name of the array in a .mat, HDF5, netCDF or Zarr file that holds several.
    layout : {"hwb", "bhw", "flat"} or None
        Axes of that array: rows, columns, bands (the default); bands first; or two axes, pixels
        and bands in either order, which needs `shape`. GDAL formats know their own.
    shape : tuple of (H, W), or None
        Rows and columns of a flat array.
    order : {"C", "F"}
        Pixel order of a flat array: row by row, or column by column as MATLAB does.
    wavelengths : path or None
        Band centres, one per band: .csv or .txt (a column named like "wavelength", or bare
        numbers; columns named like "fwhm" and "bbl" are read too), .mat, .npy.
    labels : path, sequence of paths, or None
        Label map: GeoTIFF or another raster, ENVI classification, .npy, ``FILE.mat`` or
        ``FILE.mat:NAME``; polygons (.shp, .gpkg, .geojson); a folder with one file per scene, of
        the same name; or one path per scene.
    label_field : str or None
        Attribute of the polygons, or column of `label_table`, that names the class.
    label_table : path or None
        CSV joined to the polygons.
    label_key : str or None
        Field by which polygons and table are joined.
    lazy : bool
        Whether the values of an image that GDAL reads stay on disk until rows of them are asked
        for; scenes larger than memory are classified so. Other files are read whole.

    Raises
    ------
    SceneError
        If an option has an impossible value.
    LabelError
        If an option of polygons is given without the polygons.
    """

    variable: str | None = None
    layout: Layout | None = None
    shape: tuple[int, int] | None = None
    order: Order = "C"
    wavelengths: PathLike | None = None
    labels: PathLike | Sequence[PathLike] | None = None
    label_field: str | None = None
    label_table: PathLike | None = None
    label_key: str | None = None
    lazy: bool = False

    def __post_init__(self) -> None:
        if self.layout not in (None, "hwb", "bhw", "flat"):
            raise SceneError(f"layout must be hwb, bhw or flat. Got {self.layout!r} instead.")
        if self.order not in ("C", "F"):
            raise SceneError(f"order must be C or F. Got {self.order!r} instead.")
        if self.shape is not None and (len(self.shape) != 2 or min(self.shape) < 1):
            raise SceneError(
                f"shape must be two positive numbers, rows and columns. Got {self.shape!r} instead."
            )
        if self.layout == "flat" and self.shape is None:
            raise SceneError("layout flat needs the scene's shape too: its rows and columns.")
        if self.labels is None and self.polygon_options():
            raise LabelError(
                f"{', '.join(self.polygon_options())} tells about polygons: name their file with "
                "--labels, or leave it out."
            )

    def polygon_options(self) -> list[str]:
        """Return the options given that only polygons need, as the command line calls them."""
        given = {
            "--label-field": self.label_field,
            "--label-table": self.label_table,
            "--label-key": self.label_key,
        }
        return [option for option, value in given.items() if value is not None]
