"""Who is trained on, chosen by and tested on: nothing shared, nothing empty, clear refusals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offline.data.feature_table import FeatureTable
from offline.data.joined_table import join_tables
from offline.data.splits import Split, cross_session, cross_subject, repetitions, within_session
from rt_handdt.core.gestures import HYSER_GESTURES, GestureSet
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.errors import ConfigError, RecordingError


def study_table(people=6, sessions=2, gestures=3, trials=3, windows=1, keep=None) -> FeatureTable:
    """Windows of trials of everybody; `keep` (bool per trial) makes it ragged."""
    person, session, label, _ = (
        part.reshape(-1) for part in np.mgrid[:people, :sessions, :gestures, :trials].astype(np.int64)
    )
    trial = np.arange(len(person))
    if keep is not None:
        person, session, label, trial = (part[keep] for part in (person, session, label, trial))
    person, session, label, trial = (np.repeat(part, windows) for part in (person, session, label, trial))
    layout = ElectrodeLayout.grid(2, 2)
    return FeatureTable(
        measure="test",
        names=("f",),
        maps=np.arange(len(person) * 4, dtype=np.float32).reshape(-1, 1, 2, 2),
        label=label,
        person=person,
        session=session,
        trial=trial,
        gestures=GestureSet(HYSER_GESTURES[:gestures]),
        people=tuple(f"{n + 1:02d}" for n in range(people)),
        sessions=tuple(str(n + 1) for n in range(sessions)),
        layout=layout,
        unit="window",
        fs_hz=2048.0,
    )


def assert_apart(table: FeatureTable, split: Split) -> None:
    """No sample in two parts, no trial in two parts, nothing empty that must not be."""
    parts = (split.train, split.valid, split.test)
    assert (sum(part.astype(int) for part in parts) <= 1).all()
    trials = [set(table.trial[part].tolist()) for part in parts]
    assert len(set.union(*trials)) == sum(map(len, trials))
    assert split.train.any()
    assert split.test.any()
    assert set(table.label[split.test]) <= set(table.label[split.train])


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_nothing_is_shared_between_parts(data):
    shape = [data.draw(st.integers(low, high)) for low, high in ((2, 7), (2, 3), (2, 4), (1, 4))]
    count = int(np.prod(shape))
    keep = np.array(data.draw(st.lists(st.booleans(), min_size=count, max_size=count)))
    if not keep.any():
        return
    table = study_table(*shape, windows=data.draw(st.integers(1, 3)), keep=keep)
    seed = data.draw(st.integers(0, 9))
    there = [table.people[k] for k in np.unique(table.person)]
    tested = data.draw(st.lists(st.sampled_from(there), unique=True, min_size=1))
    makers = (
        lambda: (cross_subject(table, tested, seed=seed),),
        lambda: (cross_session(table, "1", "2", seed=seed),),
        lambda: within_session(table, data.draw(st.integers(2, 3)), seed=seed),
    )
    for make in makers:
        try:
            found = make()
        except (ConfigError, RecordingError):  # a ragged table may have no such split, and says so
            continue
        for split in found:
            assert_apart(table, split)
            if split.kind == "cross-subject":
                people = [set(table.person[part].tolist()) for part in (split.train, split.valid, split.test)]
                assert len(set.union(*people)) == sum(map(len, people))


def test_validation_people_are_a_share_of_those_left():
    table = study_table(people=20, sessions=1)
    fold = cross_subject(table, ["01", "02", "03", "04"], seed=3)
    assert len(np.unique(table.person[fold.valid])) == 2  # 15 % of 16
    assert (fold.train | fold.valid | fold.test).all()
    assert "tested on 4 people (01, 02, 03, 04), who are nowhere in training" in fold.protocol
    assert fold.name == "subjects-01-02-03-04"


def test_validation_people_are_drawn_by_the_seed_and_may_be_none():
    table = study_table(people=12, sessions=1)
    drawn = {tuple(np.unique(table.person[cross_subject(table, ["1"], seed=seed).valid])) for seed in range(5)}
    assert len(drawn) > 1
    again = [cross_subject(table, ["01"], seed=4).valid for _ in range(2)]
    np.testing.assert_array_equal(*again)
    none = cross_subject(table, ["1"], valid_people=0)
    assert not none.valid.any()
    assert "no validation people" in none.protocol


def test_cross_session_trains_on_one_and_tests_the_other():
    table = study_table(people=3, trials=4, windows=2)
    split = cross_session(table, "2", "1")
    assert set(table.session[split.train | split.valid]) == {1}
    np.testing.assert_array_equal(split.test, table.session == 0)
    # one of four trials of each person and gesture is held out
    assert len(np.unique(table.trial[split.valid])) == 3 * 3
    assert "trained on session 2 and tested on session 1" in split.protocol
    only_first = study_table(people=3, keep=~((np.arange(54) // 9) == 0))  # person 01 lacks session 1
    split = cross_session(only_first, "1", "2")
    assert set(only_first.person[split.test]) == {1, 2}


def test_within_session_deals_out_repetitions():
    table = study_table(people=2, trials=5, windows=2)
    folds = within_session(table, 2)
    assert (folds[0].test ^ folds[1].test).all()
    number = repetitions(table.person, table.session, table.label, table.trial)
    assert set(number[folds[0].test]) == {0, 2, 4}
    assert set(number[folds[1].test]) == {1, 3}


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda t: cross_subject(t, ["1", "99"]), ConfigError, "no subject 99"),
        (lambda t: cross_subject(t, ["1", "01"]), ConfigError, "named once"),
        (lambda t: cross_subject(t, []), ConfigError, "No test person"),
        (lambda t: cross_subject(t, ["1", "2", "3", "4", "5", "6"]), ConfigError, "nobody is left to train on"),
        (lambda t: cross_subject(t, ["1", "2", "3", "4", "5"]), ConfigError, "fewer validation people"),
        (lambda t: cross_session(t, "1", "3"), ConfigError, "no session 3"),
        (lambda t: cross_session(t, "1", "1"), ConfigError, "two sessions"),
        (lambda t: within_session(t, 4), RecordingError, "repetitions-4-of-4: the test part is empty"),
        (lambda t: within_session(t, 1), ConfigError, "at least 2 folds"),
    ],
)
def test_what_cannot_be_split_is_refused(make, error, says):
    with pytest.raises(error, match=says):
        make(study_table())


def test_a_gesture_that_nobody_is_left_to_teach_is_named():
    table = study_table(people=4, sessions=1)
    lonely = table.select((table.label != 2) | (table.person == 0))
    with pytest.raises(RecordingError, match="nobody is left to learn middle_extension"):
        cross_subject(lonely, ["1"])


def test_of_people_called_1_and_01_neither_is_001() -> None:
    table = replace(study_table(people=3), people=("1", "01", "01a"))
    for name in table.people:
        split = cross_subject(table, [name], valid_people=0)
        assert {table.people[k] for k in table.person[split.test]} == {name}
    with pytest.raises(ConfigError, match="no subject 001"):
        cross_subject(table, ["001"])


def test_joined_tables_keep_people_and_trials_apart():
    first = study_table(people=2, sessions=2)
    second = study_table(people=3, sessions=1, gestures=2)
    joined = join_tables(first, second)
    assert joined.people == ("01", "02", "T01", "T02", "T03")
    assert len(np.unique(joined.trial)) == len(first) + len(second)
    np.testing.assert_array_equal(joined.maps[len(first) :], second.maps)
    np.testing.assert_array_equal(joined.label[len(first) :], second.label)
    with pytest.raises(ConfigError, match="'fs_hz'"):
        join_tables(first, replace(second, fs_hz=1000.0))
