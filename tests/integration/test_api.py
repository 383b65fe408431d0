"""The public API: the classifier, the engine in somebody else's process, sources of one's own, scores."""

from __future__ import annotations

import gc
import importlib.metadata
import itertools
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rt_handdt as hd
from rt_handdt.core.decoder import Decoder
from rt_handdt.core.preprocess import iter_frames
from rt_handdt.core.recording import ArrayRecording, Marker
from rt_handdt.infer.recognizer import Recognizer
from rt_handdt.infer.stream import StreamRecognizer
from rt_handdt.io.plugged_source import plugged_source
from rt_handdt.io.xdf import write_xdf
from rt_handdt.runtime.evaluation import live_windows
from rt_handdt.runtime.live_run import LiveRun
from rt_handdt.runtime.opening import open_engine
from rt_handdt.runtime.own_recording import own_recording
from rt_handdt.runtime.scoring import score_session
from rt_handdt.runtime.source_choice import SourceChoice
from tests.conftest import ROOT
from tests.support.tiny import noise, tiny_bundle, tiny_spec

SPEC = tiny_spec()
NAMES = SPEC.layout.channels


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> hd.Bundle:
    return tiny_bundle(tmp_path_factory.mktemp("bundles") / "tiny", SPEC)


def signal_uv(n: int = 2048) -> np.ndarray:
    """Rest, "left", rest."""
    samples = noise(SPEC, n, 1.0)
    rising = np.clip(np.arange(n // 4) / 128, 0, 1) * np.clip(np.arange(n // 4, 0, -1) / 128, 0, 1)
    samples[n // 4 : n // 2, [0, 1, 4, 5]] += rising[:, None] * noise(SPEC, n // 4, 30.0, seed=1)[:, [0, 1, 4, 5]]
    return samples - 20_000.0


def recording(n: int = 2048) -> ArrayRecording:
    marks = (Marker(0, "rest"), Marker(n // 4, "left"), Marker(n // 2, "rest"))
    return ArrayRecording("own", SPEC.fs_hz, NAMES, n, marks, samples=signal_uv(n).astype(np.float32))


def facts(decisions: list[hd.Decision]) -> list[tuple[Any, ...]]:
    return [(d.label, d.index, d.level, d.confidence, d.probabilities.tobytes(), d.reason) for d in decisions]


def until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.002)


class Playback(hd.PolledSource):
    """Sends an array at its own pace, in blocks of 16, and leaves samples out where it is told to."""

    def __init__(self, samples: np.ndarray, lost: int = 0) -> None:
        super().__init__("playback [/red]", [*NAMES, "COUNTER"], SPEC.fs_hz, "uV")
        counts = np.arange(len(samples))
        data = np.column_stack([samples, counts])
        self._data = np.delete(data, slice(1024, 1024 + lost), axis=0)
        self._sent, self._began, self.closed = 0, time.monotonic(), False

    def poll(self, timeout_s: float) -> np.ndarray | None:
        last = self._data[min(self._sent + 15, len(self._data) - 1), -1]
        due_s = self._began + (last + 1) / SPEC.fs_hz - time.monotonic()
        if due_s > timeout_s:
            time.sleep(timeout_s)
            return None
        time.sleep(max(0.0, due_s))
        block = self._data[self._sent : self._sent + 16]
        self._sent += 16
        if not len(block):
            raise hd.StreamError("The playback is over.")
        return block

    def close(self) -> None:
        self.closed = True


class Ear:
    """A sink that remembers."""

    Settings = hd.SinkSettings

    def __init__(self) -> None:
        self.settings = self.Settings()
        self.heard: list[hd.Message] = []
        self.closed = threading.Event()

    def open(self, about: hd.About) -> None:
        self.about = about

    def send(self, message: hd.Message) -> str | None:
        self.heard.append(message)
        return None

    def close(self) -> None:
        self.closed.set()


# -- the classifier ----------------------------------------------------------------------------------------------------


@settings(max_examples=20, deadline=None)
@given(cuts=st.lists(st.integers(0, 2048), max_size=12))
def test_decisions_do_not_depend_on_how_samples_are_cut(bundle: hd.Bundle, cuts: list[int]) -> None:
    samples = signal_uv()
    whole = hd.StreamClassifier(bundle).push(samples)
    pieces = hd.StreamClassifier(bundle)
    edges = [0, *sorted(cuts), len(samples)]
    found = [one for a, b in itertools.pairwise(edges) for one in pieces.push(samples[a:b])]
    assert facts(found) == facts(whole)
    assert {one.label for one in whole} == {"rest", "left"}


def test_it_is_the_road_that_offline_frames_take(bundle: hd.Bundle) -> None:
    reader = StreamRecognizer(Recognizer(bundle))
    decoder = Decoder(bundle.manifest.decoder, bundle.gestures, SPEC.hop_samples / SPEC.fs_hz)
    wanted = []
    for frame in iter_frames(recording(), SPEC):
        wanted.append(decoder.step(reader.step(frame.maps), frame.rms_uv, frame.index, frame.time_s, frame.strength_uv))
    assert facts(hd.StreamClassifier(bundle).push(recording().samples)) == facts(wanted)


def test_columns_names_and_units_are_what_they_are_said_to_be(bundle: hd.Bundle) -> None:
    samples = signal_uv()
    wanted = facts(hd.StreamClassifier(bundle).push(samples))
    mixed = np.column_stack([np.full(len(samples), 7.0), samples[:, ::-1]]) / 1000
    named = hd.StreamClassifier(bundle, channels=["AUX", *NAMES[::-1]], unit="mV")
    numbered = hd.StreamClassifier(bundle, columns=range(8, 0, -1), unit="mV")
    for one in (named, numbered):
        found = one.push(mixed)
        assert [decision.label for decision in found] == [fact[0] for fact in wanted]
        np.testing.assert_allclose([decision.level for decision in found], [fact[2] for fact in wanted], atol=1e-6)


def test_short_gaps_are_bridged_and_long_ones_begin_anew(bundle: hd.Bundle) -> None:
    samples = signal_uv()
    times = np.arange(2048) / SPEC.fs_hz
    whole = [(one.index, one.time_s) for one in hd.StreamClassifier(bundle).push(samples, times)]
    short, long = hd.StreamClassifier(bundle), hd.StreamClassifier(bundle)
    lost = SPEC.window_samples // 4
    found = short.push(samples[:1024], times[:1024])
    assert short.gap(lost - 1)
    assert short.gap(1)
    assert short.samples_to_next_window >= 1
    found += short.push(samples[1024 + lost :], times[1024 + lost :])
    assert [one.index for one in found] == [index for index, _ in whole]
    np.testing.assert_allclose([one.time_s for one in found], [time_s for _, time_s in whole])
    assert short.missing_values == 0  # they are lost, and counted as that
    found = long.push(samples[:1024])
    assert not long.gap(lost + 1)
    later = long.push(samples[1024 + lost + 1 :])
    assert later[0].index == 1024 + lost + 1 + SPEC.window_samples - 1
    assert not long.gap()
    assert long.index == 2048
    assert long.gap(lost - 1)  # bridged, so far …
    assert not long.gap()  # … but then more was lost: what was known of is still counted
    assert long.index == 2048 + lost - 1
    with pytest.raises(hd.ConfigError, match="got -1"):
        long.gap(-1)


def test_what_is_no_emg_is_rest_with_a_reason(bundle: hd.Bundle) -> None:
    samples = noise(SPEC, 2048, 30.0)
    samples[1024:] = samples[1024]
    found = hd.StreamClassifier(bundle).push(samples)
    assert found[-1].label == "rest"
    assert (found[-1].reason, found[-1].level, found[-1].rejected) == ("too_many_bad", 0.0, True)


def test_too_many_that_are_called_bad_are_too_many(bundle: hd.Bundle) -> None:
    samples = noise(SPEC, 1024, 30.0)
    few, many = (hd.StreamClassifier(bundle, bad=NAMES[:n]).push(samples) for n in (2, 3))
    assert {one.reason for one in few} == {""}
    assert {(one.label, one.reason) for one in many} == {("rest", "too_many_bad")}


@pytest.mark.parametrize(
    ("asked", "error", "match"),
    [
        ({"post_processing": ["smoothing=majority", "smoothing_s=1e30"]}, hd.ConfigError, "less than or equal to 60"),
        ({"unit": "N"}, hd.ConfigError, "unit must be one of voltage.*got 'N'"),
        ({"bad": ["E99"]}, hd.ConfigError, "has no such electrode"),
        ({"channels": ["a", "b"]}, hd.LayoutMismatch, "names are missing"),
        ({"columns": [0, 1]}, hd.LayoutMismatch, "columns must name 8 different columns"),
        ({"columns": [0] * 8}, hd.LayoutMismatch, "columns must name 8 different columns"),
        ({"columns": range(8), "channels": NAMES}, hd.ConfigError, "not both"),
        ({"provider": "tpu"}, hd.ConfigError, "tpu"),
        (
            {"post_processing": ["smothing=none"]},
            hd.ConfigError,
            "post-processing: unknown key .*did you mean .smoothing.",
        ),
    ],
)
def test_what_cannot_be_is_one_sentence(
    bundle: hd.Bundle, asked: dict[str, Any], error: type[Exception], match: str
) -> None:
    with pytest.raises(error, match=match):
        hd.StreamClassifier(bundle, **asked)


@pytest.mark.parametrize("shape", [(64,), (64, 7), (64, 9), (2, 64, 8)])
def test_samples_of_another_shape_are_refused(bundle: hd.Bundle, shape: tuple[int, ...]) -> None:
    classifier = hd.StreamClassifier(bundle)
    with pytest.raises(hd.LayoutMismatch, match=r"must have the shape \(n, 8\)"):
        classifier.push(np.zeros(shape))
    assert classifier.push(np.zeros((0, 8))) == []


def test_a_missing_bundle_and_a_shipped_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert hd.load("default").path == ROOT / "models" / "default"
    with pytest.raises(hd.BundleError, match="there is no bundle folder"):
        hd.load("defautl")


# -- scores ------------------------------------------------------------------------------------------------------------


def test_scores_are_those_of_the_windows_and_refused_ones_stand_apart(bundle: hd.Bundle, tmp_path: Path) -> None:
    scores = hd.evaluate(bundle, recording())
    assert scores.accuracy > 0.95
    assert not scores.refused
    assert scores.windows.windows == len(scores.decisions) - 2 * (SPEC.window_samples // SPEC.hop_samples - 1)
    write_xdf(tmp_path / "own.xdf", recording())
    twice = hd.evaluate(bundle, [tmp_path / "own.xdf", recording()])
    assert twice.windows.windows == 2 * scores.windows.windows
    spoilt = signal_uv().astype(np.float32)
    spoilt[1024:] = spoilt[1024]
    other = ArrayRecording("spoilt", SPEC.fs_hz, NAMES, 2048, recording().markers, samples=spoilt)
    found = hd.evaluate(bundle, other)
    assert found.refused["too_many_bad"] > 30
    assert found.windows.windows + sum(found.refused.values()) <= len(found.decisions)


def test_a_calibration_is_fitted_first_and_says_what_came_of_it(bundle: hd.Bundle) -> None:
    scores = hd.evaluate(bundle, recording(), calibration=recording(4096))
    assert any("repetition" in note for note in scores.notes)
    assert scores.accuracy > 0.9


def test_without_markers_or_at_another_rate_there_is_no_score(bundle: hd.Bundle) -> None:
    plain = ArrayRecording("plain", SPEC.fs_hz, NAMES, 2048, samples=signal_uv().astype(np.float32))
    with pytest.raises(hd.RecordingError, match="has no markers"):
        hd.evaluate(bundle, plain)
    fast = ArrayRecording("fast", 1000.0, NAMES, 2048, recording().markers, samples=plain.samples)
    with pytest.raises(hd.LayoutMismatch, match="1000 Hz"):
        hd.evaluate(bundle, fast)


# -- the engine in another's process -----------------------------------------------------------------------------------


@pytest.mark.parametrize("late_s", [0.0, 1.2])
def test_a_source_and_a_sink_of_ones_own(bundle: hd.Bundle, lsl: None, tmp_path: Path, late_s: float) -> None:
    source, ear, told = Playback(signal_uv(), lost=300), Ear(), []
    source._began -= late_s  # a backlog, sent as fast as it is fetched
    with hd.LiveEngine(
        bundle,
        source,
        [ear],
        on_decision=told.append,
        max_age_s=30.0,
        silence_s=30.0,
        learn=False,
        record=tmp_path / "own.xdf",
    ) as engine:
        until(lambda: engine.status.state == "lost")
        assert "playback is over" in engine.status.sentence
        report = engine.report()
    assert ear.closed.wait(60)
    assert source.closed
    assert (report["samples"]["received"], report["samples"]["lost"]) == (2048 - 300, 300)
    assert report["samples"]["loss_method"] == "counter"
    assert {"rest", "left"} <= {one.label for one in told}
    assert [one.seq for one in ear.heard if not one.repeat] == list(range(ear.heard[-1].seq + 1))
    assert (ear.heard[-1].label, ear.heard[-1].running) == ("rest", False)
    assert ear.about.labels == bundle.gestures.labels
    recorded = hd.open_recording(tmp_path / "own.xdf")
    assert recorded.channels == NAMES
    assert recorded.n_samples >= 2048  # lost ones are left free


def test_the_host_stays_as_it_was(bundle: hd.Bundle, lsl: None) -> None:
    def host() -> tuple[Any, ...]:
        return (gc.get_freeze_count(), signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM),
                sys.getswitchinterval(), gc.isenabled())  # fmt: skip

    before = host()
    with hd.LiveEngine(bundle, Playback(signal_uv()), max_age_s=30.0, silence_s=30.0) as engine:
        until(lambda: engine.decision is not None)
        assert host() == before
    assert host() == before
    assert not [one for one in threading.enumerate() if one.name.startswith("handdt")]


def test_lsl_is_not_set_up_but_on_request_and_nothing_is_imported_in_advance() -> None:
    program = (
        "import sys, rt_handdt as hd\n"
        "assert not {'numpy', 'pylsl', 'onnxruntime', 'PySide6'} & set(sys.modules)\n"
        "hd.LslSource, hd.StreamClassifier\n"
        "from rt_handdt.io.lsl import setup\n"
        "assert setup._configured is None\n"
        "setup.leave_as_it_is(); setup.ensure_configured()\n"
        "assert setup._configured == 'what this process had chosen'\n"
        "assert not {'PySide6', 'torch', 'serial'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)


def test_a_source_that_breaks_is_said_and_the_hand_rests(bundle: hd.Bundle, lsl: None) -> None:
    class Broken(Playback):
        def poll(self, timeout_s: float) -> np.ndarray | None:
            return np.zeros((16, 3))

    ear = Ear()
    with hd.LiveEngine(bundle, Broken(signal_uv()), [ear]) as engine:
        until(lambda: engine.status.state in ("lost", "failed"))
        assert "must give samples of shape (n, 9); it gave (16, 3)" in engine.status.sentence
    assert ear.heard[-1].label == "rest"


def test_whatever_a_source_raises_ends_the_run_whole(bundle: hd.Bundle, lsl: None, tmp_path: Path) -> None:
    class Broken(Playback):
        def poll(self, timeout_s: float) -> np.ndarray | None:
            if self._sent > 512:
                raise ConnectionResetError("reset by peer")
            return super().poll(timeout_s)

    source, ear = Broken(signal_uv()), Ear()
    with hd.LiveEngine(bundle, source, [ear], max_age_s=30.0, silence_s=30.0, record=tmp_path / "own.xdf") as engine:
        until(lambda: engine.status.state == "failed")
        assert "reset by peer" in engine.status.sentence
        engine.stop()
        assert engine.status.state == "failed"  # nothing that comes later hides it
    assert ear.closed.wait(60)
    assert ear.heard[-1].code == "failed"
    assert source.closed
    assert hd.open_recording(tmp_path / "own.xdf").n_samples >= 512


def test_a_source_that_is_never_empty_does_not_hold_the_end(bundle: hd.Bundle, lsl: None) -> None:
    class Full(hd.PolledSource):
        def __init__(self) -> None:
            super().__init__("full", NAMES, SPEC.fs_hz, "uV")

        def poll(self, timeout_s: float) -> np.ndarray:
            return noise(SPEC, 16, 1.0)

    with hd.LiveEngine(bundle, Full(), max_age_s=30.0, silence_s=30.0) as engine:
        until(lambda: engine.report()["samples"]["received"] > 64)
    assert engine.status.state == "stopped"


def test_one_s_own_source_that_does_not_fit_stays_open_and_a_plugged_one_is_closed(
    bundle: hd.Bundle, lsl: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Playback(signal_uv())
    source._description = hd.StreamDescription("x", "EMG", "h", "", "", 99.0, 8, "float32")
    with pytest.raises(hd.LayoutMismatch, match="99 Hz"):
        hd.LiveEngine(bundle, source).start()
    assert not source.closed  # it can be tried with another model
    monkeypatch.setattr("rt_handdt.io.plugged_source.plugged_source", lambda asked: source)
    with pytest.raises(hd.LayoutMismatch, match="99 Hz"):
        open_engine(LiveRun(bundle.path, source="amp"), print)
    assert source.closed


def test_misuse_is_said(bundle: hd.Bundle, lsl: None) -> None:
    engine = hd.LiveEngine(bundle, Playback(signal_uv()))
    with pytest.raises(RuntimeError, match="not started"):
        engine.status  # noqa: B018
    with pytest.raises(hd.ConfigError, match="there is no sink 'tcp'"):
        hd.LiveEngine(bundle, sinks=["tcp:1"])
    with pytest.raises(hd.ConfigError, match="max_age_s"):
        hd.LiveEngine(bundle, max_age_s=-1.0)


# -- sources by name ---------------------------------------------------------------------------------------------------


class Point:
    """An entry point of another package."""

    def __init__(self, name: str, made: Callable[[str], object]) -> None:
        self.name, self.value, self._made = name, f"other:{name}", made

    def load(self) -> Callable[[str], object]:
        return self._made


def test_sources_of_other_packages_are_found_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(text: str) -> object:
        raise OSError("no such amplifier")

    points = [Point("mine", lambda text: Playback(signal_uv())), Point("no", lambda text: 3), Point("off", broken)]
    monkeypatch.setattr("rt_handdt.io.plugged_source.entry_points", lambda group: points)
    assert isinstance(plugged_source("mine:x:y"), Playback)
    with pytest.raises(hd.ConfigError, match="there is no source 'yours'; known: mine, no, off"):
        plugged_source("yours")
    with pytest.raises(hd.ConfigError, match="gives no source"):
        plugged_source("no")
    with pytest.raises(hd.ConfigError, match=r"cannot be opened.*no such amplifier"):
        plugged_source("off:1")
    monkeypatch.undo()
    assert importlib.metadata.entry_points(group="rt_handdt.sources") is not None
    with pytest.raises(hd.ConfigError, match=r"known: (none|\w)"):
        plugged_source("yours")


def test_the_example_of_a_tcp_amplifier(lsl: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "scripts" / "examples" / "tcp_source"))
    from tcp_source import open_tcp  # type: ignore[import-not-found]

    server = socket.create_server(("127.0.0.1", 0))
    rng = np.random.default_rng(0)
    steps = rng.normal(0, 20, (1024, 257)).astype("<i2")
    steps[:, -1] = np.arange(1024)

    def serve() -> None:
        peer, _ = server.accept()
        began = time.monotonic()
        for k in range(0, 1024, 16):
            time.sleep(max(0.0, began + (k + 16) / 2048 - time.monotonic()))
            data = steps[k : k + 16].tobytes()
            peer.sendall(data[:1001])
            peer.sendall(data[1001:])  # a stream has no packets
        peer.close()

    thread = threading.Thread(target=serve)
    thread.start()
    source = open_tcp(f"127.0.0.1:{server.getsockname()[1]}")
    with hd.LiveEngine("default", source, max_age_s=30.0, silence_s=30.0) as engine:
        until(lambda: engine.status.state == "lost")
        samples = engine.report()["samples"]
    thread.join()
    server.close()
    assert (samples["received"], samples["lost"], samples["loss_method"]) == (1024, 0, "counter")
    with pytest.raises(hd.ConfigError, match="must be HOST:PORT"):
        open_tcp("there")


def test_a_calibration_recorded_from_the_same_stream_is_read_as_the_stream_is(tmp_path: Path) -> None:
    columns = ("TIME", *(f"X{k}" for k in range(8)))
    samples = np.column_stack([np.arange(2048), signal_uv()]).astype(np.float32)
    made = ArrayRecording("amp", SPEC.fs_hz, columns, 2048, recording().markers, samples=samples)
    write_xdf(tmp_path / "amp.xdf", made)
    found = own_recording(str(tmp_path / "amp.xdf"), SourceChoice(columns=tuple(range(1, 9)), unit="uV"), SPEC)
    assert found.channels == NAMES
    np.testing.assert_allclose(np.concatenate(list(found.blocks())), samples[:, 1:])
    renamed = SPEC.layout.model_copy(update={"name": "amp", "channels": columns[1:]})
    found = own_recording(str(tmp_path / "amp.xdf"), SourceChoice(layout=renamed), SPEC)
    assert set(NAMES) <= set(found.channels)


def test_sessions_are_scored_as_a_wearer_would_beside_lda(bundle: hd.Bundle, tmp_path: Path) -> None:
    import json

    from typer.testing import CliRunner

    from rt_handdt.cli.main import app

    write_xdf(tmp_path / "own.xdf", recording(4096))
    asked = ["score", str(tmp_path / "own.xdf"), "--bundle", str(bundle.path)]
    plain = CliRunner().invoke(app, asked)
    assert plain.exit_code == 0, plain.output
    assert re.search(r"gestures never decided right and stable +│ 0 of 1 ", plain.output)
    assert re.search(r"rests after a gesture never decided and stable +│ 0 of 1 ", plain.output)
    out = tmp_path / "a.json"
    both = CliRunner().invoke(app, [*asked, "--calibration", str(tmp_path / "own.xdf"), "--json", str(out)])
    assert both.exit_code == 0, both.output
    (one,) = json.loads(out.read_text())["sessions"]
    assert one["model"]["gestures"] == one["lda"]["gestures"] == 1
    assert 0 <= one["model"]["onset_delay_p50"] < 0.5
    wrong = CliRunner().invoke(app, [*asked, "--calibration", "x", "--repetitions", "1"])
    assert isinstance(wrong.exception, hd.ConfigError)


def test_what_a_session_lost_is_scored_as_live_lost_it(bundle: hd.Bundle) -> None:
    samples = signal_uv(4096).astype(np.float32)
    samples[600:1200] = np.nan
    marks = recording(4096).markers
    gappy = ArrayRecording("gappy", SPEC.fs_hz, NAMES, 4096, marks, samples=samples)
    windows = list(live_windows(hd.StreamClassifier(bundle), gappy))
    assert all(np.isfinite(one.maps).all() for one in windows)
    assert not any(600 <= one.index < 1200 + SPEC.window_samples - 1 for one in windows)
    score = score_session(hd.StreamClassifier(bundle, learn=False), gappy, [recording(4096)])
    assert score.lda is not None
    assert score.lda.gestures == score.model.gestures == 1
