"""A sender on another computer: what LSL measures of its clock is added to its stamps."""

from __future__ import annotations

import uuid

import numpy as np
import pytest

from rt_handdt.io.lsl import SignalInlet, SignalOutlet, clock

#: The other computer was started so much later.
LATER_S = 1000.0


def test_what_is_measured_of_the_senders_clock_is_added(lsl: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SignalInlet, "_measure_clock", lambda self, timeout_s: LATER_S)
    name = uuid.uuid4().hex
    outlet = SignalOutlet(name, ["E1"], 1000.0, counter=True)
    inlet = SignalInlet(name, timeout_s=30.0)
    assert outlet.wait_for_listener(30.0)
    sent = clock()
    chunks = []
    for k in range(1, 11):  # of which the judge of a stream's time may want to see a few
        outlet.push(np.zeros((100, 1), np.float32), sent - LATER_S + 0.1 * (k - 10))
    while sum(len(chunk.samples) for chunk in chunks) < 1000:
        chunks += inlet.read(100, 5.0)
    inlet.close()
    assert inlet.timeline.same_clock
    assert chunks[-1].times_s[-1] + chunks[-1].offset_s == pytest.approx(sent, abs=0.01)
    assert chunks[-1].times_s[-1] == pytest.approx(sent - LATER_S, abs=0.01)  # as the sender gave it
