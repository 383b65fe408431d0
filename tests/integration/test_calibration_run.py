"""A guided calibration on its own thread, over a real stream; and the list of what was kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import rt_handdt as hd
from rt_handdt.core.profile import FACTS, Profile
from rt_handdt.io.lsl import SignalOutlet
from rt_handdt.runtime.calibration_run import CalibrationRun, Stage
from rt_handdt.runtime.guide import Phase
from rt_handdt.runtime.live_run import LiveRun
from rt_handdt.runtime.profile_list import find_profiles
from tests.support.obedient import SPEC, Patience, obeying
from tests.support.sinks import until
from tests.support.tiny import tiny_bundle


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> hd.Bundle:
    return tiny_bundle(tmp_path_factory.mktemp("bundles") / "tiny", SPEC)


def asked(run: CalibrationRun) -> str:
    view = run.progress.view
    return view.label if view is not None and view.phase in (Phase.PREPARE, Phase.HOLD) else "rest"


def number(run: CalibrationRun) -> int:
    return 0 if run.progress.view is None else run.progress.view.number


def started(bundle: hd.Bundle, stream: str) -> CalibrationRun:
    return CalibrationRun(LiveRun(bundle.path, stream, timeout_s=60.0), hold_s=1.0, prepare_s=1.5)


def test_who_does_what_is_asked_for_gets_a_profile(bundle: hd.Bundle, lsl: None, tmp_path: Path) -> None:
    outlet = SignalOutlet("obedient", SPEC.layout.channels, SPEC.fs_hz)
    run = started(bundle, "obedient")
    with obeying(outlet, lambda: asked(run)):
        until(lambda: number(run) == 2)
        run.wish("back")
        until(lambda: number(run) == 1)
        until(Patience(run))
    progress = run.progress
    assert progress.stage is Stage.FITTED, progress.sentences
    assert any("Calibrated with" in one for one in progress.sentences)
    assert [step.label for step, _ in progress.verdicts] == ["rest", "left", "right"]
    assert [verdict.code for _, verdict in progress.verdicts if verdict is not None] == ["good"] * 3
    assert progress.profile is not None
    for subject in ("Ä [/red]", "ben"):
        facts = progress.profile.facts.model_copy(update={"subject": subject, "created": f"2026-11-2{len(subject)}"})
        replace(progress.profile, facts=facts).save(tmp_path / f"p{len(subject)}")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / FACTS).write_text("{")
    listed = find_profiles(tmp_path, bundle.fingerprint)
    assert [one.facts.subject for one in listed] == ["Ä [/red]", "ben"]
    assert Profile.load(listed[0].folder, bundle).facts.subject == "Ä [/red]"
    assert not find_profiles(tmp_path, "another")
    assert not find_profiles(tmp_path / "none", bundle.fingerprint)
    run.join()
    assert run.ended


def test_a_gesture_is_made_again_after_the_fit_and_taken_back(bundle: hd.Bundle, lsl: None) -> None:
    outlet = SignalOutlet("again", SPEC.layout.channels, SPEC.fs_hz)
    run = started(bundle, "again")
    with obeying(outlet, lambda: asked(run)):
        until(Patience(run))
        first = run.progress.profile
        assert first is not None
        run.redo(1)
        until(lambda: number(run) == 2 and run.progress.stage is Stage.GUIDING)
        until(Patience(run))
        second = run.progress.profile
        assert second is not first
        run.wish("undo")
        until(lambda: run.progress.profile is not second)
        assert run.progress.profile is not None
        assert run.progress.profile.facts.labels == first.facts.labels  # the first hearing counts again
    run.join()


def test_a_look_for_a_stream_is_broken_off(bundle: hd.Bundle, lsl: None) -> None:
    run = CalibrationRun(LiveRun(bundle.path, "nobody's", timeout_s=3600.0))
    run.close()
    until(lambda: run.ended)
    assert run.progress.profile is None


def test_a_stream_that_goes_leaves_what_was_heard(bundle: hd.Bundle, lsl: None) -> None:
    outlet = SignalOutlet("going", SPEC.layout.channels, SPEC.fs_hz)
    run = started(bundle, "going")
    with obeying(outlet, lambda: asked(run)) as gone:
        patient = Patience(run)
        until(lambda: patient() or number(run) == 3)
        gone.set()
        until(lambda: run.progress.stage is not Stage.GUIDING)
    assert run.progress.stage is Stage.FITTED, run.progress.sentences
    assert "What was heard until then counts" in run.progress.sentences[0]
    assert any("Not heard" in one for one in run.progress.sentences)


def test_what_comes_to_nothing_says_why_and_what_is_closed_ends(bundle: hd.Bundle, lsl: None, tmp_path: Path) -> None:
    none = CalibrationRun(LiveRun(tmp_path / "no model", "x"))
    until(lambda: none.progress.stage is Stage.OVER)
    assert "no model" in none.progress.sentences[0]
    outlet = SignalOutlet("closed", SPEC.layout.channels, SPEC.fs_hz)
    run = started(bundle, "closed")
    with obeying(outlet, lambda: "rest"):
        until(lambda: run.progress.stage is Stage.GUIDING)
        run.wish("finish")  # before two were heard: it goes on
        until(lambda: any("Fewer than two gestures were heard" in one for one in run.progress.sentences))
        assert run.progress.stage is Stage.GUIDING
        run.join()
        assert run.ended
        assert run.progress.profile is None


def test_a_stream_that_goes_too_soon_is_the_reason_that_is_said(bundle: hd.Bundle, lsl: None) -> None:
    outlet = SignalOutlet("short", SPEC.layout.channels, SPEC.fs_hz)
    run = started(bundle, "short")
    with obeying(outlet, lambda: "rest") as gone:
        until(lambda: run.progress.stage is Stage.GUIDING)
        gone.set()
        until(lambda: run.progress.stage is Stage.OVER)
    (said,) = run.progress.sentences
    assert "has sent nothing for" in said
    assert "Fewer than two gestures were heard" in said
