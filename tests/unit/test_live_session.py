"""A live run as a window keeps it."""

from __future__ import annotations

from pathlib import Path

import pytest

from rt_handdt.errors import StreamError
from rt_handdt.runtime import live_session
from rt_handdt.runtime.live_run import LiveRun
from rt_handdt.runtime.live_session import TRIES, LiveSession, Stage


class _Engine:
    def __init__(self, run: LiveRun) -> None:
        self.run = run
        self.error: BaseException | None = None
        self.bad = run.bad
        self.started = self.stopped = False

    def ready(self) -> None:
        self.started = True

    def stop(self, end_s: float = 0.0) -> None:
        self.stopped = True


class _Replay:
    fault = ""
    closed = False

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def made() -> list[_Engine]:
    return []


def _session(made: list[_Engine], run: LiveRun, replay: _Replay | None = None) -> LiveSession:
    def make(run: LiveRun, report: Path | None, say: object) -> _Engine:
        made.append(_Engine(run))
        return made[-1]

    return LiveSession(run, replay, make)  # type: ignore[arg-type]


def test_an_engine_that_dies_is_started_again_with_outputs_off(made: list[_Engine], tmp_path: Path) -> None:
    record = tmp_path / "run.xdf"
    record.touch()
    session = _session(made, LiveRun(Path("m"), record=record, sinks=("udp:5006",), outputs=True))
    assert session.look() is Stage.OPENING
    made[0].ready()
    assert session.look() is Stage.LIVE
    made[0].error = RuntimeError("exit code -9")
    assert session.look() is Stage.OPENING
    assert made[0].stopped
    assert "started again" in session.said[-1]
    assert made[1].run.outputs is False
    assert made[1].run.record == tmp_path / "run_2.xdf"  # what was recorded is kept
    made[1].ready()
    assert session.look() is Stage.LIVE
    session.join()


def test_one_that_dies_again_and_again_is_given_up(made: list[_Engine]) -> None:
    session = _session(made, LiveRun(Path("m")))
    for _ in range(TRIES):
        made[-1].ready()
        assert session.look() is Stage.LIVE
        made[-1].error = RuntimeError("exit code -9")
        assert session.look() is Stage.OPENING
    made[-1].ready()
    assert session.look() is Stage.LIVE
    made[-1].error = RuntimeError("exit code -9")
    assert session.look() is Stage.OVER
    assert "exit code -9" in session.fault
    assert len(made) == TRIES + 1
    session.join()


def test_now_and_then_is_not_again_and_again(made: list[_Engine], monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 0.0
    monkeypatch.setattr(live_session.time, "monotonic", lambda: now_s)
    session = _session(made, LiveRun(Path("m")))
    for _ in range(2 * TRIES):
        now_s += live_session.TRIES_S
        made[-1].ready()
        session.look()
        made[-1].error = RuntimeError("exit code -9")
        assert session.look() is Stage.OPENING
    session.join()


@pytest.mark.parametrize("started", [False, True])
def test_what_a_user_must_mend_is_said_and_not_tried_again(made: list[_Engine], started: bool) -> None:
    session = _session(made, LiveRun(Path("m")))
    if started:
        made[0].ready()
        session.look()
    made[0].error = StreamError("It is not there; start it.")
    assert session.look() is Stage.OVER
    assert session.fault == "It is not there; start it."
    assert len(made) == 1
    session.join()


def test_one_that_cannot_even_start_is_not_tried_again(made: list[_Engine]) -> None:
    session = _session(made, LiveRun(Path("m")))
    made[0].error = RuntimeError("exit code 1")
    assert session.look() is Stage.OVER
    session.join()


def test_a_replay_that_fails_is_said_at_once_and_ended(made: list[_Engine]) -> None:
    replay = _Replay()
    session = _session(made, LiveRun(Path("m")), replay)
    assert session.look() is Stage.OPENING
    replay.fault = "run.xdf: there is no such file."
    assert session.look() is Stage.OVER
    assert "no such file" in session.fault
    session.join()
    assert replay.closed
    assert session.ended
