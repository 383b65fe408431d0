"""Many maps as one picture: each where it belongs, what is missing said, bad electrodes grey."""

from __future__ import annotations

import numpy as np
import pytest

from offline.pages.mosaic import MapStyle, mosaic, mosaic_figure
from rt_handdt.core.layout import ElectrodeLayout

LAYOUT = ElectrodeLayout.grid(2, 3)


def drawn(maps: np.ndarray, style: MapStyle, **names):
    """The picture (n, m, 4), and the texts in it."""
    from offline.pages.drawing import figure

    ax = figure(4.0, 4.0).subplots()
    mosaic(ax, maps, LAYOUT, style, **names)
    return ax.images[0].get_array(), [text.get_text() for text in ax.texts], ax


def test_each_map_is_where_it_belongs():
    maps = np.zeros((2, 2, 2, 3))
    maps[1, 0] = 1.0
    picture, texts, ax = drawn(maps, MapStyle(0.0, 1.0, "Greys"), rows=["a", "b"], columns=["x", "y"])
    half, across = picture.shape[0] // 2, picture.shape[1] // 2
    assert (picture[half + 2 : half + 10, 2:10, :3] == 0).all()  # 1 is black
    assert (picture[2:10, 2:10, :3] == 255).all()
    assert (picture[half + 2 : half + 10, across + 2 : across + 10, :3] == 255).all()
    assert texts == []
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "b"]


@pytest.mark.parametrize(("smooth", "missing"), [(True, 1), (False, 0)])
def test_a_missing_value_leaves_out_a_smooth_map_and_is_grey_in_another(smooth, missing):
    maps = np.full((1, 2, 2, 3), 0.0)
    maps[0, 0, 0, 0] = np.nan
    picture, texts, _ = drawn(maps, MapStyle(0.0, 1.0, "Greys", smooth=smooth))
    assert texts == ["–"] * missing
    assert bool((picture[1, 1, :3] == 176).all()) is not smooth


def test_maps_with_titles_fill_the_last_row_as_far_as_they_go(tmp_path):
    maps = np.zeros((2, 2, 2, 3))
    _, texts, _ = drawn(maps, MapStyle(-1.0, 1.0, "RdBu"), titles=["a", "b", "c"])
    assert texts == ["a", "b", "c"]
    mosaic_figure(maps, LAYOUT, MapStyle(-1.0, 1.0, "RdBu"), "what", side=1.0, titles=["a", "b", "c"]).savefig(
        tmp_path / "a.png"
    )
    assert (tmp_path / "a.png").stat().st_size > 1000
