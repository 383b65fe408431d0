"""The signal: repeatable, the same for any block size, and like surface EMG."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy.signal import butter, iirnotch, sosfiltfilt, tf2sos, welch

from rt_handdt.core.gestures import HYSER_GESTURES, REST
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.errors import ConfigError
from rt_handdt.paths import layout_path
from rt_handdt.sim.donning import draw_donning
from rt_handdt.sim.forearm import Forearm
from rt_handdt.sim.person import draw_person
from rt_handdt.sim.script import Cue, Script
from rt_handdt.sim.session import DEFAULT_GESTURES, virtual_recording, virtual_trials

SMALL = ElectrodeLayout.grid(4, 8, pitch_mm=30.0)
HYSER = ElectrodeLayout.from_toml(layout_path("hyser_16x16"))
FS = 2048.0


def samples(blocks) -> np.ndarray:
    return np.concatenate(list(blocks))


def emg_band(x: np.ndarray) -> np.ndarray:
    y = sosfiltfilt(butter(2, (20, 500), "bandpass", fs=FS, output="sos"), x.astype(float), axis=0)
    return sosfiltfilt(tf2sos(*iirnotch(50, 30, FS)), y, axis=0)


def test_same_bits_for_any_block_size_and_every_time():
    recording = virtual_recording(1, 2, 1, layout=SMALL, seconds=4.0, gesture_s=1.0, rest_s=0.5)
    whole = samples(recording.blocks(10**6))
    assert whole.shape == (8192, 32)
    assert whole.dtype == np.float32
    for size in (1000, 4096, 33, 1):
        pieces = list(recording.blocks(size))
        assert {len(piece) for piece in pieces[:-1]} <= {size}
        np.testing.assert_array_equal(np.concatenate(pieces), whole)


def test_blocks_already_handed_out_are_not_overwritten():
    blocks = list(virtual_recording(0, 1, 1, layout=SMALL, seconds=1.0).blocks(256))
    assert len({block[0, 0] for block in blocks}) == len(blocks)


def test_people_sessions_and_trials_differ():
    def first(seed, subject, session):
        return samples(virtual_recording(seed, subject, session, layout=SMALL, seconds=0.5).blocks())

    signals = [first(0, 1, 1), first(0, 2, 1), first(0, 1, 2), first(1, 1, 1)]
    assert len({signal.tobytes() for signal in signals}) == 4
    person = draw_person(0, 1)
    forearm = Forearm(person, draw_donning(person, 1), SMALL)
    script = Script((Cue("hand_close", 0.5),))
    assert not np.array_equal(samples(forearm.stream(script, 1)), samples(forearm.stream(script, 2)))


def test_markers_stand_at_the_cues():
    recording = virtual_recording(
        0, 1, 1, layout=SMALL, fs_hz=1000.0, gesture_s=1.5, rest_s=1.0, repetitions=2, markers="cue"
    )
    assert recording.markers[0].index == 0
    assert recording.markers[0].label == recording.markers[-1].label == REST
    assert sorted(m.label for m in recording.markers[1::2]) == sorted(DEFAULT_GESTURES * 2)
    assert {s.stop - s.start for s in recording.segments() if s.label == REST} == {1000}
    assert recording.n_samples == 2 * 10 * 2500 + 1000
    assert (recording.subject, recording.session, recording.unit) == ("virtual-0-1", "1", "uV")


def test_movement_markers_stand_where_the_signal_changes():
    recording = virtual_recording(0, 1, 1, gesture_s=1.5, rest_s=1.0)
    cues = virtual_recording(0, 1, 1, gesture_s=1.5, rest_s=1.0, markers="cue")
    assert [m.label for m in recording.markers] == [m.label for m in cues.markers]
    late = np.asarray([(m.index - c.index) / 2048 for m, c in zip(recording.markers, cues.markers, strict=True)][1:])
    assert ((late[::2] >= 0.1) & (late[::2] <= 0.3)).all()  # gestures: reaction
    assert ((late[1::2] >= 0.2) & (late[1::2] <= 0.7)).all()  # rest: reaction and release
    x = emg_band(samples(recording.blocks()))
    level = np.sqrt(np.square(x).mean(axis=1))
    quiet = level[200 : recording.markers[1].index - 100].mean()
    for segment in recording.segments()[1:]:
        if segment.label == REST:
            assert level[segment.start + 100 : segment.stop - 100].mean() < 1.5 * quiet
        else:
            assert level[segment.start + 500 : segment.start + 2500].mean() > 2.5 * quiet


def test_contraction_starts_100_to_300_ms_after_the_cue():
    forearm = Forearm(draw_person(0, 1), draw_donning(draw_person(0, 1), 1), HYSER)
    script = Script((Cue(REST, 1.0), Cue("wrist_flexion", 1.0), Cue(REST, 1.0)))
    for trial in range(3):
        x = emg_band(samples(forearm.stream(script, trial)))
        envelope = np.sqrt(np.square(x).mean(axis=1))
        smooth = np.convolve(envelope, np.ones(41) / 41, "same")
        rest, top = smooth[200:1900].mean(), smooth[3200:4000].mean()
        assert top > 3 * rest
        onset = (np.flatnonzero(smooth[2048:4096] > rest + 0.1 * (top - rest))[0]) / FS
        half = (np.flatnonzero(smooth[2048:4096] > rest + 0.5 * (top - rest))[0]) / FS
        assert 0.08 <= onset <= 0.40  # the first units are small: what shows lags behind what fires
        assert onset < half <= 0.55
        assert smooth[-500:].mean() < 1.5 * rest  # and it relaxes


def test_flexion_and_extension_light_opposite_arrays():
    for subject in (1, 3, 5):
        person = draw_person(0, subject)
        forearm = Forearm(person, draw_donning(person, 1), HYSER)
        sides = []
        for gesture in ("wrist_extension", "wrist_flexion"):
            x = emg_band(samples(forearm.stream(Script((Cue(gesture, 1.5),)), 0)))[1100:-100]
            grid = HYSER.to_grid(np.sqrt(np.square(x).mean(axis=0)))
            sides.append(np.log(grid[:, :8].mean() / grid[:, 8:].mean()))
        assert sides[0] > 0.3 > -0.3 > sides[1]


def test_statistics_are_those_of_surface_emg():
    """Ranges of the literature for monopolar forearm recordings; medians over people and strong gestures."""
    found: dict[str, list[float]] = {name: [] for name in ("quiet", "active", "corr", "mdf", "kurtosis", "cv")}
    for subject in (1, 2, 4):
        person = draw_person(0, subject)
        forearm = Forearm(person, draw_donning(person, 1), HYSER)
        cues = [Cue(g, 2.0) for g in ("wrist_flexion", "hand_open")]
        script = Script((Cue(REST, 1.5), *cues))
        x = emg_band(samples(forearm.stream(script, 0)))
        starts = script.starts(FS)
        found["quiet"].append(float(np.median(x[300:2800].std(axis=0))))
        for start, stop in pairwise(starts[1:]):
            part = x[start + 1024 : stop - 64]
            rms = part.std(axis=0)
            top = np.argsort(rms)[-64:]
            found["active"].append(float(np.median(rms[top])))
            power = welch(part[:, top], FS, nperseg=1024, axis=0)
            half = np.cumsum(power[1], axis=0) >= power[1].sum(axis=0) / 2
            found["mdf"].append(float(np.median(power[0][half.argmax(axis=0)])))
            z = part[:, top] / rms[top]
            found["kurtosis"].append(float(np.median((z**4).mean(axis=0) - 3)))
            n = len(part) // 512
            windows = np.sqrt(np.square(part[: n * 512, top].reshape(n, 512, -1)).mean(axis=1))
            found["cv"].append(float(np.median(windows.std(axis=0, ddof=1) / windows.mean(axis=0))))
            grid = HYSER.to_grid(part)
            busy = HYSER.to_grid(rms) > np.quantile(rms, 0.75)
            pairs = [
                np.corrcoef(grid[:, r, c], grid[:, r + down, c + across])[0, 1]
                for r, c in zip(*np.nonzero(busy), strict=True)
                for down, across in ((1, 0), (0, 1))
                if r + down < 16 and c + across not in (8, 16)  # column 8 is another array
            ]
            found["corr"].append(float(np.mean(np.abs(pairs))))
    medians = {name: float(np.median(values)) for name, values in found.items()}
    assert 2.5 <= medians["quiet"] <= 12, medians
    assert 50 <= medians["active"] <= 300, medians
    assert 0.70 <= medians["corr"] <= 0.92, medians
    assert 50 <= medians["mdf"] <= 95, medians
    assert 0.1 <= medians["kurtosis"] <= 2.0, medians
    assert 0.05 <= medians["cv"] <= 0.18, medians


def test_other_layouts_and_rates_work():
    layout = ElectrodeLayout.from_toml(layout_path("flexemg_16x4"))
    recording = virtual_recording(0, 1, 1, layout=layout, fs_hz=1000.0, seconds=3.0, gesture_s=1.5, rest_s=1.0)
    x = samples(recording.blocks())
    assert x.shape == (3000, 64)
    high = np.diff(x, axis=0)
    assert high[1600:2500].std() > 1.5 * high[:1000].std()


def test_offsets_are_tens_of_millivolts_and_mains_is_there():
    x = samples(virtual_recording(0, 1, 1, layout=HYSER, seconds=1.9, rest_s=2.0).blocks())
    offset = x.mean(axis=0)
    assert 10_000 < np.abs(offset).mean() < 40_000
    spectrum = np.abs(np.fft.rfft((x - offset)[:2048], axis=0)).mean(axis=1)
    assert spectrum[50] > 3 * np.median(spectrum[60:400])
    assert np.all(np.isfinite(x))


@pytest.mark.parametrize("gesture", HYSER_GESTURES)
def test_every_hyser_gesture_can_be_done(gesture):
    person = draw_person(0, 1)
    forearm = Forearm(person, draw_donning(person, 1), SMALL)
    x = emg_band(samples(forearm.stream(Script((Cue(REST, 1.0), Cue(gesture, 1.0))), 0)))
    assert x[3200:].std(axis=0).max() > 1.5 * x[200:1900].std(axis=0).max()


@pytest.mark.parametrize("kind", ["dynamic", "maintenance"])
def test_trials_are_as_hyser_cuts_them(kind):
    trials = list(virtual_trials(0, 1, 1, ["hand_open", "wrist_flexion"], 2, kind))
    assert sorted(code for _, code in trials) == [6, 6, 31, 31]
    for x, _ in trials:
        assert x.shape == ((2048 if kind == "dynamic" else 8192), 256)
        assert x.dtype == np.float32
        y = emg_band(x)
        start, end = y[60:260].std(axis=0).mean(), y[-500:-60].std(axis=0).mean()
        if kind == "dynamic":
            assert start < 0.5 * end
        else:
            assert 0.6 < start / end < 1.7


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: virtual_recording(gestures=["wave"]), "cannot do 'wave'"),
        (lambda: virtual_recording(gesture_s=0.0), "more than 0 s"),
        (lambda: virtual_recording(seconds=-1.0), "more than 0 s"),
        (lambda: list(virtual_recording(fs_hz=50.0).blocks()), "at least 200 Hz"),
        (lambda: list(virtual_recording().blocks(0)), "at least one sample"),
        (lambda: list(virtual_trials(kind="static")), "'dynamic' or 'maintenance'"),
        (lambda: list(virtual_trials(gestures=["rest"])), "34 gestures"),
    ],
)
def test_senseless_requests_are_refused(call, says):
    with pytest.raises(ConfigError, match=says):
        call()
