"""The guided calibration: what it asks for, what it hears, what it makes of it; profiles."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import rt_handdt as hd
from rt_handdt.core.profile import CLASSIFIER, FACTS, Profile
from rt_handdt.core.recording import ArrayRecording, Marker
from rt_handdt.core.types import FeatureFrame
from rt_handdt.io.lsl import SignalOutlet, clock
from rt_handdt.io.xdf import write_xdf
from rt_handdt.runtime.guide import Guide, Phase
from rt_handdt.runtime.live_run import LiveRun
from rt_handdt.runtime.opening import open_engine
from tests.support.limits import PATIENT
from tests.support.sinks import until
from tests.support.streaming import streaming
from tests.support.tiny import noise, tiny_bundle, tiny_spec

SPEC = tiny_spec()
#: Which electrodes each gesture of the tiny model lights.
WHERE = {"left": [0, 1, 4, 5], "right": [2, 3, 6, 7]}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> hd.Bundle:
    return tiny_bundle(tmp_path_factory.mktemp("bundles") / "tiny", SPEC)


class Subject:
    """Does what the guide asks for, a hop at a time; `acts` says how."""

    def __init__(self, guide: Guide, classifier: hd.StreamClassifier, acts: Callable[[str, float], np.ndarray]) -> None:
        self.guide, self.classifier, self.acts = guide, classifier, acts
        self._seed = 0

    def until(self, true: Callable[[], bool], seconds: float = 120.0) -> None:
        for _ in range(round(seconds * SPEC.fs_hz / SPEC.hop_samples)):
            if true():
                return
            view = self.guide.view()
            label = view.label if view.phase in (Phase.HOLD, Phase.PREPARE) else "rest"
            self._seed += 1
            amplitude = np.broadcast_to(self.acts(label, view.left_s), (8,))
            samples = noise(SPEC, SPEC.hop_samples, 1.0, self._seed) * (1.0 + amplitude)
            self.guide.feed(self.classifier.windows(samples))
        raise AssertionError("it takes too long")


def obedient(label: str, left_s: float) -> np.ndarray:
    amplitude = np.zeros(8)
    amplitude[WHERE.get(label, [])] = 14.0  # louder, white noise would rightly be taken for a bad electrode
    return amplitude


def guided(bundle: hd.Bundle, acts: Callable[[str, float], np.ndarray], **asked: object) -> tuple[Guide, Subject]:
    classifier = hd.StreamClassifier(bundle)
    guide = Guide(classifier, hold_s=1.5, rest_s=1.5, prepare_s=0.5, **asked)  # type: ignore[arg-type]
    return guide, Subject(guide, classifier, acts)


def test_any_step_is_made_again_and_taken_back(bundle: hd.Bundle) -> None:
    guide, subject = guided(bundle, obedient)
    rest, left, right = guide.steps
    subject.until(lambda: guide.done)
    first = guide.heard[left]
    guide.redo(1)
    assert (guide.view().label, guide.done) == ("left", False)
    assert guide.windows() is not None  # it counts as it was meanwhile
    guide.back()  # out of turn: it is left as it was
    assert guide.done
    guide.redo(1)
    subject.until(lambda: guide.done)  # and nothing else is asked for again
    assert guide.heard[left] is not first
    guide.undo()
    assert guide.done
    assert guide.heard[left] is first
    guide.undo()  # of what was heard only once nothing is left
    assert (guide.view().label, right in guide.heard) == ("right", False)
    subject.until(lambda: guide.done)
    assert set(guide.heard) == {rest, left, right}
    guide.redo(7)  # there is none
    assert guide.done


def test_what_is_finished_early_asks_for_nothing_more(bundle: hd.Bundle) -> None:
    guide, subject = guided(bundle, obedient)
    subject.until(lambda: guide.steps[1] in guide.heard)
    guide.redo(0)  # in the midst of it
    subject.until(lambda: guide.view().label == "right")  # and on from where it was
    guide.finish()
    assert guide.done
    assert set(guide.windows().label.tolist()) == {0, 1}


def test_who_does_what_is_asked_for_is_done_and_fitted(bundle: hd.Bundle, tmp_path: Path) -> None:
    guide, subject = guided(bundle, obedient, repetitions=2)
    assert [step.label for step in guide.steps] == ["rest", "left", "right", "left", "right"]
    assert guide.view().phase is Phase.PREPARE
    subject.until(lambda: guide.done)
    assert {one.code for one in guide.verdicts.values()} == {"good"}
    windows = guide.windows()
    assert sorted(set(windows.label.tolist())) == [0, 1, 2]
    assert windows.repetition.max() == 1
    report = subject.classifier.reader.fit(windows)
    assert report.labels == ("rest", "left", "right")
    assert report.accuracy > 0.95
    profile = subject.classifier.profile(
        report, rest_rms_uv=guide.rest_rms_uv, active_rms_uv=guide.active_rms_uv, subject="Ä [/red]"
    )
    profile.save(tmp_path / "p")
    loaded = Profile.load(tmp_path / "p", bundle)
    assert loaded.facts == profile.facts.model_copy(update={"sha256": loaded.facts.sha256})
    one, two = hd.StreamClassifier(bundle), hd.StreamClassifier(bundle)
    one.use(profile)
    two.use(loaded)
    samples = noise(SPEC, 1536, 1.0, 7)
    samples[:, WHERE["left"]] *= 1.0 + 14.0 * np.clip((np.arange(1536) - 512) / 512, 0, 1)[:, None]
    for a, b in zip(one.push(samples), two.push(samples), strict=True):
        np.testing.assert_array_equal(a.probabilities, b.probabilities)
    assert 0.5 < a.level < 1.6  # about as loud as the comfortable contraction
    assert a.label == "left"


@pytest.mark.parametrize(
    ("acts", "code", "words"),
    [
        (lambda label, left: obedient(label, left) * 0.04, "too_weak", "hardly louder than rest"),
        (lambda label, left: obedient("left" if label != "rest" else "rest", left), "too_like", "looks like Left"),
    ],
)
def test_what_is_not_as_it_should_be_is_said_and_may_be_made_again(
    bundle: hd.Bundle, acts: Callable[[str, float], np.ndarray], code: str, words: str
) -> None:
    guide, subject = guided(bundle, acts)
    subject.until(lambda: guide.view().phase is Phase.ASK)
    verdict = guide.view().verdict
    assert verdict is not None
    assert verdict.code == code
    assert words in verdict.sentence
    at = guide.view().number
    guide.repeat()
    assert (guide.view().phase, guide.view().number) == (Phase.PREPARE, at)
    subject.acts = obedient
    subject.until(lambda: guide.done)
    assert {one.code for one in guide.verdicts.values()} == {"good"}


def test_a_gesture_that_is_let_go_was_not_held(bundle: hd.Bundle) -> None:
    guide = Guide(hd.StreamClassifier(bundle), hold_s=1.5, rest_s=1.5, prepare_s=0.5)
    maps = np.ones(SPEC.frame_shape, np.float32)
    for k in range(200):
        view = guide.view()
        if view.phase is Phase.ASK:
            break
        loud = view.label != "rest" and view.phase is Phase.HOLD and view.left_s > 0.35
        guide.feed([FeatureFrame(maps, 16 * k, float("nan"), np.full(8, 20.0 if loud else 1.0, np.float32))])
    verdict = guide.view().verdict
    assert verdict is not None
    assert verdict.code == "not_held"
    assert "was not held all the time" in verdict.sentence


@pytest.mark.parametrize("rising", [True, False])
def test_what_is_made_slowly_is_heard_from_the_faintest_on(bundle: hd.Bundle, rising: bool) -> None:
    """Where it is to be held, it was not held."""
    guide = Guide(hd.StreamClassifier(bundle), hold_s=3.0, rest_s=1.5, prepare_s=0.5, rising=rising)
    maps = np.ones(SPEC.frame_shape, np.float32)
    for k in range(300):
        view = guide.view()
        if view.phase is Phase.ASK or view.number == 3:
            break
        strength = (1.0 - view.left_s / 3.0) ** 2 if view.label != "rest" and view.phase is Phase.HOLD else 0.0
        guide.feed([FeatureFrame(maps, 16 * k, float("nan"), np.full(8, 1.0 + 20.0 * strength, np.float32))])
    assert (guide.view().phase is Phase.ASK) != rising
    loud = guide.heard[guide.steps[1]].rms_uv
    assert (min(loud) < 1.0 + 20.0 * 0.02) == rising
    assert not guide.view().rising or guide.view().label != "rest"


def test_electrodes_that_hear_nothing_are_said(bundle: hd.Bundle) -> None:
    guide, subject = guided(bundle, obedient)
    subject.until(lambda: guide.view().number == 2)

    def off(label: str, left: float) -> np.ndarray:
        return np.full(8, -1.0)  # flat

    subject.acts = off
    subject.until(lambda: guide.view().phase is Phase.ASK)
    verdict = guide.view().verdict
    assert verdict is not None
    assert verdict.code == "bad_signal"


def test_an_electrode_that_is_lost_half_way_is_named_once(bundle: hd.Bundle) -> None:
    guide, subject = guided(bundle, obedient)
    subject.until(lambda: guide.view().number == 2)

    def one_off(label: str, left: float) -> np.ndarray:
        amplitude = obedient(label, left)
        amplitude[7] = -1.0
        return amplitude

    subject.acts = one_off
    subject.until(lambda: guide.view().phase is Phase.ASK)
    verdict = guide.view().verdict
    assert verdict is not None
    assert verdict.code == "electrode_off"
    assert f": {SPEC.layout.channels[7]};" in verdict.sentence
    guide.go_on()
    subject.until(lambda: guide.done)  # the user knows, and is not asked about it again
    assert any(SPEC.layout.channels[7] in note for note in guide.windows().notes)


@pytest.mark.parametrize(
    ("loudness", "code", "words"),
    [
        (lambda label, left: 8.0 if label != "rest" or left < 0.4 else 1.0, "not_still", "was not still"),
        (lambda label, left: 5.0 if label != "rest" else 9.0, "no_rest", "quieter than rest was"),
    ],
)
def test_a_rest_that_was_none_is_said(
    bundle: hd.Bundle, loudness: Callable[[str, float], float], code: str, words: str
) -> None:
    guide = Guide(hd.StreamClassifier(bundle), hold_s=1.5, rest_s=1.5, prepare_s=0.5)
    maps = np.ones(SPEC.frame_shape, np.float32)
    for k in range(200):
        view = guide.view()
        if view.phase is Phase.ASK:
            break
        rms = np.full(8, loudness(view.label, view.left_s), np.float32)
        guide.feed([FeatureFrame(maps, 16 * k, float("nan"), rms)])
    verdict = guide.view().verdict
    assert verdict is not None
    assert verdict.code == code
    assert words in verdict.sentence


def test_what_is_made_again_counts_as_it_was_until_it_is_heard_anew(bundle: hd.Bundle) -> None:
    guide, subject = guided(bundle, obedient)
    subject.until(lambda: guide.view().number == 3)
    before = len(guide.windows())
    guide.back()
    guide.repeat()
    assert len(guide.windows()) == before  # the stream may be lost now
    subject.until(lambda: guide.done)
    assert {one.code for one in guide.verdicts.values()} == {"good"}


def test_a_step_may_be_left_out_taken_back_and_the_rest_counts(bundle: hd.Bundle) -> None:
    guide, subject = guided(bundle, obedient)
    subject.until(lambda: guide.view().number == 3)
    guide.back()
    assert guide.view().label == "left"
    subject.until(lambda: guide.view().number == 3)
    guide.go_on()  # nothing was heard of the last
    assert guide.done
    windows = guide.windows()
    assert set(windows.label.tolist()) == {0, 1}
    assert "Right" in windows.notes[0]


def test_with_nothing_heard_there_is_nothing_to_fit(bundle: hd.Bundle) -> None:
    guide, _ = guided(bundle, obedient)
    with pytest.raises(hd.RecordingError, match="Fewer than two gestures were heard"):
        guide.windows()


@pytest.mark.parametrize(
    ("asked", "match"),
    [
        ({"gestures": ["fist"]}, "knows no gesture 'fist'"),
        ({"gestures": ["left", "left"]}, "named twice"),
        ({"gestures": []}, "needs two labels"),
        ({"hold_s": 0.6}, "or longer, to be heard at all"),
    ],
)
def test_what_cannot_be_asked_for_is_one_sentence(bundle: hd.Bundle, asked: dict[str, object], match: str) -> None:
    with pytest.raises(hd.ConfigError, match=match):
        Guide(hd.StreamClassifier(bundle), **asked)  # type: ignore[arg-type]


# -- profiles ----------------------------------------------------------------------------------------------------------


def own_recording(n: int = 1024) -> ArrayRecording:
    pieces = [noise(SPEC, n, 1.0, k) for k in range(3)]
    pieces[1][:, WHERE["left"]] *= 31.0
    pieces[2][:, WHERE["right"]] *= 31.0
    marks = tuple(Marker(k * n, label) for k, label in enumerate(("rest", "left", "right")))
    samples = np.concatenate(pieces).astype(np.float32)
    return ArrayRecording("own", SPEC.fs_hz, SPEC.layout.channels, 3 * n, marks, samples=samples)


@pytest.fixture
def profile(bundle: hd.Bundle, tmp_path: Path) -> Path:
    """Made by the command, from a recording."""
    from typer.testing import CliRunner

    from rt_handdt.cli.main import app

    write_xdf(tmp_path / "own.xdf", own_recording())
    out = tmp_path / "profile"
    asked = ["calibrate", "--bundle", str(bundle.path), "--recording", str(tmp_path / "own.xdf"), "--out", str(out)]
    result = CliRunner().invoke(app, asked)
    assert result.exit_code == 0, result.output
    assert "Calibrated with" in result.output
    again = CliRunner().invoke(app, asked)
    assert isinstance(again.exception, hd.ConfigError)
    return out


def test_a_profile_goes_live(bundle: hd.Bundle, profile: Path, lsl: None) -> None:
    facts = json.loads((profile / FACTS).read_text())
    assert facts["schema"] == "rt-handdt.profile/1"
    assert set(facts["active_rms_uv"]) == {"left", "right"}
    assert not [one for one in profile.iterdir() if one.suffix not in (".json", ".npz")]
    outlet = SignalOutlet("profiled", SPEC.layout.channels, SPEC.fs_hz)
    said: list[str] = []
    with streaming(outlet, noise(SPEC, 16, 1.0)):
        engine = open_engine(LiveRun(bundle.path, "profiled", profile=profile, limits=PATIENT), said.append)
        engine.start()
        try:
            assert engine.classifier.reader.calibrated is not None
            until(lambda: len(engine.log) > 3)
        finally:
            engine.stop()
    assert any("Profile of 3 labels" in one for one in said)


def test_a_profile_of_another_model_or_one_that_was_altered_is_refused(
    bundle: hd.Bundle, profile: Path, tmp_path: Path
) -> None:
    other = tiny_bundle(tmp_path / "other", SPEC, shared=True)
    with pytest.raises(hd.ConfigError, match="was made with the model 'tiny'"):
        Profile.load(profile, other)
    untouched = (profile / CLASSIFIER).read_bytes()
    content = bytearray(untouched)
    content[-30] ^= 1
    (profile / CLASSIFIER).write_bytes(content)
    with pytest.raises(hd.ConfigError, match="was altered since it was made"):
        Profile.load(profile, bundle)
    whole = (profile / FACTS).read_text()
    (profile / FACTS).write_text(whole.replace('"left": ', '"left": 1'))
    (profile / CLASSIFIER).write_bytes(untouched)
    with pytest.raises(hd.ConfigError, match="was altered since it was made"):
        Profile.load(profile, bundle)
    (profile / FACTS).write_text(whole)
    Profile.load(profile, bundle)
    (profile / FACTS).write_text('{"schema": "rt-handdt.profile/9"}')
    with pytest.raises(hd.ConfigError, match=r"profile\.json"):
        Profile.load(profile, bundle)
    (profile / FACTS).write_text("[1]")
    with pytest.raises(hd.ConfigError, match="JSON object"):
        Profile.load(profile, bundle)
    with pytest.raises(hd.ConfigError, match="is no profile"):
        Profile.load(tmp_path / "nothing", bundle)


def test_the_command_guides_over_a_stream(bundle: hd.Bundle, lsl: None, tmp_path: Path) -> None:
    """Without a terminal nobody can be asked: what is heard, is heard, and said."""
    from typer.testing import CliRunner

    from rt_handdt.cli.main import app

    outlet = SignalOutlet("guided", SPEC.layout.channels, SPEC.fs_hz)
    out = tmp_path / "p"
    with streaming(outlet, noise(SPEC, 16, 1.0)):
        result = CliRunner().invoke(
            app,
            ["calibrate", "--bundle", str(bundle.path), "--stream", "guided", "--out", str(out), "--hold", "1.0",
             "--prepare", "0.1", "--gestures", "left"],
        )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "hardly louder than rest" in result.output
    assert Profile.load(out, bundle).facts.labels == ("rest", "left")


def test_levels_end_at_each_gestures_own_comfortable_contraction(bundle: hd.Bundle, profile: Path) -> None:
    loaded = Profile.load(profile, bundle)
    facts = loaded.facts.model_copy(update={"rest_rms_uv": 1.0, "active_rms_uv": {"left": 3.0, "right": 9.0}})
    classifier = hd.StreamClassifier(bundle)
    classifier.use(Profile(facts, loaded.classifier))
    level = classifier._decoder._share
    assert level(5.0, "left") > 2 * level(5.0, "right") > 0
    blind = hd.StreamClassifier(bundle)
    blind.use(Profile(facts.model_copy(update={"rest_rms_uv": 0.0}), loaded.classifier))  # rest was not heard
    assert blind._decoder._share(5.0, "left") == hd.StreamClassifier(bundle)._decoder._share(5.0, "left")


def test_a_place_that_cannot_be_written_is_said_before_anything_is_asked(tmp_path: Path, bundle: hd.Bundle) -> None:
    from typer.testing import CliRunner

    from rt_handdt.cli.main import app

    (tmp_path / "file").write_text("")
    asked = ["calibrate", "--bundle", str(bundle.path), "--stream", "none", "--out", str(tmp_path / "file" / "p")]
    result = CliRunner().invoke(app, asked)
    assert isinstance(result.exception, hd.ConfigError)
    assert "cannot be written" in str(result.exception)


MEANT = {"rest": "rest", "left": "wrist_flexion", "right": "wrist_extension"}


@pytest.mark.parametrize("lost", [False, True])
def test_a_virtual_person_follows_the_guide_over_lsl(bundle: hd.Bundle, lsl: None, lost: bool) -> None:
    """In a closed loop: the person does what the guide shows; or the stream ends midway, and what is done counts."""
    from rich.console import Console

    from rt_handdt.cli.calibrate import _guide
    from rt_handdt.runtime.connect import connect
    from rt_handdt.sim.live import LivePerson
    from rt_handdt.sim.session import draw_donning, draw_person

    who = draw_person(1000, 1)
    person = LivePerson(who, draw_donning(who, 1), SPEC.layout, SPEC.fs_hz, reaction_s=0.1)
    classifier = hd.StreamClassifier(bundle)
    guide = Guide(classifier, hold_s=2.0, rest_s=2.0, prepare_s=1.0)
    outlet = SignalOutlet("person", SPEC.layout.channels, SPEC.fs_hz)
    stop = threading.Event()

    def live() -> None:
        nonlocal outlet
        began = clock()
        for k, block in enumerate(person.blocks(SPEC.hop_samples)):
            due = began + (k + 1) * SPEC.hop_samples / SPEC.fs_hz
            if stop.wait(max(0.0, due - clock())) or (lost and guide.view().number == 3):
                break
            view = guide.view()
            person.command(MEANT[view.label] if view.phase in (Phase.PREPARE, Phase.HOLD) else "rest")
            outlet.push(block, due)
        del outlet  # gone, as when the amplifier is switched off

    connection = None
    thread = threading.Thread(target=live, name="person")
    thread.start()
    said = io.StringIO()
    try:
        connection = connect(SPEC, "person", timeout_s=10.0)
        _guide(guide, classifier, connection, Console(file=said, width=200))
    finally:
        stop.set()
        thread.join()
        person.close()
        if connection is not None:
            connection.close()
    windows = guide.windows()
    if lost:
        assert "What was heard until now counts." in said.getvalue()
        assert set(windows.label.tolist()) == {0, 1}
        return
    assert {one.code for one in guide.verdicts.values()} == {"good"}, guide.verdicts
    report = classifier.reader.fit(windows)
    assert report.accuracy > 0.9
    again = LivePerson(who, draw_donning(who, 1), SPEC.layout, SPEC.fs_hz, seed=1, reaction_s=0.1)
    blocks = again.blocks(SPEC.hop_samples)
    for label, meant in MEANT.items():
        again.command(meant)
        n = round(3.0 * SPEC.fs_hz / SPEC.hop_samples)
        decided = [one.label for _ in range(n) for one in classifier.push(next(blocks))]
        late = decided[len(decided) // 2 :]
        assert late.count(label) > 0.8 * len(late)
    again.close()
