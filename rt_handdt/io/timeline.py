"""Placeholder until the judge is joined."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from rt_handdt.core.types import Float64, Remark
from rt_handdt.io.gaps import CountedGaps, Int64, TimedGaps


class Placed(NamedTuple):
    missing: Int64
    times_s: Float64
    offset_s: float


class Timeline:
    def __init__(self, fs_hz: float, modulus: int = 65536) -> None:
        self._counted = CountedGaps(modulus)
        self._timed = TimedGaps(fs_hz)
        self.correction_s = 0.0
        self.loss_method: Literal["counter", "timestamps"] = "timestamps"
        self.same_clock = True
        self.measured_hz: float | None = None
        self.remarks: tuple[Remark, ...] = ()
        self.fault: Remark | None = None

    def place(self, stamps_s: Float64, arrived_s: float, counts: object = None) -> Placed:
        if counts is not None:
            self.loss_method = "counter"
            missing = self._counted.missing(np.asarray(counts))
        else:
            missing = self._timed.missing(stamps_s)
        return Placed(missing, stamps_s, self.correction_s)
