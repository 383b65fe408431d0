"""From a sample's sending to the decision on it, over LSL on this computer, at the stream's own pace."""

from __future__ import annotations

import copy
import math
import multiprocessing
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.types import Float32
from rt_handdt.errors import StreamError
from rt_handdt.infer.classifier import StreamClassifier
from rt_handdt.infer.recognizer import Recognizer
from rt_handdt.infer.stream import StreamRecognizer
from rt_handdt.io import lsl
from rt_handdt.runtime.bench.emg import LoopedRecording
from rt_handdt.runtime.connect import connect
from rt_handdt.runtime.engine import Engine
from rt_handdt.runtime.report import run_report
from rt_handdt.runtime.waiting import wait_until_done

NAME = "rt-handdt bench"
#: Starting Python and importing takes seconds on a slow machine.
START_S = 60.0
#: The first second after a stream was opened tells of opening it.
SETTLE_S = 1.0
#: The sender outlives a program that was killed by no more than this.
LONGEST_S = 120.0


def hops(window_samples: int, hop_samples: int) -> list[int]:
    """The model's hop, half and twice of it, in samples: as far as a window can be cut so."""
    wanted = (hop_samples // 2, hop_samples, 2 * hop_samples)
    return [n for n in wanted if 2 <= n <= window_samples and math.gcd(window_samples, n) >= 2]


def paced_latency(
    recognizer: Recognizer, samples: Float32, seconds: float, session: str, say: Callable[[str], None]
) -> list[dict[str, Any]]:
    """Let the engine recognize a stream that another process sends, for `seconds` at each of several hops.

    Parameters
    ----------
    recognizer
        The model; its own hop is the middle one.
    samples
        (n, n_channels) µV, sent again and again.
    seconds
        At each hop.
    session
        LSL session, which this process is set up with.
    say
        Told what is measured now.

    Returns
    -------
    list of dict
        ``hop_samples``, ``hop_ms``, ``push_to_decision`` and ``compute`` (ms), ``windows``, ``refused``, ``late``,
        ``lost``.
    """
    spec = recognizer.bundle.spec
    found = []
    with _sender(spec.layout, spec.fs_hz, samples, session):
        for n in hops(spec.window_samples, spec.hop_samples):
            say(f"Latency over LSL, a window every {1e3 * n / spec.fs_hz:.1f} ms")
            model = _with_hop(recognizer, n)
            classifier = StreamClassifier.of(StreamRecognizer(model))
            engine = Engine(classifier, connect(model.bundle.spec, NAME, timeout_s=START_S), priority=True)
            engine.start()
            try:
                wait_until_done(engine, SETTLE_S, lambda: None)
                # What had piled up while the stream was opened is old and passed over: no fault of this computer.
                before = _late(engine), engine.samples_lost
                wait_until_done(engine, SETTLE_S + seconds, lambda: None)
                late, lost = _late(engine) - before[0], engine.samples_lost - before[1]
            finally:
                engine.stop()
            engine.raise_error()
            report = run_report(engine)
            found.append(
                {
                    "hop_samples": n,
                    "hop_ms": round(1e3 * n / spec.fs_hz, 3),
                    "push_to_decision": report["latency_ms"]["push_to_decision"],
                    "compute": report["latency_ms"]["compute"],
                    "windows": report["windows"]["decided"],
                    "refused": sum(report["windows"]["refused"].values()),
                    "late": late,
                    "lost": lost,
                }
            )
    return found


def _late(engine: Engine) -> int:
    return engine.windows_late + engine.windows_skipped


def _with_hop(recognizer: Recognizer, hop_samples: int) -> Recognizer:
    """The same model, asked more or less often: nothing in it depends on that."""
    manifest = recognizer.bundle.manifest
    spec = manifest.spec.model_copy(update={"hop_s": hop_samples / manifest.spec.fs_hz})
    other = copy.copy(recognizer)
    other.bundle = replace(recognizer.bundle, manifest=manifest.model_copy(update={"spec": spec}))
    return other


@contextmanager
def _sender(layout: ElectrodeLayout, fs_hz: float, samples: Float32, session: str) -> Iterator[None]:
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(prefix="rt-handdt-bench-") as folder:
        file = Path(folder, "samples.npy")
        np.save(file, samples)
        ready = context.Event()
        process = context.Process(target=_send, args=(file, layout, fs_hz, session, ready), daemon=True)
        process.start()
        try:
            while not ready.wait(0.2):
                if not process.is_alive():
                    raise StreamError(f"The process that sends ended with code {process.exitcode}; run it again.")
            yield
        finally:
            process.terminate()
            process.join(5.0)


def _send(file: Path, layout: ElectrodeLayout, fs_hz: float, session: str, ready: Any) -> None:
    from rt_handdt.io.replay import Replayer

    lsl.configure(session=session)
    samples = np.load(file)
    recording = LoopedRecording(NAME, fs_hz, layout.channels, int(LONGEST_S * fs_hz), samples=samples)
    replayer = Replayer(recording, layout=layout, counter=True)
    ready.set()
    if replayer.wait_for_listener(START_S):
        replayer.run()
