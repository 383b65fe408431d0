"""Scores of maps, on maps whose scores are known."""

from __future__ import annotations

import numpy as np
import pytest

from tests.bench.pattern_scores import pattern_scores

OCCUPIED = np.ones((4, 5), bool)


def spots(n_gestures: int, n_people: int) -> np.ndarray:
    cells = np.zeros((n_gestures, n_people, 4, 5))
    for k in range(n_gestures):
        cells[k, :, k // 5, k % 5] = 1.0
    return cells


def test_maps_that_all_people_share() -> None:
    found = pattern_scores(spots(4, 3), OCCUPIED)
    assert found.same == pytest.approx([1.0] * 3)
    assert found.other == pytest.approx([-1 / 19] * 3)  # of one cell among 20 with another
    assert found.named.tolist() == [1.0] * 3
    assert found.named_by_one.tolist() == [1.0] * 3
    assert found.wide == pytest.approx([1 / 20] * 3)


def test_one_person_who_exchanges_two_gestures() -> None:
    cells = spots(4, 3)
    cells[[0, 1], 2] = cells[[1, 0], 2]
    found = pattern_scores(cells, OCCUPIED)
    # the others find each other among all maps; by the third alone they are wrong in two of four
    assert found.named.tolist() == [1.0, 1.0, 0.5]
    assert found.named_by_one == pytest.approx([0.75, 0.75, 0.5])
    assert found.same[2] == pytest.approx(0.5 - 0.5 / 19)


def test_missing_maps_and_empty_cells_are_left_out() -> None:
    cells, occupied = spots(4, 3), OCCUPIED.copy()
    occupied[3] = False
    cells[:, :, 3] = 1e6  # no electrode there
    cells[3, 0] = np.nan
    found = pattern_scores(cells, occupied)
    assert found.same == pytest.approx([1.0] * 3)
    assert found.wide == pytest.approx([1 / 15] * 3)
    assert found.named.tolist() == [1.0] * 3


def test_maps_without_any_difference_are_like_none() -> None:
    found = pattern_scores(np.ones((3, 2, 4, 5)), OCCUPIED)
    assert found.same.tolist() == [0.0, 0.0]
    assert found.wide.tolist() == [1.0, 1.0]
