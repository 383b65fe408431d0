"""After whatever broke the stream, the first decision rests on its own window alone: no smoothing over the break."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rt_handdt.core.bundle import Bundle
from rt_handdt.infer.classifier import StreamClassifier
from rt_handdt.io.lsl import clock
from rt_handdt.runtime.limits import LiveLimits
from tests.integration.test_trust import FS, LIMITS, OLD_S, PATIENT, Run, chunk, loud, running, until
from tests.support.fake_source import connected, gone, hum
from tests.support.tiny import tiny_bundle, tiny_spec

SPEC = tiny_spec()


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return tiny_bundle(tmp_path_factory.mktemp("bundles") / "tiny", SPEC)


def weak(n: int) -> np.ndarray:
    """So little that the network is never quite sure, and says something else of each window."""
    return np.asarray(20_000.0 + 0.25 * (loud(n) - 20_000.0), np.float32)


def gap(run: Run, second: Any) -> None:
    run.source.give(chunk(weak(160)[:, ::-1], clock(), gap=33))


def no_emg(run: Run, second: Any) -> None:
    run.source.timeline.fault = hum()
    run.source.give(chunk(weak(16), clock()))
    until(lambda: run.engine.windows_refused)
    run.source.timeline.fault = None
    run.source.give(chunk(weak(160)[:, ::-1], clock()))


def old(run: Run, second: Any) -> None:
    run.source.give(chunk(weak(16), clock() - OLD_S))
    until(lambda: run.engine.windows_skipped)
    run.source.give(chunk(weak(160)[:, ::-1], clock()))


def lost(run: Run, second: Any) -> None:
    run.source.give(gone())
    until(lambda: run.engine.reconnections)
    second.inlet.give(chunk(weak(160)[:, ::-1], clock()))


@pytest.mark.parametrize("broken", [gap, no_emg, old, lost])
def test_no_decision_is_smoothed_over_a_break(bundle: Bundle, broken: Callable[[Run, Any], None]) -> None:
    second = connected(SPEC)
    with running(bundle, LIMITS, reconnect=lambda: second) as run:
        classifier = run.engine.classifier  # its decisions are to look back
        classifier._decoder = StreamClassifier(bundle, post_processing=["smoothing_s=0.08"])._decoder
        run.source.give(chunk(weak(256), clock()))
        until(lambda: run.engine.windows_given == 9)
        broken(run, second)
        until(lambda: run.engine.windows_given >= 12)
        table = run.engine.log.table()
    given = [one for one in run.told if not one.reason]
    assert [one.label for one in given[:9]] == ["left"] * 9

    def own(k: int) -> bool:
        """Whether a decision is what the network said of its window, and nothing else."""
        (row,) = np.flatnonzero(table.index == given[k].index)
        return np.allclose(given[k].probabilities, table.probabilities[row], atol=1e-6)

    assert own(0)
    assert not own(1)
    assert own(9), "what was before the break is still in it"
    assert not own(10)


def test_windows_that_end_in_a_bridged_gap_have_the_time_they_would_have_had(bundle: Bundle) -> None:
    with running(bundle, PATIENT) as run:
        began = clock()
        run.source.give(chunk(loud(256), began))
        run.source.give(chunk(loud(112), began + (32 + 112) / FS, gap=32))
        until(lambda: len(run.engine.log) == 18)
        table = run.engine.log.table()
    assert np.diff(table.index).tolist() == [16] * 17
    assert np.diff(table.newest_s) == pytest.approx(16 / FS, abs=1e-6)


def test_a_source_that_is_back_gets_time_for_its_first_samples(bundle: Bundle) -> None:
    limits = LiveLimits(max_age_s=600.0, silence_s=0.05, no_decision_s=600.0)
    with running(bundle, limits, reconnect=lambda: connected(SPEC)) as run:
        run.source.give(chunk(loud(128), clock()))
        until(lambda: run.engine.windows_given == 1)
        run.source.give(gone())
        until(lambda: run.engine.reconnections and not run.engine._vitals.away)
        time.sleep(5 * limits.silence_s)  # nothing comes, and the silence of before is not held against it
        assert run.engine.status.code == "first_window"
