"""What the window remembers."""

from __future__ import annotations

from pathlib import Path

import pytest

from rt_handdt.gui.choices import FOLDER_VARIABLE, RECENT, Choices, choices_file, load_choices, save_choices


@pytest.mark.parametrize(
    "name", ["Amp", 'a "b" \\ c', "é µ 🙂", "tab\tnew\nline", "\x7f\x01", "[x]\n# y", "half \ud83d"]
)
def test_what_is_kept_comes_back(tmp_path: Path, name: str) -> None:
    file = tmp_path / "new" / "window.toml"
    choices = Choices(stream=name, sinks=("udp:5006", name), theme="light").with_model(f"/models/{name}")
    assert save_choices(file, choices) == ""
    found, sentence = load_choices(file)
    assert sentence == ""
    wanted = choices.model_dump_json().encode("utf-8", "replace") if "\ud83d" not in name else None
    if wanted is None:  # half of a pair is no text that a file can hold
        assert found.stream == "half ?"
    else:
        assert found == choices
    assert [path.name for path in file.parent.iterdir()] == ["window.toml"]


@pytest.mark.parametrize("text", ["stream = ", "stream = 3", "unknown = 1", "theme = 'pink'", "\x00\xff"])
def test_a_broken_file_is_ignored_and_said(tmp_path: Path, text: str) -> None:
    file = tmp_path / "window.toml"
    file.write_bytes(text.encode("latin-1"))
    found, sentence = load_choices(file)
    assert found == Choices()
    assert sentence.startswith("The last choices are not used: ")
    assert len(sentence.splitlines()) == 1


def test_none_yet(tmp_path: Path) -> None:
    assert load_choices(tmp_path / "no" / "window.toml") == (Choices(), "")


def test_where_nothing_can_be_kept_it_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    sentence = save_choices(tmp_path / "file" / "window.toml", Choices())
    assert "cannot be kept" in sentence


def test_recent_models_come_once_and_are_bounded() -> None:
    choices = Choices()
    for number in [*range(RECENT + 3), 5]:
        choices = choices.with_model(str(number))
    assert choices.recent[0] == choices.model == "5"
    assert len(choices.recent) == len(set(choices.recent)) == RECENT


def test_the_folder_can_be_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    assert choices_file().parent == tmp_path
    monkeypatch.delenv(FOLDER_VARIABLE)
    assert choices_file().parts[-2:] == ("rt_handdt", "window.toml")
