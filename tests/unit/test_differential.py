"""Single differential derivations: who is compared with whom, what comes of it, and what a bad electrode spoils."""

from __future__ import annotations

import numpy as np
import pytest

from offline.config import PipelineConfig
from offline.features.measures import parse_measure
from offline.features.repair import rebuild, rings
from offline.features.signals import Signal
from rt_handdt.core import kernels
from rt_handdt.core.differential import Pair, Partners, map_groups
from rt_handdt.core.filters import CausalFilter, design
from rt_handdt.core.interpolation import Interpolator
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.population import amplitude_maps
from rt_handdt.core.preprocess import Preprocessor
from rt_handdt.core.spec import PipelineSpec
from rt_handdt.errors import ConfigError

FS_HZ = 1000.0
GRID = ElectrodeLayout.grid(4, 3)
FEATURES = ("rms", "rms_along", "wl_along", "rms_along_2", "wl_along_2", "rms_around", "wl_around", "zc")


def spec(layout: ElectrodeLayout = GRID, **changes: object) -> PipelineSpec:
    values = {"fs_hz": FS_HZ, "layout": layout, "band_hz": (20.0, 450.0), "window_s": 0.2, "hop_s": 0.05}
    return PipelineSpec.parse({**values, "features": FEATURES, **changes}, what="test")


@pytest.fixture(scope="module")
def samples() -> np.ndarray:
    return 5e3 + 40 * np.random.default_rng(3).standard_normal((1000, 12))


def test_each_electrode_is_compared_with_the_next_and_the_last_with_the_one_before():
    assert Pair("along").partners(GRID).tolist() == [3, 4, 5, 6, 7, 8, 9, 10, 11, 6, 7, 8]
    assert Pair("along", 2).partners(GRID).tolist() == [6, 7, 8, 9, 10, 11, 0, 1, 2, 3, 4, 5]
    assert Pair("around").partners(GRID).tolist() == [1, 2, 1, 4, 5, 4, 7, 8, 7, 10, 11, 10]


def test_a_closed_layout_goes_round_and_rows_may_be_what_goes_round():
    ring = GRID.model_copy(update={"closed": True})
    assert Pair("around").partners(ring).tolist()[:3] == [1, 2, 0]
    assert Pair("along").partners(ring).tolist() == Pair("along").partners(GRID).tolist()
    turned = GRID.model_copy(update={"around": "rows", "closed": True})
    assert Pair("around").partners(turned).tolist() == [3, 4, 5, 6, 7, 8, 9, 10, 11, 0, 1, 2]
    assert Pair("along").partners(turned).tolist() == [1, 2, 1, 4, 5, 4, 7, 8, 7, 10, 11, 10]
    assert Pair("around", 4).partners(turned).tolist() == list(range(12))  # round once: itself


def test_an_electrode_without_another_in_line_is_compared_with_itself():
    holes = ElectrodeLayout(name="holes", channels=("a", "b", "c"), cells=((0, 0), (0, 1), (1, 1)), shape=(2, 2))
    assert Pair("along").partners(holes).tolist() == [0, 2, 1]
    with pytest.raises(ConfigError, match=r"'grid_1x4' has no two electrodes 1 cell apart along the limb"):
        Partners(ElectrodeLayout.grid(1, 4))[Pair("along")]
    with pytest.raises(ConfigError, match=r"4 cells apart along the limb; leave out 'wl_along_4'"):
        spec(features=("rms", "wl_along_4"))


def test_names_and_tables_mean_the_same_and_none_may_come_twice():
    short = spec(features=("rms_along", "wl_around_2"))
    assert short == spec(features=({"name": "rms_along"}, {"name": "wl_around", "cells": 2}))
    assert short.map_names == ("rms_along", "wl_around_2")
    assert PipelineSpec.model_validate_json(short.canonical_json()) == short
    config = PipelineConfig(band_hz=(20.0, 450.0), features=("rms_along_2",))
    assert config.spec(FS_HZ, GRID).map_names == ("rms_along_2",)
    assert amplitude_maps(spec()) == [True] * 7 + [False]
    with pytest.raises(ConfigError, match="each feature may be named once"):
        spec(features=("rms_along_2", {"name": "rms_along", "cells": 2}))
    with pytest.raises(ConfigError, match="unknown feature 'rms_along_0'"):
        spec(features=("rms_along_0",))


@pytest.mark.parametrize("plain", [True, False])
def test_the_features_are_rms_and_wl_of_the_differences(
    samples: np.ndarray, plain: bool, monkeypatch: pytest.MonkeyPatch
):
    if plain:
        monkeypatch.setattr(kernels, "compiled", lambda: None)
    pipeline = spec()
    frames = Preprocessor(pipeline).push(samples)
    x = CausalFilter(design(pipeline)).push(samples)
    assert len(frames) == 17
    for frame in frames[::4]:
        w = x[frame.index - 199 : frame.index + 1]
        got = pipeline.layout.from_grid(frame.maps)
        for row, name in enumerate(FEATURES[1:-1], start=1):
            partners = Pair("around" if "around" in name else "along", 2 if "2" in name else 1).partners(GRID)
            d = w - w[:, partners]
            want = np.sqrt(np.square(d).mean(axis=0)) if "rms" in name else np.abs(np.diff(d, axis=0)).sum(axis=0)
            np.testing.assert_allclose(got[row], want, rtol=1e-5)
        measure = parse_measure(",".join(FEATURES))
        assert measure.live == FEATURES
        offline = measure(Signal(w.astype(np.float32), FS_HZ, rings(GRID), Partners(GRID)))
        np.testing.assert_allclose(offline, got, rtol=2e-4)


def test_what_reaches_all_electrodes_alike_is_not_seen(samples: np.ndarray):
    alike = np.repeat(samples[:, :1], 12, axis=1)
    got = GRID.from_grid(Preprocessor(spec()).push(alike)[-1].maps)
    assert got[0].min() > 20
    np.testing.assert_array_equal(got[1:7], 0)


@pytest.mark.parametrize("told", [True, False])
def test_a_difference_is_spoilt_by_either_electrode_and_rebuilt_from_whole_ones(samples: np.ndarray, told: bool):
    pipeline = spec(features=("rms", "rms_along"))
    whole = GRID.from_grid(Preprocessor(pipeline).push(samples)[-1].maps)
    broken, preprocessor = samples.copy(), Preprocessor(pipeline)
    if told:
        preprocessor.set_bad_channels([4])
        broken[:, 4] *= 10.0
    else:
        broken[:, 4] = np.nan
    got = GRID.from_grid(preprocessor.push(broken)[-1].maps)
    fine = np.delete(np.arange(12), 4)
    np.testing.assert_allclose(got[0, fine], whole[0, fine], rtol=1e-6)
    np.testing.assert_allclose(got[0, 4], whole[0, [0, 1, 2, 3, 5, 6, 7, 8]].mean(), rtol=1e-5)
    fine = np.delete(np.arange(12), [1, 4])  # electrode 1 is compared with electrode 4
    np.testing.assert_allclose(got[1, fine], whole[1, fine], rtol=1e-6)
    np.testing.assert_allclose(got[1, 1], whole[1, [0, 2, 3, 5]].mean(), rtol=1e-5)
    np.testing.assert_allclose(got[1, 4], whole[1, [0, 2, 3, 5, 6, 7, 8]].mean(), rtol=1e-5)

    twin = spec(features=("rms", "rms_along"))
    assert len(twin.map_groups) == len(pipeline.map_groups) == 2
    assert pipeline == twin  # nothing that was worked out on the way counts

    bad = np.arange(12) == 4
    groups = map_groups(parse_measure("rms,rms_along").pairs, GRID)
    np.testing.assert_allclose(rebuild(whole, bad, Interpolator(GRID), groups), got, rtol=1e-5)
