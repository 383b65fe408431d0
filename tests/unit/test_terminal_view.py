"""What a terminal shows of a run, however narrow it is."""

from __future__ import annotations

import io
from dataclasses import replace
from types import SimpleNamespace

from rich.console import Console

from rt_handdt.cli.terminal_view import TerminalView
from rt_handdt.runtime.snapshot import Snapshot
from rt_handdt.runtime.status import State

SENTENCE = (
    "The stream 'Amp' has gone. There is 'Other' (EMG, 8 channels, 1000 Hz, on a computer with quite a long name); it "
    "is another subject's, and is not taken: --follow any takes it. The hand rests."
)
LOST = Snapshot(state=State.LOST, message=SENTENCE)


def shown(*shots: Snapshot, terminal: bool) -> str:
    out = io.StringIO()
    console = Console(
        soft_wrap=True, force_terminal=terminal, width=40, height=24, file=out, color_system=None, legacy_windows=False
    )
    engine = SimpleNamespace(snapshot=lambda: shots[0])
    with TerminalView(engine, console) as view:
        for shot in shots:
            engine.snapshot = lambda shot=shot: shot
            view.update()
    return out.getvalue()


def test_a_sentence_is_whole_on_a_narrow_terminal() -> None:
    words = shown(LOST, terminal=True).split()
    assert [word for word in SENTENCE.split() if word not in words] == []


def test_what_is_there_instead_is_said_in_a_file_as_soon_as_it_is() -> None:
    before = replace(LOST, message="The stream 'Amp' has gone.")
    said = shown(before, before, LOST, LOST, terminal=False)
    assert said.count(SENTENCE) == 1
    assert said.count("has gone") == 2
