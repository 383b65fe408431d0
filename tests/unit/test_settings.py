"""Settings, specs and layouts: what is accepted, and how the rest is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from rt_handdt.core.decoder_settings import DecoderSettings
from rt_handdt.core.gestures import HYSER_GESTURES, GestureSet, hyser_code, hyser_label, study_ten
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.spec import PipelineSpec
from rt_handdt.errors import ConfigError, LayoutError
from rt_handdt.paths import layout_path, shipped

LAYOUTS = sorted(shipped("configs", "layouts").glob("*.toml"))


@pytest.mark.parametrize("path", LAYOUTS, ids=lambda path: path.stem)
def test_every_shipped_layout_loads_and_round_trips(path: Path) -> None:
    layout = ElectrodeLayout.from_toml(path)
    assert layout.name == path.stem
    again = ElectrodeLayout.parse(json.loads(layout.canonical_json()), what="again")
    assert again == layout
    assert again.fingerprint == layout.fingerprint
    values = np.arange(layout.n_channels, dtype=np.float32)
    np.testing.assert_array_equal(layout.from_grid(layout.to_grid(values)), values)


def test_hyser_channels_lie_where_the_data_set_says() -> None:
    layout = ElectrodeLayout.from_toml(layout_path("hyser_16x16"))
    assert layout.shape == (16, 16)
    corner = {"ED": (0, 0), "FD": (0, 8), "EP": (8, 0), "FP": (8, 8)}
    for array, name in enumerate(("ED", "EP", "FD", "FP")):
        for i in range(1, 9):
            for j in range(1, 9):
                index = 64 * array + (8 - i) * 8 + (8 - j)
                assert layout.channels[index] == f"{name}-{i}-{j}"
                assert layout.cells[index] == (corner[name][0] + i - 1, corner[name][1] + j - 1)
    assert layout.cells[63] == (0, 0)
    assert len(layout.neighbours[63]) == 3


def test_a_users_own_grids(tmp_path: Path) -> None:
    plain = tmp_path / "plain.toml"
    plain.write_text('name = "band"\nshape = [1, 10]\nclosed = true\n')
    band = ElectrodeLayout.from_toml(plain)
    assert band.channels[-1] == "E10"
    assert set(band.neighbours[0]) == {1, 9}
    drawn = tmp_path / "drawn.toml"
    drawn.write_text('name = "odd"\npitch_mm = 8\ngrid = """\nA B .\n. C D\n"""\nchannels = "D C B A"\n')
    odd = ElectrodeLayout.from_toml(drawn)
    assert odd.shape == (2, 3)
    assert odd.cells[0] == (1, 2)
    assert odd.occupied.sum() == 4
    assert np.isnan(odd.to_grid(np.ones(4), fill=np.nan)).sum() == 2
    np.testing.assert_allclose(odd.positions_mm[0], (8.0, 16.0))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('name = "x"\nchannels = ["A", "B"]\ncells = [[0, 0], [0, 0]]\nshape = [1, 2]', "used twice, by 'A' and 'B'"),
        ('name = "x"\ngrid = "A B A"', "'A' stands in the grid twice"),
        ('name = "x"\ngrid = "A B\\nC"', "same number of cells"),
        ('name = "x"\ngrid = "A B"\nchannels = "A C"', r"only in 'channels': \['C'\]"),
        ('name = "x"\nshape = [2]', "must be \\[rows, columns\\]"),
        ('name = "x"', "needs 'shape'"),
        ('name = "x"\nshape = [1, 2]\npitch = 3', "unknown key 'pitch'; did you mean 'pitch_mm'"),
        ('name = "x"\nshape = [1, 2]\npitch_mm = 0', "above 0 mm"),
        ('name = "x"\nchannels = ["A"]\ncells = [[5, 0]]\nshape = [1, 2]', "outside the 1x2 grid"),
        ("name = ", "not valid TOML"),
    ],
)
def test_bad_layouts_are_refused_in_one_sentence(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(LayoutError, match=says) as caught:
        ElectrodeLayout.from_toml(path)
    assert "bad.toml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match="no such file"):
        ElectrodeLayout.from_toml(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match=r"shipped layout \(.*hyser_16x16"):
        layout_path("hyser")


def spec(**changes: object) -> PipelineSpec:
    values: dict[str, object] = {"fs_hz": 2048.0, "layout": ElectrodeLayout.grid(2, 2)}
    return PipelineSpec.parse(values | changes, what="spec.toml")


def test_a_spec_counts_in_samples_and_keeps_its_fingerprint() -> None:
    one = spec(features=["rms", {"name": "stft", "bins": 8}])
    assert (one.window_samples, one.hop_samples, one.block_samples) == (512, 32, 32)
    assert one.frame_shape == (9, 2, 2)
    assert one.map_names[:2] == ("rms", "stft_0")
    again = PipelineSpec.parse(json.loads(one.canonical_json()), what="again")
    assert again == one
    assert again.fingerprint == one.fingerprint
    assert spec(features=["rms"]).fingerprint != one.fingerprint
    assert spec(hop_s=0.03125).fingerprint != spec().fingerprint


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"fs_hz": 800.0}, "upper band corner 500 Hz must lie below half the sampling rate"),
        ({"notch_hz": 2000.0}, "notch at 2000 Hz"),
        ({"band_hz": (100.0, 20.0)}, "two rising corners"),
        ({"features": ["rms", "rmss"]}, "unknown feature 'rmss'"),
        ({"features": ["rms", "rms"]}, "named once"),
        ({"features": []}, "at least one feature"),
        ({"windows_s": 0.2}, "unknown key 'windows_s'; did you mean 'window_s'"),
        ({"hop_s": 0.5}, "must hold at least 4 samples and one hop"),
        ({"hop_s": 1e-5}, "less than one sample"),
        ({"window_s": 511 / 2048, "hop_s": 32 / 2048}, "share a divisor"),
        ({"features": [{"name": "zc", "threshold": 3}]}, "unknown key"),
        ({"features": [{"name": "stft", "frame_samples": 1024}]}, "does not fit the window"),
        ({"fs_hz": "fast"}, "'fs_hz'"),
    ],
)
def test_bad_specs_are_refused_in_one_sentence(changes: dict[str, object], says: str) -> None:
    with pytest.raises(ConfigError, match=says) as caught:
        spec(**changes)
    assert "\n" not in str(caught.value)


def test_settings_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        DecoderSettings().hold_s = 1.0  # type: ignore[misc]


def test_the_gestures_are_hysers() -> None:
    assert len(HYSER_GESTURES) == len(set(HYSER_GESTURES)) == 34
    assert [hyser_code(label) for label in study_ten().labels[1:]] == [6, 7, 8, 9, 10, 11, 30, 31, 32, 34]
    assert hyser_label(19) == "wrist_supination_hand_close"
    assert hyser_label(33) == "thumb_index_middle_pinch"
    with pytest.raises(ConfigError, match="1 to 34"):
        hyser_label(35)
    with pytest.raises(ConfigError, match="not one of Hyser's"):
        hyser_code("wave")
    mixed = GestureSet.ordered(["zebra", "hand_close", "wrist_flexion", "rest", "ape"])
    assert mixed.labels == ("rest", "wrist_flexion", "hand_close", "ape", "zebra")
    assert mixed.rest_index == 0
    with pytest.raises(ConfigError, match="occur once"):
        GestureSet(("a", "a"))


def test_settings_are_changed_as_a_command_line_gives_them() -> None:
    before = DecoderSettings()
    after = before.changed(["smoothing=majority", "smoothing_s=0.2", "level.dead_band = 0.1"], what="test")
    assert (after.smoothing, after.smoothing_s, after.level.dead_band) == ("majority", 0.2, 0.1)
    assert after.level.cutoff_hz == before.level.cutoff_hz
    assert before.changed([], what="test") == before


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("smothing=none", "did you mean 'smoothing'"),
        ("smoothing=mean", "'smoothing'"),
        ("smoothing_s=-1", "'smoothing_s'"),
        ("smoothing_s", "KEY=VALUE"),
        ("=1", "KEY=VALUE"),
        ("hold_s.inner=1", "no further keys"),
        ("hold_s=1\nreject_below=0", "'hold_s'"),
    ],
)
def test_a_change_that_makes_no_sense_says_so(change: str, said: str) -> None:
    with pytest.raises(ConfigError, match="test: ") as caught:
        DecoderSettings().changed([change], what="test")
    assert said in str(caught.value)


def test_settings_that_are_as_ever_leave_no_trace_in_a_model() -> None:
    """Models from before they existed keep their fingerprints."""
    assert not {"smoothing", "switch_s", "when_rejected", "rejected_s", "level"} & DecoderSettings().model_dump().keys()
    assert DecoderSettings().changed(["switch_s=0"], what="test").model_dump()["switch_s"] == 0
