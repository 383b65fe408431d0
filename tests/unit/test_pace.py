"""When the worker asks for samples: packets are measured by when they come, whatever else is done meanwhile."""

from __future__ import annotations

from typing import Any

import numpy as np

from rt_handdt.core.types import Chunk
from rt_handdt.runtime.pace import READY_S, Pace
from rt_handdt.runtime.watchdog import Vitals
from tests.support.tiny import tiny_spec

SPEC = tiny_spec()
HOP_S = SPEC.hop_samples / SPEC.fs_hz


class Clock:
    """A time that only moves when somebody waits."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


class Classifier:
    spec = SPEC
    samples_to_next_window = SPEC.hop_samples

    def __init__(self, clock: Clock, warm_s: float) -> None:
        self._clock, self._warm_s, self.warmed = clock, warm_s, 0

    def warm(self) -> None:
        self._clock.now_s += self._warm_s
        self.warmed += 1


class Inlet:
    """A packet a hop."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._next_s = clock, clock.now_s + HOP_S

    def read(self, n_samples: int, timeout_s: float) -> list[Chunk]:
        if self._next_s > self._clock.now_s + timeout_s:
            self._clock.now_s += timeout_s
            return []
        self._clock.now_s = max(self._clock.now_s, self._next_s)
        self._next_s += HOP_S
        n = SPEC.hop_samples
        return [Chunk(np.zeros((n, 8), np.float32), np.zeros(n), np.zeros(n))]


def run(monkeypatch: Any, warm_s: float, hops: int = 40) -> tuple[Vitals, Classifier, Pace]:
    clock = Clock()
    monkeypatch.setattr("rt_handdt.runtime.pace.clock", clock)
    classifier, vitals, inlet = Classifier(clock, warm_s), Vitals(), Inlet(clock)
    pace = Pace(classifier, vitals)  # type: ignore[arg-type]
    windows = 0
    while windows < hops:
        chunks = pace.read(inlet, catching_up=False)  # type: ignore[arg-type]
        if chunks:
            windows += 1
            pace.completed(1, clock.now_s)
    return vitals, classifier, pace


def test_packets_are_measured_whatever_the_warm_up_takes(monkeypatch: Any) -> None:
    for warm_s in (0.0, 0.2 * READY_S, 0.5 * READY_S, 0.9 * READY_S):
        vitals, classifier, _ = run(monkeypatch, warm_s)
        np.testing.assert_allclose(vitals.packet_s, HOP_S, rtol=1e-6)
        assert classifier.warmed > 30  # before each window but the first


def test_another_source_has_packets_of_its_own(monkeypatch: Any) -> None:
    vitals, _, pace = run(monkeypatch, 0.0)
    pace.forget()
    assert vitals.packet_s == 0.0
