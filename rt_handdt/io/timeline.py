"""A stream's time: what is missing, and when each sample was taken."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from rt_handdt.core.types import Float64, Remark
from rt_handdt.io.gaps import CountedGaps, Int64, TimedGaps

COUNTER_MODULUS = 65536


class Placed(NamedTuple):
    """Samples put in time: `missing` (n,) lost right before each, `times_s` (n,), what to add for LSL's clock here."""

    missing: Int64
    times_s: Float64
    offset_s: float


class Timeline:
    """Judges losses of one stream by its counter, or by its stamps."""

    def __init__(self, fs_hz: float) -> None:
        self._counted = CountedGaps(COUNTER_MODULUS)
        self._timed = TimedGaps(fs_hz)
        self.loss_method: Literal["counter", "timestamps"] = "timestamps"
        self.same_clock = True
        self.measured_hz: float | None = None
        self.remarks: tuple[Remark, ...] = ()
        self.fault: Remark | None = None

    def place(self, stamps_s: Float64, arrived_s: float, counts: npt.NDArray[np.generic] | None = None) -> Placed:
        """Place the next samples, stamped `stamps_s` (n,), here at `arrived_s`, of which a counter read `counts`."""
        if counts is None:
            return Placed(self._timed.missing(stamps_s), stamps_s, 0.0)
        self.loss_method = "counter"
        return Placed(self._counted.missing(counts.astype(np.float64)), stamps_s, 0.0)
