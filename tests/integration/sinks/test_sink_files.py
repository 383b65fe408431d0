"""Decisions on disk."""

from __future__ import annotations

import csv
import errno
import json
from pathlib import Path

import pytest

from rt_handdt.errors import SinkError
from rt_handdt.io.sinks import parse_sinks
from rt_handdt.io.sinks.file import FileSink
from rt_handdt.runtime.hub import Hub
from tests.support.sinks import LABELS, LOST, Opened, about, tell, until


def test_a_file_holds_every_decision(opened: Opened, tmp_path: Path) -> None:
    lines, table = tmp_path / "a.jsonl", tmp_path / "b.csv"
    hub = opened(f"file:{lines}", f"file:{table}")
    for k in range(100):
        tell(hub, LABELS[k % 3])
    until(lambda: lines.read_bytes().count(b"\n") == 100)  # while the run goes on
    tell(hub, "rest", LOST)
    hub.close()
    read = [json.loads(text) for text in lines.read_text().splitlines()]
    assert [one["seq"] for one in read] == list(range(101))
    with table.open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["seq"]) for row in rows] == list(range(101))
    assert [row["label"] for row in rows] == [one["label"] for one in read]
    assert (rows[1]["p_fist"], rows[1]["repeat"], rows[-1]["time"], rows[-1]["code"]) == ("1.0", "0", "", "lost")


def test_a_file_is_never_overwritten(opened: Opened, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("mine")
    (tmp_path / "b-002.jsonl").write_text("mine too")
    with pytest.raises(SinkError, match="is there already, and is not overwritten"):
        Hub(parse_sinks([f"file:{path}"]), about()).open()
    with pytest.raises(SinkError, match="cannot be written"):
        Hub(parse_sinks([f"file:{tmp_path / 'no' / 'a.csv'}"]), about()).open()
    hub = opened(f"file:{tmp_path / 'b.jsonl'},rotate_mb=0.001")
    for _ in range(9):
        tell(hub)
    hub.close()
    assert path.read_text() == "mine"
    assert (tmp_path / "b-002.jsonl").read_text() == "mine too"
    parts = [tmp_path / "b.jsonl", *sorted(tmp_path.glob("b-*.jsonl"))[1:]]
    assert [part.name for part in parts[:3]] == ["b.jsonl", "b-003.jsonl", "b-004.jsonl"]
    read = [json.loads(text)["seq"] for part in parts for text in part.read_text().splitlines()]
    assert read == list(range(9 if read[-1] == 8 else 10))


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv"])
def test_a_disk_that_fills_costs_no_line_once_there_is_room(
    opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    room = [500]
    write = FileSink._write

    def small(self: FileSink, text: str) -> None:
        assert self._file is not None
        if len(text) > room[0]:
            self._file.write(text[: room[0]].encode())  # a part fits
            raise OSError(errno.ENOSPC, "No space left on device")
        room[0] -= len(text)
        write(self, text)

    monkeypatch.setattr(FileSink, "_write", small)
    path = tmp_path / name
    hub = opened(f"file:{path}")
    for _ in range(20):
        tell(hub)
    until(lambda: hub.report()[0]["failures"])
    assert "No space left" in hub.report()[0]["last_error"]
    room[0] = 1_000_000
    until(lambda: hub.report()[0]["sent"] == 20)
    text = path.read_text().splitlines()
    if name == "a.csv":
        assert [int(row["seq"]) for row in csv.DictReader(text)] == list(range(20))
    else:
        assert [json.loads(one)["seq"] for one in text] == list(range(20))
    assert hub.report()[0]["dropped"] == 0
