"""A classifier as a recorded run began with it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rt_handdt import __version__
from rt_handdt.core.bundle import Bundle
from rt_handdt.core.calibration import CalibratedClassifier
from rt_handdt.core.profile import CLASSIFIER, Profile
from rt_handdt.core.regression import VelocityRegression
from rt_handdt.core.run_setup import CALIBRATION, VELOCITIES, RunSetup
from rt_handdt.core.spec import PipelineSpec
from rt_handdt.core.units import microvolts_per
from rt_handdt.errors import BundleError, ConfigError, RecordingError
from rt_handdt.infer.classifier import StreamClassifier
from rt_handdt.infer.recognizer import Provider, Recognizer
from rt_handdt.infer.stream import StreamRecognizer
from rt_handdt.io.recorded_decisions import RecordedDecisions
from rt_handdt.io.sources import open_recording
from rt_handdt.runtime.connect import Connection


@dataclass(frozen=True)
class Asked:
    """What is to be otherwise than in the run; None: as it was.

    Attributes
    ----------
    learn
        Learn the subject.
    calibration, profile
        A recording to calibrate with, or a folder that holds a calibration.
    post_processing
        Changes to the model's own settings.
    provider
        Where the network runs.
    """

    learn: bool | None = None
    calibration: str | None = None
    profile: Path | None = None
    post_processing: tuple[str, ...] | None = None
    provider: Provider = "auto"


def setup_of(classifier: StreamClassifier) -> tuple[RunSetup, dict[str, bytes]]:
    """How a run that begins now will be decided; and, by name, the files that it is calibrated with."""
    manifest, calibrated = classifier.bundle.manifest, classifier.reader.calibrated
    files = {}
    if calibrated is not None:
        files[CALIBRATION] = calibrated.classifier.to_bytes()
    if classifier.regression is not None:
        files[VELOCITIES] = classifier.regression.to_bytes()
    setup = RunSetup(
        program=__version__,
        model=manifest.name,
        fingerprint=classifier.bundle.fingerprint,
        provider=classifier.reader.recognizer.provider,
        learn=classifier.reader.learns,
        used_s=classifier.index / classifier.spec.fs_hz,
        bad=tuple(classifier.spec.layout.channels[k] for k in classifier.bad),
        post_processing=classifier.post_processing,
        level_spans_uv=classifier.level_spans_uv,
        calibration=_sha256(files.get(CALIBRATION)),
        velocities=_sha256(files.get(VELOCITIES)),
        velocity=classifier.velocity_settings,
    )
    return setup, files


def taken_electrodes(connection: Connection, spec: PipelineSpec) -> dict[str, Any] | None:
    """Which columns of a stream are the electrodes, for the recording; None where their names and units say it all."""
    stream, order = connection.inlet.describe(), connection.order.tolist()
    names = [stream.channels[k] for k in order] if stream.channels else []
    stated = [microvolts_per(stream.units[k]) for k in order] if stream.units else [None] * len(order)
    factors = set(connection.to_uv.tolist())
    units = [unit for unit in ("uV", "mV", "V", "nV") if microvolts_per(unit) in factors] if len(factors) == 1 else []
    unit = units[0] if units and set(stated) != factors else None
    if unit is None and names == list(spec.layout.channels):
        return None
    return {"names": spec.layout.channels, "columns": order, "unit": unit}


def recorded_setup(told: RecordedDecisions) -> RunSetup | None:
    """What the file says of how it was decided; None where it says nothing.

    Raises
    ------
    RecordingError
        If that cannot be read.
    """
    if not told.setup:
        return None
    try:
        return RunSetup.read(told.setup, what=f"The setup of the run '{told.name}'")
    except ConfigError as exc:
        raise RecordingError(f"{exc} It may be of a newer program.") from None


def repeated(
    bundle: Bundle, told: RecordedDecisions, asked: Asked = Asked(), recognizer: Recognizer | None = None
) -> tuple[StreamClassifier, list[str]]:
    """A classifier as the run began with it, but for what is asked for; and what is to be known of the difference.

    Parameters
    ----------
    bundle
        The model; where it is another than the run's, what the run was calibrated with does not fit, and is left out.
    told
        The run's decisions.
    recognizer
        Of the same bundle, where there is one already.

    Raises
    ------
    HanddtError
        If the setup cannot be read, or what is asked for cannot be had.
    """
    setup = recorded_setup(told)
    notes: list[str] = []
    if setup is None:
        notes.append(
            "The recording does not say how it was decided: it is taken for a run that was not calibrated, with the "
            "model's own post-processing, where nothing else is asked for."
        )
    else:
        notes += _differences(setup, bundle, told, asked)
    same = setup if setup is not None and setup.fingerprint == bundle.fingerprint else None
    learn = asked.learn if asked.learn is not None else setup is None or setup.learn
    known = bundle.spec.layout.channels
    classifier = StreamClassifier.of(
        StreamRecognizer(recognizer or Recognizer(bundle, asked.provider), learn=learn),
        () if setup is None else [known.index(name) for name in setup.bad if name in known],
        asked.post_processing or (),
    )
    if setup is not None and setup.provider != classifier.reader.recognizer.provider:
        notes.append(f"The network ran on {setup.provider} then, and runs on {classifier.reader.recognizer.provider}.")
    if same is not None and asked.post_processing is None:
        classifier.decide_as(same.post_processing)
    if asked.profile is not None:
        classifier.use(Profile.load(asked.profile, bundle))
    elif asked.calibration is not None:
        classifier.calibrate(open_recording(asked.calibration))  # as the user says, by names of its electrodes
    elif same is not None:
        _calibrated(classifier, same, told)
    if same is not None and same.velocities == _sha256(told.files.get(VELOCITIES)) != "":
        n_features = bundle.spec.n_maps * bundle.spec.layout.n_channels
        regression = VelocityRegression.from_bytes(told.files[VELOCITIES], n_features, bundle.spec.layout.shape)
        classifier.use_velocities(regression, *[same.velocity] if same.velocity is not None else [])
    return classifier, notes


def _calibrated(classifier: StreamClassifier, setup: RunSetup, told: RecordedDecisions) -> None:
    content = told.files.get(CALIBRATION, b"")
    if not setup.calibration or setup.calibration != _sha256(content):
        return
    bundle = classifier.bundle
    try:
        calibrated = CalibratedClassifier.from_bytes(
            content, bundle.spec, len(bundle.gestures), bundle.manifest.latent_size
        )
    except BundleError as exc:
        raise RecordingError(f"What the run '{told.name}' was calibrated with cannot be used: {exc}") from None
    classifier.reader.use(calibrated)
    classifier.decide_as(classifier.post_processing, setup.level_spans_uv)


def _differences(setup: RunSetup, bundle: Bundle, told: RecordedDecisions, asked: Asked) -> list[str]:
    """What will not be as it was."""
    notes = []
    if setup.fingerprint != bundle.fingerprint:
        notes.append(
            f"The run was decided by the model '{setup.model}' ({setup.fingerprint}), and this is "
            f"'{bundle.manifest.name}' ({bundle.fingerprint}): its own settings are taken, and no calibration of the "
            "run's."
        )
    missing = setup.calibration != "" and told.files.get(CALIBRATION) is None
    if missing and asked.profile is None and asked.calibration is None:
        notes.append(
            "The run was calibrated, and the file does not hold with what (it was not recorded by rt-handdt itself): "
            "give it with --profile or --calibration."
        )
    if setup.used_s:
        notes.append(
            f"The classifier had seen {setup.used_s:.1f} s of signal before the run; what it had learnt of it is not "
            "in the file."
        )
    words = {
        "learning": asked.learn is not None and asked.learn != setup.learn,
        "post-processing": asked.post_processing is not None
        and bundle.manifest.decoder.changed(asked.post_processing, what="post-processing") != setup.post_processing,
        "calibration": (asked.profile is not None or asked.calibration is not None) and not _same_one(setup, asked),
    }
    if others := [word for word, differs in words.items() if differs]:
        notes.append(f"Otherwise than in the run, as it is asked for: {', '.join(others)}.")
    return notes


def _same_one(setup: RunSetup, asked: Asked) -> bool:
    """Whether a profile that is given is what the run was calibrated with."""
    if asked.profile is None:
        return False
    try:
        return _sha256((asked.profile / CLASSIFIER).read_bytes()) == setup.calibration
    except OSError:
        return False


def _sha256(content: bytes | None) -> str:
    return hashlib.sha256(content).hexdigest() if content else ""
