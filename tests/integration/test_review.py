"""A recording made ready to be looked at: as it was decided, or as the model decides it now."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from rt_handdt.core.bundle import Bundle
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.recording import ArrayRecording, Marker
from rt_handdt.errors import HanddtError
from rt_handdt.gui.review.decision_table import decision_table
from rt_handdt.gui.review.lanes import lanes
from rt_handdt.gui.review.page import ReviewPage
from rt_handdt.gui.widgets.canvas import install_fonts
from rt_handdt.infer.classifier import StreamClassifier
from rt_handdt.io.xdf import write_xdf
from rt_handdt.runtime.evaluation import evaluate
from rt_handdt.runtime.review import Review
from rt_handdt.runtime.review_run import ReviewRun
from rt_handdt.runtime.reviewing import review
from rt_handdt.runtime.scoring import score_session
from rt_handdt.runtime.status import State
from tests.support.recorded_run import recorded_run
from tests.support.tiny import noise, tiny_bundle, tiny_spec

SPEC = tiny_spec()


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return tiny_bundle(tmp_path_factory.mktemp("bundles") / "tiny", SPEC, shared=True)


def recording(name: str, n: int = 4096) -> ArrayRecording:
    """Rest, "left", rest, "right"."""
    samples = noise(SPEC, n, 1.0)
    loud = noise(SPEC, n, 30.0, seed=1) - 20_000.0
    quarter = n // 4
    for first, half in ((quarter, [0, 1, 4, 5]), (3 * quarter, [2, 3, 6, 7])):
        samples[first : first + quarter, half] += loud[first : first + quarter, half]
    marks = tuple(Marker(k * quarter, label) for k, label in enumerate(("rest", "left", "rest", "right")))
    return ArrayRecording(name, SPEC.fs_hz, SPEC.layout.channels, n, marks, samples=samples.astype(np.float32))


def shown_page(qtbot: QtBot, found: Review) -> ReviewPage:
    install_fonts()
    done = SimpleNamespace(review=found, fault="", share=1.0, close=lambda: None)
    page = ReviewPage(done, "odd")  # type: ignore[arg-type]
    qtbot.addWidget(page)
    page.resize(1024, 640)
    page.show()
    page.start()
    return page


def made(path: Path, bundle: Bundle) -> Review:
    found = review(path, bundle.path)
    assert found is not None
    return found


def test_what_was_not_decided_is_decided_as_evaluate_and_score_do(bundle: Bundle, tmp_path: Path) -> None:
    path = tmp_path / "plain.xdf"
    write_xdf(path, recording("plain"))
    found = made(path, bundle)
    assert found.decided_by == "model tiny"
    scores = evaluate(bundle, path)
    assert [one.label for one in scores.decisions] == list(found.decided.label)
    assert [one.index for one in scores.decisions] == found.decided.index.tolist()
    assert found.figures == score_session(StreamClassifier(bundle), recording("plain")).model
    assert found.score is not None
    assert found.score.confusion.trace() > 0.8 * found.score.windows

    shot = found.at(1800)
    assert (shot.truth, shot.decision.label, shot.state) == ("left", "left", State.RUNNING)  # type: ignore[union-attr]
    assert shot.rms_grid[:, :2].min() > 10 * shot.rms_grid[:, 2:].max()  # type: ignore[index]
    assert shot.pattern_grid[:, :2].min() > 0.5  # type: ignore[index]
    assert found.at(3).decision is None
    assert found.at(10**9).truth is None

    shown = lanes(found)
    assert [band.text for band in shown.cued] == ["Rest", "Left", "Rest", "Right"]
    assert shown.cued[1].end_s == pytest.approx(4.0)
    firm = [band.text for band in shown.decided if band.end_s - band.start_s > 0.5]
    assert firm == ["Rest", "Left", "Rest", "Right"]

    rows = decision_table(found).splitlines()
    assert len(rows) == 1 + len(found.decided)
    assert rows[0].startswith("time,sample,cue,label,confidence")
    assert rows[1].startswith("0.248047,127,rest,rest,")


def test_recorded_decisions_are_shown_as_they_were(bundle: Bundle, tmp_path: Path) -> None:
    one = recording("then")
    path = recorded_run(tmp_path / "then.xdf", bundle, one, wrong=slice(3, 7), lost_s=0.5)
    found = made(path, bundle)
    assert found.decided_by == "recorded"
    assert any("as they were recorded" in note for note in found.notes)
    windows = len(found.decided) - 1
    assert windows == (4096 - 128) // 16 + 1
    assert found.decided.label[2:8] == ("rest", "right", "right", "right", "right", "rest")
    assert found.decided.state[-2:] == (State.RUNNING, State.LOST)
    assert found.decided.reason[-2:] == ("", "gone")
    last = found.at(4095)
    assert (last.state, last.message) == (State.LOST, "The stream is gone.")
    assert found.at(4080).message == ""
    assert found.at(3000).bad_electrodes == {}
    assert last.bad_electrodes == {"E3": "known", "E5": "flat"}  # as it was then, not as it is found now
    last_band = lanes(found).states[-1]
    assert (last_band.text, last_band.end_s) == ("Lost", found.seconds)
    assert found.pattern is not None
    assert found.figures is not None


def test_a_profile_and_settings_are_taken_as_live_use_takes_them(bundle: Bundle, tmp_path: Path) -> None:
    write_xdf(tmp_path / "plain.xdf", recording("plain"))
    classifier = StreamClassifier(bundle)
    report = classifier.calibrate(recording("own"))
    profile = classifier.profile(report, rest_rms_uv=1.0, active_rms_uv={"left": 15.0, "right": 15.0})
    profile.save(tmp_path / "profile")
    found = review(
        tmp_path / "plain.xdf", bundle.path, profile=tmp_path / "profile", post_processing=["reject_below=0.9"]
    )
    assert found is not None
    assert any("profile of 3 labels" in note for note in found.notes)
    again = StreamClassifier(bundle, post_processing=["reject_below=0.9"])
    again.use(profile)
    scored = score_session(again, recording("plain"))
    assert found.figures == scored.model


def test_a_decoder_s_pattern_is_one_of_its_own(qtbot: QtBot, tmp_path: Path) -> None:
    bundle = tiny_bundle(tmp_path / "decoder", SPEC)
    write_xdf(tmp_path / "plain.xdf", recording("plain"))
    found = made(tmp_path / "plain.xdf", bundle)
    assert not found.shared_pattern
    grid = found.at(1800).pattern_grid
    assert grid is not None
    assert grid[:, :2].mean() > 5 * abs(grid[:, 2:].mean())
    page = shown_page(qtbot, found)
    page.seek(1800 / SPEC.fs_hz)
    low, high = page.pattern._levels
    assert low == -high
    assert page.save_to(tmp_path / "a.png").startswith("Saved")


def test_gaps_and_faults_are_seen(bundle: Bundle, tmp_path: Path) -> None:
    one = recording("holes", 4096)
    one.samples[1000:1400] = np.nan
    one.samples[2500:2900] += (3000.0 * np.sin(2 * np.pi * 50 * np.arange(400) / SPEC.fs_hz))[:, None]
    write_xdf(tmp_path / "holes.xdf", one)
    found = made(tmp_path / "holes.xdf", bundle)
    bad = {reason for reason in found.decided.reason if reason}
    assert bad
    at = found.decided.reason.index(next(iter(bad)))
    shot = found.at(int(found.decided.index[at]))
    assert shot.state == State.BAD_SIGNAL
    assert shot.message.endswith(".")
    assert "Bad signal" in [band.text for band in lanes(found).states]
    holes = np.diff(found.decided.index)
    assert holes.max() > 400  # no decision while nothing came, and none is drawn
    before = found.decided.index[holes.argmax()] / SPEC.fs_hz
    assert not [band for band in lanes(found).decided if band.start_s < before + 0.5 < band.end_s]


def test_a_model_that_does_not_fit_leaves_signal_and_cues(bundle: Bundle, tmp_path: Path) -> None:
    one = replace(recording("other"), channels=tuple(f"x{k}" for k in range(8)))
    write_xdf(tmp_path / "other.xdf", one)
    found = made(tmp_path / "other.xdf", bundle)
    assert (found.decided_by, len(found.decided), found.figures, found.score) == ("", 0, None, None)
    assert any(note.startswith("Nothing is decided: ") for note in found.notes)
    assert found.missing == "Nothing was decided"
    assert len({band.colour for band in lanes(found).cued}) == 3  # cues are told apart all the same
    assert any("drawn in order" in note for note in found.notes)
    shot = found.at(1800)
    assert (shot.decision, shot.truth) == (None, "left")
    assert np.isfinite(shot.rms_grid).all()  # type: ignore[arg-type]
    assert found.layout.channels == one.channels

    then = recorded_run(tmp_path / "then.xdf", bundle, recording("then"), lost_s=0.1)
    wide = tiny_bundle(tmp_path / "wide", tiny_spec(height=4))
    found = made(then, wide)
    assert found.decided_by == "recorded"
    assert found.pattern is None
    assert any(note.startswith("Without the model's maps: ") for note in found.notes)
    assert found.at(1800).decision.label == "left"  # type: ignore[union-attr]
    assert isinstance(found.layout, ElectrodeLayout)


@pytest.mark.parametrize(
    "change",
    [
        {"n": 10},
        {"markers": ()},
        {"markers": (Marker(0, "<b>%s</b>"), Marker(600, ""), Marker(900, "left"))},
        {"fs_hz": 1000.0, "channels": ("E1", "E1", "", "", "a", "b", "c", "E1")},
        {"fs_hz": 60.0},
        {"silent": True},
    ],
    ids=lambda change: next(iter(change)),
)
def test_odd_recordings_are_shown_as_far_as_they_go(
    qtbot: QtBot, bundle: Bundle, tmp_path: Path, change: dict[str, Any]
) -> None:
    change = dict(change)
    one = recording("odd", change.pop("n", 1024))
    if change.pop("silent", False):
        one.samples[:] = np.nan
    if "channels" in change or "markers" in change or "fs_hz" in change:
        one = replace(one, **change)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rt_handdt.runtime.reviewing.open_run", lambda *args, **kwargs: (one, None))
        found = made(tmp_path / "odd", bundle)
    for sample in (-5, 0, 127, 500, found.n_samples - 1, found.n_samples):
        shot = found.at(sample)
        assert shot.decision is None or shot.decision.label in bundle.gestures.labels
    shown = lanes(found)
    assert all(band.end_s >= band.start_s for band in (*shown.cued, *shown.decided, *shown.states))
    assert decision_table(found).count("\n") == 1 + len(found.decided)
    page = shown_page(qtbot, found)
    for at_s in (0.0, 0.5 * found.seconds, 10 * found.seconds):
        page.seek(at_s)
        page.timeline.zoom(0.5)
        page.grab()
    assert page.error is None
    for name in ("odd.png", "odd.svg"):
        assert page.save_to(tmp_path / name) == f"Saved {tmp_path / name}"


def test_it_is_given_up_when_asked(bundle: Bundle, tmp_path: Path) -> None:
    write_xdf(tmp_path / "plain.xdf", recording("plain"))
    shares: list[float] = []

    def going(share: float) -> bool:
        shares.append(share)
        return len(shares) < 3

    assert review(tmp_path / "plain.xdf", bundle.path, going=going) is None
    assert len(shares) == 3
    assert 0 < shares[2] < 0.5


def test_on_a_thread(bundle: Bundle, tmp_path: Path) -> None:
    write_xdf(tmp_path / "plain.xdf", recording("plain", 2048))
    run = ReviewRun(tmp_path / "plain.xdf", bundle.path)
    run._thread.join(60)
    assert run.review is not None
    assert run.share == 1.0
    run = ReviewRun(tmp_path / "none.xdf", bundle.path)
    run._thread.join(60)
    assert "no such file" in run.fault
    with pytest.raises(HanddtError, match="no such file"):
        review(tmp_path / "none.xdf", bundle.path)
