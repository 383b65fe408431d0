"""Sinks in their own process: what outlives the engine, what the engine outlives, and the command line."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rt_handdt.core.bundle import Bundle
from rt_handdt.errors import SinkError
from rt_handdt.io.lsl import SignalOutlet, clock
from rt_handdt.runtime import sink_process
from rt_handdt.runtime.sink_process import SinkProcess
from rt_handdt.runtime.status import State, Status
from tests.support.engine_probe import EngineProbe
from tests.support.sinks import UdpEar, about, tell, until
from tests.support.tiny import noise, tiny_bundle, tiny_spec

SPEC = tiny_spec()
NAME = "told [/red]"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return tiny_bundle(tmp_path_factory.mktemp("bundles") / "tiny", SPEC)


@pytest.fixture
def stream(lsl: None) -> Iterator[Callable[[], None]]:
    """A stream of "left" that goes on until the test is over, or until it is told to stop."""
    outlet = SignalOutlet(NAME, SPEC.layout.channels, SPEC.fs_hz, counter=True)
    stop = threading.Event()

    signal_uv = noise(SPEC, 4096, 1.0)
    signal_uv[:, [0, 1, 4, 5]] += noise(SPEC, 4096, 30.0, seed=1)[:, [0, 1, 4, 5]] - 20_000.0

    def send() -> None:
        first = 0
        while not stop.wait(16 / SPEC.fs_hz):
            outlet.push(signal_uv[first : first + 16], clock())
            first = (first + 16) % len(signal_uv)

    thread = threading.Thread(target=send)
    thread.start()
    yield stop.set
    stop.set()
    thread.join()


def said(ear: UdpEar) -> list[dict[str, Any]]:
    return [json.loads(data) for _, data in list(ear.heard)]


def last(ear: UdpEar) -> dict[str, Any]:
    found = said(ear)
    return found[-1] if found else {"label": "", "code": ""}


def balanced(hub: SinkProcess) -> bool:
    return all(
        one["told"] == one["sent"] + one["skipped"] + one["dropped"] + one["untaken"] + one["waiting"]
        for one in hub.report()
    )


def test_it_tells_everything_in_order_and_rest_at_the_end(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    with UdpEar() as ear:
        hub = SinkProcess([f"udp:{ear.port},heartbeat=0", f"file:{file}"], about())
        hub.open()
        for k in range(200):
            tell(hub, ("fist", "open", "rest")[k % 3])
            if k % 32 == 31:
                until(lambda: len(ear.heard) == k + 1)  # noqa: B023
        until(lambda: len(ear.heard) == 200)  # else the last rest overtakes them
        hub.close()
        until(lambda: last(ear)["code"] == "stopped")
        heard = said(ear)
    assert [one["seq"] for one in heard] == list(range(201))
    assert [json.loads(text)["seq"] for text in file.read_text().splitlines()] == [one["seq"] for one in heard]
    assert heard[1]["probabilities"] == {"rest": 0.0, "fist": 0.0, "open": 1.0}
    assert [one["state"] for one in hub.report()] == ["closed", "closed"]
    assert balanced(hub)


def test_what_cannot_be_opened_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    taken = tmp_path / "a.jsonl"
    taken.write_text("mine")
    with pytest.raises(SinkError, match=r"^--sink file:.*is not overwritten"):
        SinkProcess([f"file:{tmp_path / 'b.jsonl'}", f"file:{taken}"], about()).open()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.jsonl"]


def test_its_death_is_said_counted_and_mended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sink_process, "AGAIN_S", 0.01)
    file = tmp_path / "a.jsonl"
    words: list[str] = []
    with UdpEar() as ear:
        hub = SinkProcess([f"udp:{ear.port},heartbeat=0", f"file:{file}"], about(), words.append)
        hub.open()
        tell(hub)
        until(lambda: len(ear.heard) == 1 and bool(file.read_text()))  # each sink writes on a thread of its own
        assert hub._child is not None
        os.kill(hub._child.pid, signal.SIGKILL)
        until(lambda: words)
        tell(hub, "open")
        until(lambda: last(ear)["label"] == "open")  # told again, once it is there again
        tell(hub, "rest", Status(State.LOST, "lost"))
        until(lambda: last(ear)["code"] == "lost")
        hub.close()
    assert "has ended (exit code -9); it is started again" in words[0]
    assert [one["told"] for one in hub.report()] == [3, 3]
    assert balanced(hub)
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["a-002.jsonl", "a.jsonl"]
    assert len(file.read_text().splitlines()) == 1


def test_what_a_process_did_after_its_last_report_counts_when_it_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SinkProcess, "_hear", lambda self: bool(self._child.wait() and False))  # no report arrives
    monkeypatch.setattr(sink_process, "AGAIN_S", 0.01)
    file = tmp_path / "a.jsonl"
    words: list[str] = []
    hub = SinkProcess([f"file:{file}"], about(), words.append)
    hub.open()
    for k in range(20):
        tell(hub, ("fist", "open")[k % 2])
    until(lambda: hub._tally is not None and hub._tally.row(0)["sent"] == 20)
    assert len(file.read_text().splitlines()) == 20
    assert hub._child is not None
    os.kill(hub._child.pid, signal.SIGKILL)
    until(lambda: words)
    (report,) = hub.report()
    assert (report["sent"], report["dropped"]) == (20, 0)
    monkeypatch.undo()
    hub.close()


def test_one_that_stands_still_delays_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with UdpEar() as ear:
        hub = SinkProcess([f"udp:{ear.port},heartbeat=0"], about(max_age_s=0.2))
        hub.open()
        tell(hub)
        until(lambda: ear.heard)
        assert hub._child is not None
        os.kill(hub._child.pid, signal.SIGSTOP)
        for _ in range(5000):  # more than its socket holds: a test that waits for it would not come back
            tell(hub)
        threading.Event().wait(0.25)  # they are too old then
        tell(hub, "open", age_s=-600.0)
        before = len(ear.heard)
        os.kill(hub._child.pid, signal.SIGCONT)
        until(lambda: len(ear.heard) > before)
        first = said(ear)[before]
        assert first["label"] in ("rest", "open")  # nothing of the backlog
        os.kill(hub._child.pid, signal.SIGSTOP)
        hub.close()  # comes back
    assert hub._child.poll() == -signal.SIGKILL


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_receivers_are_told_rest_whatever_ends_the_engine(
    stream: Callable[[], None], bundle: Bundle, number: signal.Signals
) -> None:
    with UdpEar() as ear, EngineProbe(bundle.path, NAME, sinks=[f"udp:{ear.port}"]) as probe:
        assert probe.ready.wait(60), probe.error
        until(lambda: last(ear)["label"] == "left")
        os.kill(probe.pid, number)
        until(lambda: last(ear)["code"] == "engine_gone")
        assert (last(ear)["label"], last(ear)["level"], last(ear)["state"]) == ("rest", 0.0, "failed")


def test_receivers_are_told_every_state_and_the_report_adds_up(stream: Callable[[], None], bundle: Bundle) -> None:
    with UdpEar() as ear, EngineProbe(bundle.path, NAME, sinks=[f"udp:{ear.port}"]) as probe:
        assert probe.ready.wait(60), probe.error
        until(lambda: last(ear)["label"] == "left")
        stream()  # ends
        until(lambda: last(ear)["code"] == "no_signal")
        until(lambda: said(ear)[-3]["code"] == "no_signal")  # again and again
        report = probe.close()
        until(lambda: last(ear)["code"] == "stopped")
        heard = said(ear)
    assert (heard[0]["state"], heard[0]["code"]) == ("connecting", "connecting")  # before any sample comes
    fresh = [one["seq"] for one in heard if not one["repeat"]]
    assert fresh == sorted(set(fresh))
    (sink,) = report["sinks"]
    assert sink["told"] == fresh[-1] + 1
    assert sink["told"] == sink["sent"] + sink["untaken"] + sink["dropped"]
    assert sink["sent"] == len(fresh)
    # no gesture was told from samples older than the limit, and of a state without decisions nothing but rest
    assert all(one["age_ms"] <= 151 for one in heard if one["label"] == "left" and not one["repeat"])
    assert all(one["label"] == "rest" for one in heard if one["state"] != "running")


def test_a_decision_whose_receiver_in_this_process_hangs_is_followed_by_rest(
    stream: Callable[[], None], bundle: Bundle
) -> None:
    hangs = {"block_s": 3.0, "block_after": 20}
    with UdpEar() as ear, EngineProbe(bundle.path, NAME, sinks=[f"udp:{ear.port}"], **hangs) as probe:
        assert probe.ready.wait(60), probe.error
        # the watchdog is heard at once, though the worker is still telling somebody else
        until(lambda: any(one["code"] in ("busy", "no_signal", "stale") for one in said(ear)[25:]))


# -- the command line ------------------------------------------------------------------------------------------


def live(bundle: Bundle, *more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "rt_handdt.cli.main", "live", "--bundle", str(bundle.path), "--headless"]
    return subprocess.run([*command, *more], capture_output=True, text=True, timeout=110, env=os.environ.copy())


def test_live_tells_its_sinks_and_sums_up(stream: Callable[[], None], bundle: Bundle, tmp_path: Path) -> None:
    file, report = tmp_path / "told.csv", tmp_path / "run.json"
    with UdpEar() as ear:
        sinks = ["--sink", f"file:{file}", "--sink", f"udp:{ear.port},on=change"]
        run = live(bundle, "--stream", NAME, "--seconds", "1.5", "--report", str(report), *sinks)
    assert run.returncode == 0, run.stderr
    figures = json.loads(report.read_text())
    assert [one["name"] for one in figures["sinks"]] == [f"file:{file}", f"udp:{ear.port},on=change"]
    table, change = figures["sinks"]
    assert table["sent"] == table["told"] == len(file.read_text().splitlines()) - 1
    assert change["skipped"] > 0
    assert re.search(rf"file:.*told\.csv: {table['sent']} of {table['told']} sent", run.stdout)
    assert {one["label"] for one in said(ear)} >= {"rest", "left"}


@pytest.mark.parametrize(
    ("sink", "words"),
    [
        ("upd:5006", "--sink upd:5006: there is no sink 'upd'; known: file, hand:ability, hand:serial, lsl"),
        ("udp:5006,speed=[/red]", "has no setting 'speed'; known: heartbeat, host, on, port, rate"),
        ("serial:/dev/ttyNONE", "there is no such device"),
        ("file:/nowhere/at/all.csv", "cannot be written"),
    ],
)
def test_what_cannot_be_is_one_sentence_and_exit_2(bundle: Bundle, sink: str, words: str) -> None:
    if sink.startswith("serial"):
        pytest.importorskip("serial")
    run = live(bundle, "--stream", "nobody", "--sink", sink)
    assert run.returncode == 2
    assert words in run.stderr
    assert "Traceback" not in run.stderr
    assert len(run.stderr.strip().splitlines()) == 1


def test_a_run_that_never_began_leaves_no_file(bundle: Bundle, tmp_path: Path) -> None:
    files = ["--sink", f"file:{tmp_path / 'a.csv'}", "--sink", f"file:{tmp_path / 'a.jsonl'}"]
    assert live(bundle, "--stream", "nobody", "--timeout", "0.2", *files).returncode == 2
    assert not list(tmp_path.iterdir())  # the next run would else be refused their names


def test_a_port_in_use_is_one_sentence_and_exit_2(bundle: Bundle) -> None:
    pytest.importorskip("websockets")
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        run = live(bundle, "--stream", "nobody", "--sink", f"websocket:{other.getsockname()[1]}")
    assert run.returncode == 2
    assert "end the program that has it" in run.stderr
    assert len(run.stderr.strip().splitlines()) == 1
