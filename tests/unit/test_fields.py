"""Which arrays of a layout touch: what a layout file may say, and the fields that follow from it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rt_handdt.core.bundle import load_bundle
from rt_handdt.core.fields import NO_FIELD, field_map, grid_fields
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.errors import LayoutError
from rt_handdt.paths import layout_path, shipped

ARRAYS = """
[[arrays]]
name = "a"
rows = [0, 3]
columns = [0, 1]
[[arrays]]
name = "b"
rows = [0, 3]
columns = [2, 3]
[[arrays]]
name = "c"
rows = [0, 3]
columns = [4, 7]
"""


def read(tmp_path: Path, text: str) -> ElectrodeLayout:
    path = tmp_path / "sleeve.toml"
    path.write_text(text)
    return ElectrodeLayout.from_toml(path)


def sleeve(tmp_path: Path, touching: str, *, closed: bool = False) -> ElectrodeLayout:
    head = f'name = "sleeve"\nshape = [4, 8]\ntouching = {touching}\nclosed = {str(closed).lower()}\n'
    return read(tmp_path, head + ARRAYS)


def test_without_touching_all_is_one_field() -> None:
    for layout in (ElectrodeLayout.grid(3, 5), ElectrodeLayout.from_toml(layout_path("flexemg_16x4"))):
        (field,) = grid_fields(layout)
        assert field.shape == layout.shape
        assert field.inside.all()
        assert not field.closed
        assert not field_map(layout).any()


def test_hyser_is_two_fields_of_16x8() -> None:
    layout = ElectrodeLayout.from_toml(layout_path("hyser_16x16"))
    extensors, flexors = grid_fields(layout)
    assert extensors.shape == flexors.shape == (16, 8)
    names = dict(zip(layout.cells, layout.channels, strict=True))
    for field, arrays in ((extensors, {"ED", "EP"}), (flexors, {"FD", "FP"})):
        assert {names[(row, column)][:2] for row in field.rows for column in field.columns} == arrays


def test_arrays_that_touch_across_the_seam_of_a_closed_sleeve(tmp_path: Path) -> None:
    joined, alone = grid_fields(sleeve(tmp_path, '[["a", "c"], ["b"]]', closed=True))
    assert joined.columns.tolist() == [4, 5, 6, 7, 0, 1]
    assert not joined.closed
    assert alone.columns.tolist() == [2, 3]
    (whole,) = grid_fields(sleeve(tmp_path, '[["a", "b", "c"]]', closed=True))
    assert whole.closed
    assert whole.columns.tolist() == list(range(8))


def test_rings_one_behind_the_other_are_closed_each(tmp_path: Path) -> None:
    arrays = "".join(
        f'[[arrays]]\nname = "{name}"\nrows = [{rows[0]}, {rows[1]}]\ncolumns = [0, 5]\n'
        for name, rows in (("near", (0, 1)), ("far", (2, 2)))
    )
    text = f'name = "rings"\nshape = [3, 6]\nclosed = true\ntouching = [["near"], ["far"]]\n{arrays}'
    near, far = grid_fields(read(tmp_path, text))
    assert near.closed
    assert far.closed
    assert (near.shape, far.shape) == ((2, 6), (1, 6))


def test_a_field_that_is_no_rectangle_knows_its_cells(tmp_path: Path) -> None:
    arrays = """
[[arrays]]
name = "tall"
rows = [0, 3]
columns = [0, 0]
[[arrays]]
name = "low"
rows = [3, 3]
columns = [1, 2]
[[arrays]]
name = "other"
rows = [0, 1]
columns = [1, 2]
"""
    grid = '"""\nA1 C1 C2\nA2 C3 C4\nA3 . .\nA4 B1 B2\n"""'
    layout = read(tmp_path, f'name = "L"\ngrid = {grid}\ntouching = [["tall", "low"], ["other"]]\n{arrays}')
    bent, other = grid_fields(layout)
    assert bent.inside.tolist() == [[1, 0, 0], [1, 0, 0], [1, 0, 0], [1, 1, 1]]
    assert other.shape == (2, 2)
    assert field_map(layout)[2].tolist() == [0, NO_FIELD, NO_FIELD]


@pytest.mark.parametrize(
    ("touching", "closed", "says"),
    [
        ('[["a", "d"], ["b", "c"]]', False, "names 'd', which is none of the arrays"),
        ('[["a", "b"]]', False, "'c' is not named"),
        ('[["a", "b"], ["b", "c"]]', False, "'b' is named more than once"),
        ('[["a", "c"], ["b"]]', False, "on the grid they lie apart"),
        ('[["a", "b", "c"], []]', False, "names no array"),
    ],
)
def test_groups_that_cannot_be_meant_are_refused(tmp_path: Path, touching: str, closed: bool, says: str) -> None:
    with pytest.raises(LayoutError, match=says):
        sleeve(tmp_path, touching, closed=closed)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"arrays": []}, "has no 'arrays'"),
        ({"arrays": [("a", (0, 0), (0, 1)), ("a", (0, 0), (2, 3))]}, "the same name"),
        ({"arrays": [("a", (0, 0), (0, 2)), ("b", (0, 0), (2, 3))]}, "'a' and 'b' share cells"),
        ({"arrays": [("a", (0, 0), (0, 1)), ("b", (0, 0), (2, 4))]}, "columns 2 to 4, but the grid's are 0 to 3"),
        ({"arrays": [("a", (0, 0), (0, 1)), ("b", (0, 0), (2, 2))]}, "'E4' lies in none of the arrays"),
    ],
)
def test_arrays_must_be_right_once_touching_rests_on_them(changes: dict[str, Any], says: str) -> None:
    arrays = [{"name": name, "rows": rows, "columns": columns} for name, rows, columns in changes["arrays"]]
    data = {
        "name": "x",
        "channels": ["E1", "E2", "E3", "E4"],
        "cells": [(0, 0), (0, 1), (0, 2), (0, 3)],
        "shape": (1, 4),
        "arrays": arrays,
    }
    ElectrodeLayout.parse(data, what="for display anything goes")
    with pytest.raises(LayoutError, match=says):
        ElectrodeLayout.parse({**data, "touching": [["a"], ["b"]]}, what="x", error=LayoutError)


def test_what_old_bundles_say_of_their_layout_stays_as_it_was() -> None:
    plain = ElectrodeLayout.grid(2, 2)
    assert "touching" not in json.loads(plain.canonical_json())
    bundle = load_bundle(shipped("models", "default"))
    written = json.loads((bundle.path / "manifest.json").read_text(encoding="utf-8"))["spec"]["layout"]
    assert json.loads(bundle.spec.layout.canonical_json()) == written
    hyser = ElectrodeLayout.from_toml(layout_path("hyser_16x16"))
    again = ElectrodeLayout.parse(json.loads(hyser.canonical_json()), what="again")
    assert again.touching == (("ED", "EP"), ("FD", "FP"))
    assert np.array_equal(field_map(again), field_map(hyser))
