"""Features against their textbook definitions, filters against their job."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from scipy import signal

from rt_handdt.core import kernels
from rt_handdt.core.feature import Ssc, Zc
from rt_handdt.core.filters import CausalFilter, design
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.newest import Newest
from rt_handdt.core.preprocess import Preprocessor, channel_order, iter_frames
from rt_handdt.core.recording import ArrayRecording
from rt_handdt.core.spec import PipelineSpec
from rt_handdt.errors import LayoutMismatch

FS = 1000.0


def spec(**changes: object) -> PipelineSpec:
    values: dict[str, object] = {
        "fs_hz": FS,
        "layout": ElectrodeLayout.grid(2, 3),
        "band_hz": (20.0, 450.0),
        "window_s": 0.2,
        "hop_s": 0.05,
    }
    return PipelineSpec.parse(values | changes, what="test")


@pytest.fixture(scope="module")
def samples() -> np.ndarray:
    return 5e3 + 40 * np.random.default_rng(3).standard_normal((1000, 6))


def test_time_domain_features_are_the_textbooks(samples: np.ndarray) -> None:
    thresholds = spec(features=("rms", "wl", Zc(threshold_uv=15.0), Ssc(threshold_uv=20.0)))
    frames = Preprocessor(thresholds).push(samples)
    sections = design(thresholds)
    x = signal.sosfilt(sections, samples, axis=0, zi=signal.sosfilt_zi(sections)[:, :, None] * samples[0])[0]
    for k, frame in enumerate(frames):
        w = x[k * 50 : k * 50 + 200]
        assert frame.index == k * 50 + 199
        got = thresholds.layout.from_grid(frame.maps)
        step = np.diff(w, axis=0)
        zc = ((w[1:] * w[:-1] < 0) & (np.abs(step) >= 15.0)).sum(axis=0)
        flank = np.maximum(np.abs(step[1:]), np.abs(step[:-1]))
        ssc = ((step[1:] * step[:-1] < 0) & (flank >= 20.0)).sum(axis=0)
        np.testing.assert_allclose(got[0], np.sqrt((w**2).mean(axis=0)), rtol=1e-6)
        np.testing.assert_allclose(got[1], np.abs(step).sum(axis=0), rtol=1e-6)
        np.testing.assert_array_equal(got[2], zc)
        np.testing.assert_array_equal(got[3], ssc)
        np.testing.assert_allclose(frame.rms_uv, got[0])
    assert 0 < got[2].mean() < 199
    assert 0 < got[3].mean() < 198


@pytest.mark.skipif(kernels.compiled() is None, reason="numba does not work here")
def test_the_compiled_loops_change_nothing(samples: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = ("rms_along", "wl_along", "wl_around", "rms_around_2")
    every = spec(features=("wl", Zc(threshold_uv=15.0), *pairs[:2], Ssc(threshold_uv=20.0), "envelope", *pairs[2:]))
    fast = Preprocessor(every)
    monkeypatch.setattr(kernels, "compiled", lambda: None)
    plain = Preprocessor(every)
    for start in range(0, 1000, 130):
        one, other = fast.push(samples[start : start + 130]), plain.push(samples[start : start + 130])
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):  # the same bits on x86-64; other compilers may fuse operations
            np.testing.assert_allclose(a.maps, b.maps, rtol=1e-5)
            np.testing.assert_allclose(a.rms_uv, b.rms_uv, rtol=1e-5)
        np.testing.assert_allclose(fast.filtered, plain.filtered, rtol=1e-5, atol=1e-4)
    assert fast.index == 1000


def test_a_flat_line_fades_to_nothing_and_not_to_denormal_numbers(samples: np.ndarray) -> None:
    chain = CausalFilter(design(spec()))
    if kernels.compiled() is None:
        pytest.skip("scipy's own loop has no such guard")
    chain.push(samples[:, :1])
    faded = np.abs(chain.push(np.zeros((200_000, 1))))
    assert faded[0] > 1e-3
    assert not ((faded > 0) & (faded < np.finfo(float).tiny)).any()
    assert faded[-1] == 0


def test_without_numba_the_plain_way_is_taken_and_why_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numba", None)
    compile_, why = kernels.compiler.__wrapped__()
    assert compile_ is None
    assert "numba" in why
    monkeypatch.setattr(kernels, "compiler", lambda: (None, why))
    assert kernels.compiled.__wrapped__() is None


def test_the_newest_rows_are_in_one_piece_however_many_come() -> None:
    rng, newest, all_rows = np.random.default_rng(0), Newest(5, (2,)), np.zeros((0, 2))
    for n in (1, 3, 9, 2, 200, *rng.integers(1, 8, 80)):
        rows = rng.random((n, 2))
        newest.append(n)[:] = rows
        all_rows = np.concatenate([all_rows, rows])
        for back in range(n):
            count = min(6, len(all_rows) - back)
            stop = len(all_rows) - back
            np.testing.assert_array_equal(newest.last(count, back), all_rows[stop - count : stop])
    assert newest.append(1).base.shape[0] < 50  # what the long push took is given back
    newest.clear()
    assert newest.append(2).shape == newest.last(2).shape == (2, 2)


def test_stft_finds_a_tone_with_its_amplitude() -> None:
    fine = spec(features=({"name": "stft", "frame_samples": 128, "bins": 16},))
    tone = 30.0 * np.sin(2 * np.pi * 16 * FS / 128 * np.arange(1000) / FS)  # bin 16 of 128: the first of band 4
    # a band's first bin lends a third of its line's power to the band below
    got = fine.layout.from_grid(Preprocessor(fine).push(np.repeat(tone[:, None], 6, axis=1))[-1].maps)[:, 0]
    assert got.argmax() == 4
    np.testing.assert_allclose(np.sqrt((got**2).sum() * 4), 30.0 * np.sqrt(1.5), rtol=0.02)


def test_envelope_follows_the_rectified_signal() -> None:
    slow = spec(features=({"name": "envelope", "cutoff_hz": 4.0},))
    tone = 30.0 * np.sin(2 * np.pi * 100 * np.arange(2000) / FS)
    tone[:1000] = 0
    values = [f.maps[0, 0, 0] for f in Preprocessor(slow).push(np.repeat(tone[:, None], 6, axis=1))]
    assert abs(values[15]) < 1e-6
    np.testing.assert_allclose(values[-1], 30.0 * 2 / np.pi, rtol=0.1)


def test_an_offset_leaves_no_transient_and_mains_are_taken_out() -> None:
    chain = CausalFilter(design(spec()))
    assert np.abs(chain.push(np.full((2000, 1), 45_000.0))).max() < 1e-3

    def gain(hz: float) -> float:
        chain.reset()
        out = chain.push(np.sin(2 * np.pi * hz * np.arange(4000) / FS)[:, None])
        return float(np.abs(out[2000:]).max())

    assert gain(50.0) < 0.01
    assert 0.95 < gain(150.0) < 1.01
    assert gain(5.0) < 0.1


def test_missing_channels_are_rebuilt_from_their_neighbours(samples: np.ndarray) -> None:
    rms = spec(features=("rms",))
    broken = samples.copy()
    broken[:, 1] = np.nan
    preprocessor = Preprocessor(rms)
    frame = preprocessor.push(broken)[-1]
    whole = Preprocessor(rms).push(samples)[-1]
    around = whole.rms_uv[[0, 2, 3, 4, 5]]
    np.testing.assert_allclose(frame.rms_uv[1], around.mean(), rtol=1e-5)
    np.testing.assert_allclose(frame.rms_uv[[0, 2, 3, 4, 5]], around, rtol=1e-6)
    assert preprocessor.missing_values == len(samples)

    told = Preprocessor(rms)
    told.set_bad_channels([1])
    assert told.push(samples)[-1].maps.tobytes() == frame.maps.tobytes()


def test_a_missing_sample_is_held_not_passed_on(samples: np.ndarray) -> None:
    holed = samples.copy()
    holed[500, 2] = np.nan
    held = samples.copy()
    held[500, 2] = samples[499, 2]
    got, want = Preprocessor(spec()).push(holed)[-1], Preprocessor(spec()).push(held)[-1]
    assert got.maps.tobytes() == want.maps.tobytes()


def test_recordings_are_reordered_by_name_and_checked(samples: np.ndarray) -> None:
    pipeline = spec()
    names = pipeline.layout.channels
    block = samples.astype(np.float32)
    straight = ArrayRecording("a", FS, names, 1000, samples=block)
    mixed = ArrayRecording("b", FS, ("AUX", *reversed(names)), 1000, samples=np.c_[block[:, :1], block[:, ::-1]])
    for one, other in zip(iter_frames(straight, pipeline), iter_frames(mixed, pipeline), strict=True):
        assert one.maps.tobytes() == other.maps.tobytes()
    with pytest.raises(LayoutMismatch, match="has 500 Hz"):
        next(iter_frames(ArrayRecording("c", 500.0, names, 1000, samples=block), pipeline))
    with pytest.raises(LayoutMismatch, match=r"1 of the layout's names are missing \(E6\)"):
        channel_order((*names[:5], "E7"), pipeline, "it")
    with pytest.raises(LayoutMismatch, match="'E1' occurs twice"):
        channel_order(("E1", *names), pipeline, "it")
