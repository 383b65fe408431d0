"""Which stream is meant, and which is the same source again."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Sequence

import pytest

from rt_handdt.errors import StreamError
from rt_handdt.io.choosing import choose, handle
from rt_handdt.io.description import StreamDescription
from rt_handdt.io.identity import StreamIdentity
from rt_handdt.io.lsl import finder as finder_module
from rt_handdt.io.lsl.finder import Finder

AMP = StreamDescription("Amp", "EMG", "lab", "sn-1", "uid-1", 2048.0, 256, "float32")
OTHER = dataclasses.replace(AMP, name="Other", source_id="sn-2", uid="uid-2")


def say(one: StreamDescription, **changes: object) -> StreamDescription:
    return dataclasses.replace(one, **changes)  # type: ignore[arg-type]


def pick(found: Sequence[StreamDescription], stream: str | None = None, kind: str | None = None) -> StreamDescription:
    return choose(found, stream, kind, lambda one: one.n_channels >= 8)


def test_a_stream_answers_to_four_words() -> None:
    for word in ("Amp", "Amp@lab", "sn-1", "uid-1"):
        assert pick([OTHER, AMP], word) is AMP
    for word in ("amp", "Am", "*", "", "Amp'", "' or '1'='1", "sn-"):
        with pytest.raises(StreamError, match="No LSL stream called"):
            pick([OTHER, AMP, say(AMP, source_id="", name="third")], word)


def test_several_are_listed_and_none_is_taken() -> None:
    twins = [AMP, say(AMP, source_id="", uid="uid-3"), say(AMP, host="clinic", uid="uid-4", source_id="sn-1")]
    with pytest.raises(StreamError, match="3 streams could be meant") as caught:
        pick([*twins, OTHER], "Amp")
    for part in (
        "--stream 'uid-1'",
        "--stream 'uid-3'",
        "--stream 'Amp@clinic'",
        "256 channels",
        "2048 Hz",
        "on clinic",
    ):
        assert part in str(caught.value)
    with pytest.raises(StreamError, match="2 streams could be meant"):
        pick([AMP, OTHER])
    assert [handle(one, [AMP, OTHER]) for one in (AMP, OTHER)] == ["Amp", "Other"]


def test_what_cannot_be_it_is_no_candidate() -> None:
    text = say(AMP, uid="t", number_format="text", fs_hz=0.0, n_channels=1)
    moving = say(AMP, uid="a", kind="Accelerometer", fs_hz=100.0, n_channels=3)
    wide = say(AMP, uid="w", kind="Filtered")
    assert pick([text, moving, AMP], "Amp") is AMP
    assert pick([moving, wide, AMP], "Amp") is AMP  # of two that fit, the EMG
    assert pick([say(AMP, uid="n", n_channels=3), AMP], "Amp") is AMP
    assert pick([say(OTHER, name="uid-1"), AMP], "uid-1") is AMP  # an outlet's number says more than a name
    assert pick([moving, wide, AMP], "Amp", "filtered") is wide
    with pytest.raises(StreamError, match="carries text"):
        pick([text], "Amp")
    with pytest.raises(StreamError, match="no fixed rate"):
        pick([say(AMP, fs_hz=0.0)], "Amp")


@pytest.mark.parametrize("kind", ["emg", "EMG", "ExG", "MUOVI_DATA", "Emg"])
def test_types_of_emg(kind: str) -> None:
    eeg = say(OTHER, kind="EEG")
    assert pick([eeg, say(AMP, kind=kind)]).kind == kind
    assert pick([eeg, AMP], None, "eeg") is eeg
    with pytest.raises(StreamError, match=r"No LSL stream of type EMG.*'Other' \(EEG, 256 channels"):
        pick([eeg])


class Resolver:
    """Answers come one after another: (seconds after the start, stream)."""

    plan: tuple[tuple[float, StreamDescription], ...] = ()

    def __init__(self, **_: object) -> None:
        self.begun = time.monotonic()

    def results(self) -> list[StreamDescription]:
        return [one for after_s, one in self.plan if time.monotonic() - self.begun >= after_s]


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Resolver]]:
    monkeypatch.setattr(finder_module.pylsl, "ContinuousResolver", Resolver)
    monkeypatch.setattr(finder_module, "describe", lambda info, full: info)
    monkeypatch.setattr(finder_module, "ensure_configured", lambda: None)
    yield Resolver
    Resolver.plan = ()


def test_a_choice_waits_for_those_that_answer_late(resolver: type[Resolver]) -> None:
    resolver.plan = ((0.0, AMP), (0.7, say(AMP, name="Third", uid="uid-3")), (1.4, OTHER))
    heard = Finder().gather(30.0, lambda one: one.name == "Amp")
    assert {one.description.name for one in heard} == {"Amp", "Third", "Other"}


def test_the_whole_time_is_waited_for_one_that_is_not_there(resolver: type[Resolver]) -> None:
    resolver.plan = ((0.0, OTHER), (1.2, AMP))
    assert len(Finder().gather(30.0, lambda one: one.name == "Amp")) == 2
    begun = time.monotonic()
    assert not Finder().gather(0.2, lambda one: one.name == "nobody")[1:]
    assert time.monotonic() - begun >= 0.2


def test_the_same_source_is_known_by_its_id() -> None:
    identity = StreamIdentity(AMP, frozenset({"twin"}))
    assert identity.is_source_of(say(AMP, uid="new"))
    assert identity.is_source_of(say(AMP, uid="new", host="other computer"))
    assert not identity.is_source_of(say(AMP, uid="new", source_id="sn-2"))
    assert not identity.is_source_of(say(AMP, uid="new", source_id=""))
    assert not identity.is_source_of(say(AMP, uid="twin"))


def test_without_an_id_by_name_computer_and_description() -> None:
    nameless = say(AMP, source_id="")
    identity = StreamIdentity(nameless)
    assert identity.is_source_of(say(nameless, uid="new"))
    made_up = say(nameless, source_id="-8784604813987738476")  # by pylsl, another at each start
    assert StreamIdentity(made_up).is_source_of(say(made_up, uid="new", source_id="8085292759462783264"))
    for change in ({"host": "clinic"}, {"name": "Amp2"}, {"kind": "EEG"}, {"source_id": "sn-1"}):
        assert not identity.is_source_of(say(nameless, uid="new", **change))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"fs_hz": 1024.0}, "its rate was 2048 Hz and is 1024 Hz"),
        ({"n_channels": 255}, "its number of channels was 256 and is 255"),
        ({"number_format": "int16"}, "its number format was float32 and is int16"),
        ({"host": "clinic"}, "its computer was 'lab' and is 'clinic'"),
        ({"name": "Bmp"}, "its name was 'Amp' and is 'Bmp'"),
        ({"units": ("mV", "uV")}, "the unit of its column 0 was 'uV' and is 'mV'"),
        ({"channels": ("A", "C")}, "the name of its column 1 was 'B' and is 'C'"),
        ({"channels": ()}, "the name of its column 0 was 'A' and is ''"),
    ],
)
def test_a_source_that_came_back_otherwise_is_told_from_what_it_was(change: dict[str, object], said: str) -> None:
    was = say(AMP, channels=("A", "B"), units=("uV", "uV"), n_channels=2 if "n_channels" not in change else 256)
    if "n_channels" in change:
        was = say(AMP)
    assert StreamIdentity(was).difference(say(was, uid="new")) is None
    assert StreamIdentity(was).difference(say(was, uid="new", **change)) == said
