"""However the same samples are cut, every bit of the output is the same."""

from __future__ import annotations

from itertools import pairwise
from unittest import mock

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from rt_handdt.core import kernels
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.preprocess import Preprocessor
from rt_handdt.core.spec import PipelineSpec
from rt_handdt.core.types import FeatureFrame

N = 900
FEATURES = (
    ("rms", "wl", "zc", "ssc"),
    ("rms", "envelope"),
    ({"name": "stft", "frame_samples": 32, "bins": 4}, "wl"),
    ("spectrum", "ssc"),
    ("raw_points", "rms_envelope"),
    ("rms_around", "wl_around", "zc"),
)


def make_spec(height: int, width: int, window: int, hop: int, features: tuple[object, ...]) -> PipelineSpec:
    return PipelineSpec.parse(
        {
            "fs_hz": 512.0,
            "layout": ElectrodeLayout.grid(height, width),
            "band_hz": (20.0, 200.0),
            "window_s": window / 512,
            "hop_s": hop / 512,
            "features": features,
        },
        what="test",
    )


@st.composite
def cuts(draw: st.DrawFn) -> list[int]:
    inner = draw(st.lists(st.integers(0, N), max_size=25))
    return sorted([0, N, *inner])


@settings(max_examples=60, deadline=None)
@example([0, 32, N], (1, 1), (64, 16), FEATURES[2], 0.0, 0, False)  # a window that fills over several pushes
@example([0, 70, 71, N], (2, 2), (60, 24), FEATURES[3], 0.1, 1, False)
@example([0, 33, 500, N], (1, 3), (64, 16), FEATURES[4], 0.1, 2, False)
@example([0, 33, 34, 500, N], (1, 3), (60, 24), FEATURES[5], 0.1, 3, False)
@given(
    cut=cuts(),
    grid=st.sampled_from([(1, 1), (1, 3), (2, 2)]),
    window_hop=st.sampled_from([(64, 16), (60, 24), (64, 64), (32, 2)]),
    features=st.sampled_from(FEATURES),
    missing=st.floats(0, 0.2),
    seed=st.integers(0, 1000),
    plain=st.booleans(),
)
def test_chunking_never_changes_a_bit(
    cut: list[int],
    grid: tuple[int, int],
    window_hop: tuple[int, int],
    features: tuple[object, ...],
    missing: float,
    seed: int,
    plain: bool,
) -> None:
    assume(grid[1] > 1 or "rms_around" not in features)
    loops = None if plain else kernels.compiled()  # numpy's loops, or numba's where it is installed
    with mock.patch.object(kernels, "compiled", return_value=loops):
        check_chunking(cut, make_spec(*grid, *window_hop, features), missing, seed)


def check_chunking(cut: list[int], spec: PipelineSpec, missing: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    samples = (1e4 + 50 * rng.standard_normal((N, spec.layout.n_channels))).astype(np.float32)
    samples[rng.random(samples.shape) < missing] = np.nan
    times = np.arange(N) / spec.fs_hz

    whole = Preprocessor(spec).push(samples, times)
    pieces = Preprocessor(spec)
    parts: list[FeatureFrame] = []
    filtered = []
    for start, stop in pairwise(cut):
        parts += pieces.push(samples[start:stop], times[start:stop])
        filtered.append(pieces.filtered)

    assert len(parts) == len(whole) == (N - spec.window_samples) // spec.hop_samples + 1
    for a, b in zip(whole, parts, strict=True):
        assert (a.index, a.time_s) == (b.index, b.time_s)
        assert a.maps.tobytes() == b.maps.tobytes()
        assert a.rms_uv.tobytes() == b.rms_uv.tobytes()
    once = Preprocessor(spec)
    once.push(samples)
    assert np.concatenate(filtered).tobytes() == once.filtered.tobytes()


@settings(max_examples=20, deadline=None)
@given(cut=cuts(), gap=st.integers(1, 5000), at=st.integers(1, N - 1))
def test_after_a_gap_it_is_as_new_but_keeps_counting(cut: list[int], gap: int, at: int) -> None:
    spec = make_spec(1, 2, 64, 16, ("rms", "wl"))
    samples = np.random.default_rng(at).standard_normal((N, 2)).astype(np.float32)
    fresh = Preprocessor(spec).push(samples)
    used = Preprocessor(spec)
    used.push(samples[:at])
    used.reset(skip_samples=gap)
    again: list[FeatureFrame] = []
    for start, stop in pairwise(cut):
        again += used.push(samples[start:stop])
    assert [frame.index - at - gap for frame in again] == [frame.index for frame in fresh]
    assert all(a.maps.tobytes() == b.maps.tobytes() for a, b in zip(again, fresh, strict=True))


@settings(max_examples=30, deadline=None)
@given(window_hop=st.sampled_from([(64, 16), (60, 24), (64, 64), (32, 2)]), first=st.integers(0, 200))
def test_asking_for_what_is_missing_gives_one_frame_a_time(window_hop: tuple[int, int], first: int) -> None:
    spec = make_spec(1, 1, *window_hop, ("rms",))
    samples = np.random.default_rng(first).standard_normal((N, 1))
    preprocessor = Preprocessor(spec)
    preprocessor.push(samples[:first])
    at = first
    while at + preprocessor.samples_to_next_frame <= N:
        need = preprocessor.samples_to_next_frame
        assert 1 <= need <= max(window_hop)
        assert preprocessor.push(samples[at : at + need - 1]) == []
        frames = preprocessor.push(samples[at + need - 1 : at + need])
        at += need
        assert [frame.index for frame in frames] == [at - 1]


def test_a_callers_buffer_may_be_used_again() -> None:
    spec = make_spec(1, 2, 64, 16, ("rms",))
    samples = np.random.default_rng(0).standard_normal((128, 2))
    preprocessor, buffer, frames = Preprocessor(spec), np.zeros((5, 2)), []
    for start in range(0, 125, 5):
        buffer[:] = samples[start : start + 5]
        frames += preprocessor.push(buffer)
    want = Preprocessor(spec).push(samples[:125])
    assert [frame.maps.tobytes() for frame in frames] == [frame.maps.tobytes() for frame in want]


def test_wrong_shapes_are_refused() -> None:
    from rt_handdt.errors import LayoutMismatch

    preprocessor = Preprocessor(make_spec(1, 2, 64, 16, ("rms",)))
    with pytest.raises(LayoutMismatch, match=r"shape \(n, 2\)"):
        preprocessor.push(np.zeros((4, 3)))
    with pytest.raises(LayoutMismatch, match="as many times"):
        preprocessor.push(np.zeros((4, 2)), [0.0])
