"""Who comes first: the thread that decides."""

from __future__ import annotations

import os

import pytest

from rt_handdt.runtime import priority

pytestmark = pytest.mark.skipif(not hasattr(os, "sched_setscheduler"), reason="not of this system")


def test_the_calling_thread_alone_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(os, "sched_setscheduler", lambda thread, policy, param: asked.append(thread))
    assert priority.ask_for_priority()
    assert asked == [0]  # the system's word for it


def test_where_it_is_not_allowed_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "sched_setscheduler", refused)
    assert not priority.ask_for_priority()
