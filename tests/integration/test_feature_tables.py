"""Features from files to a table: values, cache, bad data, other data sets, the command."""

from __future__ import annotations

import errno
import io
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

from offline.cli import app
from offline.cohort.write import write_cohort
from offline.config import PipelineConfig, TrainConfig
from offline.data.datasets import collect
from offline.data.feature_table import FeatureTable
from offline.features import extraction
from offline.features import feature_cache as cache
from offline.features.build_table import build_table
from offline.features.feature_config import FeatureConfig
from offline.features.named_sources import open_sources
from offline.features.reading import FingerprintingReader, parse_header
from rt_handdt.core.features import FeatureBank
from rt_handdt.core.filters import CausalFilter, design
from rt_handdt.core.gestures import hyser_code, hyser_label
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.spec import PipelineSpec
from rt_handdt.errors import ConfigError, RecordingError
from rt_handdt.io.hyser import read_hyser
from rt_handdt.io.hyser_layout import list_sessions, session_folder
from rt_handdt.io.hyser_writer import write_session
from rt_handdt.io.wfdb16 import read_header
from rt_handdt.paths import layout_path

GESTURES = ("wrist_flexion", "wrist_extension", "hand_close")
CODES = [hyser_code(label) for label in GESTURES]
HYSER = ElectrodeLayout.from_toml(layout_path("hyser_16x16"))


@pytest.fixture(scope="module")
def cohort(tmp_path_factory) -> Path:
    """2 people × 2 sessions × 3 gestures × 2 trials."""
    out = tmp_path_factory.mktemp("features") / "cohort"
    return write_cohort(out, 2, 2, 3, gestures=GESTURES, repetitions=2, processes=1, progress=False)


@pytest.fixture
def noise(tmp_path) -> Path:
    """Quick to make: one session of noise, 2 trials of each gesture."""
    write_session(session_folder(tmp_path / "noise", 1, 1), trials())
    return tmp_path / "noise"


def trials(codes=(*CODES, *CODES), seed=0, n=2048):
    rng = np.random.default_rng(seed)
    for code in codes:
        level = 20.0 + 10.0 * (HYSER.positions_mm[:, 1] / 150 + 0.1 * code)
        yield 20_000 + level * rng.standard_normal((n, 256)), code


def table_of(root: Path, said: io.StringIO | None = None, cache: Path | None = None, processes=1, **settings):
    console = Console(file=said or io.StringIO(), width=300)
    return build_table([root], FeatureConfig(**settings), cache=cache, processes=processes, console=console)


# -- what comes out ------------------------------------------------------------------------------------------------


def test_a_cohort_becomes_one_table(cohort):
    table = table_of(cohort)
    assert (table.people, table.sessions, table.gestures.labels) == (("01", "02"), ("1", "2"), GESTURES)
    assert table.maps.shape == (24, 4, 16, 16)
    assert (table.counts() == 2).all()
    assert len(np.unique(table.trial)) == 24
    assert table.skipped == ()
    found = list_sessions(cohort)[3]
    own = (table.person == 1) & (table.session == 1)
    labels = [table.gestures.labels[k] for k in table.label[own]]
    assert labels == [hyser_label(code) for code in found.labels("dynamic", "raw")]
    # the fourth trial, by the live pipeline's own filter and features, the second half second as one window
    spec = PipelineSpec(fs_hz=2048.0, layout=HYSER, window_s=0.5, hop_s=0.5)
    x = CausalFilter(design(spec)).push(read_header(found.header("dynamic", "raw", 4)).read())[1024:]
    bank = FeatureBank(spec)
    bank.push(x)
    expected, _ = bank.window()
    measured = HYSER.from_grid(table.maps[own][3])
    np.testing.assert_allclose(measured[:2], expected[:2], rtol=1e-3)
    np.testing.assert_allclose(measured[2:], expected[2:], atol=2)  # a count may differ where a sample is nearly 0


def test_zero_phase_differs_and_gestures_and_sessions_can_be_chosen(cohort):
    causal = table_of(cohort, measure="rms")
    zero = table_of(cohort, measure="rms", phase="zero", sessions=("2",), gestures=GESTURES[:2])
    assert (zero.sessions, zero.gestures.labels, len(zero)) == (("2",), GESTURES[:2], 8)
    same = causal.maps[(causal.session == 1) & (causal.label < 2)]
    assert np.abs(zero.maps / same - 1).max() > 0.005
    np.testing.assert_allclose(zero.maps, same, rtol=0.35)


def test_windows_are_those_of_training_and_so_of_a_live_run(cohort):
    table = table_of(cohort, unit="window", sessions=("1",), stride=4)
    recordings = [read_hyser(cohort, subject=subject, session=1) for subject in (1, 2)]
    live = collect(recordings, HYSER, TrainConfig(stride=4, pipeline=PipelineConfig()))
    assert table.gestures == live.gestures
    np.testing.assert_array_equal(table.maps, live.maps)
    np.testing.assert_array_equal(table.label, live.label)
    np.testing.assert_array_equal(table.trial, live.trial)
    np.testing.assert_array_equal(table.since_cue_s, live.since_cue_s)
    # a measure that the live pipeline does not have, of the same windows
    other = table_of(cohort, unit="window", sessions=("1",), stride=4, measure="mav,rms")
    np.testing.assert_array_equal(other.trial, table.trial)
    np.testing.assert_allclose(other.maps[:, 1], table.maps[:, 0], rtol=1e-3)


def test_large_tables_lie_on_disk_and_are_the_same(cohort, tmp_path, monkeypatch):
    small = table_of(cohort, measure="stft_td")
    assert small.inputs == (256, 4)
    monkeypatch.setattr(extraction, "IN_MEMORY_BYTES", 0)
    large = table_of(cohort, measure="stft_td", cache=tmp_path)
    assert isinstance(large.maps, np.memmap)
    np.testing.assert_array_equal(large.maps, small.maps)
    assert len(list(tmp_path.iterdir())) == 8  # .npy and .json of 4 sessions; the joined file has no name


# -- the cache -----------------------------------------------------------------------------------------------------


@pytest.fixture
def measured(monkeypatch) -> list[str]:
    """Names of the sessions that were measured in this process, and not taken from the cache."""
    names: list[str] = []
    real = FingerprintingReader.read

    def read(self, path):
        if path.suffix == ".txt":  # the first file that a session reads
            names.append(path.parent.name)
        return real(self, path)

    monkeypatch.setattr(FingerprintingReader, "read", read)
    return names


def test_processes_do_not_change_the_table_and_the_cache_serves(cohort, tmp_path, measured):
    parallel = table_of(cohort, cache=tmp_path, processes=2)
    measured.clear()
    again = table_of(cohort, cache=tmp_path)
    alone = table_of(cohort)
    assert len(measured) == 4  # by the last call only
    np.testing.assert_array_equal(parallel.maps, again.maps)
    np.testing.assert_array_equal(parallel.maps, alone.maps)
    table_of(cohort, cache=tmp_path, sessions=("2",))
    assert len(measured) == 4
    table_of(cohort, cache=tmp_path, measure="rms", sessions=("2",))
    assert measured[4:] == ["subject01_session2", "subject02_session2"]


def test_damaged_entries_and_changed_sources_are_noticed(noise, tmp_path, measured):
    folder, said = tmp_path / "cache", io.StringIO()
    first = table_of(noise, cache=folder)
    (values,) = folder.glob("*.npy")
    content = bytearray(values.read_bytes())
    content[-5] ^= 1
    values.write_bytes(content)
    np.testing.assert_array_equal(table_of(noise, said, folder).maps, first.maps)
    assert "subject 01 session 1: its cache entry" in said.getvalue()
    assert "is damaged or was changed; measured anew" in said.getvalue()
    (described,) = folder.glob("*.json")
    described.write_text("{")
    table_of(noise, said, folder)
    assert "cannot be read" in said.getvalue()
    assert len(measured) == 3

    data = session_folder(noise, 1, 1) / "dynamic_raw_sample2.dat"
    os.utime(data, ns=(1, 1))  # another time, the same bytes: still good
    before = values.stat().st_mtime_ns
    table_of(noise, said, folder)
    assert values.stat().st_mtime_ns == before
    write_session(data.parent, trials(seed=1), overwrite=True)
    changed = table_of(noise, said, folder)
    assert "its files changed since its features were cached; measured anew" in said.getvalue()
    assert not np.array_equal(changed.maps, first.maps)
    assert values.stat().st_mtime_ns > before


def test_an_interrupted_run_goes_on(noise, tmp_path, monkeypatch):
    write_session(session_folder(noise, 2, 1), trials(seed=2))
    folder = tmp_path / "cache"
    real, rows = cache.NpyWriter.append, []

    def full_disk(self, values):
        rows.append(1)
        if len(rows) > 8:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(self, values)

    monkeypatch.setattr(cache.NpyWriter, "append", full_disk)
    with pytest.raises(RecordingError, match=r"No space left on device\); free some space"):
        table_of(noise, cache=folder)
    assert sorted(path.suffix for path in folder.iterdir()) == [".json", ".npy"]  # the first, whole; nothing of the 2nd
    monkeypatch.setattr(cache.NpyWriter, "append", lambda self, values: (rows.append(2), real(self, values))[1])
    table = table_of(noise, cache=folder)
    assert rows.count(2) == 6
    assert len(table) == 12


def test_a_copy_of_the_data_is_other_data(noise, tmp_path, measured):
    table_of(noise, cache=tmp_path / "cache")
    shutil.copytree(noise, tmp_path / "copy")
    table_of(tmp_path / "copy", cache=tmp_path / "cache")
    assert len(measured) == 2


# -- bad data ------------------------------------------------------------------------------------------------------


def test_gaps_are_counted_never_silent(noise):
    half_lost = list(trials(seed=3))
    half_lost[0][0][1500:1510, 7] = np.nan
    half_lost[1][0][900:, 9] = np.nan  # most of a channel in the measured stretch
    half_lost[2][0][900:, :200] = np.nan  # most of the channels
    write_session(session_folder(noise, 2, 1), half_lost)
    write_session(session_folder(noise, 3, 1), trials(CODES[:2], seed=4))
    write_session(session_folder(noise, 3, 2), trials(CODES, seed=5, n=1000))
    write_session(session_folder(noise, 4, 1), trials(seed=6), kind="maintenance")
    table = table_of(noise, gestures=(*GESTURES, "hand_open"), sessions=("1", "2"))
    said = "\n".join(table.skipped)
    lost = 10 + 1148
    for sentence in (
        f"subject 02 session 1: {lost} missing values were held at the last good one.",
        "subject 02 session 1: 1 channels of single trials were mostly missing and rebuilt.",
        "subject 02 session 1: 1 trials had most channels missing and were left out.",
        "subject 02 session 1: has one trial only (kept) of hand_close.",
        "subject 03 session 1: has one trial only (kept) of wrist_flexion, wrist_extension.",
        "subject 03 session 1: has no trial of hand_close.",
        "subject 03 session 2: 3 trials were shorter than 0.5 s and left out.",
        "subject 03 session 2: there is nothing of it.",
        "subject 01: has no session 2.",
        "subject 04 session 1: has no dynamic trials.",
        "No session has a trial of hand_open.",
    ):
        assert sentence in said
    assert len(table) == 6 + 5 + 2
    second = HYSER.from_grid(table.maps[(table.person == 1)][1])
    around = list(HYSER.neighbours[9])
    np.testing.assert_allclose(second[:, 9], second[:, around].mean(axis=1), rtol=1e-4)


def test_bad_channels_are_repaired_if_asked(noise):
    bad = [(samples.copy(), code) for samples, code in trials(seed=7)]
    for samples, _ in bad:
        samples[:, 3] = 20_000
        samples[:, 100] *= 30
    write_session(session_folder(noise, 1, 2), bad)
    plain, mended = (table_of(noise, measure="rms", repair=repair) for repair in (False, True))
    names = ", ".join(HYSER.channels[k] for k in (3, 100))
    assert mended.skipped == (f"subject 01 session 2: 2 bad channels rebuilt from their neighbours ({names}).",)
    before, after = HYSER.from_grid(plain.maps[6:, 0]), HYSER.from_grid(mended.maps[6:, 0])
    others = np.setdiff1d(np.arange(256), [3, 100])
    np.testing.assert_array_equal(after[:, others], before[:, others])
    np.testing.assert_allclose(after[:, [3, 100]], before[:, [4, 101]], rtol=0.3)
    np.testing.assert_array_equal(plain.maps[:6], mended.maps[:6])


def test_what_cannot_be_measured_is_refused(noise, tmp_path):
    folder = session_folder(noise, 1, 1)
    with pytest.raises(RecordingError, match="there is nothing here"):
        table_of(tmp_path / "nowhere")
    with pytest.raises(RecordingError, match="there is no session 3 in the data".replace("there", "There")):
        table_of(noise, sessions=("3",))
    with pytest.raises(RecordingError, match="No trial of the wanted gestures"):
        table_of(noise, gestures=("hand_open",))
    with pytest.raises(ConfigError, match="at least 2 labels"):
        table_of(noise, gestures=GESTURES[:1])
    with pytest.raises(RecordingError, match="no session has maintenance trials"):
        table_of(noise, kind="maintenance")
    with pytest.raises(RecordingError, match="is there twice"):
        open_sources([noise, folder], FeatureConfig())
    (tmp_path / "file").write_text("")
    with pytest.raises(RecordingError, match="cannot serve as the cache"):
        table_of(noise, cache=tmp_path / "file" / "cache")
    (folder / "label_dynamic.txt").write_text("6,7,30,6,7,35")
    with pytest.raises(RecordingError, match=r"entry 6 is '35'; each entry must be a gesture number from 1 to 34"):
        table_of(noise)
    (folder / "label_dynamic.txt").write_text("6,7,30,6,7,30")
    with (folder / "dynamic_raw_sample3.dat").open("ab") as file:
        file.truncate(1000)
    with pytest.raises(RecordingError, match="is cut short"):
        table_of(noise)


def test_headers_are_read_as_by_the_reader(noise):
    path = session_folder(noise, 1, 1) / "dynamic_raw_sample1.hea"
    text = path.read_bytes()
    variants = [text, text.replace(b"\n", b"\r\n"), b"# a comment\n" + text, text.replace(b")/mV", b")/uV")]
    variants += [text.replace(b" ED-8-8", b""), text.replace(b" 2048 2048", b" 2048"), text.replace(b"/mV", b"", 3)]
    for variant in variants:
        path.write_bytes(variant)
        quick, slow = parse_header(path, variant), read_header(path)
        for name in ("data_path", "fs_hz", "n_samples", "names", "offset_bytes"):
            assert getattr(quick, name) == getattr(slow, name)
        for name in ("gain", "baseline", "to_uv"):
            np.testing.assert_array_equal(getattr(quick, name), getattr(slow, name))
    path.write_bytes(b"nonsense")
    with pytest.raises(RecordingError, match="is not a WFDB header"):
        parse_header(path, b"nonsense")


# -- the command ---------------------------------------------------------------------------------------------------


def test_the_command_writes_a_table_and_the_study_s_folder(noise, tmp_path):
    write_session(session_folder(noise, 1, 2), trials(CODES[:2], seed=2))
    out = tmp_path / "out" / "features.npz"
    words = ["features", "--data", str(noise), "--sessions", "1", "2", "--gestures", "ten", "--processes", "1"]
    run = CliRunner().invoke(app, [*words, "--out", str(out), "--study-out", str(tmp_path / "study")])
    assert run.exit_code == 0, run.output
    assert "8 trials of 1 people, 2 sessions, 3 gestures; td: maps of 4×16×16" in run.stdout
    assert "Note: subject 01 session 2: has no trial of hand_close." in run.stderr
    table = FeatureTable.load(out)
    assert table.sessions == ("1", "2")
    back = table_of(tmp_path / "study")
    np.testing.assert_array_equal(back.maps, table.maps)
    one = CliRunner().invoke(app, [*words[:3], "--sessions", "2", "--processes", "1", "--check-layout"])
    assert "WRONG, neighbours must correlate most" in one.stdout  # noise


def test_the_command_lists_and_refuses():
    run = CliRunner().invoke(app, ["features", "--list"])
    assert run.exit_code == 0
    assert "256+4  measure of the study" in run.stdout
    assert "hjorth_mobility" in run.stdout
    assert "wl_around                    1  differential: Waveform length of an electrode less one" in run.stdout
    assert isinstance(CliRunner().invoke(app, ["features"]).exception, ConfigError)
    wrong = CliRunner().invoke(app, ["features", "--data", "x", "--measure", "rmss"])
    assert isinstance(wrong.exception, ConfigError)
    assert "did you mean 'rms'" in str(wrong.exception)
