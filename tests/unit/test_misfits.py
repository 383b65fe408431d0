"""All that keeps a stream from feeding a model, at once."""

from __future__ import annotations

from dataclasses import replace

from rt_handdt.core.bundle import read_manifest
from rt_handdt.io.description import StreamDescription
from rt_handdt.runtime.matching import match, misfits
from rt_handdt.runtime.model_card import find_models, read_card, shipped_models
from rt_handdt.runtime.source_choice import SourceChoice

SPEC = read_manifest("default").spec
N = SPEC.layout.n_channels
GOOD = StreamDescription(
    "Amp", "EMG", "pc", "id", "u1", 2048.0, N, "float32", SPEC.layout.channels, ("uV",) * N, ("EMG",) * N
)


def _kinds(stream: StreamDescription, choice: SourceChoice | None = None) -> list[str]:
    return [one.what for one in misfits(stream, SPEC, choice or SourceChoice())]


def test_what_fits_has_none() -> None:
    assert _kinds(GOOD) == []
    match(GOOD, SPEC, SourceChoice())


def test_each_is_named_and_its_remedy_takes_it_away() -> None:
    odd = replace(GOOD, fs_hz=1000.0, channels=tuple(f"Ch {k}" for k in range(N)), units=("furlong",) * N)
    assert _kinds(odd) == ["rate", "electrodes", "unit"]
    assert _kinds(odd, SourceChoice(by_position=True)) == ["rate", "unit"]
    assert _kinds(odd, SourceChoice(by_position=True, unit="uV")) == ["rate"]
    assert _kinds(replace(odd, fs_hz=2048.0), SourceChoice(by_position=True, unit="uV")) == []
    for one in misfits(odd, SPEC, SourceChoice()):
        assert one.sentence.endswith(".")


def test_columns_that_are_not_there_are_a_misfit() -> None:
    columns = tuple(range(100, 100 + N))
    assert _kinds(GOOD, SourceChoice(columns=columns)) == ["electrodes"]
    assert _kinds(GOOD, SourceChoice(columns=(1, 2))) == ["electrodes"]


def test_cards_of_models(tmp_path) -> None:
    assert "default" in shipped_models()
    cards = find_models(("default", str(tmp_path / "gone")))
    assert [card.given for card in cards].count("default") == 1
    gone = cards[-1]
    assert gone.manifest is None
    assert "no bundle folder" in gone.fault
    (card,) = [card for card in cards if card.given == "default"]
    facts = dict(card.facts)
    assert "Wrist flexion" in facts["Gestures"]
    assert "0.907" in facts["Scores"]
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "manifest.json").write_text("{}")
    assert read_card(tmp_path / "bad").fault
