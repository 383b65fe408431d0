"""Which columns of a stream are the electrodes, and in what unit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from rt_handdt.cli.source_options import source_choice
from rt_handdt.core.bundle import load_bundle
from rt_handdt.core.columns import columns_text, parse_columns
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.errors import ConfigError, LayoutError, LayoutMismatch
from rt_handdt.io.description import StreamDescription, shown
from rt_handdt.paths import layout_path
from rt_handdt.runtime.matching import match
from rt_handdt.runtime.source_choice import SourceChoice
from tests.support.odd_stream import electrodes
from tests.support.tiny import tiny_spec

SPEC = tiny_spec()
NAMES = SPEC.layout.channels
NO_CHOICE = SourceChoice()


def stream(columns: Sequence[tuple[str, str, str]] | int, fs_hz: float = 512.0) -> StreamDescription:
    if isinstance(columns, int):
        return StreamDescription("Amp", "EMG", "here", "id", "uid", fs_hz, columns, "float32")
    labels, units, kinds = zip(*columns, strict=True)
    return StreamDescription("Amp", "EMG", "here", "id", "uid", fs_hz, len(columns), "float32", labels, units, kinds)


def test_only_the_electrodes_have_to_fit() -> None:
    others = [("AUX1", "V", "AUX"), ("", "", ""), ("Status", "bits", "status"), ("AUX1", "celsius", "")]
    found = match(stream([*others, *electrodes(NAMES), ("TIME", "s", "time")]), SPEC, NO_CHOICE)
    assert found.order.tolist() == list(range(4, 12))
    assert found.to_uv.tolist() == [1.0] * 8
    assert not found.notes


def test_each_electrode_has_its_own_unit() -> None:
    units = ["uV", "mV", "V", "-6", "10^-6 V", "nV", "microvolts", "uVolt"]
    columns = [(name, unit, "") for name, unit in zip(NAMES, units, strict=True)]
    assert match(stream(columns), SPEC, NO_CHOICE).to_uv.tolist() == [1.0, 1e3, 1e6, 1.0, 1.0, 1e-3, 1.0, 1.0]
    columns[3] = (NAMES[3], "", "")
    with pytest.raises(LayoutMismatch, match=rf"unit of its column 3 \('{NAMES[3]}'\)"):
        match(stream(columns), SPEC, NO_CHOICE)
    columns[3] = (NAMES[3], "mmHg", "")
    with pytest.raises(LayoutMismatch, match=r"measures its column 3 .* in 'mmHg'"):
        match(stream(columns), SPEC, NO_CHOICE)
    assert set(match(stream(columns), SPEC, SourceChoice(unit="mV")).to_uv) == {1e3}


@pytest.mark.parametrize(
    ("label", "kind"),
    [
        *(
            (name, "")
            for name in ("COUNTER", "SampleCounter", "Sample Counter", "sample_count", "Packet counter", "Samples")
        ),
        ("whatever", "Counter"),
    ],
)
def test_a_counter_is_known_and_is_no_electrode(label: str, kind: str) -> None:
    columns = [(label, "count", kind), *electrodes([f"C{k}" for k in range(8)])]
    assert stream(columns).counter == 0
    untyped = [(name, unit, kind if name == label else "") for name, unit, kind in columns]
    assert match(stream(untyped), SPEC, SourceChoice(by_position=True)).order.tolist() == list(range(1, 9))
    with pytest.raises(LayoutMismatch, match="counts samples in column 0"):
        match(stream(columns), SPEC, SourceChoice(columns=tuple(range(8))))


def test_a_count_of_samples_goes_before_one_of_packets() -> None:
    columns = [("PacketCounter", "", ""), ("E1", "uV", ""), ("Sample-Counter", "", ""), ("Trigger", "", "")]
    assert stream(columns).counter == 2
    assert stream([("E1", "uV", ""), ("Counterpart", "uV", ""), ("E2", "uV", "")]).counter is None


def test_columns_are_taken_as_said_and_the_rest_is_named() -> None:
    found = match(stream(20), SPEC, SourceChoice(columns=(12, 13, 14, 15, 4, 5, 6, 7), unit="uV"))
    assert found.order.tolist() == [12, 13, 14, 15, 4, 5, 6, 7]
    assert found.notes == (
        "Of 20 columns 12-15,4-7 are the electrodes of 'grid_2x4'; left out: 0-3,8-11,16-19 (counted from 0).",
    )
    with pytest.raises(LayoutMismatch, match="names 2 columns, but the layout 'grid_2x4' has 8"):
        match(stream(20), SPEC, SourceChoice(columns=(0, 1), unit="uV"))
    with pytest.raises(LayoutMismatch, match="has 10 columns, 0 to 9, but column 12 is wanted"):
        match(stream(10), SPEC, SourceChoice(columns=tuple(range(5, 13)), unit="uV"))


def test_by_position_says_what_it_takes() -> None:
    named = stream(electrodes([f"A{k}" for k in range(10)]))
    found = match(named, SPEC, SourceChoice(by_position=True))
    assert found.order.tolist() == list(range(8))
    assert "0-7 (A0 … A7) are the electrodes" in found.notes[0]
    assert "left out: 8-9" in found.notes[0]
    with_aux = stream([("AUX", "V", "AUX"), *electrodes([f"A{k}" for k in range(8)])])
    assert match(with_aux, SPEC, SourceChoice(by_position=True)).order.tolist() == list(range(1, 9))
    with pytest.raises(LayoutMismatch, match="--columns FIRST-LAST"):
        match(stream(10), SPEC, NO_CHOICE)


def test_a_name_that_stands_for_two_columns_matters_only_for_electrodes() -> None:
    assert len(match(stream([*electrodes(NAMES), ("X", "", ""), ("X", "", "")]), SPEC, NO_CHOICE).order) == 8
    with pytest.raises(LayoutMismatch, match="occurs twice"):
        match(stream([*electrodes(NAMES), ("E1", "uV", "")]), SPEC, NO_CHOICE)


def test_the_quattrocento_bridge_feeds_the_shipped_model() -> None:
    spec = load_bundle(layout_path("hyser_16x16").parents[2] / "models" / "default").spec
    inputs = [f"IN{i}-{k}" for i in range(1, 9) for k in range(1, 17)]
    arrays = [f"MULTIN{i}-{k}" for i in range(1, 5) for k in range(1, 65)]
    columns = [(name, "microvolt", "EMG") for name in inputs + arrays] + [("AUX", "V", "")] * 23
    bridge = stream([*columns, ("SampleCounter", "", "")], fs_hz=spec.fs_hz)
    with pytest.raises(LayoutMismatch, match="use --layout quattrocento"):
        match(bridge, spec, NO_CHOICE)
    choice = source_choice(None, layout="quattrocento")
    # as Hyser's recordings, which this amplifier made, are stored: ED, EP, FD, FP
    assert match(bridge, spec, choice).order.tolist() == list(range(128, 384))
    assert match(bridge, spec, choice).notes == ()
    bare = stream(408, fs_hz=spec.fs_hz)
    found = match(bare, spec, source_choice(None, layout="quattrocento", unit="uV"))
    assert found.order.tolist() == list(range(128, 384))
    assert "left out: 0-127,384-407" in found.notes[0]


def test_a_layout_of_other_names_goes_by_cells(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text('name = "own"\ncolumns = "9-2"\ngrid = "B1 B2 B3 B4\\nA1 A2 A3 A4"\n')
    with pytest.raises(LayoutError, match="must run upwards"):
        source_choice(None, layout=str(file))
    grid = 'grid = "B1 B2 B3 B4\\nA1 A2 A3 A4"\nchannels = "A1 A2 A3 A4 B1 B2 B3 B4"\n'
    file.write_text(f'name = "own"\ncolumns = "2-9"\n{grid}')
    choice = source_choice(None, layout=str(file), unit="uV")
    names = ["A4", "A3", "A2", "A1", "B1", "B2", "B3", "B4"]
    assert match(stream(electrodes(names)), SPEC, choice).order.tolist() == [4, 5, 6, 7, 3, 2, 1, 0]
    assert match(stream(12), SPEC, choice).order.tolist() == [6, 7, 8, 9, 2, 3, 4, 5]
    with pytest.raises(LayoutError, match="2x4 with 8 electrodes, but the model's 'grid_4x2' is 4x2"):
        match(stream(12), tiny_spec(height=4, width=2), choice)
    file.write_text(f'name = "own"\ncolumns = "2-8"\n{grid}')
    with pytest.raises(LayoutError, match="7 columns for 8 channels"):
        source_choice(None, layout=str(file))


def test_columns_do_not_change_the_layouts_that_have_none() -> None:
    plain = ElectrodeLayout.grid(2, 4)
    assert "columns" not in plain.model_dump()
    assert ElectrodeLayout.from_toml(layout_path("muovi_8x8")).columns == tuple(range(64))
    assert ElectrodeLayout.from_toml(layout_path("muovi_4x8")).channels[-1] == "Ch 32"


def test_text_of_columns() -> None:
    assert parse_columns("128-383") == tuple(range(128, 384))
    assert parse_columns(" 0-2, 9,5 - 6 ") == (0, 1, 2, 9, 5, 6)
    assert columns_text((0, 1, 2, 9, 5, 6)) == "0-2,9,5-6"
    for wrong in ("", "a", "1-", "-3", "3-1", "1,1", "0-4,2", "1;2", "0-99999", "1.5", "٣"):
        with pytest.raises(ConfigError):
            parse_columns(wrong)


def test_options_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ConfigError, match="give one of them"):
        source_choice("Amp", columns="0-7", by_position=True)
    with pytest.raises(ConfigError, match="--unit: must be a unit of voltage"):
        source_choice("Amp", unit="mmHg")
    with pytest.raises(ConfigError, match="neither a file nor a shipped layout"):
        source_choice("Amp", layout="nowhere")


def test_what_comes_from_outside_is_shown_on_one_line() -> None:
    assert shown("a\nb\x1b[31mc") == "a\ufffdb\ufffd[31mc"
    assert len(shown("x" * 999)) == 60
    assert np.all([sign.isprintable() for sign in shown("\u202eevil\0")[1:-1]])
