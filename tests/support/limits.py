"""Limits for tests of what is decided, and not of when."""

from __future__ import annotations

from rt_handdt.runtime.limits import LiveLimits

#: On a slow machine samples may be seconds old when they are reached.
PATIENT = LiveLimits(max_age_s=600.0, silence_s=600.0, no_decision_s=600.0)
