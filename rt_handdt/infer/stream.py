"""A bundle over a stream of windows: the network, and what is learnt of the person on the way."""

from __future__ import annotations

import numpy as np

from rt_handdt.core.adaptation import PersonAdapter
from rt_handdt.core.preprocess import iter_frames
from rt_handdt.core.recording import Recording
from rt_handdt.core.types import Float32, Posterior
from rt_handdt.errors import ConfigError
from rt_handdt.infer.recognizer import Recognizer


class StreamRecognizer:
    """Recognizes the windows of one stream in order. One object a stream; not thread-safe.

    Parameters
    ----------
    recognizer
        The model.
    learn
        Learn the person from the stream, if the bundle can. Off: each window is judged by the network alone, as if the
        average person had made it.
    stride
        Frames of the full stream for each window given here, where some are left out.

    Attributes
    ----------
    adapter
        None if nothing is learnt.
    """

    def __init__(self, recognizer: Recognizer, *, learn: bool = True, stride: int = 1) -> None:
        self.recognizer = recognizer
        self.adapter: PersonAdapter | None = None
        bundle = recognizer.bundle
        settings, model = bundle.manifest.adaptation, bundle.person()
        if learn and settings is not None and model is not None:
            hop_s = bundle.spec.hop_samples / bundle.spec.fs_hz
            self.adapter = PersonAdapter(model, settings, bundle.gestures.rest_index, stride=stride, hop_s=hop_s)

    def step(self, maps: Float32) -> Posterior:
        """Recognize the next window, maps (F, H, W), and learn from it."""
        posterior = self.judge(maps)
        self.learn()
        return posterior

    def judge(self, maps: Float32) -> Posterior:
        """Recognize the next window."""
        if self.adapter is None:
            return self.recognizer.predict(maps)
        return self.adapter.judge(maps, self.recognizer.predict_batch)

    def learn(self) -> None:
        """Learn from the window just judged, once its decision is out: it takes about as long as judging."""
        if self.adapter is not None:
            self.adapter.learn(self.recognizer.predict_batch)

    def calibrate(self, recording: Recording) -> int:
        """Learn from a recording of this person whose markers say what was done; returns the windows learnt from.

        Raises
        ------
        ConfigError
            If the model learns nothing, or the recording has no window of a label that it knows.
        LayoutMismatch
            If the recording's rate or channels differ from the model's.
        """
        bundle = self.recognizer.bundle
        if self.adapter is None:
            raise ConfigError(
                f"The model '{bundle.manifest.name}' learns nothing live, so a calibration is of no use to it; train "
                "one with 'person.learn' = true, or train with this recording (train --calibration)."
            )
        labels, spec = bundle.gestures.labels, bundle.spec
        segments = [segment for segment in recording.segments() if segment.label in labels]
        taught = 0
        for frame in iter_frames(recording, spec):
            first = frame.index - spec.window_samples + 1
            for segment in segments:
                if segment.holds(first, frame.index):
                    self.adapter.teach(frame.maps, labels.index(segment.label))
                    taught += 1
        if not taught:
            raise ConfigError(
                f"{recording.name}: no window of {spec.window_s:g} s lies inside a segment of {', '.join(labels)}; "
                "record each gesture for a second or more, with markers."
            )
        self.adapter.update()
        return taught

    def run(self, maps: Float32) -> Float32:
        """Probabilities (N, K) of N windows in a row, maps (N, F, H, W)."""
        if self.adapter is None:
            return self.recognizer.predict_batch(maps)[0]
        return np.stack([self.step(one).probabilities for one in maps])

    def reset(self) -> None:
        """Forget the person."""
        if self.adapter is not None:
            self.adapter.reset()
