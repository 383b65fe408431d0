"""Commands to a virtual person: what is read, what it does, and what is refused."""

from __future__ import annotations

import pytest

from rt_handdt.errors import ConfigError
from rt_handdt.io.commands import Break, Gesture, Mend, Move, Noise, parse_command
from tests.told import Told


@pytest.mark.parametrize(
    ("text", "command", "does"),
    [
        ("hand_close 0.8", Gesture(label="hand_close", level=0.8), ("command", "hand_close", 0.8)),
        (" rest\n", Gesture(label="rest"), ("command", "rest", 1.0)),
        ('{"label": "rest"}', Gesture(label="rest"), ("command", "rest", 1.0)),
        ("noise 2", Noise(noise=2.0), ("noise", 2.0)),
        ('{"noise": 0.5}', Noise(noise=0.5), ("noise", 0.5)),
        ("move 5 -10", Move(move=(5.0, -10.0)), ("move", 5.0, -10.0)),
        ('{"move": [5, -10]}', Move(move=(5.0, -10.0)), ("move", 5.0, -10.0)),
        ("break 3", Break.parse({"break": "3"}, what=""), ("break", 3, "lost")),
        ("break E3 noisy", Break.parse({"break": "E3", "fault": "noisy"}, what=""), ("break", 2, "noisy")),
        ('{"break": 3, "fault": "noisy"}', Break.parse({"break": 3, "fault": "noisy"}, what=""), ("break", 3, "noisy")),
        ("mend E8", Mend(mend="E8"), ("mend", 7)),
        ('{"mend": 0}', Mend(mend=0), ("mend", 0)),
    ],
)
def test_commands_are_read_and_do_what_they_say(text: str, command: object, does: tuple[object, ...]) -> None:
    person = Told()
    parsed = parse_command(text)
    assert parsed == parse_command(text.encode()) == command
    parsed.apply(person)
    assert person.heard == [does]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"", "looks like|is a gesture"),
        (b"a b c", "'noise 2', 'move 5 -10'"),
        (b"hand_close hard", "got 'hard'"),
        (b"rest nan", "finite"),
        (b"{", "not valid JSON"),
        (b'{"level": 1}', "'label' is missing"),
        (b'{"label": "rest", "levle": 1}', "did you mean 'level'"),
        (b"rest\x1b[2J", "printable"),
        (b"\xff\x00", "UTF-8"),
        (b"{" * 256, "JSON"),
        (b"x" * 257, "256 bytes"),
        (b"noise", "looks like 'noise 2'"),
        (b"noise loud", "got 'loud'"),
        (b"move 5", "looks like 'move 5 -10'"),
        (b'{"move": [1]}', "command"),
        (b"break 1 melted", "fault"),
        (b"break shoulder", "no electrode 'shoulder'; .*E1 to E8"),
        (b"mend E9", "no electrode 'E9'; did you mean"),
    ],
)
def test_what_is_no_command_is_refused_with_a_reason(text: bytes, says: str) -> None:
    person = Told()
    with pytest.raises(ConfigError, match=says):
        parse_command(text).apply(person)
    assert person.heard == []
