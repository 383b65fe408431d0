"""A training configuration and data that do not fit one another: what is said, and what --fit makes of it."""

from __future__ import annotations

import io
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from typer.testing import CliRunner

import offline.train.window_run
from offline.cli import app
from offline.config import TrainConfig
from offline.data.data_facts import DataFacts
from offline.data.recordings import TrainingData
from offline.train.fitting import Fitting, fit_config
from offline.train.misfits import nearest_window_and_hop
from offline.train.window_run import suitable_config, train_bundle
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.recording import Marker
from rt_handdt.errors import ConfigError
from rt_handdt.paths import shipped
from tests.support.people import LABELS, LAYOUT, recording

RING = ElectrodeLayout.parse(
    {**ElectrodeLayout.grid(1, 10).model_dump(), "name": "ring", "closed": True}, what="a ring of ten electrodes"
)
FACTS = DataFacts(1000.0, RING, people=3, longest_s=dict.fromkeys(LABELS, 5.0))


def config(**changes: Any) -> TrainConfig:
    return TrainConfig.parse({"pipeline": {"band_hz": [20.0, 200.0]}, **changes}, what="test")


def fitted(facts: DataFacts = FACTS, **changes: Any) -> Fitting:
    return fit_config(config(**changes), facts)


def says(fitting: Fitting, *words: str) -> None:
    """The refusal without --fit names all of them; with --fit there is a valid configuration."""
    with pytest.raises(ConfigError) as caught:
        fitting.require(adapted=False)
    for word in words:
        assert word in str(caught.value)
    assert "--fit" in str(caught.value)
    done = fitting.require(adapted=True)
    done.pipeline.spec(fitting.facts.fs_hz, fitting.facts.layout)
    TrainConfig.parse(done.model_dump(mode="json"), what="what is left")
    assert len(fitting.adaptations) == len(fitting.misfits)
    again = fit_config(done, fitting.facts)
    assert again.misfits == ()
    assert again.config == done


def test_what_fits_is_left_alone() -> None:
    fitting = fitted()
    assert fitting.misfits == ()
    assert fitting.require(adapted=False) == config()


def test_band_and_notch_above_half_the_rate() -> None:
    slow = replace(FACTS, fs_hz=512.0)
    fitting = fitted(slow, pipeline={"band_hz": [20.0, 500.0]})
    says(fitting, "'pipeline.band_hz' ends at 500 Hz", "below half the sampling rate (256 Hz)")
    assert fitting.config.pipeline.band_hz == (20.0, 230.4)
    slower = replace(FACTS, fs_hz=100.0)
    fitting = fitted(slower, pipeline={"band_hz": [10.0, 40.0], "notch_hz": 60.0, "hop_s": 0.02, "window_s": 0.24})
    says(fitting, "'pipeline.notch_hz' is 60 Hz", "50 Hz")
    assert fitting.config.pipeline.notch_hz == 0.0
    stuck = fitted(slower, pipeline={"band_hz": [60.0, 90.0], "hop_s": 0.02, "window_s": 0.24})
    with pytest.raises(ConfigError, match="begins at 60 Hz"):
        stuck.require(adapted=True)


def test_window_and_hop_at_an_odd_rate() -> None:
    fitting = fitted(replace(FACTS, fs_hz=500.0), pipeline={"band_hz": [20.0, 200.0]})
    says(fitting, "are 125 and 8 samples at 500 Hz", "share a divisor of at least 2 samples")
    spec = fitting.config.pipeline.spec(500.0, RING)
    assert (spec.window_samples, spec.hop_samples) == (124, 8)
    assert "they are made 124 and 8 samples (0.248 and 0.016 s)" in fitting.adaptations[0]
    none = fitted(pipeline={"band_hz": [20.0, 200.0], "hop_s": 0.0004})
    says(none, "250 and 0 samples")
    assert none.config.pipeline.spec(1000.0, RING).hop_samples == 2
    long = fitted(pipeline={"band_hz": [20.0, 200.0], "window_s": 0.1, "hop_s": 0.2})
    says(long, "no shorter than the hop")


@pytest.mark.parametrize("fs_hz", [1000.0, 2000.0, 1926.0, 1259.26, 512.0, 500.0, 4000.0, 2048.0, 1111.11, 250.0])
@pytest.mark.parametrize("name", ["default", "one_person", "flexemg"])
def test_shipped_configurations_fit_any_rate(fs_hz: float, name: str) -> None:
    asked = TrainConfig.from_toml(shipped("configs", "train", f"{name}.toml"))
    fitting = fit_config(asked, replace(FACTS, fs_hz=fs_hz))
    spec = fitting.require(adapted=True).pipeline.spec(fs_hz, RING)
    assert spec.block_samples >= 2
    window, hop = asked.pipeline.window_s * fs_hz, asked.pipeline.hop_s * fs_hz
    # at 250 Hz a hop of 2.5 samples becomes 2 or 4
    assert abs(spec.window_samples / window - 1) < 0.02
    assert abs(spec.hop_samples - hop) <= max(1.0, 0.02 * hop)
    assert spec.band_hz[1] < fs_hz / 2


@settings(max_examples=60, deadline=None)
@given(window=st.floats(1.0, 120.0), hop=st.floats(0.2, 40.0))
def test_no_window_and_hop_are_nearer(window: float, hop: float) -> None:
    def change(w: float, h: float) -> float:
        return abs(w - window) / window + abs(h - hop) / hop

    found = nearest_window_and_hop(window, hop)
    allowed = [
        (w, h)
        for h in range(1, math.ceil(hop) + 12)
        for w in range(max(4, h), math.ceil(max(window, hop)) + 12)
        if math.gcd(w, h) >= 2
    ]
    assert found in allowed
    assert change(*found) <= min(change(w, h) for w, h in allowed) + 1e-9


def test_features_that_the_layout_cannot_give() -> None:
    features = ["rms", "wl", "rms_along", "wl_along_2", "rms_around"]
    fitting = fitted(
        pipeline={"band_hz": [20.0, 200.0], "features": features},
        person={"learn": True, "features": ["rms", "rms_along"]},
    )
    says(fitting, "no two electrodes 1 cell apart along the limb", "'rms_along'", "2 cells apart", "'person.features'")
    assert [one.label for one in fitting.config.pipeline.features] == ["rms", "wl", "rms_around"]
    assert fitting.config.person.features == ("rms",)
    all_gone = fitted(
        pipeline={"band_hz": [20.0, 200.0], "features": features}, person={"learn": True, "features": ["rms_along"]}
    )
    says(all_gone, "'person.features' names 'rms_along'")
    assert "none is left: all count" in " ".join(all_gone.adaptations)
    stuck = fitted(pipeline={"band_hz": [20.0, 200.0], "features": ["rms_along"]})
    with pytest.raises(ConfigError, match="along the limb"):
        stuck.require(adapted=True)


def test_features_that_rate_or_window_cannot_give() -> None:
    features = ["rms", {"name": "stft", "frame_samples": 512, "bins": 16}, {"name": "envelope", "cutoff_hz": 600.0}]
    fitting = fitted(pipeline={"band_hz": [20.0, 200.0], "features": features})
    says(fitting, "'stft' has frames of 512 samples, but the window has 250", "'envelope' has its cutoff at 600 Hz")
    stft, envelope = fitting.config.pipeline.features[1:]
    assert (stft.frame_samples, envelope.cutoff_hz) == (224, 450.0)  # type: ignore[union-attr]
    broad = fitted(
        pipeline={"band_hz": [20.0, 200.0], "features": ["rms", {"name": "stft", "frame_samples": 512, "bins": 256}]}
    )
    says(broad, "'stft' has frames of 512")
    assert [one.label for one in broad.config.pipeline.features] == ["rms"]
    raw = fitted(pipeline={"band_hz": [20.0, 200.0], "features": ["raw_points"], "window_s": 20.0, "hop_s": 1.0})
    assert any("take 8.192 s at most" in one.problem for one in raw.misfits)


def test_gestures_that_the_data_lacks() -> None:
    fitting = fitted(gestures=["rest", "wrist_flexion", "fist"])
    says(fitting, "'gestures' names 'fist'", "'wrist_extension'")
    assert fitting.config.gestures == ("rest", "wrist_flexion")
    other = fitted(gestures=["fist", "open"])
    says(other, "'fist', 'open'")
    assert other.config.gestures == ()
    assert "all labels of the data" in other.adaptations[0]
    for stuck in (
        fitted(replace(FACTS, longest_s={"rest": 5.0})),
        fitted(replace(FACTS, longest_s={"rest": 5.0, "other": 5.0})),
        fitted(gestures=["rest"]),
        fitted(replace(FACTS, longest_s={"rest": 5.0}), gestures=["rest", "fist"]),
    ):
        with pytest.raises(ConfigError, match="two labels"):
            stuck.require(adapted=True)


def test_segments_too_short_for_a_window() -> None:
    short = replace(FACTS, longest_s={**dict.fromkeys(LABELS, 5.0), "twitch": 0.2})
    fitting = fitted(short)
    says(fitting, "no segment of 'twitch' is longer than 0.2 s")
    assert fitting.config.gestures == LABELS
    with pytest.raises(ConfigError, match="shorten the window"):
        fitted(replace(FACTS, longest_s=dict.fromkeys(LABELS, 0.2))).require(adapted=True)
    late = fitted(replace(FACTS, longest_s=dict.fromkeys(LABELS, 1.0)), skip_after_cue_s=0.9)
    says(late, "'skip_after_cue_s' is 0.9 s")
    assert 0.5 < late.config.skip_after_cue_s < 0.75
    settled = fitted(
        replace(FACTS, longest_s=dict.fromkeys(LABELS, 0.3)), person={"learn": True, "settle_s": 0.2}, stride=1
    )
    says(settled, "'person.settle_s' is 0.2 s")
    assert settled.config.person.settle_s == 0.0


def test_instance_norm_on_a_small_grid() -> None:
    tiny = replace(FACTS, layout=ElectrodeLayout.grid(1, 1))
    fitting = fitted(tiny, network={"norm": "instance"})
    says(fitting, "instance norm needs two cells")
    assert fitting.config.network.norm == "batch"
    assert fitted(network={"norm": "instance"}).misfits == ()  # ten cells, none of them halved away


def test_all_misfits_stand_in_one_message() -> None:
    facts = replace(FACTS, fs_hz=500.0, layout=ElectrodeLayout.grid(1, 1), misplaced=("s1.xdf lacks 'E1'.",))
    fitting = fitted(
        facts,
        gestures=["rest", "wrist_flexion", "fist"],
        network={"norm": "instance"},
        pipeline={"band_hz": [20.0, 500.0], "notch_hz": 300.0, "features": ["rms", "rms_around"]},
    )
    with pytest.raises(ConfigError) as caught:
        fitting.require(adapted=False, what="mine.toml")
    message = str(caught.value)
    assert message.startswith("mine.toml does not fit the data (3 people, 500 Hz, layout 'grid_1x1' of 1x1)")
    assert len(re.findall(r"\n  - ", message)) == 7
    for word in ("E1", "band_hz", "notch_hz", "fist", "divisor", "rms_around", "instance norm"):
        assert word in message
    with pytest.raises(ConfigError) as caught:
        fitting.require(adapted=True)
    assert "lacks 'E1'" in str(caught.value)
    assert "notch" not in str(caught.value)  # mended


def test_facts_are_read_off_recordings_without_their_samples() -> None:
    class Unread(type(recording(0))):  # type: ignore[misc]
        def blocks(self, block_samples: int = 4096) -> Any:
            raise AssertionError("samples were read")

    made = [recording(person, repetitions=2) for person in range(3)]
    unread = [Unread(**{name: getattr(one, name) for name in one.__dataclass_fields__}) for one in made]
    long = replace(unread[0], markers=(Marker(0, "rest"), Marker(800, "wrist_flexion")), name="long")
    facts = DataFacts.of([*unread, long], LAYOUT)
    assert facts.people == 3
    assert facts.fs_hz == 512.0
    assert facts.longest_s["rest"] == pytest.approx(800 / 512)
    assert facts.longest_s["wrist_extension"] == pytest.approx(1.0)
    assert (facts.unmarked, facts.misplaced) == ((), ())
    bare = recording(4, markers=False)
    wrong = replace(recording(5), channels=tuple(f"X{k}" for k in range(LAYOUT.n_channels)), name="strange")
    facts = DataFacts.of([*unread, bare, wrong, replace(wrong, name="as strange")], LAYOUT)
    assert facts.unmarked == ("person 4",)
    assert len(facts.misplaced) == 1
    fitting = fit_config(config(), facts)
    with pytest.raises(ConfigError) as caught:
        fitting.require(adapted=True)
    assert "person 4 has no markers" in str(caught.value)
    assert "strange does not fit the layout" in str(caught.value)


def test_without_a_config_what_suits_is_taken_and_fitted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def few(facts: DataFacts) -> tuple[str, TrainConfig]:
        name, chosen = suitable_config(facts)
        optimiser = chosen.optimiser.model_copy(update={"epochs": 1})
        return name, chosen.model_copy(update={"optimiser": optimiser, "refit": False, "threads": 1})

    monkeypatch.setattr(offline.train.window_run, "suitable_config", few)
    said = io.StringIO()
    data = TrainingData((recording(0),), "one synthetic person", True)
    bundle = train_bundle(data, LAYOUT, tmp_path / "m", None, Console(file=said, width=500))
    assert bundle.spec.band_hz == (20.0, 230.4)  # 512 Hz
    assert "No --config: using configs/train/one_person.toml for 1 person, 512 Hz" in said.getvalue()
    assert "the upper corner is lowered to 230.4 Hz" in said.getvalue()
    many = replace(FACTS, people=6, fs_hz=2048.0, layout=ElectrodeLayout.grid(16, 4))
    assert suitable_config(many)[0] == "default.toml"
    assert suitable_config(replace(many, people=5))[0] == "one_person.toml"
    for people, name in ((6, "few_channels.toml"), (2, "few_channels.toml"), (1, "one_person.toml")):
        few_channels = replace(many, people=people, layout=ElectrodeLayout.grid(1, 10))
        assert suitable_config(few_channels)[0] == name
        ring = fit_config(suitable_config(few_channels)[1], few_channels).config
        wanted = ["rms", "wl", "zc", "ssc", "rms_around", "wl_around", *(["stft"] if people > 1 else [])]
        assert [one.label for one in ring.pipeline.features] == wanted


def test_fit_decides_between_a_refusal_before_any_work_and_a_bundle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = config(
        pipeline={"band_hz": [20.0, 400.0], "notch_hz": 0, "hop_s": 16 / 512, "features": ["rms", "rms_along_3"]},
        network={"widths": [4, 4, 4]},
        optimiser={"epochs": 1, "batch": 32},
        threads=1,
    )
    data = TrainingData(tuple(recording(person) for person in range(2)), "synthetic people", True)
    with monkeypatch.context() as patched:
        patched.setattr(offline.train.window_run, "collect", lambda *args: pytest.fail("features were computed"))
        with pytest.raises(ConfigError, match="rms_along_3"):
            train_bundle(data, LAYOUT, tmp_path / "m", settings, Console(file=io.StringIO()))
    said = io.StringIO()
    bundle = train_bundle(data, LAYOUT, tmp_path / "m", settings, Console(file=said, width=500), fit=True)
    assert bundle.spec.map_names == ("rms",)
    assert bundle.manifest.training.config["pipeline"]["band_hz"] == [20.0, 230.4]
    assert said.getvalue().count("Adapted: ") == 2


def test_the_command_line_refuses_and_adapts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = TrainingData(tuple(recording(person) for person in range(2)), "synthetic people", True)
    monkeypatch.setattr(offline.train.window_run, "open_data", lambda *args, **kwargs: made)
    path, layout = tmp_path / "mine.toml", tmp_path / "grid.toml"
    path.write_text(
        'threads = 1\n[pipeline]\nband_hz = [20.0, 500.0]\nfeatures = ["rms"]\nhop_s = 0.03125\n'
        "[network]\nwidths = [4, 4, 4]\n[optimiser]\nepochs = 1\n"
    )
    layout.write_text('name = "grid"\nshape = [3, 5]\n')
    words = [
        "train",
        "--data",
        "virtual:0:1",
        "--layout",
        str(layout),
        "--config",
        str(path),
        "--out",
        str(tmp_path / "m"),
    ]
    refused = CliRunner().invoke(app, words)
    assert isinstance(refused.exception, ConfigError)
    assert refused.exception.exit_code == 2
    assert "band_hz" in str(refused.exception)
    assert str(path) in str(refused.exception)
    assert not (tmp_path / "m").exists()
    done = CliRunner().invoke(app, [*words, "--fit"])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "m" / "manifest.json").exists()
    assert np.all(np.isfinite(np.load(tmp_path / "m" / "golden.npz")["probabilities"]))
