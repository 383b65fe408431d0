"""A virtual cohort on disk is read back like Hyser."""

from __future__ import annotations

import numpy as np
import pytest

from offline.cohort import write_cohort
from rt_handdt.core.gestures import hyser_label
from rt_handdt.errors import ConfigError, RecordingError
from rt_handdt.io.hyser import read_hyser
from rt_handdt.io.hyser_layout import list_sessions
from rt_handdt.sim.session import virtual_trials

GESTURES = ("wrist_flexion", "hand_open")


def test_cohort_reads_back_as_hyser(tmp_path):
    out = tmp_path / "cohort"
    write_cohort(out, 2, 1, 5, gestures=GESTURES, kind="all", repetitions=1, processes=2, progress=False)
    found = list_sessions(out)
    assert [(one.subject, one.session) for one in found] == [(1, 1), (2, 1)]
    assert all(set(one.kinds) == {"dynamic", "maintenance"} for one in found)
    trials = list(virtual_trials(5, 2, 1, GESTURES, 1, "dynamic"))
    assert found[1].labels("dynamic", "raw") == tuple(code for _, code in trials)
    recording = read_hyser(out, subject=2, session=1, kind="dynamic")
    labels = [segment.label for segment in recording.segments() if segment.label != "rest"]
    assert labels == [hyser_label(code) for _, code in trials]
    # the last trial's samples came through the files but for the rounding to 16 bits
    read = np.concatenate(list(recording.blocks()))[-1500:]
    np.testing.assert_allclose(read, trials[-1][0][-1500:], atol=0.5)


def test_processes_do_not_change_the_files(tmp_path):
    for folder, processes in (("one", 1), ("two", 2)):
        write_cohort(tmp_path / folder, 2, 1, gestures=GESTURES[:1], repetitions=1, processes=processes, progress=False)
    files = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*") if path.is_file())
    assert len(files) == 2 * 3 + 1  # and the note that says what they are
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_nothing_is_overwritten(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(RecordingError, match="new or empty folder"):
        write_cohort(tmp_path, 1, 1, progress=False)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"subjects": 0}, "'subjects' must be 1 or more"),
        ({"gestures": ("hand_wave",)}, "hand_wave"),
        ({"gestures": ()}, "at least one gesture"),
        ({"kind": "static"}, "'dynamic', 'maintenance' or 'all'"),
        ({"seed": -1}, "0 or more"),
        ({"processes": 0}, "'processes' must be 1 or more"),
    ],
)
def test_senseless_cohorts_are_refused_before_anything_is_written(tmp_path, options, says):
    with pytest.raises(ConfigError, match=says):
        write_cohort(tmp_path / "new", **{"progress": False, **options})
    assert not (tmp_path / "new").exists()
