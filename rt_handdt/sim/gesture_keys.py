"""Which key tells a virtual person to do what; the same in a terminal and in the window."""

from __future__ import annotations

from rt_handdt.core.gestures import HYSER_GESTURES, STUDY_TEN, hyser_label

KEYS = "123456789" + "abcdefghijklmnoprstuvwxyz"  # without q: 34 keys, as many as Hyser has gestures
#: Keys for rest.
REST_KEYS = "0 "
_TEN = tuple(hyser_label(code) for code in STUDY_TEN)
#: The ten of the study come first.
GESTURE_OF = dict(zip(KEYS, (*_TEN, *(label for label in HYSER_GESTURES if label not in _TEN)), strict=True))
