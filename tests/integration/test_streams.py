"""Streams as other programs send them, over real LSL on loopback."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from typer.testing import CliRunner

from rt_handdt.cli.main import app
from rt_handdt.core.types import Float64
from rt_handdt.errors import LayoutMismatch, StreamError
from rt_handdt.io.lsl import Finder, SignalInlet, SignalOutlet, configure
from rt_handdt.io.timeline import Placed
from rt_handdt.runtime.connect import Connection, connect
from rt_handdt.runtime.reconnect import Reconnector
from rt_handdt.runtime.source_choice import SourceChoice
from tests.support.odd_stream import OddStream, electrodes
from tests.support.tiny import tiny_spec

pytestmark = pytest.mark.usefixtures("lsl")
SPEC = tiny_spec()
NAMES = SPEC.layout.channels
WAIT_S = 60.0
#: A type of their own keeps streams apart from what other tests may have left.
KIND = "EMG of test_streams"
ONLY = SourceChoice(kind=KIND.upper())


@pytest.fixture(autouse=True)
def _nothing_left() -> Iterator[None]:
    yield
    for stream in tuple(OddStream.open):
        stream.close()


def read(inlet: SignalInlet, count: int) -> list[np.ndarray]:
    got: list[np.ndarray] = []
    deadline = time.monotonic() + WAIT_S
    while sum(map(len, got)) < count:
        assert time.monotonic() < deadline, "waited too long"
        got += [chunk.samples for chunk in inlet.read(count, 0.5)]
    return got


def again(reconnect: Reconnector, true: Callable[[str], bool] | None = None) -> Connection | str:
    """Call until it connects, or until what it says is `true`."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        try:
            return reconnect()
        except StreamError as exc:
            if true is not None and true(str(exc)):
                return str(exc)
    pytest.fail("waited too long")


@pytest.mark.parametrize(
    ("form", "low", "high"),
    [
        ("float32", -3.4e38, 3.4e38),
        ("double64", -1.7e308, 1.7e308),
        ("int8", -128, 127),
        ("int16", -32768, 32767),
        ("int32", -(2**31), 2**31 - 1),
        ("int64", -(2**63), 2**63 - 1),
    ],
)
def test_numbers_of_any_format_are_read_exactly(form: str, low: float, high: float) -> None:
    dtype = np.dtype("float64" if form == "double64" else form)
    sent = (np.arange(800) % 100).reshape(100, 8).astype(dtype)
    sent[3, :2] = (low, high)
    if dtype.kind == "f":
        sent[4, 4] = np.nan
        sent[5] = 0.1 + np.arange(8)
    out = OddStream(form, form=form, columns=electrodes(NAMES))
    inlet = SignalInlet(form, timeout_s=WAIT_S)
    out.push(sent)
    got = np.concatenate(read(inlet, 100))
    inlet.close()
    assert got.dtype == dtype
    np.testing.assert_array_equal(got, sent)


def test_a_counter_reaches_the_judge_at_full_precision() -> None:
    out = OddStream("far", form="int64", columns=[*electrodes(NAMES), ("Sample Counter", "", "")])
    inlet = SignalInlet("far", timeout_s=WAIT_S)
    seen: list[np.ndarray] = []

    def place(stamps_s: Float64, arrived_s: float, counts: np.ndarray | None, asked_s: float) -> Placed:
        assert counts is not None
        seen.append(counts)
        return Placed(np.zeros(len(stamps_s), np.int64), stamps_s, 0.25)

    inlet.timeline.place = place  # type: ignore[method-assign]
    sent = np.zeros((50, 9), np.int64)
    sent[:, -1] = 2**60 + np.arange(50)
    out.push(sent)
    chunks = []
    while sum(len(chunk.samples) for chunk in chunks) < 50:
        chunks += inlet.read(50, 0.5)
    inlet.close()
    np.testing.assert_array_equal(np.concatenate(seen), sent[:, -1])
    assert all(abs(chunk.offset_s - 0.25) < 0.05 for chunk in chunks)


def test_a_format_that_this_computer_cannot_read_is_one_sentence() -> None:
    out = OddStream("wide", form="int64", columns=electrodes(NAMES))
    inlet = SignalInlet("wide", timeout_s=WAIT_S)

    def unsupported(*_: object) -> None:
        raise NotImplementedError("int64 support isn't enabled on your platform")

    inlet._inlet.do_pull_chunk = unsupported
    with pytest.raises(StreamError, match="sends int64, which LSL cannot read on this computer"):
        inlet.read(1, 0.1)
    inlet.close()
    out.close()


def test_integers_become_microvolts() -> None:
    out = OddStream("codes", form="int16", columns=[("AUX", "g", ""), *electrodes(NAMES, "mV")])
    connection = connect(SPEC, "codes", timeout_s=WAIT_S)
    out.push(np.full((4, 9), 20_000, np.int16))
    chunks = []
    while not chunks:
        chunks = connection.inlet.read(4, 0.5)
    assert connection.microvolts(chunks[0])[0].tolist() == [2e7] * 8
    connection.close()


def test_of_two_streams_none_is_taken_by_chance() -> None:
    first, second = (OddStream(name, kind=KIND, columns=electrodes(NAMES)) for name in ("AmpA", "AmpB"))
    for _ in range(2):
        with pytest.raises(StreamError, match="2 streams could be meant") as caught:
            connect(SPEC, ONLY, timeout_s=WAIT_S)
        assert "'AmpA'" in str(caught.value)
        assert "'AmpB'" in str(caught.value)
    connection = connect(SPEC, second.source_id, timeout_s=WAIT_S)
    assert connection.inlet.describe().name == "AmpB"
    assert "there is also 'AmpA' (EMG of test_streams, 8 channels, 512 Hz" in connection.notes[0]
    connection.close()
    first.close()
    second.close()


def test_of_one_name_the_stream_that_can_be_it_is_taken() -> None:
    others = [
        OddStream("NIC", kind="Accelerometer", n_channels=3, fs_hz=100.0),
        OddStream("NIC", kind="Quality", n_channels=8, fs_hz=1.0),
        OddStream("NIC", kind="Markers", n_channels=1, fs_hz=0.0, form="string"),
    ]
    emg = OddStream("NIC", columns=electrodes(NAMES))
    connection = connect(SPEC, "NIC", timeout_s=WAIT_S)
    assert connection.inlet.describe().kind == "EMG"
    assert "Accelerometer" in connection.notes[0]
    connection.close()
    twin = OddStream("NIC", columns=electrodes(NAMES))
    with pytest.raises(StreamError, match="2 streams could be meant") as caught:
        connect(SPEC, "NIC", timeout_s=WAIT_S)
    assert all(f"--stream '{one.source_id}'" in str(caught.value) for one in (emg, twin))
    for stream in (*others, emg, twin):
        stream.close()


def test_a_name_is_only_a_name() -> None:
    names = (
        "Anna's arm",
        "[Amp] <1> & [/red]",
        """both ' and " quotes""",
        ":smile: \U0001f600 ./*",
        "' or '1'='1",
        "n" * 900,
    )
    senders = [OddStream(name, columns=electrodes(NAMES)) for name in names]
    marks = [OddStream(f"{name}_markers", kind="Markers", n_channels=1, fs_hz=0.0, form="string") for name in names]
    for name in names:
        connection = connect(SPEC, name, timeout_s=WAIT_S)
        assert connection.inlet.describe().name == name
        assert connection.markers is not None
        connection.close()
    result = CliRunner().invoke(app, ["streams", "--timeout", "3"], env={"COLUMNS": "250"})
    assert result.exit_code == 0
    for name in names[:-1]:
        assert name in result.output
    for stream in (*senders, *marks):
        stream.close()


def test_markers_of_two_streams_are_not_mixed() -> None:
    out = OddStream("twice", columns=electrodes(NAMES))
    marks = [OddStream("twice_markers", kind="Markers", n_channels=1, fs_hz=0.0, form="string") for _ in range(2)]
    while len([one for one in Finder().gather(1.5) if one.description.name == "twice_markers"]) < 2:
        pass  # both answer
    connection = connect(SPEC, "twice", timeout_s=WAIT_S)
    assert connection.markers is None
    assert "2 marker streams could belong to the signal" in connection.notes[-1]
    connection.close()
    own = OddStream(
        "twice_markers", kind="Markers", n_channels=1, fs_hz=0.0, form="string", source_id=f"{out.source_id}-markers"
    )
    connection = connect(SPEC, "twice", timeout_s=WAIT_S)
    assert connection.markers is not None
    assert connection.markers.description.source_id == own.source_id
    connection.close()
    for stream in (out, own, *marks):
        stream.close()


# -- after a loss ----------------------------------------------------------------------------------------------------


def lost(connection: Connection, stream: OddStream) -> None:
    stream.close()
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        try:
            connection.inlet.read(1, 0.1)
        except StreamError:
            connection.close()
            return
    pytest.fail("the loss was not seen")


@pytest.mark.parametrize("source_id", ["sn-1", ""])
def test_only_the_same_source_is_taken_up_again(source_id: str) -> None:
    name = f"person-{source_id}"
    stream = OddStream(name, kind=KIND, columns=electrodes(NAMES), source_id=source_id)
    connection = connect(SPEC, ONLY, timeout_s=WAIT_S)
    reconnect = Reconnector(SPEC, ONLY, connection)
    foreign = OddStream("foreign", kind=KIND, columns=electrodes(NAMES), source_id="sn-2")
    lost(connection, stream)
    said = again(reconnect, lambda text: "'foreign'" in text)
    assert isinstance(said, str)
    assert f"The stream '{name}'" in said
    assert "is away" in said
    assert "--follow any" in said
    # what comes back otherwise than it was; the other differences are told by the same lines
    other = OddStream(name, kind=KIND, columns=electrodes(NAMES, "mV"), source_id=source_id)
    assert isinstance(again(reconnect, lambda text: "unit of its column 0 was 'uV' and is 'mV'" in text), str)
    other.close()
    if source_id:
        other = OddStream(name, kind=KIND, columns=electrodes(NAMES), fs_hz=500.0, source_id=source_id)
        assert isinstance(again(reconnect, lambda text: "rate was 512 Hz and is 500 Hz" in text), str)
        other.close()
    stream = OddStream(name, kind=KIND, columns=electrodes(NAMES), source_id=source_id)
    back = again(reconnect)
    assert isinstance(back, Connection)
    assert back.inlet.describe().name == name
    assert back.same_source
    back.close()
    stream.close()
    foreign.close()


def test_a_twin_that_was_there_is_never_taken_for_it() -> None:
    twin = OddStream("twin", columns=electrodes(NAMES), source_id="factory default")
    stream = OddStream("mine", columns=electrodes(NAMES), source_id="factory default")
    connection = connect(SPEC, "mine", timeout_s=WAIT_S)
    reconnect = Reconnector(SPEC, SourceChoice("mine"), connection)
    lost(connection, stream)
    assert isinstance(again(reconnect, lambda text: "is away" in text and "'twin'" in text), str)
    twin.close()


def test_any_source_is_taken_by_leave_and_known_as_another() -> None:
    stream = OddStream("one", kind=KIND, columns=electrodes(NAMES))
    connection = connect(SPEC, ONLY, timeout_s=WAIT_S)
    reconnect = Reconnector(SPEC, ONLY, connection, follow="any")
    lost(connection, stream)
    narrow = OddStream("narrow", kind=KIND, columns=electrodes(NAMES[:5]))
    assert isinstance(again(reconnect, lambda text: "3 of the layout's names are missing" in text), str)
    other = OddStream("other", kind=KIND, columns=electrodes(NAMES))
    back = again(reconnect)
    assert isinstance(back, Connection)
    assert back.inlet.describe().name == "other"
    assert not back.same_source
    back.close()
    narrow.close()
    other.close()


def test_a_sender_of_ours_that_starts_again_is_the_same_source() -> None:
    def start() -> SignalOutlet:
        return SignalOutlet("ours", NAMES, SPEC.fs_hz, source="virtual-3")

    first = start()
    connection = connect(SPEC, "ours", timeout_s=WAIT_S)
    reconnect = Reconnector(SPEC, SourceChoice("ours"), connection)
    was = connection.inlet.describe()
    connection.close()
    del first
    again_there = start()
    back = again(reconnect)
    assert isinstance(back, Connection)
    assert back.inlet.describe().uid != was.uid
    back.close()
    del again_there


def test_a_name_or_a_session_that_lsl_cannot_carry_is_refused() -> None:
    for name in ("", "  ", "n" * 2000):
        with pytest.raises(StreamError, match="must have 1 to 1000 characters"):
            SignalOutlet(name, NAMES, SPEC.fs_hz)
    for session in ("a'b", "two words", "x\n[lab]"):
        with pytest.raises(StreamError, match="must be of letters"):
            configure(session=session)


def test_the_stream_that_does_not_fit_is_still_told_why() -> None:
    out = OddStream("slow", kind=KIND, fs_hz=500.0, columns=electrodes(NAMES))
    with pytest.raises(LayoutMismatch, match="runs at 500 Hz"):
        connect(SPEC, ONLY, timeout_s=WAIT_S)
    out.close()
