"""Recordings cut by their markers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rt_handdt.core.recording import UNLABELLED, ArrayRecording, Marker, Recording
from rt_handdt.core.repetitions import RecordingPart, first_repetitions, settled
from rt_handdt.errors import ConfigError, RecordingError


def counted(labels: str, each: int = 100, fs_hz: float = 100.0) -> ArrayRecording:
    """One channel that counts its samples; a segment of `each` samples for each letter, "_" is unlabelled."""
    n = each * len(labels)
    markers = tuple(Marker(k * each, UNLABELLED if label == "_" else label) for k, label in enumerate(labels))
    samples = np.arange(n, dtype=np.float32)[:, None]
    return ArrayRecording("counted", fs_hz, ("E1",), n, markers, subject="s", session="2", samples=samples)


def whole(recording: Recording) -> np.ndarray:
    return np.concatenate(list(recording.blocks(64)))


def spans(recording: Recording) -> list[tuple[str, int, int]]:
    return [(one.label, one.start, one.stop) for one in recording.segments()]


def test_the_first_repetition_ends_with_the_last_label_that_appears() -> None:
    cut = first_repetitions([counted("rabrbra")], 1)
    (first,), (rest,) = cut
    assert spans(first) == [("r", 0, 100), ("a", 100, 200), ("b", 200, 300)]
    assert spans(rest) == [("r", 0, 100), ("b", 100, 200), ("r", 200, 300), ("a", 300, 400)]
    np.testing.assert_array_equal(np.concatenate([whole(first), whole(rest)]), whole(counted("rabrbra")))
    assert (first.subject, first.session, first.fs_hz) == ("s", "2", 100.0)


def test_further_repetitions_within_the_calibration_are_unlabelled() -> None:
    (first,), (rest,) = first_repetitions([counted("rararbr")], 1)
    assert spans(first) == [("r", 0, 100), ("a", 100, 200), ("b", 500, 600)]
    assert spans(rest) == [("r", 0, 100)]


def test_other_labels_count_for_nothing_and_stay_out() -> None:
    (first,), (rest,) = first_repetitions([counted("xaxbxa")], 1, labels=("a", "b"))
    assert spans(first) == [("a", 100, 200), ("b", 300, 400)]
    assert [label for label, _, _ in spans(rest)] == ["x", "a"]


def test_later_recordings_follow_and_the_first_may_be_used_up() -> None:
    second = counted("ab")
    cut = first_repetitions([counted("abab"), second], 2)
    assert [label for label, _, _ in spans(cut.first[0])] == ["a", "b", "a", "b"]
    assert cut.rest == (second,)


def test_what_cannot_be_cut_is_refused() -> None:
    with pytest.raises(RecordingError, match=r"fewer of b \(1\)"):
        first_repetitions([counted("aba")], 2)
    with pytest.raises(RecordingError, match="no repetition of y, z"):
        first_repetitions([counted("ab")], 1, labels=("z", "y"))
    with pytest.raises(ConfigError, match="at least 1; got 0"):
        first_repetitions([counted("ab")], 0)


@settings(deadline=None)
@given(st.text("abr_", min_size=1, max_size=12), st.integers(1, 3))
def test_a_cut_loses_nothing_and_takes_each_label_equally_often(labels: str, count: int) -> None:
    recording = counted(labels, each=7)
    try:
        cut = first_repetitions([recording], count)
    except RecordingError:
        there = set(labels) - {"_"}
        assert not there or any(labels.count(label) < count for label in there)
        return
    parts = [*cut.first, *cut.rest]
    np.testing.assert_array_equal(np.concatenate([whole(part) for part in parts]), whole(recording))
    taken = [label for label, _, _ in spans(cut.first[0])]
    assert {label: taken.count(label) for label in taken} == dict.fromkeys(set(labels) - {"_"}, count)
    length = sum(part.n_samples for part in cut.first)
    before = [one for one in spans(recording) if one[2] <= length]
    after = [(label, start + length, stop + length) for part in cut.rest for label, start, stop in spans(part)]
    assert sorted([*before, *after]) == sorted(spans(recording))


@settings(deadline=None)
@given(st.integers(0, 40), st.integers(1, 50), st.integers(1, 33))
def test_a_part_is_the_same_samples_for_any_blocks(start: int, length: int, block: int) -> None:
    recording = counted("abcdefghij", each=10)
    part = RecordingPart("part", 100.0, ("E1",), length, whole=recording, start=start)
    blocks = list(part.blocks(block))
    assert max(map(len, blocks)) <= block
    np.testing.assert_array_equal(np.concatenate(blocks)[:, 0], np.arange(start, start + length))


def test_settling_moves_the_beginning_of_each_segment_only() -> None:
    recording = counted("ab_a")
    assert settled(recording, 0.0) is recording
    late = settled(recording, 0.3)
    assert spans(late) == [("a", 30, 100), ("b", 130, 200), ("a", 330, 400)]
    assert spans(settled(recording, 1.0)) == []
    np.testing.assert_array_equal(whole(late), whole(recording))
    with pytest.raises(ConfigError, match="0 s or more; got -1"):
        settled(recording, -1.0)


def test_an_unlabelled_marker_ends_the_segment_before_it() -> None:
    recording = counted("abc")
    hole = replace(recording, markers=(Marker(0, "a"), Marker(50, UNLABELLED), Marker(200, "c")))
    assert [(one.label, one.start, one.stop, one.trial) for one in hole.segments()] == [
        ("a", 0, 50, 0),
        ("c", 200, 300, 2),
    ]
