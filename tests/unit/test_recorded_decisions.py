"""What a file says of a run may be anything: what makes no sense is passed over, and the rest counts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rt_handdt.io.recorded_decisions import RecordedChange, RecordedDecisions, RecordedElectrodes, read_decisions
from rt_handdt.io.stream_kinds import DECISIONS, HEALTH
from tests.support.xdf_files import Stream, emg, make

COLUMNS = [{"label": name} for name in ("label_index", "p_rest", "p_fist", "window_end", "repeat")]


def told(folder: Path, *events: str) -> RecordedDecisions:
    rows = np.array([[0, 0.9, 0.1, 100.5, 0], [1, 0.2, 0.8, 101.0, 0]])
    decisions = Stream([100.51, 101.01], rows, "rt_handdt", DECISIONS, 60.0, COLUMNS, "double64")
    health = Stream([100.0 + 0.1 * k for k in range(len(events))], list(events), "amp_health", HEALTH, 0.0)
    found = read_decisions(make(folder / "run.xdf", emg(), decisions, health))
    assert found is not None
    return found


@pytest.mark.parametrize(
    "event",
    [
        '{"since": NaN, "reset_subject": true}',
        '{"since": 1e999, "called_bad": ["E1"]}',
        '{"since": "now", "reset_subject": true}',
        '{"electrodes": {"names": ["a"], "columns": [1e999]}}',
        '{"electrodes": {"names": ["a"], "columns": [-1]}}',
        '{"electrodes": {"names": ["a", "b"], "columns": [1, 1]}}',
        '{"electrodes": {"names": [], "columns": []}}',
        '{"files": {"calibration": 5}}',
        '{"a":' * 100_000,
        "[red]",
    ],
)
def test_an_event_that_makes_no_sense_is_passed_over(tmp_path: Path, event: str) -> None:
    good = '{"since": 100.4, "called_bad": ["E01"]}', '{"electrodes": {"names": ["x", "y"], "columns": [1, 0]}}'
    found = told(tmp_path, event, *good)
    assert found.changes == (RecordedChange(400, ("E01",)),)
    assert found.electrodes == RecordedElectrodes(("x", "y"), (1, 0))
    assert found.files == {}
