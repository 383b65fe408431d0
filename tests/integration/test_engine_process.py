"""What a window is told by the engine's own process: the signal once, and only while it is wanted."""

from __future__ import annotations

import socket
from pathlib import Path

import numpy as np

from rt_handdt.io.lsl import SignalOutlet
from rt_handdt.runtime.live_run import LiveRun
from rt_handdt.runtime.process import EngineProcess
from rt_handdt.runtime.status import State
from tests.support.sinks import UdpEar, free_port, until
from tests.support.streaming import streaming
from tests.support.tiny import noise, tiny_bundle, tiny_spec

SPEC = tiny_spec()


def test_the_signal_is_followed_while_it_is_wanted_and_electrodes_left_out(tmp_path: Path, lsl: None) -> None:
    bundle = tiny_bundle(tmp_path / "tiny", SPEC)
    outlet = SignalOutlet("process", SPEC.layout.channels, SPEC.fs_hz)
    signal = noise(SPEC, 16, 1.0).astype(np.float32)
    signal[:, 2] += 12.0 * np.sin(2 * np.pi * 64 * np.arange(16) / SPEC.fs_hz).astype(np.float32)
    with streaming(outlet, signal):
        run = LiveRun(bundle.path, "process", timeout_s=60.0, bad=("E5",), post_processing=("reject_below=0.7",))
        engine = EngineProcess(run, None, print)
        try:
            assert engine.wait_until_ready().reject_below == 0.7  # the line in the bars is the run's, not the model's
            until(lambda: engine.snapshot().state == State.RUNNING)
            assert engine.memory.written == 0
            until(lambda: bool(engine.snapshot((0,))) and engine.memory.written > 256)
            low, high = engine.memory.read(engine.memory.written - 128, engine.memory.written)
            assert high[:, 2].max() > 8
            assert low[:, 2].min() < -8
            assert np.abs(high[:, [0, 1, 3]]).max() < 6  # filtered: without the offset of 20 mV
            assert engine.snapshot((0,)).excluded == ("E5",)

            windows = engine.snapshot().windows  # nobody looks
            until(lambda: engine.snapshot().windows > windows + 64)
            written = engine.memory.written
            windows = engine.snapshot().windows
            until(lambda: engine.snapshot().windows > windows + 64)
            assert engine.memory.written == written
            until(lambda: bool(engine.snapshot((0,))) and engine.memory.written > written + 64)
            assert np.isnan(engine.memory.read(written, written + 5)[0]).all()  # what was not seen is blank

            engine.set_bad(("E1", "E2"))
            assert engine.bad == ("E1", "E2")
            until(lambda: engine.snapshot().excluded == ("E1", "E2"))
        finally:
            report = engine.stop()
    assert engine.error is None
    assert report is not None
    assert report["electrodes"]["bad"] == {"E1": "known", "E2": "known"}


def test_the_window_sees_what_becomes_of_the_messages_to_each_sink(tmp_path: Path, lsl: None) -> None:
    bundle = tiny_bundle(tmp_path / "tiny", SPEC)
    outlet = SignalOutlet("process", SPEC.layout.channels, SPEC.fs_hz)
    with UdpEar() as ear, streaming(outlet, noise(SPEC, 16, 1.0).astype(np.float32)):
        sinks = (f"udp:{ear.port}", f"websocket:{free_port(socket.SOCK_STREAM)}")
        engine = EngineProcess(LiveRun(bundle.path, "process", timeout_s=60.0, sinks=sinks), None, print)
        try:
            engine.wait_until_ready()
            until(lambda: [one.state for one in engine.snapshot().sinks] == ["open", "no page is open"])
            until(lambda: engine.snapshot().sinks[0].sent > 64)
            udp, web = engine.snapshot().sinks
            assert (udp.name, udp.well, udp.failures, udp.why) == (sinks[0], True, 0, "")
            assert (web.name, web.well, web.sent) == (sinks[1], False, 0)
            assert web.untaken > 0
            for one in (udp, web):
                assert one.told == one.sent + one.skipped + one.dropped + one.untaken + one.waiting
            engine._process.kill()
            until(lambda: [one.state for one in engine.snapshot().sinks] == ["closed", "closed"])
        finally:
            engine.stop()
