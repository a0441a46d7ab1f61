"""netCDF and Zarr through xarray, after the CF conventions where they say something."""

import json
from pathlib import Path

import numpy as np
import xarray as xr

from hsigan.scene.dataset import class_names_of

_CHUNK_PX = 256


def write_netcdf(scene: xr.Dataset, path: Path) -> None:
    """Write one netCDF 4 file, compressed; it is made in memory, as large as on disk."""
    compressed = {"zlib": True, "complevel": 4, "shuffle": True}
    content = _conventional(scene).to_netcdf(engine="h5netcdf", encoding={"values": compressed})
    # The HDF5 library ends the whole process when the disk fills up under an open file.
    path.write_bytes(content)


def write_zarr(scene: xr.Dataset, path: Path) -> None:
    """Write one Zarr store (format 3), in square chunks of whole spectra."""
    height, width, count = scene["values"].shape
    chunks = (min(height, _CHUNK_PX), min(width, _CHUNK_PX), count)
    encoding = {"values": {"chunks": chunks}}
    _conventional(scene).to_zarr(
        path, mode="w", zarr_format=3, consolidated=False, encoding=encoding
    )


def _conventional(scene: xr.Dataset) -> xr.Dataset:
    """Return the scene with its facts under the names that other programs look for."""
    result = scene.drop_encoding().copy()
    result.attrs = {"Conventions": "CF-1.10", "title": scene.attrs["name"]}
    values = result["values"]
    facts = scene["values"].attrs
    values.attrs = {}
    if "nodata" in facts:
        values.attrs["_FillValue"] = values.dtype.type(facts["nodata"])
    if "scale" in facts:
        values.attrs["scale_factor"] = facts["scale"]
    if "units" in facts:
        values.attrs["units"] = facts["units"]
    if "label" in result:
        names = class_names_of(scene)
        result["label"].attrs = {"class_names": json.dumps({str(k): v for k, v in names.items()})}
        if names:
            # CF's list is separated by blanks, so that names lose theirs there.
            meanings = ["_".join(text.split()) for text in names.values()]
            result["label"].attrs["flag_values"] = np.array(list(names), dtype=np.int32)
            result["label"].attrs["flag_meanings"] = " ".join(meanings)
    if "spatial_ref" in result.coords:
        for key in ("values", "label"):
            if key in result:
                result[key].attrs["grid_mapping"] = "spatial_ref"
    return result
