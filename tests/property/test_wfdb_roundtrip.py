"""Whatever finite signal is written in format 16, we and the wfdb library read it back within half a quantum."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import wfdb
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from rt_handdt.io.wfdb16 import read_header, write_record

VALUES_UV = st.one_of(st.floats(-1e7, 1e7, allow_nan=False), st.just(0.0), st.just(np.nan))
SIGNALS = hnp.arrays(np.float64, st.tuples(st.integers(1, 40), st.integers(1, 5)), elements=VALUES_UV)


@settings(max_examples=60, deadline=None)
@given(samples=SIGNALS, fs_hz=st.sampled_from([100.0, 1000.0, 2048.0, 2222.2222]))
def test_roundtrip(samples: np.ndarray, fs_hz: float) -> None:
    names = tuple(f"E{k}" for k in range(samples.shape[1]))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "r.hea"
        write_record(path, samples, names, fs_hz)
        record = read_header(path)
        record.check_data()
        ours = record.read()
        theirs = wfdb.rdrecord(str(path.with_suffix(""))).p_signal * 1e3
    assert record.names == names
    np.testing.assert_array_equal(np.isnan(ours), np.isnan(samples))
    np.testing.assert_array_equal(np.isnan(theirs), np.isnan(samples))
    good = ~np.isnan(samples)
    quantum_uv = np.broadcast_to(1e3 / record.gain, samples.shape)[good]
    # Reading ends in float32, whose relative step is 6e-8; the baseline is rounded as the codes are.
    slack = 1.2e-7 * np.abs(samples[good]) + 1e-9
    assert (np.abs(ours[good] - samples[good]) <= 0.501 * quantum_uv + slack).all()
    assert (np.abs(ours[good] - theirs[good]) <= slack).all()


@settings(max_examples=30, deadline=None)
@given(offset_mv=st.floats(-300, 300), swing_uv=st.floats(20, 5000))
def test_an_offset_costs_no_resolution(offset_mv: float, swing_uv: float) -> None:
    """A quantum is the swing over 65,532, whatever offset it rides on (as amplifiers deliver it)."""
    wave = offset_mv * 1e3 + swing_uv / 2 * np.sin(np.arange(200.0))[:, None]
    with tempfile.TemporaryDirectory() as folder:
        write_record(Path(folder) / "r.hea", wave, ("E1",), 1000.0)
        record = read_header(Path(folder) / "r.hea")
    assert 1e3 / record.gain[0] <= np.ptp(wave) / 65_000
