"""Scaling of spectra, fitted on training pixels only."""

from typing import Any, Literal, Self, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hsigan.errors import InputError

ScalingMode = Literal["minmax", "minmax-band", "standardise"]


class SpectralScaler:
    """An affine map of spectra to a range that networks learn well in.

    Parameters
    ----------
    mode
        ``"minmax"`` maps the least value of the training pixels to 0 and the greatest to 1, one
        map for all bands, so that the shape of a spectrum stays; ``"minmax-band"`` does so band by
        band; ``"standardise"`` gives every band mean 0 and standard deviation 1.

    Notes
    -----
    A band that is constant in the training pixels is mapped to 0 there and keeps its units
    (divisor 1), so nothing becomes infinite. Values outside the training range are not clipped:
    ``inverse_transform(transform(X))`` is X up to rounding.
    """

    def __init__(self, mode: ScalingMode = "minmax") -> None:
        if mode not in get_args(ScalingMode):
            raise InputError(
                f"The 'mode' parameter of SpectralScaler must be one of {get_args(ScalingMode)}. "
                f"Got {mode!r} instead."
            )
        self.mode: ScalingMode = mode
        self._offset: NDArray[np.float64] | None = None  # (B,)
        self._divisor: NDArray[np.float64] | None = None  # (B,)

    def fit(self, spectra: ArrayLike) -> Self:
        """Learn offset and divisor from the training pixels alone.

        Parameters
        ----------
        spectra
            (N, B) training spectra, finite, N at least 1.

        Raises
        ------
        InputError
            When the shape is another, or a value is not finite.
        """
        values = _as_matrix(spectra, "fit")
        if values.shape[0] == 0:
            raise InputError("SpectralScaler.fit needs at least one training spectrum. Got none.")
        if not np.isfinite(values).all():
            band = int(np.flatnonzero(~np.isfinite(values).all(axis=0))[0])
            raise InputError(
                f"SpectralScaler.fit: band {band} of the training spectra holds NaN or infinity: "
                "drop the pixel or the band first."
            )
        if self.mode == "standardise":
            offset, divisor = values.mean(axis=0), values.std(axis=0)
        elif self.mode == "minmax-band":
            offset, divisor = values.min(axis=0), np.ptp(values, axis=0)
        else:
            offset = np.full(values.shape[1], values.min())
            divisor = np.full(values.shape[1], np.ptp(values))
        # Rounding leaves a constant band of large values a tiny deviation: treat it as constant.
        constant = divisor <= 1e-9 * np.maximum(1e-12, np.abs(values).max(axis=0))
        self._offset, self._divisor = offset, np.where(constant, 1.0, divisor)
        return self

    def transform(self, spectra: ArrayLike) -> NDArray[np.float32]:
        """Scale spectra (N, B) with what was learnt; float32 (N, B)."""
        offset, divisor = self._state()
        values = self._check_bands(spectra, "transform")
        return ((values - offset) / divisor).astype(np.float32)

    def inverse_transform(self, spectra: ArrayLike) -> NDArray[np.float32]:
        """Return scaled spectra (N, B) to the units of the training pixels; float32 (N, B)."""
        offset, divisor = self._state()
        values = self._check_bands(spectra, "inverse_transform")
        return (values * divisor + offset).astype(np.float32)

    def to_dict(self) -> dict[str, Any]:
        """Return the fitted state as plain data: mode, offset and divisor (lists of float)."""
        offset, divisor = self._state()
        return {"mode": self.mode, "offset": offset.tolist(), "divisor": divisor.tolist()}

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> Self:
        """Rebuild a fitted scaler from `to_dict`.

        Raises
        ------
        InputError
            When the state is incomplete or does not fit together.
        """
        missing = {"mode", "offset", "divisor"} - set(state)
        if missing:
            raise InputError(f"SpectralScaler.from_dict: the state lacks {sorted(missing)}.")
        scaler = cls(state["mode"])
        offset = np.asarray(state["offset"], dtype=np.float64)
        divisor = np.asarray(state["divisor"], dtype=np.float64)
        usable = np.isfinite(offset).all() and np.isfinite(divisor).all() and (divisor > 0).all()
        if offset.ndim != 1 or offset.shape != divisor.shape or not usable:
            raise InputError(
                "SpectralScaler.from_dict: offset and divisor must be finite lists of one length, "
                f"divisors above 0. Got shapes {offset.shape} and {divisor.shape}."
            )
        scaler._offset, scaler._divisor = offset, divisor
        return scaler

    def _state(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        if self._offset is None or self._divisor is None:
            raise InputError(
                "This SpectralScaler is not fitted: call fit on training pixels first."
            )
        return self._offset, self._divisor

    def _check_bands(self, spectra: ArrayLike, caller: str) -> NDArray[np.float64]:
        values = _as_matrix(spectra, caller)
        expected = self._state()[0].shape[0]
        if values.shape[1] != expected:
            raise InputError(
                f"SpectralScaler.{caller}: fitted on {expected} bands. "
                f"Got spectra with {values.shape[1]} bands instead."
            )
        return values


def _as_matrix(spectra: ArrayLike, caller: str) -> NDArray[np.float64]:
    values = np.asarray(spectra, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] == 0:
        raise InputError(
            f"SpectralScaler.{caller} needs an array of shape (N, B). Got {values.shape} instead."
        )
    return values
