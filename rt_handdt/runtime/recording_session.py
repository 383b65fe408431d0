"""A recording with cues on a thread of its own, for a window that shows it."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from rt_handdt.io.protocol import Protocol
from rt_handdt.runtime.background import Background
from rt_handdt.runtime.recording_run import Progress, RecordingRun

STEP_S = 0.02
JOIN_S = 10.0


class RecordingStage(StrEnum):
    """Where a recording stands."""

    OPENING = "opening"
    """The stream is looked for."""
    RECORDING = "recording"
    """The file grows."""
    SAVED = "saved"
    """The file is whole."""
    OVER = "over"
    """There is no file; `RecordingState.sentences` say why."""


class RecordingState(NamedTuple):
    """What a screen shows.

    Attributes
    ----------
    stage
        See there.
    progress
        The newest; None before there is one.
    sentences
        What is to be known.
    """

    stage: RecordingStage
    progress: Progress | None = None
    sentences: tuple[str, ...] = ()


class RecordingSession(Background):
    """Records from when it is made until the cues are done or it is ended; what is recorded is kept either way.

    Parameters
    ----------
    path
        The XDF file to make.
    stream
        Name of the signal, or what else answers to it; its markers come along.
    protocol
        What is asked for.
    network
        Look for the stream beyond this computer.
    timeout_s
        How long it is waited for.
    """

    def __init__(
        self, path: Path, stream: str, protocol: Protocol, *, network: bool = False, timeout_s: float = 10.0
    ) -> None:
        super().__init__("handdt-recording", JOIN_S)
        self.path, self.protocol = path, protocol
        self._stream, self._network, self._timeout_s = stream, network, timeout_s
        self._state = RecordingState(RecordingStage.OPENING)
        self._begin()

    @property
    def state(self) -> RecordingState:
        """How it stands; from any thread."""
        return self._state

    def _say(self, sentence: str) -> None:
        self._state = self._state._replace(sentences=(*self._state.sentences, sentence))

    def _failed(self, sentence: str) -> None:
        whole = self._state.stage is RecordingStage.RECORDING
        self._say(sentence)
        self._state = self._state._replace(stage=RecordingStage.SAVED if whole else RecordingStage.OVER)

    def _work(self) -> None:
        from rt_handdt.io import lsl
        from rt_handdt.runtime.recorded_streams import recorded_streams

        lsl.configure(network=self._network)
        streams = recorded_streams([self._stream], timeout_s=self._timeout_s, over=self._over)
        if self._over.is_set():
            self._state = RecordingState(RecordingStage.OVER)
            return
        run = RecordingRun(self.path, streams, self.protocol.cues(), say=self._say)
        self._state = self._state._replace(stage=RecordingStage.RECORDING)
        try:
            while (progress := run.step()) is not None:
                self._state = self._state._replace(progress=progress)
                if self._over.wait(STEP_S):
                    break
        finally:
            run.close()
        self._state = self._state._replace(stage=RecordingStage.SAVED)
