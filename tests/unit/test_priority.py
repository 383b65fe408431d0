"""Who comes first: all threads of the process."""

from __future__ import annotations

import os
import threading

import pytest

from rt_handdt.runtime import priority

pytestmark = pytest.mark.skipif(not hasattr(os, "sched_setscheduler"), reason="not of this system")


def test_all_threads_are_asked_for_and_one_that_has_ended_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    over = threading.Event()
    other = threading.Thread(target=over.wait)
    other.start()

    def scheduler(thread: int, policy: int, param: object) -> None:
        asked.append(thread)
        if thread == threading.get_native_id():
            raise ProcessLookupError

    monkeypatch.setattr(os, "sched_setscheduler", scheduler)
    try:
        assert priority.ask_for_priority()
    finally:
        over.set()
        other.join()
    assert 0 in asked
    if priority._THREADS.is_dir():
        assert other.native_id in asked


def test_where_it_is_not_allowed_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "sched_setscheduler", refused)
    assert not priority.ask_for_priority()
