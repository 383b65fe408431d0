"""How a run was begun, as a file says it: text from outside."""

from __future__ import annotations

import json

import pytest

from rt_handdt.core.run_setup import RunSetup
from rt_handdt.errors import ConfigError

SETUP = RunSetup(program="1", model="mine", fingerprint="af", provider="cpu", learn=False, bad=("E1",))


def test_it_is_read_as_it_was_written() -> None:
    assert RunSetup.read(SETUP.text()) == SETUP


def test_nothing_in_it_steers_a_terminal() -> None:
    data = json.loads(SETUP.text()) | {"model": "\x1b[2Jmine\u202e", "bad": ["E\n1"]}
    said = RunSetup.read(json.dumps(data)).sentence()
    assert said.isprintable()
    assert "[2Jmine" in said


@pytest.mark.parametrize(
    "text", ["", "[]", "\x1b[2J", '{"schema": "\\u001b[2J"}', '{"a":' * 100_000, '{"model": "\\u001b[2J", "learn": 7}']
)
def test_what_is_none_is_one_sentence(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        RunSetup.read(text)
    assert str(caught.value).isprintable()
