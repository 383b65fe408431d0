"""The log of windows: everything of the newest, little of all, and no memory that grows."""

from __future__ import annotations

import numpy as np

from rt_handdt.runtime.windowlog import STAGES, WindowLog


def test_details_of_the_newest_and_the_classes_of_all_are_kept() -> None:
    log = WindowLog(3, limit=8)
    assert len(log.table().index) == 0
    for k in range(20):
        probabilities = np.zeros(3, np.float32)
        probabilities[k % 3] = 1.0
        log.add(k / 64, 32 * k, tuple(0.001 * k for _ in STAGES), probabilities)
        log.learnt(k)
    assert len(log) == 20
    table = log.table()
    assert table.index.tolist() == [32 * k for k in range(12, 20)]
    assert table.learning_s.tolist() == list(range(12, 20))
    assert table.probabilities.argmax(axis=1).tolist() == [k % 3 for k in range(12, 20)]
    np.testing.assert_allclose(table.latency_s, [0.001 * k * len(STAGES) for k in range(12, 20)])
    assert log.table(3).index.tolist() == [32 * 17, 32 * 18, 32 * 19]
    times, classes = log.decided()
    assert times.tolist() == [k / 64 for k in range(20)]
    assert classes.tolist() == [k % 3 for k in range(20)]
    assert log.decided(2)[1].tolist() == [0, 1]


def test_an_hour_needs_no_more_memory_than_a_minute() -> None:
    log = WindowLog(11)
    held = log._rows.nbytes + log._probabilities.nbytes
    one = np.zeros(11, np.float32)
    for k in range(70_000):
        log.add(float(k), k, (0.0,) * len(STAGES), one)
    assert log._rows.nbytes + log._probabilities.nbytes == held
    assert 9 * len(log) < 1e6
