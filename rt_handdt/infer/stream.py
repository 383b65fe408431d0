"""A bundle over a stream of windows: the network, and what is learnt of the person on the way."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rt_handdt.core.adaptation import PersonAdapter
from rt_handdt.core.calibration import CalibratedClassifier
from rt_handdt.core.labelled import LabelledWindows, labelled_windows
from rt_handdt.core.recording import Recording
from rt_handdt.core.regression_fit import stronger_half
from rt_handdt.core.types import Float32, Posterior
from rt_handdt.infer.calibrated import CalibratedStream, CalibrationReport
from rt_handdt.infer.recognizer import Recognizer


class StreamRecognizer:
    """Recognizes the windows of one stream in order. One object a stream; not thread-safe.

    Uncalibrated, it is the network, with unsupervised adaptation where the bundle can. Once calibrated, by `calibrate`
    or by a bundle that was trained with its user's repetitions, it is the calibrated classifier, which no unlabelled
    adaptation outvotes: only a displacement common to all gestures, and a move of the electrodes, are followed.

    Parameters
    ----------
    recognizer
        The model.
    learn
        Learn from the unlabelled stream. Off: each window is judged by the network, or the calibration, alone.
    stride
        Frames of the full stream for each window given here, where some are left out.

    Attributes
    ----------
    adapter
        Of the uncalibrated model; None if it learns nothing.
    calibrated
        None before a calibration.
    """

    def __init__(self, recognizer: Recognizer, *, learn: bool = True, stride: int = 1) -> None:
        self.recognizer = recognizer
        self.adapter: PersonAdapter | None = None
        self.calibrated: CalibratedStream | None = None
        self._learn, self._stride = learn, stride
        bundle = recognizer.bundle
        self._person = bundle.person()
        settings = bundle.manifest.adaptation
        if learn and settings is not None and self._person is not None:
            hop_s, rest = bundle.spec.hop_samples / bundle.spec.fs_hz, bundle.gestures.rest_index
            self.adapter = PersonAdapter(self._person, settings, rest, stride=stride, hop_s=hop_s)
        own = bundle.calibrated()
        if own is not None:
            self.calibrated = CalibratedStream(
                own,
                bundle.population(),
                recognizer.predict_batch,
                self._person,
                spec=bundle.spec,
                learn=learn,
                stride=stride,
            )

    def step(self, maps: Float32) -> Posterior:
        """Recognize the next window, maps (F, H, W), and learn from it."""
        posterior = self.judge(maps)
        self.learn()
        return posterior

    def judge(self, maps: Float32) -> Posterior:
        """Recognize the next window."""
        if self.calibrated is not None:
            return self.calibrated.judge(maps)
        if self.adapter is None:
            return self.recognizer.predict(maps)
        return self.adapter.judge(maps, self.recognizer.predict_batch)

    def warm(self, maps: Float32) -> None:
        """Compute what `judge` does, for nothing and without a trace: a window that follows soon is judged faster."""
        if self.calibrated is not None:
            self.calibrated.warm(maps)
        elif self.adapter is not None:
            self.adapter.warm(maps, self.recognizer.predict_batch)
        else:
            self.recognizer.predict(maps)

    def learn(self) -> None:
        """Learn from the window just judged, once its decision is out: it takes about as long as judging."""
        if self.calibrated is not None:
            self.calibrated.learn()
        elif self.adapter is not None:
            self.adapter.learn(self.recognizer.predict_batch)

    def calibrate(
        self, recordings: Recording | Sequence[Recording], settle_s: float | None = None, *, rising: bool = False
    ) -> CalibrationReport:
        """Fit to recordings of this person whose markers say what was done. Any bundle can; it takes under a second.

        Parameters
        ----------
        recordings
            Of one donning, in order of time: one repetition or more, of all labels or some.
        settle_s
            How much of each segment's beginning is left out; by default what the bundle says.
        rising
            Gestures were made from nothing to full strength, as velocities want it: only their stronger half counts.

        Raises
        ------
        RecordingError
            If fewer than two of the model's labels are there.
        LayoutMismatch
            If a recording's rate or channels differ from the model's.
        """
        bundle = self.recognizer.bundle
        several = [recordings] if isinstance(recordings, Recording) else list(recordings)
        wait_s = bundle.manifest.calibration.settle_s if settle_s is None else settle_s
        windows = labelled_windows(several, bundle.spec, bundle.gestures.labels, wait_s)
        if rising:
            windows = stronger_half(windows, bundle.gestures.labels, bundle.population(), bundle.spec)
        return self.fit(windows)

    def fit(self, windows: LabelledWindows) -> CalibrationReport:
        """Fit to labelled windows that are there already."""
        bundle, recognizer = self.recognizer.bundle, self.recognizer
        self.calibrated, report = CalibratedStream.fit(
            windows,
            bundle.population(),
            bundle.manifest.calibration,
            recognizer.predict_batch,
            self._person,
            bundle.gestures.labels,
            bundle.spec.layout.occupied,
            spec=bundle.spec,
            learn=self._learn,
            stride=self._stride,
        )
        return report

    def use(self, classifier: CalibratedClassifier) -> None:
        """Go on with a calibration that was fitted before."""
        recognizer = self.recognizer
        self.calibrated = CalibratedStream(
            classifier,
            recognizer.bundle.population(),
            recognizer.predict_batch,
            self._person,
            spec=recognizer.bundle.spec,
            learn=self._learn,
            stride=self._stride,
        )

    @property
    def learns(self) -> bool:
        """Whether it learns from the unlabelled stream, if the bundle can."""
        return self._learn

    @property
    def learnt(self) -> int | None:
        """Windows learnt from without labels since the last reset, each for all that it stands for; None: none are."""
        if self.calibrated is not None:
            drift = self.calibrated.drift
            return drift.learnt * drift.settings.every * self._stride if self._learn else None
        if self.adapter is None:
            return None
        return self.adapter.learnt * self.adapter.settings.every

    def run(self, maps: Float32) -> Float32:
        """Probabilities (N, K) of N windows in a row, maps (N, F, H, W)."""
        if not self._learn and self.calibrated is not None:
            return self.calibrated.judge_all(maps)
        if self.adapter is None and self.calibrated is None:
            return self.recognizer.predict_batch(maps)[0]
        return np.stack([self.step(one).probabilities for one in maps])

    def reset(self) -> None:
        """Start adaptation anew: what was learnt without labels is forgotten, a calibration is kept."""
        if self.adapter is not None:
            self.adapter.reset()
        if self.calibrated is not None:
            self.calibrated.reset()
