"""Laws of curves and of Bjontegaard's differences."""

import numpy as np
import pytest

from hsigan.errors import InputError
from hsigan.metrics.rate_distortion import bd_psnr, bd_rate, make_curve, upper_envelope

RATES = np.array([0.1, 0.2, 0.5, 1.0, 2.0])
QUALITY = 30 + 6 * np.log2(RATES / 0.1)


def test_a_curve_differs_from_itself_by_nothing() -> None:
    curve = make_curve(RATES, QUALITY)
    assert bd_rate(curve, curve).value == pytest.approx(0, abs=1e-9)
    assert bd_psnr(curve, curve).value == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("factor", [0.5, 0.85, 1.3])
def test_so_many_times_the_bits_is_that_bd_rate(factor: float) -> None:
    curve, reference = make_curve(factor * RATES, QUALITY), make_curve(RATES, QUALITY)
    assert bd_rate(curve, reference).value == pytest.approx(100 * (factor - 1))
    # Here the curves are lines over log rate, so the gain in dB is known as well.
    assert bd_psnr(curve, reference).value == pytest.approx(-6 * np.log2(factor))


def test_so_many_decibel_more_is_that_bd_psnr_over_the_common_rates() -> None:
    curve, reference = make_curve(2 * RATES, QUALITY + 9), make_curve(RATES, QUALITY)
    found = bd_psnr(curve, reference)
    assert found.value == pytest.approx(3.0)
    assert (found.low, found.high) == pytest.approx((0.2, 2.0))


def test_exchanging_the_curves_turns_the_sign() -> None:
    curve = make_curve(RATES, QUALITY + np.array([2, 1, 3, 1, 2]))
    reference = make_curve(RATES * 1.1, QUALITY)
    forth, back = bd_rate(curve, reference), bd_rate(reference, curve)
    assert (1 + forth.value / 100) * (1 + back.value / 100) == pytest.approx(1)
    assert bd_psnr(curve, reference).value == pytest.approx(-bd_psnr(reference, curve).value)


def test_only_the_range_that_was_asked_for_counts() -> None:
    better_above = QUALITY + np.where(RATES >= 0.5, 4.0, 0.0)
    curve, reference = make_curve(RATES, better_above), make_curve(RATES, QUALITY)
    found = bd_psnr(curve, reference, within=(0.5, 2.0))
    assert found.value == pytest.approx(4.0, rel=0.02)  # the knee at 0.5 is rounded off
    assert (found.low, found.high) == (0.5, 2.0)
    qualities = bd_rate(curve, reference, within=(0.1, 0.2))
    assert (qualities.low, qualities.high) == pytest.approx((QUALITY[0], QUALITY[1]))


def test_curves_without_overlap_are_refused_with_both_ranges() -> None:
    low, high = make_curve(RATES, QUALITY), make_curve(100 * RATES, QUALITY + 100)
    with pytest.raises(InputError, match=r"no quality in common \(130 to .*, 30 to"):
        bd_rate(high, low)
    with pytest.raises(InputError, match="no rate in common"):
        bd_psnr(high, low)
    with pytest.raises(InputError, match="no rate in common"):
        bd_psnr(low, low, within=(5.0, 6.0))


def test_one_point_is_no_curve() -> None:
    with pytest.raises(InputError, match="two points"):
        bd_rate(make_curve([1], [40]), make_curve(RATES, QUALITY))
    with pytest.raises(InputError, match="reference has 1"):
        bd_psnr(make_curve(RATES, QUALITY), make_curve([1], [40]))


def test_points_worse_than_cheaper_ones_do_not_disturb_the_rate() -> None:
    reference = make_curve(RATES, QUALITY)
    curve = make_curve([*(0.5 * RATES), 0.3], [*QUALITY, 20.0])
    assert bd_rate(curve, reference).value == pytest.approx(-50.0)


def test_points_without_a_place_are_left_out() -> None:
    curve = make_curve([1, 0, 2, 3, 2], [30, 20, np.inf, np.nan, 33])
    assert curve.rate.tolist() == [1, 2]
    assert curve.quality.tolist() == [30, 33]
    with pytest.raises(InputError, match="Got none"):
        make_curve([0.0], [1.0])


def test_the_envelope_is_nowhere_below_any_curve() -> None:
    steep, flat = make_curve(RATES, QUALITY), make_curve(0.7 * RATES, 40 + 2 * np.log2(RATES))
    both = upper_envelope([steep, flat])
    for curve in (steep, flat):
        assert (both.at(curve.rate) >= curve.quality - 1e-9).all()
    own = np.concatenate([steep.at(both.rate), flat.at(both.rate)])
    assert np.isin(both.quality.round(9), own.round(9)).all()
    assert both.rate[0] == flat.rate[0]
    assert both.rate[-1] == steep.rate[-1]


def test_an_envelope_of_one_curve_is_the_curve() -> None:
    curve = make_curve(RATES, QUALITY)
    rates = np.geomspace(RATES[0], RATES[-1], 77)
    np.testing.assert_allclose(upper_envelope([curve]).at(rates), curve.at(rates), atol=1e-4)
    assert bd_rate(curve, upper_envelope([curve])).value == pytest.approx(0, abs=1e-3)
    with pytest.raises(InputError, match="Got none"):
        upper_envelope([])
