"""A virtual hand: does what it is told, and opens when it is told nothing."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from typing import Protocol

from rt_handdt.core.gestures import REST
from rt_handdt.core.pose import Pose
from rt_handdt.core.poses import Poses
from rt_handdt.errors import HanddtError, sentence_of
from rt_handdt.io.hands.axes import pose_at
from rt_handdt.io.hands.device import PlayedHand
from rt_handdt.io.lsl import clock
from rt_handdt.io.receivers.told import SILENCE_S, Receiver, Told
from rt_handdt.runtime.driven_pose import DrivenPose
from rt_handdt.runtime.status import state_title

#: What a hand that hears nothing is in, beside the engine's states.
SILENT = "silent"
_READ_S = 0.05


@dataclass(frozen=True)
class HandView:
    """What a virtual hand does now.

    Attributes
    ----------
    label, level
        What it was told last; rest if it was told nothing of late.
    state, code
        The engine's, or `SILENT`.
    sentence
        Why the hand is open, or what else there is to know; empty while all is well.
    age_ms
        How old the newest sample is by now; NaN where there is none.
    pose
        Where the hand goes.
    labels
        The model's; empty where they are not known.
    velocities
        That drive it, by degree of freedom; empty where it makes gestures.
    """

    label: str
    level: float
    state: str
    code: str
    sentence: str
    age_ms: float
    pose: Pose
    labels: tuple[str, ...] = ()
    velocities: dict[str, float] = field(default_factory=dict)


class HandModel(Protocol):
    """A hand that is shown.

    Attributes
    ----------
    poses
        Of its gestures.
    """

    poses: Poses

    def view(self) -> HandView:
        """What it does now; any thread.

        Raises
        ------
        HanddtError
            If there is nothing to follow any more.
        """

    def close(self) -> None:
        """Let go."""


def opened(poses: Poses) -> Pose:
    """An open hand that does nothing."""
    return replace(poses.of("hand_open"), active=frozenset())


class FollowingHand:
    """Follows decisions: makes their gestures, or, where they carry velocities, is driven by those.

    Parameters
    ----------
    receiver
        Where they come from; read and closed on a thread of this object.
    poses
        Of the gestures.
    """

    def __init__(self, receiver: Receiver, poses: Poses) -> None:
        self.poses = poses
        self._receiver = receiver
        self._newest: Told | None = None
        self._driven, self._moved_s = DrivenPose(poses), 0.0
        self._error: Exception | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="handdt-virtual-hand", daemon=True)
        self._thread.start()

    def view(self) -> HandView:
        """See `HandModel.view`."""
        if self._error is not None:
            raise self._error
        told, trouble = self._newest, self._receiver.trouble
        now = clock()
        passed_s, self._moved_s = now - self._moved_s, now
        if told is None or not now - told.heard_s <= SILENCE_S:
            sentence = trouble
            if told is not None:
                sentence = f"No message for {SILENCE_S * 1e3:.0f} ms: the hand is open."
                sentence += f" {trouble}" if trouble else ""
            self._driven.rest()
            nan = float("nan")
            return HandView(REST, 0.0, SILENT, SILENT, sentence, nan, opened(self.poses), told.labels if told else ())
        age_ms = told.age_ms + (now - told.heard_s) * 1e3
        return HandView(
            *(told.label, told.level, told.state, told.code, trouble or self._why(told), age_ms),
            self._driven.drive(told.velocities, passed_s) if told.velocities else self.poses.at(told.label, told.level),
            told.labels,
            told.velocities,
        )

    def close(self) -> None:
        """Stop to listen."""
        self._stop.set()
        self._thread.join(timeout=10.0)

    def _why(self, told: Told) -> str:
        if told.state != "running":
            why = "" if told.code == told.state else f" ({told.code})"
            return f"{state_title(told.state)}{why}: the hand rests."
        if not self.poses.knows(told.label):
            return "This gesture has no drawn pose; --poses FILE gives it one."
        return ""

    def _listen(self) -> None:
        try:
            while not self._stop.is_set():
                self._newest = self._receiver.read(_READ_S) or self._newest
        except HanddtError as exc:
            self._error = exc
        except Exception as exc:
            self._error = HanddtError(f"The virtual hand has failed ({sentence_of(exc)}).")
        finally:
            self._receiver.close()


class DeviceHand:
    """Shows a device that is played; see `rt_handdt.io.hands.device`.

    Parameters
    ----------
    device
        Plugged in; closed with this.
    poses
        Whose open and closed hand are the ends of each digit.
    """

    def __init__(self, device: PlayedHand, poses: Poses) -> None:
        self.poses, self._device = poses, device

    def view(self) -> HandView:
        """See `HandModel.view`."""
        device = self._device
        pose = pose_at(device.place, opened(self.poses), self.poses.of("hand_close"))
        level = float(device.told[:6].max())
        spoilt = f" {device.spoilt} spoilt." if device.spoilt else ""
        state, sentence = "running", f"{device.taken} commands.{spoilt}"
        if not device.obeys:
            state = SILENT
            sentence = f"No command for {device.timeout_s * 1e3:.0f} ms: it obeys no more.{spoilt}"
            if not device.taken:
                sentence = f"Waiting for commands on {device.path}.{spoilt}"
        return HandView(REST if level == 0 else device.doing, level, state, state, sentence, float("nan"), pose)

    def close(self) -> None:
        """Unplug it."""
        self._device.pull()
