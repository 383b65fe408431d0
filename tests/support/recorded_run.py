"""Files as live runs over recordings make them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from rt_handdt.core.bundle import Bundle
from rt_handdt.core.recording import ArrayRecording
from rt_handdt.core.types import Chunk
from rt_handdt.infer.classifier import StreamClassifier
from rt_handdt.io.description import StreamDescription
from rt_handdt.io.message import Message
from rt_handdt.io.session_file import SessionFile
from tests.support.sinks import about


def recorded_run(
    path: Path,
    bundle: Bundle,
    one: ArrayRecording,
    *,
    first: int = 0,
    wrong: slice = slice(0),
    lost_s: float | None = None,
) -> Path:
    """A file as a run over a recording would make it, from a sample on, with wrong labels in some windows.

    With `lost_s` it ends with the stream's loss, so long after the newest sample; the cues are in it then, too.
    """
    spec = bundle.spec
    about_it = about(labels=("rest", "left", "right"), rate_hz=spec.fs_hz / spec.hop_samples)
    described = StreamDescription("amp", "EMG", "", "amp", "", spec.fs_hz, len(one.channels), "float32", one.channels)
    file = SessionFile(path, described, about_it)
    classifier, seq = StreamClassifier(bundle), 0
    for lost, samples in one.pieces(50):
        if lost:
            classifier.gap(lost)
        at = classifier.index
        times = 100.0 + (at + np.arange(len(samples))) / spec.fs_hz
        if at >= first:
            file.signal(Chunk(samples, times, lost, 0.0, times))
        for made in classifier.push(samples, times):
            if at < first or made.reason:
                continue
            label = "right" if seq in range(*wrong.indices(10**6)) else made.label
            told = replace(made, label=label)
            message = Message.of(seq, told, "running", "running", made.time_s, about_it.labels, told_s=made.time_s)
            file.told(message)
            seq += 1
    if lost_s is not None:
        file.marked([(100.0 + mark.index / spec.fs_hz, mark.label) for mark in one.markers])
        at_s = 100.0 + classifier.index / spec.fs_hz + lost_s
        rest = replace(made, label="rest", reason="lost", time_s=float("nan"))
        file.event(at_s, bad={"E3": "known", "E5": "flat"}, lost=0)
        file.event(at_s, state="lost", code="gone", sentence="The stream is gone.")
        file.told(Message.of(seq, rest, "lost", "gone", float("nan"), about_it.labels, told_s=at_s))
    file.file.close()
    return path
