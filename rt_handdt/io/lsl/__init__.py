"""Lab Streaming Layer, in and out. The only package that imports pylsl.

Streams that this program makes carry, per channel, label, unit, type and grid cell; the newest sample's time stamp
never lies ahead of the clock. A channel called ``COUNTER`` counts samples modulo 65536: loss is then provable, not
merely inferred from time stamps.
"""

from __future__ import annotations

from rt_handdt.io.description import StreamDescription
from rt_handdt.io.lsl.finder import Finder, Heard, find_streams, full_description
from rt_handdt.io.lsl.marker_inlet import MarkerInlet
from rt_handdt.io.lsl.setup import COUNTER, COUNTER_MODULUS, SESSION_VARIABLE, clock, configure, leave_as_it_is
from rt_handdt.io.lsl.signal_inlet import SignalInlet
from rt_handdt.io.lsl.signal_outlet import SignalOutlet
from rt_handdt.io.lsl.text_inlet import TextInlet

__all__ = [
    "COUNTER",
    "COUNTER_MODULUS",
    "SESSION_VARIABLE",
    "Finder",
    "Heard",
    "MarkerInlet",
    "SignalInlet",
    "SignalOutlet",
    "StreamDescription",
    "TextInlet",
    "clock",
    "configure",
    "find_streams",
    "full_description",
    "leave_as_it_is",
]
