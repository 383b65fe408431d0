"""One virtual subject through a test, in several ways of control."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from rt_handdt.core.dof import DofPair
from rt_handdt.core.gestures import REST
from rt_handdt.core.profile import Profile
from rt_handdt.core.regression import VelocityRegression
from rt_handdt.errors import ConfigError
from rt_handdt.infer.classifier import StreamClassifier
from rt_handdt.infer.recognizer import Recognizer
from rt_handdt.infer.stream import StreamRecognizer
from rt_handdt.runtime.targets.condition import Condition
from rt_handdt.runtime.targets.cursor import Cursor
from rt_handdt.runtime.targets.fitts import FittsFigures, FittsSettings, FittsTest
from rt_handdt.runtime.targets.guided import calibrate_user, calibrate_velocities
from rt_handdt.runtime.targets.loop import run_test
from rt_handdt.runtime.targets.motion import MotionFigures, MotionSettings, MotionTest
from rt_handdt.runtime.targets.tracking import TrackingFigures, TrackingSettings, track
from rt_handdt.sim.aim import OneByOne, Pressing, Together
from rt_handdt.sim.donning import draw_donning
from rt_handdt.sim.forearm import Forearm
from rt_handdt.sim.person import draw_person
from rt_handdt.sim.user import UserSettings, VirtualUser

Kind = Literal["fitts", "motion", "track"]
Figures = FittsFigures | MotionFigures | TrackingFigures
#: Runs of one user: the calibrations, and the test, which is the same run in every way of control.
_CALIBRATION, _VELOCITIES, _TEST = 1, 2, 3


@dataclass(frozen=True)
class Plan:
    """What virtual subjects are asked to do.

    Attributes
    ----------
    test
        Which one.
    conditions
        Ways of control, one after another.
    dofs
        What moves a cursor.
    calibrate
        Whether the model is calibrated first, with each gesture once; velocities always are.
    fitts, motion, tracking, user
        Details.
    """

    test: Kind
    conditions: tuple[Condition, ...]
    dofs: DofPair = field(default_factory=DofPair)
    calibrate: bool = False
    fitts: FittsSettings = field(default_factory=FittsSettings)
    motion: MotionSettings = field(default_factory=MotionSettings)
    tracking: TrackingSettings = field(default_factory=TrackingSettings)
    user: UserSettings = field(default_factory=UserSettings)

    def check(self, labels: Sequence[str]) -> None:
        """Can it be done with a model of these labels?

        Raises
        ------
        ConfigError
            If not.
        """
        modes = {one.mode for one in self.conditions}
        if self.test == "motion" and "regression" in modes:
            raise ConfigError("The motion test asks for gestures; it is for the mode classification.")
        if self.test == "track" and "classification" in modes:
            raise ConfigError("Tracking is of velocities; it is for the mode regression.")
        missing = [one for one in self.dofs.gestures if one not in labels]
        if self.test == "fitts" and "classification" in modes and missing:
            raise ConfigError(
                f"To steer a cursor along {' and '.join(self.dofs.names)}, a model must know "
                f"{', '.join(self.dofs.gestures)}; this one lacks {', '.join(missing)}."
            )


class Subject:
    """A virtual subject under electrodes, calibrated once for all ways of control.

    Parameters
    ----------
    recognizer
        The model.
    seed
        Of the subject, who is the first of that cohort.
    plan
        What is to be done.

    Raises
    ------
    ConfigError
        If the model does not fit the plan, or gestures are asked for that the virtual forearm cannot make.
    """

    def __init__(self, recognizer: Recognizer, seed: int, plan: Plan) -> None:
        self._recognizer, self.seed, self.plan = recognizer, seed, plan
        bundle = recognizer.bundle
        plan.check(bundle.gestures.labels)
        self._gestures = tuple(one for one in bundle.gestures.labels if one != REST)
        # A model may have gestures that nobody virtual can make, as long as nobody is asked to.
        self._made = (*(self._gestures if plan.calibrate or plan.test == "motion" else ()), *plan.dofs.gestures)
        self._person = draw_person(seed, 1)
        self._donning = draw_donning(self._person, 1)
        self._forearm = Forearm(self._person, self._donning, bundle.spec.layout, bundle.spec.fs_hz)
        self.profile: Profile | None = None
        self.regression: VelocityRegression | None = None
        if plan.calibrate:
            self.profile = calibrate_user(self._classifier(Condition()), self._user(_CALIBRATION))
        if any(one.mode == "regression" for one in plan.conditions):
            plain = self._classifier(Condition())
            self.regression_report = calibrate_velocities(plain, self._user(_VELOCITIES), plan.dofs)
            self.regression = plain.regression

    def run(self, condition: Condition) -> Figures:
        """The test, in one way of control."""
        plan, classifier, user = self.plan, self._classifier(condition), self._user(_TEST)
        if plan.test == "track":
            return track(classifier, user, plan.dofs, plan.tracking, self.seed)
        if plan.test == "motion":
            asked = MotionTest(self._gestures, plan.motion, proportional=condition.proportional, seed=self.seed)
            run_test(classifier, user, Pressing(), asked)
            return asked.figures()
        speed = plan.fitts.speed
        cursor = Cursor(plan.dofs, condition.mode, speed, steady=None if condition.proportional else plan.fitts.steady)
        test = FittsTest(cursor, plan.fitts, self.seed)
        axes = [(dof.positive, dof.negative) for dof in plan.dofs]
        steer = Together if condition.mode == "regression" else OneByOne
        run_test(classifier, user, steer(axes, speed, user.step_s, user.reaction_s), test)
        return test.figures()

    def _classifier(self, condition: Condition) -> StreamClassifier:
        classifier = StreamClassifier.of(StreamRecognizer(self._recognizer), (), condition.post_processing)
        if self.profile is not None:
            classifier.use(self.profile)
        if condition.mode == "regression":
            classifier.use_velocities(self.regression, condition.velocities())
        return classifier

    def _user(self, run: int) -> VirtualUser[Any]:
        return VirtualUser(
            self._person,
            self._donning,
            self._made,
            self._forearm.layout,
            self._forearm.fs_hz,
            seed=run,
            settings=self.plan.user,
            forearm=self._forearm,
        )
