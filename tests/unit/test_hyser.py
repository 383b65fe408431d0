"""The Hyser reader and writer: against the wfdb library, against the rules of the data set, against damaged folders."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import wfdb

from rt_handdt.core.gestures import HYSER_GESTURES, REST, hyser_label
from rt_handdt.core.recording import Segment
from rt_handdt.errors import ConfigError, LayoutMismatch, RecordingError
from rt_handdt.io.hyser import FADE_S, list_sessions, read_hyser, write_session
from rt_handdt.io.hyser_layout import hyser_channels, missing_gestures, session_folder
from rt_handdt.io.joining import make_filler
from rt_handdt.io.wfdb16 import read_header, write_record

FS = 256.0  # keeps the files small; the rate is in the header
HEAD, TRIAL = 64, 256
CODES = (6, 30, 30, 34, 7)


def signal(n: int, seed: int, channels: int = 256) -> np.ndarray:
    """A slow random walk on an offset of tens of millivolts, µV."""
    rng = np.random.default_rng(seed)
    return rng.normal(0, 5, (n, channels)).cumsum(axis=0) + rng.uniform(-40_000, 40_000, channels)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two sessions of subject 1: dynamic trials in both, maintenance in the first."""
    for session in (1, 2):
        folder = session_folder(tmp_path, 1, session)
        write_session(folder, [(signal(TRIAL, 10 * session + k), c) for k, c in enumerate(CODES)], fs_hz=FS)
    folder = session_folder(tmp_path, 1, 1)
    write_session(folder, [(signal(4 * TRIAL, 50 + k), c) for k, c in enumerate((8, 9))], "maintenance", fs_hz=FS)
    return tmp_path


@pytest.fixture
def folder(root: Path) -> Path:
    return session_folder(root, 1, 1)


def samples_of(recording) -> np.ndarray:
    return np.concatenate(list(recording.blocks()))


# -- the layout on disk ----------------------------------------------------------------------------------------------


def test_channel_order_is_hysers() -> None:
    arrays = ("ED", "EP", "FD", "FP")
    names = hyser_channels()
    for array, what in enumerate(arrays):
        for i in range(1, 9):
            for j in range(1, 9):
                assert names[64 * array + (8 - i) * 8 + (8 - j)] == f"{what}-{i}-{j}"


def test_written_files_are_laid_out_as_hysers(folder: Path) -> None:
    names = {path.name for path in folder.iterdir()}
    assert names == {
        "label_dynamic.txt",
        "label_maintenance.txt",
        *(f"dynamic_raw_sample{k}.{end}" for k in range(1, 6) for end in ("dat", "hea")),
        *(f"maintenance_raw_sample{k}.{end}" for k in (1, 2) for end in ("dat", "hea")),
    }
    assert (folder / "label_dynamic.txt").read_text() == "6,30,30,34,7"
    lines = (folder / "dynamic_raw_sample1.hea").read_text().splitlines()
    assert lines[0] == f"dynamic_raw_sample1 256 256 {TRIAL}"
    assert len(lines) == 257
    assert lines[1].startswith("dynamic_raw_sample1.dat 16 ")
    assert lines[1].endswith(" ED-8-8")
    assert (folder / "dynamic_raw_sample1.dat").stat().st_size == TRIAL * 256 * 2


def test_wfdb_reads_what_we_write(folder: Path) -> None:
    for number in range(1, 6):
        theirs = wfdb.rdrecord(str(folder / f"dynamic_raw_sample{number}"))
        ours = read_header(folder / f"dynamic_raw_sample{number}.hea")
        written = signal(TRIAL, 10 + number - 1)
        step_uv = 1e3 / np.asarray(theirs.adc_gain)
        assert theirs.sig_name == list(hyser_channels())
        assert theirs.fs == FS
        # Float32 has a step of 0.004 at 40,000 µV; the rest of the difference is the quantisation.
        assert (np.abs(theirs.p_signal * 1e3 - written) <= 0.51 * step_uv + 1e-6).all()
        np.testing.assert_allclose(ours.read(), theirs.p_signal * 1e3, atol=0.003)


def test_checksum_and_first_code_in_the_header_are_true(folder: Path) -> None:
    record = wfdb.rdrecord(str(folder / "dynamic_raw_sample2"), physical=False)
    assert list(record.d_signal[0]) == record.init_value
    sums = record.d_signal.astype(np.int64).sum(axis=0)
    assert [int(s) % 65536 for s in sums] == [int(c) % 65536 for c in record.checksum]


def test_gain_differs_between_channels_and_files(folder: Path) -> None:
    first, second = (read_header(folder / f"dynamic_raw_sample{k}.hea") for k in (1, 2))
    assert len(set(first.gain)) > 200
    assert not np.isin(first.gain, second.gain).any()


# -- sessions --------------------------------------------------------------------------------------------------------


def test_root_parent_and_folder_are_all_accepted(root: Path, folder: Path) -> None:
    for path in (root, root / "pr_dataset"):
        assert [(one.subject, one.session) for one in list_sessions(path)] == [(1, 1), (1, 2)]
    assert [(one.subject, one.session) for one in list_sessions(folder)] == [(1, 1)]
    assert list_sessions(root)[0].kinds == ("dynamic", "maintenance")
    assert list_sessions(root)[1].kinds == ("dynamic",)


def test_sessions_and_samples_sort_by_number(tmp_path: Path) -> None:
    codes = [1 + k % 34 for k in range(12)]
    for subject in (10, 2):
        folder = session_folder(tmp_path, subject, 1)
        write_session(folder, [(np.full((70, 256), float(k)), c) for k, c in enumerate(codes)], fs_hz=FS)
    (tmp_path / "pr_dataset" / "subject02_session1").rename(tmp_path / "pr_dataset" / "subject2_session1")
    assert [one.subject for one in list_sessions(tmp_path)] == [2, 10]
    recording = read_hyser(tmp_path, rest_s=0.0)
    # sample2, not sample10, follows sample1
    assert [float(samples_of(recording)[70 * k, 0]) for k in range(12)] == list(range(12))
    assert [m.label for m in recording.markers][1::2] == [hyser_label(code) for code in codes]


def test_choosing_a_session(root: Path) -> None:
    assert read_hyser(root).session == "1"
    chosen = read_hyser(root, subject=1, session=2)
    assert (chosen.subject, chosen.session) == ("01", "2")
    with pytest.raises(RecordingError, match="no subject 1 session 3"):
        read_hyser(root, subject=1, session=3)
    with pytest.raises(RecordingError, match=r"no maintenance_\* trials"):
        read_hyser(root, session=2, kind="maintenance")


def test_raw_is_preferred_and_preprocess_read_where_alone(root: Path, folder: Path) -> None:
    write_session(folder, [(np.zeros((TRIAL, 256)), c) for c in CODES], variant="preprocess", fs_hz=FS)
    assert read_hyser(folder).name.endswith("dynamic_raw")
    assert not samples_of(read_hyser(folder, variant="preprocess")).any()
    for path in folder.glob("dynamic_raw_*"):
        path.unlink()
    assert read_hyser(folder).name.endswith("dynamic_preprocess")


def test_gestures_can_be_chosen(folder: Path) -> None:
    recording = read_hyser(folder, gestures=["hand_close"])
    assert [m.label for m in recording.markers] == [REST, "hand_close"] * 2
    with pytest.raises(ConfigError, match="not one of Hyser's 34"):
        read_hyser(folder, gestures=["fist"])
    with pytest.raises(RecordingError, match="no dynamic_raw trial of hand_open"):
        read_hyser(folder, gestures=["hand_open"])


def test_missing_gestures() -> None:
    assert missing_gestures(CODES) == tuple(g for c, g in enumerate(HYSER_GESTURES, 1) if c not in CODES)
    assert missing_gestures(tuple(range(1, 35))) == ()


# -- joining ---------------------------------------------------------------------------------------------------------


def test_dynamic_session_is_rest_and_gesture_in_turn(folder: Path) -> None:
    recording = read_hyser(folder, rest_s=0.5)
    period = 128 + TRIAL
    assert recording.channels == hyser_channels()
    assert recording.n_samples == 5 * period
    expected = []
    for k, code in enumerate(CODES):
        start = k * period
        expected.append(Segment(start, start + 128 + HEAD, REST, 2 * k))
        expected.append(Segment(start + 128 + HEAD, start + period, hyser_label(code), 2 * k + 1))
    assert recording.segments() == tuple(expected)


def test_every_sample_of_every_trial_is_there(folder: Path) -> None:
    joined = samples_of(read_hyser(folder, rest_s=0.5))
    for k in range(5):
        trial = read_header(folder / f"dynamic_raw_sample{k + 1}.hea").read()
        at = k * (128 + TRIAL) + 128
        np.testing.assert_array_equal(joined[at : at + TRIAL], trial)


def test_filler_runs_into_the_trial_as_its_mirror(folder: Path) -> None:
    joined = samples_of(read_hyser(folder, rest_s=0.5))
    at = (128 + TRIAL) + 128  # start of the second trial
    trial = joined[at : at + TRIAL]
    np.testing.assert_array_equal(joined[at - 40 : at], trial[1:41][::-1])


def test_joints_make_no_step(folder: Path) -> None:
    """Offsets of neighbouring trials lie up to 80 mV apart; bare concatenation would jump by that in one sample."""
    joined = samples_of(read_hyser(folder, rest_s=0.5))
    end = 128 + TRIAL
    apart = np.abs(joined[end + 20] - joined[end - 1])
    steps = np.abs(np.diff(joined[end - 1 : end + 20], axis=0)).max(axis=0)
    far = apart > 1000
    assert far.sum() > 200
    # A raised cosine over 5 samples (20 ms) is at its steepest below 0.3 of the way a sample.
    assert round(FADE_S * FS) == 5
    assert (steps[far] < 0.35 * apart[far]).all()


@pytest.mark.parametrize("block_samples", [1, 37, 384, 4096, 100_000])
def test_blocks_do_not_depend_on_their_size(folder: Path, block_samples: int) -> None:
    recording = read_hyser(folder, rest_s=0.5)
    blocks = list(recording.blocks(block_samples))
    assert all(len(block) == block_samples for block in blocks[:-1])
    joined = np.concatenate(blocks)
    assert joined.dtype == np.float32
    np.testing.assert_array_equal(joined, samples_of(recording))
    assert len(joined) == recording.n_samples


def test_blocks_read_as_they_go(folder: Path) -> None:
    recording = read_hyser(folder)
    blocks = recording.blocks(64)
    next(blocks)
    (folder / "dynamic_raw_sample5.dat").unlink()
    with pytest.raises(FileNotFoundError):
        list(blocks)


def test_no_missing_value_is_introduced(tmp_path: Path) -> None:
    first, second = signal(TRIAL, 1), signal(TRIAL, 2)
    first[-3:, 7] = np.nan  # in the tail that is faded
    second[0:5, 8] = np.nan  # in the head that is mirrored
    second[20, 9] = np.nan
    folder = session_folder(tmp_path, 1, 1)
    write_session(folder, [(first, 6), (second, 7)], fs_hz=FS)
    joined = samples_of(read_hyser(folder, rest_s=0.5))
    assert int(np.isnan(joined).sum()) == 3 + 5 + 1


def test_maintenance_borrows_rest_from_dynamic(folder: Path) -> None:
    recording = read_hyser(folder, kind="maintenance", rest_s=0.5)
    body = 4 * TRIAL - HEAD
    assert [m.label for m in recording.markers] == [REST, hyser_label(8), REST, hyser_label(9)]
    assert [m.index for m in recording.markers] == [0, 128, 128 + body, 256 + body]
    joined = samples_of(recording)
    quiet = read_header(folder / "dynamic_raw_sample1.hea").read(0, HEAD)
    np.testing.assert_array_equal(joined[:HEAD], quiet)
    trial = read_header(folder / "maintenance_raw_sample1.hea").read(HEAD)
    np.testing.assert_array_equal(joined[128 : 128 + body], trial)
    assert any("borrowed" in note for note in recording.notes)


def test_maintenance_alone_has_no_rest(folder: Path) -> None:
    for path in folder.glob("dynamic_*"):
        path.unlink()
    recording = read_hyser(folder, kind="maintenance")
    assert [m.label for m in recording.markers] == [hyser_label(8), hyser_label(9)]
    assert any("no rest" in note for note in recording.notes)
    assert len(samples_of(recording)) == recording.n_samples == 2 * (4 * TRIAL - HEAD + 5)


def test_one_trial_by_its_file(folder: Path) -> None:
    for name in ("dynamic_raw_sample4.hea", "dynamic_raw_sample4.dat"):
        recording = read_hyser(folder / name)
        assert [m.label for m in recording.markers] == [REST, hyser_label(34)]
        np.testing.assert_array_equal(
            samples_of(recording)[-TRIAL:], read_header(folder / "dynamic_raw_sample4.hea").read()
        )


def test_unnamed_electrodes_are_taken_in_hysers_order(folder: Path) -> None:
    for path in folder.glob("dynamic_*.hea"):
        lines = path.read_text().splitlines()
        path.write_text("\n".join([lines[0], *(line.rsplit(" ", 1)[0] + " ch" for line in lines[1:])]))
    recording = read_hyser(folder)
    assert recording.channels == hyser_channels()
    assert any("do not name the electrodes" in note for note in recording.notes)


def test_named_electrodes_in_another_order_keep_their_names(folder: Path) -> None:
    for path in folder.glob("dynamic_*.hea"):
        lines = path.read_text().splitlines()
        path.write_text("\n".join([lines[0], *reversed(lines[1:])]))
    assert read_hyser(folder).channels == tuple(reversed(hyser_channels()))


def test_filler_longer_than_the_head_goes_to_and_fro() -> None:
    after = np.arange(4, dtype=np.float32)[:, None]
    filler = make_filler(9, after, 4, 0)
    assert filler[:, 0].tolist() == [3, 2, 1, 0, 1, 2, 3, 2, 1]


# -- damaged folders -------------------------------------------------------------------------------------------------


def drop_labels(folder: Path) -> None:
    (folder / "label_dynamic.txt").unlink()


def more_labels(folder: Path) -> None:
    (folder / "label_dynamic.txt").write_text("6,30,30,34,7,8")


def fewer_labels(folder: Path) -> None:
    (folder / "label_dynamic.txt").write_text("6,30,30,34")


def hole(folder: Path) -> None:
    for end in ("dat", "hea"):
        (folder / f"dynamic_raw_sample3.{end}").unlink()


def bad_label(folder: Path) -> None:
    (folder / "label_dynamic.txt").write_text("6,30,35,34,7")


def no_number(folder: Path) -> None:
    (folder / "label_dynamic.txt").write_text("6,30,fist,34,7")


def truncate(folder: Path) -> None:
    path = folder / "dynamic_raw_sample3.dat"
    path.write_bytes(path.read_bytes()[:-1000])


def no_dat(folder: Path) -> None:
    (folder / "dynamic_raw_sample3.dat").unlink()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (drop_labels, "has no label_dynamic.txt"),
        (more_labels, r"6 labels, but there are 5 dynamic_raw samples \(missing: sample6\)"),
        (fewer_labels, r"4 labels, but there are 5 dynamic_raw samples \(up to sample5\)"),
        (hole, r"5 labels, but there are 4 dynamic_raw samples \(missing: sample3\)"),
        (bad_label, "entry 3 is '35'; each entry must be a gesture number from 1 to 34"),
        (no_number, "entry 3 is 'fist'"),
        (truncate, "cut short: 130072 bytes where the header promises 131072"),
        (no_dat, "dynamic_raw_sample3.dat is missing"),
    ],
)
def test_damage_is_named(folder: Path, damage: Callable[[Path], None], message: str) -> None:
    damage(folder)
    with pytest.raises(RecordingError, match=message) as caught:
        read_hyser(folder)
    assert "\n" not in str(caught.value)


def test_wrong_channel_count_is_a_layout_mismatch(folder: Path) -> None:
    write_record(folder / "dynamic_raw_sample2.hea", np.zeros((TRIAL, 3)), ("a", "b", "c"), FS)
    with pytest.raises(LayoutMismatch, match=r"sample2\.hea: its header has 3 channels, but a Hyser trial has 256"):
        read_hyser(folder)


def test_trials_of_another_rate_are_refused(folder: Path) -> None:
    write_record(folder / "dynamic_raw_sample2.hea", signal(TRIAL, 1), hyser_channels(), 2 * FS)
    with pytest.raises(RecordingError, match=r"sample2\.hea: its rate or channels"):
        read_hyser(folder)


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="holds no Hyser session"):
        read_hyser(tmp_path)
    with pytest.raises(RecordingError, match="no such file or folder"):
        read_hyser(tmp_path / "nowhere")
    session_folder(tmp_path, 1, 1).mkdir(parents=True)
    with pytest.raises(RecordingError, match="no trials at all"):
        read_hyser(tmp_path)
