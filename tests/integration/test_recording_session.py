"""A recording with cues on its own thread, over a real stream."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rt_handdt.io.lsl import SignalOutlet
from rt_handdt.io.protocol import Protocol
from rt_handdt.io.sources import open_recording
from rt_handdt.runtime.recording_session import RecordingSession, RecordingStage
from tests.support.sinks import until
from tests.support.streaming import streaming

NAMES = tuple(f"E{k}" for k in range(8))
BLOCK = np.ones((32, 8), np.float32)


def protocol(seconds: float) -> Protocol:
    return Protocol.parse({"rest_s": 0.3, "cue": [{"gesture": "fist", "seconds": seconds}]}, what="test")


def test_what_is_asked_for_is_recorded_with_its_cues(lsl: None, tmp_path: Path) -> None:
    with streaming(SignalOutlet("cued", NAMES, 512.0), BLOCK):
        session = RecordingSession(tmp_path / "a.xdf", "cued", protocol(0.5), timeout_s=60.0)
        until(lambda: session.ended)
    assert session.state.stage is RecordingStage.SAVED, session.state.sentences
    assert not session.state.sentences
    found = open_recording(tmp_path / "a.xdf")
    assert [one.label for one in found.markers] == ["rest", "fist", "rest"]
    assert found.n_samples > 256


def test_what_is_ended_is_kept(lsl: None, tmp_path: Path) -> None:
    with streaming(SignalOutlet("long", NAMES, 512.0), BLOCK):
        session = RecordingSession(tmp_path / "a.xdf", "long", protocol(600.0), timeout_s=60.0)
        until(lambda: session.state.progress is not None and session.state.progress.samples > 200)
        session.join()
    assert session.state.stage is RecordingStage.SAVED
    assert open_recording(tmp_path / "a.xdf").n_samples > 200


def test_what_cannot_be_recorded_is_one_sentence(lsl: None, tmp_path: Path) -> None:
    (tmp_path / "there.xdf").write_text("")
    with streaming(SignalOutlet("again", NAMES, 512.0), BLOCK):
        session = RecordingSession(tmp_path / "there.xdf", "again", protocol(1.0), timeout_s=60.0)
        until(lambda: session.ended)
    assert session.state.stage is RecordingStage.OVER
    assert "there.xdf" in session.state.sentences[0]
    assert (tmp_path / "there.xdf").read_text() == ""
    nobody = RecordingSession(tmp_path / "b.xdf", "nobody", protocol(1.0), timeout_s=0.2)
    until(lambda: nobody.ended)
    assert "nobody" in nobody.state.sentences[0]
    assert not (tmp_path / "b.xdf").exists()
