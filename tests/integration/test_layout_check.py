"""The layout self-check: cohorts as they are, with arrays turned, and with electrodes in a wrong order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from offline.cohort.write import write_cohort
from offline.features.feature_config import FeatureConfig
from offline.features.layout_check import check_layout, mean_correlation
from offline.features.named_sources import open_sources
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.io.hyser_layout import list_sessions, session_folder
from rt_handdt.io.hyser_writer import write_session
from rt_handdt.io.wfdb16 import read_header

GESTURES = ("wrist_flexion", "wrist_extension", "hand_close")


@pytest.fixture(scope="module")
def cohort(tmp_path_factory) -> Path:
    """1 person × 1 session × 3 gestures × 2 trials."""
    out = tmp_path_factory.mktemp("layout") / "cohort"
    return write_cohort(out, 1, 1, 3, gestures=GESTURES, repetitions=2, processes=1, progress=False)


def relaid(source: Path, out: Path, change) -> Path:
    """A cohort's first session, the content of its channels moved: `change` maps (8, 8) arrays to (8, 8)."""
    grid = np.arange(256).reshape(4, 8, 8)
    order = np.stack([change(array) for array in grid]).reshape(256)
    found = list_sessions(source)[0]
    samples = [read_header(found.header("dynamic", "raw", k)).read()[:, order] for k in (1, 2, 3, 4)]
    codes = found.labels("dynamic", "raw")
    write_session(session_folder(out, 1, 1), zip(samples, codes, strict=False))
    return out


def checked(root: Path):
    opened = open_sources([root], FeatureConfig(sessions=("1",)))
    correlation, count = mean_correlation(opened.sources, opened.layout, FeatureConfig())
    return check_layout(correlation, opened.layout, count)


def test_the_assumed_grid_of_a_cohort_is_found_right(cohort):
    found = checked(cohort)
    assert found.inside_right
    assert found.fits[0] in found.best
    assert [fit.name for fit in found.best] == ["as assumed", "not turned, mirrored"]
    assert found.seams == ("ED/EP", "FD/FP")
    assert "is right as far as seams can tell" in " ".join(found.sentences())


@pytest.mark.parametrize(
    ("change", "names"),
    [
        (lambda a: a[::-1, ::-1], ["turned 180°", "turned 180°, mirrored"]),
        (lambda a: np.rot90(a), ["turned 270°", "turned 90°, mirrored"]),
        (lambda a: a.T, ["turned 90°", "turned 270°, mirrored"]),
    ],
)
def test_turned_arrays_are_found_out(cohort, tmp_path, change, names):
    found = checked(relaid(cohort, tmp_path / "other", change))
    assert found.inside_right
    assert not (found.inside_right and found.fits[0] in found.best)
    # whichever way the turn is counted: laying the arrays as found must undo the change at the seams
    assert len(found.best) == 2
    assert found.best[0].score > found.fits[0].score + 0.3
    assert "WRONG" in " ".join(found.sentences())
    if "180" in names[0]:
        assert [fit.name for fit in found.best] == names


def test_a_wrong_order_inside_the_arrays_is_found_out(cohort, tmp_path):
    order = np.random.default_rng(0).permutation(64)
    found = checked(relaid(cohort, tmp_path / "other", lambda a: a.reshape(64)[order].reshape(8, 8)))
    assert not found.inside_right
    assert "neighbours must correlate most" in " ".join(found.sentences())


def test_a_single_array_has_no_seams():
    found = check_layout(
        np.exp(-np.abs(np.subtract.outer(np.arange(16), np.arange(16))) / 4), ElectrodeLayout.grid(4, 4)
    )
    assert found.inside_right
    assert "nothing tells how they lie" in " ".join(found.sentences())
