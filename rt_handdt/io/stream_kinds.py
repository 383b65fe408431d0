"""Types of the streams that this program makes beside the signal."""

from __future__ import annotations

#: Decisions, as streams are called where LSL carries commands to devices.
DECISIONS = "Control"
#: Decisions of another time, sent along by a replay: not `DECISIONS`, so that nobody takes them for commands.
RECORDED_DECISIONS = "RecordedControl"
#: States and events, one JSON object each.
HEALTH = "Health"
#: What was asked for, where the markers say what was done: not "Markers", so that no reader mixes the two.
CUES = "Cues"
