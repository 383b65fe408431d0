"""The engine acts on nothing that is old, lost or no EMG, and its counters are true. No LSL; only the clock is real."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from rt_handdt.core.bundle import Bundle
from rt_handdt.core.types import Chunk, Decision, Remark
from rt_handdt.errors import ConfigError, StreamError
from rt_handdt.infer.classifier import StreamClassifier
from rt_handdt.io.lsl import clock
from rt_handdt.runtime.engine import Engine
from rt_handdt.runtime.limits import LiveLimits
from rt_handdt.runtime.report import run_report
from rt_handdt.runtime.status import State
from tests.support.fake_source import FakeSource, connected, gone, hum
from tests.support.limits import PATIENT
from tests.support.tiny import noise, tiny_bundle, tiny_spec

SPEC = tiny_spec()
FS = SPEC.fs_hz
#: Far more than a window takes on a slow machine, far less than the age of what is to be called old here.
LIMITS = LiveLimits(max_age_s=60.0, silence_s=600.0, no_decision_s=600.0)
OLD_S = 1000.0
SEEDS = itertools.count()


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return tiny_bundle(tmp_path_factory.mktemp("bundles") / "tiny", SPEC)


def loud(n: int) -> np.ndarray:
    """Other samples each time: a block that comes again is no signal."""
    seed = next(SEEDS)
    samples = noise(SPEC, n, 1.0, seed=2 * seed)
    samples[:, [0, 1, 4, 5]] += noise(SPEC, n, 30.0, seed=2 * seed + 1)[:, [0, 1, 4, 5]] - 20_000.0
    return samples


def chunk(samples: np.ndarray, newest_s: float, gap: int = 0, offset_s: float = 0.0) -> Chunk:
    times = newest_s + (np.arange(len(samples)) - len(samples) + 1) / FS
    return Chunk(samples, times, gap, offset_s)


def until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.002)


class Run:
    def __init__(self, bundle: Bundle, limits: LiveLimits, *, bad: tuple[str, ...] = (), **more: Any) -> None:
        self.told: list[Decision] = []
        self.connection = connected(SPEC)
        self.source: FakeSource = self.connection.inlet
        more.setdefault("on_decision", self.told.append)
        self.engine = Engine(StreamClassifier(bundle, bad=bad), self.connection, limits=limits, **more)


@contextmanager
def running(bundle: Bundle, limits: LiveLimits, **more: Any) -> Iterator[Run]:
    run = Run(bundle, limits, **more)
    run.engine.start()
    try:
        yield run
    finally:
        run.engine.stop()
    run.engine.raise_error()


def test_old_samples_feed_the_filters_and_decide_nothing(bundle: Bundle) -> None:
    with running(bundle, LIMITS) as run:
        run.source.give(chunk(loud(512), clock() - OLD_S))
        until(lambda: run.engine.windows_skipped == 25)
        assert run.engine.status.code == "old_samples"
        assert "at most 60 s are acted on" in run.engine.status.sentence
        assert len(run.engine.log) == run.engine.windows_given == 0
        assert {one.label for one in run.told} == {"rest"}
        # The next 16 samples are fresh, and complete a window whose other samples were old ones.
        run.source.give(chunk(loud(16), clock()))
        until(lambda: len(run.engine.log) == 1)
        assert run.engine.state == State.RUNNING
        assert run.engine.log.table().index.tolist() == [527]
        assert run_report(run.engine)["windows"] == {
            "decided": 1, "given": 1, "late": 0, "skipped": 25, "refused": {}
        }  # fmt: skip


def test_what_is_caught_up_with_is_passed_over_until_it_is_nearly_new(bundle: Bundle) -> None:
    with running(bundle, LIMITS) as run:
        run.source.give(chunk(loud(128), clock() - OLD_S))
        until(lambda: run.engine.windows_skipped == 1)
        run.source.give(chunk(loud(16), clock() - 0.9 * LIMITS.max_age_s))  # young enough, were it not behind
        until(lambda: run.engine.windows_skipped == 2)
        run.source.give(chunk(loud(16), clock()))
        until(lambda: run.engine.windows_given == 1)


def test_the_clock_correction_is_added(bundle: Bundle) -> None:
    with running(bundle, LIMITS) as run:
        run.source.give(chunk(loud(128), clock() - OLD_S, offset_s=OLD_S))
        until(lambda: run.engine.windows_given == 1)
        assert run.told[0].age_s < LIMITS.max_age_s
        run.source.give(chunk(loud(16), clock(), offset_s=-OLD_S))
        until(lambda: run.engine.windows_skipped == 1)


def test_a_decision_that_became_old_while_it_was_made_is_not_given(bundle: Bundle) -> None:
    with running(bundle, LIMITS) as run:
        judge = run.engine.classifier.reader.judge
        now = clock()

        def slow(maps: Any) -> Any:
            # The window was young enough when its turn came; by now its samples are not.
            run.engine._publisher._max_age_s = -1.0
            return judge(maps)

        run.engine.classifier.reader.judge = slow  # type: ignore[method-assign]
        run.source.give(chunk(loud(128), now))
        until(lambda: run.engine.windows_late == 1)
        assert run.engine.windows_given == 0
        assert all(one.label == "rest" for one in run.told)


def test_a_short_gap_is_bridged_and_a_long_one_begins_windows_anew(bundle: Bundle) -> None:
    samples = loud(640)
    with running(bundle, PATIENT) as run:
        run.source.give(chunk(samples[:256], clock()))
        run.source.give(chunk(samples[288:400], clock(), gap=32))  # a quarter of a window
        until(lambda: run.engine.log.table().index.tolist()[-1:] == [399])
        assert run.engine.log.table().index.tolist() == list(range(127, 400, 16))
        assert (run.engine.gaps, run.engine.bridged, run.engine.samples_lost) == (1, 1, 32)
        assert run.engine.missing_values == 0  # what is lost is counted once
        run.source.give(chunk(samples[433:], clock(), gap=33))
        until(lambda: run.engine.log.table().index.tolist()[-1] > 600)
        # the count goes on over what was lost, and a whole new window is needed
        assert run.engine.log.table().index.tolist()[-5:] == list(range(433 + 127, 640, 16))
        assert (run.engine.gaps, run.engine.bridged, run.engine.samples_lost) == (2, 1, 65)


def test_after_reconnection_windows_begin_anew(bundle: Bundle) -> None:
    second = connected(SPEC)
    away = threading.Event()
    away.set()

    def reconnect() -> Any:
        if away.is_set():
            raise StreamError("'fake 2' is there instead.")
        return second

    with running(bundle, PATIENT, reconnect=reconnect) as run:
        run.source.give(chunk(loud(200), clock()))
        run.source.give(gone())
        until(lambda: "'fake 2' is there instead" in run.engine.status.sentence)
        assert run.engine.state == State.LOST
        assert (run.told[-1].label, run.told[-1].reason) == ("rest", "lost")
        away.clear()
        until(lambda: run.engine.reconnections == 1)
        assert run.source.closed
        second.inlet.give(chunk(loud(144), clock()))
        until(lambda: run.engine.samples_received == 344)
        until(lambda: len(run.engine.log) == 7)
        assert run.engine.log.table().index.tolist() == [127, 143, 159, 175, 191, 200 + 127, 200 + 143]


def test_losses_that_were_none_stay_none_when_a_source_comes_back(bundle: Bundle) -> None:
    second, counted = connected(SPEC), list[tuple[int, int]]()
    with running(bundle, PATIENT, reconnect=lambda: second) as run:
        run.source.give(chunk(loud(200), clock()))
        run.source.give(chunk(loud(16), clock(), gap=64))
        until(lambda: run.engine.samples_lost == 64)
        run.source.timeline.taken_back, run.source.timeline.gaps_taken_back = 40, 1
        run.source.close = lambda: counted.append((run.engine.samples_lost, run.engine.gaps))  # type: ignore[method-assign]
        run.source.give(gone())
        until(lambda: run.engine.gaps == 1)  # that the source was away
        assert run.engine.samples_lost == 24
    assert counted == [(24, 0)]


@pytest.mark.parametrize("same", [True, False])
def test_nothing_learnt_of_one_source_is_kept_for_another(
    bundle: Bundle, same: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = connected(SPEC, same_source=same)
    resets: list[bool] = []
    with running(bundle, PATIENT, reconnect=lambda: second) as run:
        monkeypatch.setattr(run.engine.classifier.reader, "reset", lambda: resets.append(True))
        run.source.give(gone())
        until(lambda: run.engine.reconnections == 1)
        second.inlet.give(chunk(loud(144), clock()))  # type: ignore[attr-defined]
        until(lambda: len(run.engine.log) == 2)
    assert resets == ([] if same else [True])


def test_what_is_no_emg_is_refused_and_said(bundle: Bundle) -> None:
    with running(bundle, PATIENT) as run:
        run.source.give(chunk(loud(160), clock()))
        until(lambda: len(run.engine.log) == 3)
        run.source.timeline.fault = hum()
        run.source.give(chunk(loud(32), clock()))
        until(lambda: run.engine.windows_refused == {"mains": 2})
        assert run.engine.status == (State.BAD_SIGNAL, "mains", "All electrodes carry mains hum.")
        assert (run.told[-1].label, run.told[-1].reason) == ("rest", "mains")
        run.source.timeline.fault = None
        run.source.give(chunk(loud(16), clock()))
        until(lambda: run.engine.state == State.RUNNING)


def test_a_foreign_clock_withholds_latency_and_score(bundle: Bundle) -> None:
    with running(bundle, PATIENT) as run:
        run.source.timeline.same_clock = False
        run.source.timeline.remarks = (Remark("foreign_clock", "Its times are of another clock."),)
        for _ in range(3):
            run.source.give(chunk(loud(128), clock() - 1e9, offset_s=1e9))
        until(lambda: len(run.engine.log) == 17)
        run.engine._marks.append((0.0, "left"))
        figures = run_report(run.engine)
    assert figures["latency_ms"]["push_to_decision"]["p50"] is None
    assert figures["latency_ms"]["stages"]["judge"].keys() >= {"p50", "p99"}
    assert figures["score"] is None
    assert figures["remarks"] == [{"code": "foreign_clock", "sentence": "Its times are of another clock."}]


def test_what_was_not_read_at_the_end_is_counted(bundle: Bundle) -> None:
    hold, inside = threading.Event(), threading.Event()

    def wait(decision: Decision) -> None:
        inside.set()
        hold.wait(60)

    run = Run(bundle, PATIENT, on_decision=wait)
    run.engine.start()
    run.source.give(chunk(loud(128), clock()))
    assert inside.wait(60)
    run.source.give(chunk(loud(100), clock(), gap=7))
    stopper = threading.Thread(target=run.engine.stop)
    stopper.start()
    until(run.engine._stop.is_set)
    hold.set()
    stopper.join(60)
    samples = run_report(run.engine)["samples"]
    assert (samples["received"], samples["unread"], samples["lost"]) == (128, 100, 7)


def test_a_worker_that_stands_still_is_seen_from_outside(bundle: Bundle) -> None:
    inside, go_on = threading.Event(), threading.Event()

    def stuck(decision: Decision) -> None:
        if not decision.reason:
            inside.set()
            go_on.wait(60)

    limits = LiveLimits(max_age_s=60.0, silence_s=0.1, no_decision_s=60.0)
    with running(bundle, limits, on_decision=stuck) as run:
        run.source.give(chunk(loud(128), clock()))
        assert inside.wait(60)
        until(lambda: run.engine.status.code == "busy")
        shot = run.engine.snapshot()
        assert shot.decision is not None
        assert (shot.decision.label, shot.decision.reason) == ("rest", "busy")
        go_on.set()


def test_a_bad_electrode_is_rebuilt_said_and_counted(bundle: Bundle) -> None:
    samples = loud(1024)
    samples[:, 3] = samples[0, 3]
    with running(bundle, PATIENT) as run:
        run.source.give(chunk(samples, clock()))
        until(lambda: len(run.engine.log) == 57 and run.engine.snapshot().bad_electrodes == {"E4": "flat"})
        until(lambda: run_report(run.engine)["electrodes"]["bad_share"] == {"E4": 1.0})
        shot = run.engine.snapshot()
        figures = run_report(run.engine)
    assert shot.message == "1 of 8 electrodes are rebuilt from their neighbours: E4 (flat)"
    assert figures["electrodes"] == {"bad": {"E4": "flat"}, "bad_share": {"E4": 1.0}}


def test_an_electrode_known_to_be_bad_is_rebuilt_from_the_start(bundle: Bundle) -> None:
    with running(bundle, PATIENT, bad=("E3",)) as run:
        run.source.give(chunk(loud(256), clock()))
        until(lambda: len(run.engine.log) == 9)
        figures = run_report(run.engine)
    assert figures["electrodes"] == {"bad": {"E3": "known"}, "bad_share": {"E3": 1.0}}


def test_an_electrode_is_left_out_and_taken_back_while_it_runs(bundle: Bundle) -> None:
    with running(bundle, PATIENT) as run:
        run.source.give(chunk(loud(256), clock()))
        until(lambda: len(run.engine.log) == 9)
        with pytest.raises(ConfigError, match="no such electrode"):
            run.engine.set_bad(("E3", "X"))
        run.engine.set_bad(("E3", "E1"))
        run.source.give(chunk(loud(256), clock()))
        until(lambda: run.engine.snapshot().excluded == ("E3", "E1"))
        assert run.engine.snapshot().bad_electrodes == {"E3": "known", "E1": "known"}
        until(lambda: len(run.engine.log) == 25)
        run.engine.set_bad(())
        run.source.give(chunk(loud(256), clock()))
        until(lambda: len(run.engine.log) == 41)
        figures = run_report(run.engine)
        assert run.engine.snapshot().excluded == ()
    assert figures["electrodes"] == {"bad": {}, "bad_share": {"E1": 0.3902, "E3": 0.3902}}


def test_who_looks_on_does_not_judge_the_signal(bundle: Bundle) -> None:
    """A snapshot or a report that settled the quality itself would feed it the worker's block twice."""
    with running(bundle, PATIENT) as run:
        run.source.give(chunk(loud(256), clock()))
        until(lambda: len(run.engine.log) == 9)
        settled_by: list[str] = []
        settle = run.engine.classifier._preprocessor.settle

        def watched() -> None:
            settled_by.append(threading.current_thread().name)
            settle()

        run.engine.classifier._preprocessor.settle = watched  # type: ignore[method-assign]
        run.source.give(chunk(loud(16), clock()))
        until(lambda: len(run.engine.log) == 10)
        run.engine.snapshot()
        run_report(run.engine)
        until(lambda: settled_by)
    assert set(settled_by) == {"handdt-engine"}


def test_of_decisions_that_agree_the_first_and_the_newest_are_shown(bundle: Bundle) -> None:
    with running(bundle, PATIENT) as run:
        run.source.give(chunk(loud(512), clock()))
        until(lambda: len(run.engine.log) == 25)
        history = run.engine.snapshot().history
    changes = [one for one, after in itertools.pairwise(run.told[:25]) if one.label != after.label]
    assert len(history) <= 2 * (len(changes) + 1)
    assert (history[0].time_s, history[-1].time_s) == (run.told[0].time_s, run.told[24].time_s)
    assert history[-1].label == run.told[24].label
