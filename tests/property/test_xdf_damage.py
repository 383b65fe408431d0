"""An XDF file with any damage: what was not touched is read, exactly, and nothing but a sentence comes of the rest."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rt_handdt.errors import RecordingError
from rt_handdt.io.xdf import read_xdf
from rt_handdt.io.xdf_chunks import sound_chunks
from tests.support.xdf_files import cues, emg, pieces

PER_CHUNK = 20
FILE = pieces(
    emg(n=2000, per_chunk=PER_CHUNK, number_format="int16"), cues((100.5, "rest"), (101.0, "fist"), per_chunk=1)
)
#: Headers before the samples: without them nothing of a stream is known.
HEADERS = 4
SAMPLES = 100


@given(
    st.lists(st.tuples(st.integers(HEADERS, HEADERS + SAMPLES - 1), st.integers(0, 300)), min_size=1, max_size=4),
    st.binary(max_size=40),
    st.integers(0, 40),
)
@settings(max_examples=60, deadline=None)
def test_chunks_that_are_whole_are_found(places: list[tuple[int, int]], put: bytes, taken: int) -> None:
    """Bytes are put in, taken away or written over, inside some of the chunks."""
    parts = list(FILE)
    for number, at in places:
        piece = parts[number]
        parts[number] = piece[:at] + put + piece[at + taken :]
    hurt = {number for number in range(len(FILE)) if parts[number] != FILE[number]}
    found = sound_chunks(b"".join(parts))
    whole = [piece for number, piece in enumerate(FILE) if number not in hurt]
    position = 0
    for piece in whole:
        position = found.content.find(piece, position)
        assert position >= 0, "a chunk that nobody touched is gone, or out of order"
        position += len(piece)
    assert len(found.content) <= sum(map(len, whole)) + sum(len(parts[number]) for number in hurt)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_no_damage_ends_in_more_than_a_sentence(data: st.DataObject) -> None:
    content = bytearray(b"".join(FILE))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(4, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 60))] = data.draw(st.binary(max_size=60))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.xdf"
        path.write_bytes(content)
        try:
            read = read_xdf(path)
        except RecordingError:
            return
    there = ~np.isnan(read.samples[:, 0])
    assert there.any()
