"""A virtual user goes through a guided calibration, as people do: what is shown is done, a reaction later."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from rt_handdt.core.dof import DofPair
from rt_handdt.core.gestures import REST
from rt_handdt.core.preprocess import Preprocessor
from rt_handdt.core.profile import Profile
from rt_handdt.core.regression_fit import RegressionReport, cue_labels
from rt_handdt.errors import RecordingError
from rt_handdt.infer.classifier import StreamClassifier
from rt_handdt.runtime.guide import Guide, Phase
from rt_handdt.sim.user import VirtualUser

#: A cue that is heard badly is made again so often; then it is left as it is.
AGAIN = 1
#: Seconds of the cues.
PREPARE_S, HOLD_S = 1.5, 3.0


class _Cue(NamedTuple):
    parts: tuple[str, ...]
    level: float


class _Obedient:
    """Does what is shown."""

    def want(self, seen: _Cue, time_s: float) -> Mapping[str, float]:
        return dict.fromkeys(seen.parts, seen.level)


def calibrate_user(classifier: StreamClassifier, user: VirtualUser[Any], repetitions: int = 1) -> Profile:
    """Each gesture of the model, guided, by a user who can make them all.

    Raises
    ------
    RecordingError
        If fewer than two gestures could be heard.
    """
    guide = Guide(classifier, repetitions=repetitions, rest_s=HOLD_S, hold_s=HOLD_S, prepare_s=PREPARE_S)
    _go_through(guide, classifier, user, DofPair(), rising=False)
    report = classifier.reader.fit(guide.windows())
    return classifier.profile(report, rest_rms_uv=guide.rest_rms_uv, active_rms_uv=guide.active_rms_uv)


def calibrate_velocities(
    classifier: StreamClassifier,
    user: VirtualUser[Any],
    dofs: DofPair,
    repetitions: int = 2,
) -> RegressionReport:
    """Fit velocities to the gestures of two degrees of freedom, alone and both at once, each made slowly, guided.

    Raises
    ------
    RecordingError
        If a gesture could not be heard.
    """
    labels = cue_labels(dofs)
    guide = Guide(
        classifier,
        labels,
        repetitions=repetitions,
        rest_s=HOLD_S,
        hold_s=HOLD_S,
        prepare_s=PREPARE_S,
        labels=labels,
        rising=True,
    )
    _go_through(guide, classifier, user, dofs, rising=True)
    return classifier.fit_velocities(guide.windows(), labels, dofs)


def _go_through(
    guide: Guide, classifier: StreamClassifier, user: VirtualUser[Any], dofs: DofPair, *, rising: bool
) -> None:
    preprocessor = Preprocessor(classifier.spec)
    asked: dict[int, int] = {}
    mind = _Obedient()
    while not guide.done:
        view = guide.view()
        if view.phase is Phase.ASK:
            asked[view.number] = asked.get(view.number, 0) + 1
            if asked[view.number] > AGAIN:
                guide.go_on()
            else:
                guide.repeat()
            continue
        level = 0.0
        if view.phase is Phase.HOLD and view.label != REST:
            level = min(1.0, 1.5 * (1 - view.left_s / HOLD_S)) if rising else 1.0
        cue = _Cue((dofs.parts(view.label) or (view.label,)) if level > 0 else (), level)
        guide.feed(preprocessor.push(user.step(cue, mind)))
    if not guide.heard:
        raise RecordingError("Nothing of the calibration was heard.")
