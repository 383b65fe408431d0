"""From samples to decisions: the one road of live use, evaluation, and programs of others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from rt_handdt.config import nearest
from rt_handdt.core.bundle import Bundle, load_bundle
from rt_handdt.core.decoder import Decoder
from rt_handdt.core.decoder_settings import DecoderSettings
from rt_handdt.core.dof import DofPair
from rt_handdt.core.gestures import REST
from rt_handdt.core.labelled import LabelledWindows, labelled_windows
from rt_handdt.core.preprocess import Preprocessor, channel_order
from rt_handdt.core.profile import Profile, ProfileFacts
from rt_handdt.core.quality import SignalQuality
from rt_handdt.core.recording import Recording
from rt_handdt.core.regression import RegressionSettings, VelocityRegression
from rt_handdt.core.regression_fit import RegressionReport, check_cues, cue_labels, fit_windows
from rt_handdt.core.spec import PipelineSpec
from rt_handdt.core.types import Decision, FeatureFrame, Float32, Float64, Posterior
from rt_handdt.core.units import microvolts_per
from rt_handdt.core.velocity import VelocityDecoder, VelocitySettings
from rt_handdt.errors import ConfigError, LayoutMismatch
from rt_handdt.infer.calibrated import CalibrationReport
from rt_handdt.infer.recognizer import Provider, Recognizer
from rt_handdt.infer.stream import StreamRecognizer

#: A gap of at most this share of a window is bridged (the channels are held); a longer one begins the windows anew.
BRIDGED_SHARE = 0.25


class StreamClassifier:
    """Decides which gesture a hand makes, window after window of one stream. One object a stream; not thread-safe.

    ``push`` is all that most programs need. The live engine takes the same road in steps (`windows`, `judge`, `decide`,
    `learn`), so that it can look at the clock between them.

    Parameters
    ----------
    bundle
        A model, or its folder.
    channels
        Names of the samples' columns, where they are not the layout's channels in the layout's order. Columns of other
        names are left out.
    columns
        In place of names: the column of each of the layout's channels, counted from 0.
    unit
        Of the samples: any voltage, such as ``"uV"``, ``"mV"`` or ``"V"``.
    provider
        Where the network runs: ``"auto"``, ``"cpu"`` or ``"cuda"`` (see `Recognizer`).
    learn
        Learn the subject from the unlabelled stream, if the model can.
    bad
        Names of electrodes that are known to be bad, besides those that are found to be.
    post_processing
        Changes to how the model's posteriors become decisions (`DecoderSettings`), such as ``"smoothing=majority"`` or
        ``"level.dead_band=0.1"``.

    Raises
    ------
    BundleError, LayoutMismatch, ConfigError
        If the model is not whole, columns do not fit its layout, or unit, provider or a bad electrode is unknown.

    Examples
    --------
    >>> import numpy as np
    >>> import rt_handdt as hd
    >>> classifier = hd.StreamClassifier(hd.load("default"))
    >>> at_rest = np.random.default_rng(0).normal(0, 3, (1024, 256))  # half a second at 2048 Hz, µV
    >>> [decision.label for decision in classifier.push(at_rest)][-1]
    'rest'
    """

    def __init__(
        self,
        bundle: Bundle | str | Path,
        *,
        channels: Sequence[str] | None = None,
        columns: Sequence[int] | None = None,
        unit: str = "uV",
        provider: Provider = "auto",
        learn: bool = True,
        bad: Sequence[str] = (),
        post_processing: Sequence[str] = (),
    ) -> None:
        model = bundle if isinstance(bundle, Bundle) else load_bundle(bundle)
        to_uv = microvolts_per(unit)
        if to_uv is None:
            raise ConfigError(f"The unit must be one of voltage, such as uV, mV or V; got '{unit}'.")
        self._to_uv = to_uv
        self._order = _order(model.spec, channels, columns)
        self._n_columns = len(channels) if channels is not None else None
        numbers = [electrode(name, model.spec.layout.channels) for name in bad]
        self._set_up(StreamRecognizer(Recognizer(model, provider), learn=learn), numbers, post_processing)

    @classmethod
    def ready(
        cls,
        model: Bundle | str | Path | StreamClassifier,
        *,
        provider: Provider,
        learn: bool,
        bad: Sequence[str] = (),
        post_processing: Sequence[str] = (),
    ) -> StreamClassifier:
        """A classifier as it is, or one of a model."""
        if isinstance(model, StreamClassifier):
            return model
        return cls(model, provider=provider, learn=learn, bad=bad, post_processing=post_processing)

    @classmethod
    def of(cls, reader: StreamRecognizer, bad: Sequence[int] = (), post_processing: Sequence[str] = ()) -> Self:
        """One around a recognizer that is there already; samples are µV in the layout's order.

        Parameters
        ----------
        reader
            It goes on with what it has learnt.
        bad
            Electrodes (in layout order) that are known to be bad.
        post_processing
            As for the class.
        """
        self = cls.__new__(cls)
        self._to_uv, self._order, self._n_columns = 1.0, None, None
        self._set_up(reader, bad, post_processing)
        return self

    def _set_up(self, reader: StreamRecognizer, bad: Sequence[int], changes: Sequence[str]) -> None:
        self.reader = reader
        self.bundle = reader.recognizer.bundle
        self.spec: PipelineSpec = self.bundle.spec
        self.labels: tuple[str, ...] = self.bundle.gestures.labels
        #: Numbers of the electrodes that are known to be bad.
        self.bad: tuple[int, ...] = tuple(bad)
        self._preprocessor = Preprocessor(self.spec)
        self._preprocessor.set_bad_channels(self.bad)
        #: How posteriors become decisions; see `decide_as`.
        self.post_processing = self.bundle.manifest.decoder.changed(changes, what="post-processing")
        self.decide_as(self.post_processing)
        self._velocity: VelocityDecoder | None = None
        self._nothing = np.zeros(len(self.labels), np.float32)
        self._newest = np.ones(self.spec.frame_shape, np.float32)
        self._lost = 0  # samples of a gap that is bridged with the next push
        self._bridged_values = 0  # of all such samples: lost, and counted as that

    # -- for everybody -----------------------------------------------------------------------------------------

    def push(self, samples: npt.ArrayLike, times: npt.ArrayLike | None = None) -> list[Decision]:
        """Take the next samples, and decide each window that they complete.

        Parameters
        ----------
        samples
            Shape (n, number of columns), in `unit`; NaN where a value is missing. Any n, also 0.
        times
            Shape (n,): seconds, by any clock; they come back as the decisions' `time_s`.

        Returns
        -------
        list of Decision
            One for each window, in order; often none. A window that is no EMG, or has too many bad electrodes, is a
            rest whose `reason` is the fault's code.

        Raises
        ------
        LayoutMismatch
            If the number of columns is another one.
        """
        return [self.step(frame) for frame in self.windows(self._microvolts(samples), times)]

    def gap(self, n: int | None = None) -> bool:
        """Say that samples were lost right before the next ones.

        Up to a quarter of a window is bridged: the electrodes are held at their last good value. After more, or after a
        gap of unknown length, filters and windows begin anew, and the hand rests until the first window is full.

        Parameters
        ----------
        n
            How many; None: unknown.

        Returns
        -------
        bool
            Whether it is bridged.
        """
        if n is not None and n < 0:
            raise ConfigError(f"A gap cannot be shorter than 0 samples; got {n}.")
        lost = None if n is None else self._lost + n
        if lost is not None and lost <= BRIDGED_SHARE * self.spec.window_samples:
            self._lost = lost
            return True
        self._preprocessor.reset(skip_samples=self._lost + (n or 0))
        self.pass_over()
        self._lost = 0
        return False

    def calibrate(
        self,
        recordings: Recording | Sequence[Recording],
        settle_s: float | None = None,
        *,
        rising: bool = False,
    ) -> CalibrationReport:
        """Fit to labelled repetitions of this subject (see `StreamRecognizer.calibrate`); takes under a second."""
        report = self.reader.calibrate(recordings, settle_s, rising=rising)
        self.decide_as(self.post_processing)  # levels are no earlier profile's
        return report

    def use(self, profile: Profile) -> None:
        """Go on with a calibration that was made before (`rt-handdt calibrate`).

        Levels are then counted between this subject's rest and comfortable contraction of each gesture, where both were
        heard. Velocities that it holds wait for `use_velocities`.
        """
        self.reader.use(profile.classifier)
        self._velocity = None  # another subject's
        rest = profile.facts.rest_rms_uv
        spans = {label: active - rest for label, active in profile.facts.active_rms_uv.items() if active > rest > 0}
        self.decide_as(self.post_processing, spans)

    def decide_as(self, settings: DecoderSettings, level_spans_uv: Mapping[str, float] | None = None) -> None:
        """From now on posteriors become decisions so; what was smoothed over is forgotten.

        Parameters
        ----------
        settings
            How.
        level_spans_uv
            From this subject's rest to a comfortable contraction, µV, of single gestures (see `Decoder`).
        """
        self.post_processing, self.level_spans_uv = settings, dict(level_spans_uv or {})
        hop_s = self.spec.hop_samples / self.spec.fs_hz
        self._decoder = Decoder(settings, self.bundle.gestures, hop_s, spans_uv=self.level_spans_uv)

    def calibrate_velocities(
        self,
        recordings: Recording | Sequence[Recording],
        dofs: DofPair = DofPair(),
        settings: RegressionSettings = RegressionSettings(),
    ) -> RegressionReport:
        """Fit velocities of two degrees of freedom to this subject's cues; decisions carry them from then on.

        Parameters
        ----------
        recordings
            Of one donning, with markers: rest, the four gestures of the two degrees of freedom, and those of both at
            once where they were made. Each is best made slowly, from nothing to comfortable strength, twice.
        dofs, settings
            Which two, and how (see `rt_handdt.core.regression`).

        Raises
        ------
        RecordingError
            If rest or one of the gestures is missing.
        LayoutMismatch
            If a recording's rate or channels differ from the model's.
        """
        several = [recordings] if isinstance(recordings, Recording) else list(recordings)
        check_cues({segment.label for one in several for segment in one.segments()}, dofs)
        labels = cue_labels(dofs)
        return self.fit_velocities(labelled_windows(several, self.spec, labels, 0.0), labels, dofs, settings)

    def fit_velocities(
        self,
        windows: LabelledWindows,
        labels: Sequence[str],
        dofs: DofPair = DofPair(),
        settings: RegressionSettings = RegressionSettings(),
    ) -> RegressionReport:
        """The same from windows that are there already; their labels are positions among `labels`."""
        regression, report = fit_windows(windows, labels, self.spec, self.bundle.population(), dofs, settings)
        self.use_velocities(regression)
        return report

    def use_velocities(
        self, regression: VelocityRegression | None, settings: VelocitySettings = VelocitySettings()
    ) -> None:
        """Go on with velocities that were fitted before; None: without."""
        self._velocity = None
        if regression is not None:
            self._velocity = VelocityDecoder(
                regression, self.bundle.population(), self.spec.hop_samples / self.spec.fs_hz, settings
            )

    @property
    def regression(self) -> VelocityRegression | None:
        """What velocities come from; None without."""
        return None if self._velocity is None else self._velocity.regression

    @property
    def velocity_settings(self) -> VelocitySettings | None:
        """How velocities become commands; None without."""
        return None if self._velocity is None else self._velocity.settings

    @property
    def dofs(self) -> tuple[str, ...]:
        """Names of what the decisions' velocities are of; none without."""
        return () if self.regression is None else self.regression.dofs.names

    def profile(
        self, report: CalibrationReport, *, rest_rms_uv: float, active_rms_uv: dict[str, float], subject: str = ""
    ) -> Profile:
        """What `use` takes, of the calibration that was fitted last.

        Raises
        ------
        ConfigError
            If none was.
        """
        if self.reader.calibrated is None:
            raise ConfigError("There is no calibration yet; calibrate first.")
        facts = ProfileFacts(
            bundle=self.bundle.manifest.name,
            fingerprint=self.bundle.fingerprint,
            layout=self.spec.layout.name,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            subject=subject,
            labels=report.labels,
            rest_rms_uv=rest_rms_uv,
            active_rms_uv=active_rms_uv,
            accuracy=report.accuracy if np.isfinite(report.accuracy) else None,
        )
        return Profile(facts, self.reader.calibrated.classifier, self.regression)

    def reset_subject(self) -> None:
        """Somebody else is at the electrodes, or they were moved: unsupervised adaptation begins anew.

        A calibration is kept: it was made on purpose.
        """
        self.reader.reset()

    @property
    def learnt_s(self) -> float | None:
        """Seconds of signal that unsupervised adaptation has learnt from; None if nothing is learnt."""
        learnt = self.reader.learnt
        return None if learnt is None else learnt * self.spec.hop_samples / self.spec.fs_hz

    @property
    def quality(self) -> SignalQuality | None:
        """Of the newest window, electrode by electrode; None before the first."""
        return self._preprocessor.quality

    @property
    def missing_values(self) -> int:
        """Single values that came as NaN, and were held at the last good one; those of lost samples do not count."""
        return max(0, self._preprocessor.missing_values - self._bridged_values)

    # -- step by step, as the live engine takes it -------------------------------------------------------------

    @property
    def samples_to_next_window(self) -> int:
        """How many more samples complete the next window."""
        return max(1, self._preprocessor.samples_to_next_frame - self._lost)

    @property
    def index(self) -> int:
        """Number of the next sample, counted from the first one ever pushed; lost ones count."""
        return self._preprocessor.index + self._lost

    @property
    def filtered(self) -> Float32:
        """(n, n_channels) µV: what the last push came to behind the filters, whole blocks of it."""
        return self._preprocessor.filtered

    def windows(self, samples_uv: npt.ArrayLike, times: npt.ArrayLike | None = None) -> list[FeatureFrame]:
        """The windows that samples complete; these are µV in the layout's order (otherwise as in `push`)."""
        array = np.asarray(samples_uv, dtype=np.float64)
        if self._lost and len(array):
            array = np.concatenate([np.full((self._lost, array.shape[1]), np.nan), array])
            self._bridged_values += self._lost * array.shape[1]
            if times is not None:
                given = np.asarray(times, dtype=np.float64)
                times = np.concatenate([given[0] + np.arange(-self._lost, 0) / self.spec.fs_hz, given])
            self._lost = 0
        return self._preprocessor.push(array, times)

    def step(self, frame: FeatureFrame) -> Decision:
        """Decide one window, and learn from it."""
        if frame.fault is not None:
            self.pass_over()
            return Decision(
                label=REST,
                confidence=0.0,
                probabilities=self._nothing,
                rejected=True,
                level=0.0,
                index=frame.index,
                time_s=frame.time_s,
                reason=frame.fault.code,
                velocities=None if self._velocity is None else (0.0, 0.0),
            )
        decision = self.decide(frame, self.judge(frame))
        self.learn()
        return decision

    def judge(self, frame: FeatureFrame) -> Posterior:
        """How probable each gesture is in a window, by all that is known of the subject."""
        self._newest = frame.maps
        return self.reader.judge(frame.maps)

    def decide(self, frame: FeatureFrame, posterior: Posterior) -> Decision:
        """What the hand shall do after it."""
        decision = self._decoder.step(posterior, frame.rms_uv, frame.index, frame.time_s, frame.strength_uv)
        return decision if self._velocity is None else replace(decision, velocities=self._velocity.step(frame.maps))

    def learn(self) -> None:
        """Learn from the window judged last; once its decision is out, for it takes about as long as judging."""
        self.reader.learn()

    def pass_over(self) -> None:
        """A window is not decided: what came before it is smoothed over no more, and the hand rests."""
        self._decoder.reset()
        if self._velocity is not None:
            self._velocity.reset()

    def set_bad(self, names: Sequence[str]) -> None:
        """These electrodes are bad, whatever they seem, and no others are called so: from the next window on.

        Raises
        ------
        ConfigError
            If one of them is unknown; nothing is changed then.
        """
        self.bad = tuple(electrode(name, self.spec.layout.channels) for name in names)
        self._preprocessor.set_bad_channels(self.bad)

    def warm(self) -> None:
        """Walk the way of `judge` for nothing, without a trace: a window that follows soon is judged faster."""
        self.reader.warm(self._newest)

    def _microvolts(self, samples: npt.ArrayLike) -> Float64:
        array = np.asarray(samples, dtype=np.float64)
        wanted = self._n_columns or (self.spec.layout.n_channels if self._order is None else None)
        least = 0 if self._order is None else int(self._order.max()) + 1
        if array.ndim != 2 or (wanted is not None and array.shape[1] != wanted) or array.shape[1] < least:
            raise LayoutMismatch(
                f"Samples must have the shape (n, {wanted or f'{least} or more'}) for the layout "
                f"'{self.spec.layout.name}'; got {array.shape}. Name their columns with channels or columns."
            )
        ordered = array if self._order is None else array[:, self._order]
        return ordered if self._to_uv == 1.0 else ordered * self._to_uv


def electrode(name: str, channels: Sequence[str]) -> int:
    """The number of an electrode that is said to be bad.

    Raises
    ------
    ConfigError
        If there is none of that name.
    """
    if name not in channels:
        raise ConfigError(f"bad {name}: the model's layout has no such electrode{nearest(name, list(channels))}")
    return channels.index(name)


def _order(
    spec: PipelineSpec, channels: Sequence[str] | None, columns: Sequence[int] | None
) -> npt.NDArray[np.intp] | None:
    if channels is not None and columns is not None:
        raise ConfigError("Say either channels or columns, not both.")
    if channels is not None:
        return channel_order(tuple(channels), spec, "The samples")
    if columns is None:
        return None
    order = np.asarray(columns, dtype=np.intp)
    if order.shape != (spec.layout.n_channels,) or len(set(order.tolist())) != len(order) or order.min() < 0:
        raise LayoutMismatch(
            f"columns must name {spec.layout.n_channels} different columns, counted from 0, one for each channel of "
            f"the layout '{spec.layout.name}'; got {len(order)}."
        )
    return order
