"""Measures and classical features: known answers, agreement with the live pipeline, with and without numba."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from offline.features import kernels
from offline.features.classical import CLASSICAL
from offline.features.feature_config import FeatureConfig
from offline.features.measures import MEASURES, parse_measure
from offline.features.repair import rebuild, rings
from offline.features.signals import Signal
from offline.features.trial_sources import hold
from rt_handdt.core.differential import map_groups
from rt_handdt.core.feature import Rms, Ssc, Stft, Wl, Zc
from rt_handdt.core.filters import CausalFilter, design
from rt_handdt.core.interpolation import Interpolator
from rt_handdt.core.layout import ArrayBlock, ElectrodeLayout
from rt_handdt.core.preprocess import Preprocessor, iter_frames
from rt_handdt.core.recording import ArrayRecording
from rt_handdt.core.spec import PipelineSpec
from rt_handdt.errors import ConfigError

FS_HZ, N = 2048.0, 1024
LAYOUT = ElectrodeLayout.grid(4, 4)


def stretch(x: np.ndarray, fs_hz: float = FS_HZ) -> Signal:
    return Signal(x.astype(np.float32), fs_hz, LAYOUT.neighbours)


def noise(n: int = N, channels: int = 16, seed: int = 0) -> np.ndarray:
    return 30 * np.random.default_rng(seed).standard_normal((n, channels))


def sine(hz: float, amplitude: float = 50.0, n: int = N) -> np.ndarray:
    return np.tile(amplitude * np.sin(2 * np.pi * hz * np.arange(n) / FS_HZ)[:, None], (1, 16))


@pytest.fixture
def without_numba(monkeypatch):
    monkeypatch.setattr(kernels, "compiled", lambda: None)


# -- the study's measures ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "maps", "inputs"),
    [
        ("raw", 171, (171,)),
        ("envelope", 240, (240,)),
        ("stft", 256, (256,)),
        ("rms", 1, (1,)),
        ("td", 4, (4,)),
        ("stft_td", 260, (256, 4)),
        ("spectrum_td", 260, (256, 4)),
        ("Rms_Envelope", 240, (240,)),
        ("rms,mnf,ar", 8, (8,)),
    ],
)
@pytest.mark.parametrize("n", [1024, 512, 500, 100])
def test_shapes_do_not_depend_on_rate_and_length(name, maps, inputs, n):
    measure = parse_measure(name)
    values = measure(stretch(noise(n)))
    assert (measure.n_maps, measure.inputs) == (maps, inputs)
    assert values.shape == (maps, 16)
    assert values.dtype == np.float32
    assert np.isfinite(values).all()
    assert len(set(measure.names)) == maps


def test_time_domain_is_that_of_the_live_pipeline():
    """One live window over the filtered samples of the trial: the definitions are the core's."""
    spec = PipelineSpec(
        fs_hz=FS_HZ,
        layout=LAYOUT,
        window_s=0.5,
        hop_s=0.5,
        features=(Rms(), Wl(), Zc(), Ssc()),
    )
    samples = (noise(2 * N) + 20_000).astype(np.float32)
    recording = ArrayRecording("test", FS_HZ, LAYOUT.channels, 2 * N, samples=samples)
    live = [LAYOUT.from_grid(frame.maps) for frame in iter_frames(recording, spec)][-1]
    x = CausalFilter(design(spec)).push(samples)[-N:]
    np.testing.assert_allclose(parse_measure("td")(stretch(x)), live, rtol=2e-4)


@pytest.mark.parametrize("name", ["raw", "envelope", "stft", "stft_td", "raw,rms"])
def test_every_measure_of_the_study_is_computed_live(name):
    measure = parse_measure(name)
    spec = PipelineSpec(fs_hz=FS_HZ, layout=LAYOUT, window_s=0.25, hop_s=0.0625, features=measure.live)
    assert spec.n_maps == measure.n_maps
    samples = (noise(2 * N) + 20_000).astype(np.float32)
    x = CausalFilter(design(spec)).push(samples)
    frames = Preprocessor(spec).push(samples)
    assert len(frames) == (2 * N - 512) // 128 + 1
    for frame in frames[::5]:
        want = measure(stretch(x[frame.index - 511 : frame.index + 1]))
        np.testing.assert_allclose(LAYOUT.from_grid(frame.maps), want, rtol=2e-4, atol=1e-4)


def test_classical_features_are_not_computed_live():
    assert parse_measure("td,mnf").live == ()
    with pytest.raises(ConfigError, match="at most 8192 samples; got 10240"):
        PipelineSpec.parse(
            {"fs_hz": FS_HZ, "layout": LAYOUT, "window_s": 5.0, "features": ("spectrum",)}, what="a long window"
        )


def test_spectrum_has_the_scale_of_the_live_one():
    x = sine(96.0)  # on a line of both: 2 Hz apart here, 8 Hz in the live frame of 256 samples
    mine = parse_measure("stft")(stretch(x))[:, 0]
    spec = PipelineSpec(fs_hz=FS_HZ, layout=LAYOUT, features=(Stft(bins=128),))
    recording = ArrayRecording("sine", FS_HZ, LAYOUT.channels, N, samples=x.astype(np.float32))
    live = LAYOUT.from_grid(next(iter(iter_frames(recording, spec))).maps)[:, 0]
    assert mine.argmax() in (128 - 48, 128 + 48)
    assert mine[128 + 48] == pytest.approx(50.0, rel=0.01)
    assert mine[128 + 48] == mine[128 - 48]
    assert live.argmax() == 12
    assert live[12] == pytest.approx(mine[128 + 48], rel=0.05)  # its band-pass takes a little


def test_spectrum_is_decimated_without_aliases():
    assert parse_measure("stft")(stretch(sine(600.0))).max() < 0.02 * 50
    x = noise()
    frame = signal.resample_poly(x, 1, 4, axis=0)
    window = signal.get_window("hann", 256)
    expected = np.abs(np.fft.fftshift(np.fft.fft(frame * (2 / window.sum() * window)[:, None], axis=0), axes=0))
    np.testing.assert_allclose(parse_measure("stft")(stretch(x)), expected, rtol=1e-3, atol=1e-4)


def test_raw_and_envelope_follow_the_signal():
    x = sine(20.0) * np.linspace(0, 1, N)[:, None]
    raw = parse_measure("raw")(stretch(x))
    np.testing.assert_allclose(raw[5:-5], x[::6][5:-5], atol=0.5)
    envelope = parse_measure("envelope")(stretch(sine(400.0) * np.linspace(0, 1, N)[:, None]))
    middle = np.linspace(32, N - 32, 240) / N
    np.testing.assert_allclose(envelope[:, 0], 50 / np.sqrt(2) * middle, rtol=0.05, atol=0.3)


def test_filter_of_codes_is_the_live_filter():
    rng = np.random.default_rng(3)
    codes = (rng.integers(-2000, 2000, (2 * N, 300)) + 9000).astype(np.int16)
    scale = rng.uniform(0.005, 0.02, 300).astype(np.float32)
    spec = FeatureConfig().spec(FS_HZ, ElectrodeLayout.grid(3, 100))
    live = CausalFilter(design(spec)).push(codes * scale.astype(np.float64))[N:]
    np.testing.assert_allclose(kernels.filter_codes(codes, scale, design(spec), N), live, atol=2e-3)


@pytest.mark.usefixtures("without_numba")
def test_without_numba_the_results_are_the_same():
    codes = np.random.default_rng(4).integers(-3000, 3000, (2 * N, 40)).astype(np.int16)
    scale = np.full(40, 0.01, np.float32)
    sections = design(FeatureConfig().spec(FS_HZ, LAYOUT))
    plain = kernels.filter_codes(codes, scale, sections, N)
    plain_sums = kernels.time_domain(plain)
    loops = kernels.__dict__["compiled"]
    assert loops() is None
    if kernels.core_kernels.compiler()[0] is None:
        pytest.skip("numba is not installed: nothing to compare with")
    from numba import njit  # the fixture hides the cached loops; these are the same functions

    out = np.empty_like(plain)
    njit(kernels._filter)(codes, scale, sections.astype(np.float32), N, out)
    np.testing.assert_allclose(out, plain, atol=2e-3)
    sums = np.zeros((4, 40), np.float32)
    njit(kernels._sums)(plain, sums)
    sums[0] = np.sqrt(sums[0] / np.float32(N))
    np.testing.assert_allclose(sums, plain_sums, rtol=1e-4)


# -- classical features --------------------------------------------------------------------------------------------


def test_there_are_enough_of_them_and_each_says_what_it_is():
    assert len(CLASSICAL) >= 30
    assert {one.group for one in CLASSICAL.values()} == {"time", "frequency", "autoregressive", "cross-channel"}
    assert all(len(one.about) > 15 and one.about.endswith(".") for one in CLASSICAL.values())
    assert not set(CLASSICAL) & set(MEASURES)


@pytest.mark.parametrize("name", CLASSICAL)
def test_every_feature_is_finite_even_of_dead_channels(name):
    feature = CLASSICAL[name]
    x = noise(512)
    x[:, 3] = 0.0
    values = feature.compute(stretch(x))
    assert values.shape == (len(feature.names), 16)
    assert values.dtype == np.float32
    assert np.isfinite(values).all()
    # another channel order gives the same numbers in that order, or the neighbours are those of other cells
    if feature.group != "cross-channel":
        order = np.random.default_rng(1).permutation(16)
        np.testing.assert_allclose(feature.compute(stretch(x[:, order])), values[:, order], rtol=1e-3, atol=1e-5)


def value(name: str, x: np.ndarray) -> np.ndarray:
    return CLASSICAL[name].compute(stretch(x)).squeeze()


def test_known_answers_in_time():
    x = sine(64.0)  # 32 whole periods of amplitude 50
    expected = {
        "mav": 50 * 2 / np.pi,
        "iemg": N * 50 * 2 / np.pi,
        "ssi": N * 1250,
        "var": 1250 * N / (N - 1),
        "peak": 50.0,
        "crest": np.sqrt(2),
        "kurtosis": -1.5,
        "v3": 50 * (4 / (3 * np.pi)) ** (1 / 3),
        "hjorth_activity": 1250,
        "hjorth_mobility": 2 * np.sin(np.pi * 64 / FS_HZ),
        "hjorth_complexity": 1.0,
        "dasdv": 2 * np.sin(np.pi * 64 / FS_HZ) * 50 / np.sqrt(2),
    }
    for name, wanted in expected.items():
        assert value(name, x)[0] == pytest.approx(wanted, rel=0.01), name
    assert abs(value("skewness", x)[0]) < 0.01
    steps = np.zeros((N, 16))
    steps[::2] = 15.0
    assert value("wamp", steps)[0] == N - 1
    assert value("myop", steps)[0] == pytest.approx(0.5)


def test_known_answers_in_frequency():
    x = sine(64.0) + sine(256.0, 25.0)  # 4 : 1 in power
    assert value("mnf", x)[0] == pytest.approx((4 * 64 + 256) / 5, rel=0.01)
    assert value("mdf", x)[0] == pytest.approx(64.0)
    assert value("pkf", x)[0] == pytest.approx(64.0)
    assert value("sef95", x)[0] == pytest.approx(256.0)
    assert value("fr", x)[0] == pytest.approx(4.0, rel=0.01)
    assert value("psr", x)[0] == pytest.approx(0.8, rel=0.01)
    assert value("sm2", x)[0] / value("sm1", x)[0] == pytest.approx((4 * 64**2 + 256**2) / (4 * 64 + 256), rel=0.01)
    assert value("spectral_entropy", x)[0] < 0.15 < 0.85 < value("spectral_entropy", noise())[0]
    assert value("spectral_flatness", x)[0] < 0.01 < 0.4 < value("spectral_flatness", noise())[0]


def test_autoregression_finds_the_process():
    rng = np.random.default_rng(2)
    made = [1.0, -1.2, 0.8, -0.3, 0.1]
    x = signal.lfilter([1.0], made, rng.standard_normal((20_000, 16)), axis=0)
    found = CLASSICAL["ar"].compute(stretch(x))
    np.testing.assert_allclose(found[:4].mean(axis=1), made[1:], atol=0.02)
    np.testing.assert_allclose(found[4:].mean(axis=1), 0.0, atol=0.02)
    assert value("ar_noise", x).mean() == pytest.approx(1 / x.var(axis=0).mean(), rel=0.05)
    cepstrum = CLASSICAL["cepstral"].compute(stretch(x)).mean(axis=1)
    # independent: the cepstrum is the inverse transform of the model's log spectrum
    log_spectrum = -np.log(np.abs(np.fft.rfft(np.r_[1.0, found.mean(axis=1)], 4096)) ** 2)
    np.testing.assert_allclose(cepstrum, np.fft.irfft(log_spectrum)[1:7], atol=0.01)


def test_channels_are_compared_with_their_neighbours():
    common = noise(channels=1)
    x = np.tile(common, (1, 16)) + 1e-3 * noise(seed=5)
    x[:, 5] = noise(seed=6)[:, 5] * 4
    assert value("neighbour_correlation", x)[5] == pytest.approx(0.0, abs=0.1)
    assert value("neighbour_correlation", x)[15] == pytest.approx(1.0, abs=0.1)
    assert value("neighbour_ratio", x)[5] == pytest.approx(4.0, rel=0.1)
    assert value("laplacian", x)[15] < 1.0 < 50 < value("laplacian", x)[5]
    assert value("rms_share", x).sum() == pytest.approx(1.0)
    assert value("common_mode_share", x)[0] > 0.85
    shares = CLASSICAL["eigen_share"].compute(stretch(x))
    np.testing.assert_allclose(shares.sum(axis=0), 1.0, atol=1e-3)
    assert shares[0, 5] > 0.9 or shares[1, 5] > 0.9


def test_unknown_and_doubled_measures_are_refused():
    with pytest.raises(ConfigError, match="'hjorth_mobilty' is no measure; did you mean 'hjorth_mobility'"):
        parse_measure("td,hjorth_mobilty")
    with pytest.raises(ConfigError, match="yields rms twice"):
        parse_measure("td,rms")
    with pytest.raises(ConfigError, match="cannot filter backwards"):
        FeatureConfig.parse({"unit": "window", "phase": "zero"}, what="features")


# -- repair --------------------------------------------------------------------------------------------------------


def test_channels_are_rebuilt_within_their_array():
    layout = ElectrodeLayout(
        name="two",
        channels=LAYOUT.channels,
        cells=LAYOUT.cells,
        shape=(4, 4),
        arrays=(ArrayBlock(name="a", rows=(0, 3), columns=(0, 1)), ArrayBlock(name="b", rows=(0, 3), columns=(2, 3))),
    )
    assert set(rings(layout)[5]) == {0, 1, 4, 8, 9}
    bad = np.isin(np.arange(16), [5, 14])
    values = np.random.default_rng(0).uniform(size=(3, 16)).astype(np.float32)
    mended = rebuild(values, bad, Interpolator(layout), map_groups([None] * 3, layout))
    np.testing.assert_allclose(mended[:, 5], values[:, [0, 1, 4, 8, 9]].mean(axis=1), rtol=1e-6)
    np.testing.assert_array_equal(mended[:, ~bad], values[:, ~bad])


def test_missing_values_are_held():
    x = np.array([[np.nan, 1.0, np.nan], [2.0, np.nan, np.nan], [np.nan, 3.0, np.nan]])
    np.testing.assert_array_equal(hold(x), [[2, 1, 0], [2, 1, 0], [2, 3, 0]])


def test_trials_are_measured_as_the_live_preprocessor_would():
    """By loops of their own, which take a tenth of its time: the same numbers to rounding."""
    rng = np.random.default_rng(3)
    codes = (3 * rng.standard_normal((2 * N, 16)).cumsum(0) + 200 * rng.standard_normal((2 * N, 16))).astype(np.int16)
    spec = PipelineSpec(
        fs_hz=FS_HZ, layout=LAYOUT, window_s=N / FS_HZ, hop_s=N / 2 / FS_HZ, features=(Rms(), Wl(), Zc(), Ssc())
    )
    own = kernels.time_domain(kernels.filter_codes(codes, np.full(16, 0.1, np.float32), design(spec), N))
    frame = Preprocessor(spec, quality=None).push(codes * 0.1)[-1]
    assert frame.index == len(codes) - 1
    live = LAYOUT.from_grid(frame.maps)
    np.testing.assert_allclose(own[:2], live[:2], rtol=1e-5)
    np.testing.assert_array_equal(own[2:], live[2:])
