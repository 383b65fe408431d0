"""A small cohort of virtual people is like people: statistics in published ranges, and as hard to tell apart."""

from __future__ import annotations

import numpy as np
import pytest

from offline.cohort.difficulty import difficulty
from offline.cohort.session_summary import SessionSummary, summarise
from offline.cohort.signal_statistics import RANGES
from rt_handdt.sim.session import virtual_trials

GESTURES = ("wrist_flexion", "wrist_extension", "wrist_ulnar", "hand_close", "hand_open", "thumb_index_pinch")
PEOPLE, SESSIONS, TRIALS = (1, 2, 3, 4), (1, 2), 2


@pytest.fixture(scope="module")
def summaries() -> list[SessionSummary]:
    return [
        summarise(subject, session, virtual_trials(0, subject, session, GESTURES, TRIALS))
        for subject in PEOPLE
        for session in SESSIONS
    ]


@pytest.mark.parametrize("name", RANGES)
def test_statistics_lie_in_the_published_ranges(summaries, name):
    values = np.array([one.statistics.value(name) for one in summaries])
    known = RANGES[name]
    assert known.holds(float(np.median(values))), values
    # so few and short trials scatter; each session of a whole cohort is on its sheet
    assert ((values >= 0.8 * known.low) & (values <= 1.2 * known.high)).all(), values


def test_another_day_is_harder_and_another_person_harder_still(summaries):
    """The whole cohort's figures are in docs/simulator.md; so few people only show the order."""
    found = difficulty({(one.subject, one.session): one.windows for one in summaries})
    scores = (found.within_session, found.other_session, found.other_people)
    within, day, people = (float(score.accuracy.mean()) for score in scores)
    assert within >= 0.95
    assert within > day > people
    assert people > 1.5 / len(GESTURES)
