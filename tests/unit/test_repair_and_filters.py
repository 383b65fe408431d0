"""Which channels are rebuilt, and which frequencies are taken out."""

from __future__ import annotations

import numpy as np
import pytest

from rt_handdt.core.filters import CausalFilter, design
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.preprocess import Preprocessor
from rt_handdt.core.spec import PipelineSpec

FS_HZ = 2048.0


def spec(**more: object) -> PipelineSpec:
    given = {"fs_hz": FS_HZ, "layout": ElectrodeLayout.grid(1, 3), "features": ("rms",), "hop_s": 0.125} | more
    return PipelineSpec.parse(given, what="test")


@pytest.mark.parametrize(("share", "rebuilt"), [(0.45, False), (0.55, True)])
def test_a_channel_is_rebuilt_where_more_than_half_of_its_window_is_missing(share: float, rebuilt: bool) -> None:
    made = spec()
    rng = np.random.default_rng(0)
    common = rng.standard_normal((made.window_samples, 1))
    samples = (common + 0.3 * rng.standard_normal((made.window_samples, 3))) * (20.0, 60.0, 30.0)
    lost = rng.permutation(made.window_samples)[: round(share * made.window_samples)]
    samples[lost, 1] = np.nan
    (frame,) = Preprocessor(made).push(samples)
    left, middle, right = frame.maps[0, 0]
    assert (middle == pytest.approx((left + right) / 2)) == rebuilt
    assert (frame.rms_uv[1] == pytest.approx((frame.rms_uv[0] + frame.rms_uv[2]) / 2)) == rebuilt


def passed(made: PipelineSpec, frequency_hz: float) -> float:
    """What is left of a sine, once the filters have settled."""
    sine = np.sin(2 * np.pi * frequency_hz * np.arange(int(3 * FS_HZ)) / FS_HZ)
    return float(CausalFilter(design(made)).push(sine[:, None])[int(2 * FS_HZ) :].std() / sine.std())


@pytest.mark.parametrize("harmonics", [1, 3])
def test_mains_and_as_many_of_its_harmonics_as_asked_for_are_taken_out(harmonics: int) -> None:
    made = spec(notch_hz=50.0, notch_harmonics=harmonics)
    for multiple in (1, 2, 3, 4):
        left = passed(made, 50.0 * multiple)
        assert left < 0.01 if multiple <= harmonics else left > 0.9, multiple
    for between_hz in (75.0, 125.0, 175.0):
        assert passed(made, between_hz) > 0.9


def test_harmonics_outside_the_band_get_no_filter() -> None:
    plain = len(design(spec(band_hz=(20.0, 120.0), notch_hz=None)))
    assert len(design(spec(band_hz=(20.0, 120.0), notch_harmonics=5))) == plain + 2  # 50 and 100 Hz
    # Mains itself is taken out in any case: a band-pass is no wall.
    assert len(design(spec(band_hz=(5.0, 45.0)))) == plain + 1
