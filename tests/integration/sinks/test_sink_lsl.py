"""Decisions as LSL streams."""

from __future__ import annotations

import pytest

from rt_handdt.runtime.status import State
from tests.support.sinks import LOST, Opened, tell, until


@pytest.mark.usefixtures("lsl")
def test_lsl_gives_a_row_a_decision_and_a_marker_a_change(opened: Opened) -> None:
    import pylsl

    hub = opened("lsl:told [/x] 'y'", rate_hz=64.0)
    found = [
        info
        for info in (
            pylsl.resolve_byprop("type", "Control", timeout=20),
            pylsl.resolve_byprop("type", "Markers", timeout=20),
        )
        for info in info
        if info.name().startswith("told [/x] 'y'")
    ]
    assert [info.name() for info in found] == ["told [/x] 'y'", "told [/x] 'y'_markers"]
    rows, marks = (pylsl.StreamInlet(info) for info in found)
    rows.open_stream(20)
    marks.open_stream(20)
    for label in ("fist", "fist", "rest"):
        tell(hub, label)
    until(lambda: hub.report()[0]["sent"] == 3)  # else rest overtakes them
    tell(hub, "rest", LOST)
    got: list[tuple[list[float], float]] = []
    while not got or got[-1][0][-2] < 3:
        row, stamp = rows.pull_sample(20)
        assert row is not None
        got.append((row, stamp))
    info = rows.info(20)
    assert (info.nominal_srate(), info.channel_format()) == (64.0, pylsl.cf_double64)
    names = info.get_channel_labels()
    assert names == [
        *("label_index", "p_rest", "p_fist", "p_open", "confidence", "rejected", "level", "state", "age"),
        *("window_end", "seq", "repeat"),
    ]
    decided = [dict(zip(names, row, strict=True)) | {"stamp": stamp} for row, stamp in got if not row[-1]]
    assert [one["seq"] for one in decided] == [0, 1, 2, 3]
    assert [one["label_index"] for one in decided] == [1, 1, 0, 0]
    assert [list(State)[int(one["state"])] for one in decided] == ["running"] * 3 + ["lost"]
    assert decided[0]["age"] == pytest.approx((decided[0]["stamp"] - decided[0]["window_end"]) * 1e3, abs=1e-3)
    assert decided[3]["age"] != decided[3]["age"]
    texts = []
    while texts[-1:] != ["rest (lost)"]:
        text, _ = marks.pull_sample(20)
        assert text is not None
        texts.append(text[0])
    assert texts == ["fist", "rest", "rest (lost)"]
    assert info.desc().child("decisions").child_value("states") == ",".join(State)
