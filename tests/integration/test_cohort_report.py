"""The sheet of a small virtual cohort, and what it says when something is missing."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from offline.cli import app
from offline.cohort.calibrate import main as calibrate
from offline.cohort.sheet import cohort_sheet, write_cohort_report
from offline.cohort.write import write_cohort
from offline.pages.blocks import Picture, Table
from rt_handdt.errors import ConfigError, RecordingError
from rt_handdt.io.hyser_layout import session_folder

GESTURES = ("wrist_flexion", "wrist_extension", "hand_open")


@pytest.fixture(scope="module")
def cohort(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("report") / "people"
    return write_cohort(out, 2, 2, 0, gestures=GESTURES, repetitions=2, processes=1, progress=False)


@pytest.fixture(scope="module")
def written(cohort, tmp_path_factory):
    out = tmp_path_factory.mktemp("sheet") / "sheet.html"
    return out, write_cohort_report(cohort, out, processes=1, progress=False)


@pytest.fixture(scope="module")
def alone(cohort, tmp_path_factory):
    """The sheet of the first person, as if recorded."""
    recorded = Path(shutil.copytree(cohort, tmp_path_factory.mktemp("recorded") / "people"))
    (recorded / "cohort.json").unlink()
    return cohort_sheet(recorded, subjects=1, processes=1, progress=False)


@pytest.fixture
def copy(cohort, tmp_path) -> Path:
    return Path(shutil.copytree(cohort, tmp_path / "copy"))


def tables(sheet) -> dict[str, Table]:
    return {part.title: part for part in sheet.parts if isinstance(part, Table)}


def test_html_is_one_file_with_every_figure(written):
    out, sheet = written
    text = out.read_text(encoding="utf-8")
    assert "SIMULATED" in text
    assert "Seed 0, 2 people × 2 sessions" in text
    assert sheet.remarks == ()
    figures = [part for part in sheet.parts if isinstance(part, Picture)]
    assert len(figures) == text.count("data:image/png;base64,") == 9
    titles = " ".join(part.title for part in figures)
    for word in ("Traces", "Spectra", "Maps", "Correlation", "Amplitudes", "taken for", "bad channels"):
        assert word in titles
    assert not re.search(r'(?:src|href)="(?!data:)', text)  # nothing outside the file
    assert "<script" not in text
    assert out.stat().st_size < 5_000_000


def test_statistics_and_scores_stand_beside_published_ones(written):
    _, sheet = written
    statistics, scores = (
        tables(sheet)["Statistics of the signals"],
        tables(sheet)["Difficulty: a fixed reference decoder"],
    )
    assert [row[3] for row in statistics.rows] == [
        "0.73 – 0.90",
        "50 – 90",
        "50 – 300",
        "3 – 12",
        "0.50 – 2.00",
        "0.10 – 0.15",
    ]
    for row in statistics.rows:
        low, high = map(float, row[2].split(" – "))
        assert low <= float(row[1]) <= high
        assert row[4].endswith("of 4")
    assert 0.5 <= float(statistics.rows[0][1]) <= 0.95  # neighbours share their signal
    assert [row[4:] for row in scores.rows] == [("2", "120"), ("2", "120"), ("2", "60"), ("2", "120")]
    assert [row[3] for row in scores.rows] == ["≥ 0.95", "0.70 – 0.88", "0.45 – 0.70", "–"]
    assert float(scores.rows[0][1].split()[0]) > 0.9  # three plain gestures, the same donning
    assert len(tables(sheet)["Gesture by gesture"].rows) == 3


def test_pdf_holds_the_same_parts_and_replaces_what_was_there(cohort, alone, tmp_path):
    out = tmp_path / "sheet.pdf"
    out.write_text("old")
    sheet = write_cohort_report(cohort, out, subjects=1, processes=2, progress=False)
    data = out.read_bytes()
    assert data.startswith(b"%PDF-")
    assert len(re.findall(rb"/Type /Page\b", data)) == len(sheet.parts)
    assert tables(sheet) == tables(alone)  # two processes, the same numbers
    assert list(tmp_path.iterdir()) == [out]


def test_command_says_what_is_missing(copy, tmp_path):
    shutil.rmtree(session_folder(copy, 1, 2))
    (session_folder(copy, 2, 1) / "label_dynamic.txt").unlink()
    out = tmp_path / "sheet.html"
    result = CliRunner().invoke(app, ["cohort-report", str(copy), "--out", str(out), "--processes", "1"])
    assert result.exit_code == 0, result.output
    assert f"Wrote {out}" in result.output
    text = out.read_text(encoding="utf-8")
    assert "Person 01 has no session 2." in text
    assert "Person 02, session 1, is left out" in text
    assert "has no label_dynamic.txt" in text
    assert "2 people, 2 sessions, 3 gestures" in text


def test_missing_gestures_are_reported(copy):
    # Hyser's people lack gestures: here all extensions of one session, and one flexion of another, become hand_open
    for session, old, count in ((1, "7", -1), (2, "6", 1)):
        labels = session_folder(copy, 1, session) / "label_dynamic.txt"
        labels.write_text(re.sub(rf"\b{old}\b", "31", labels.read_text(), count=max(count, 0)))
    sheet = cohort_sheet(copy, processes=1, progress=False)
    assert "Person 01, session 1, has no trial of wrist_extension." in sheet.remarks
    assert any("fewer than" in remark for remark in sheet.remarks)
    assert "left out: up to" in tables(sheet)["Difficulty: a fixed reference decoder"].note


def test_real_recordings_are_called_so_and_may_be_limited(alone):
    assert alone.title.startswith("Recordings")
    assert "SIMULATED" not in alone.subtitle
    assert "Only 1 of the 2 people were looked at." in alone.remarks
    scores = tables(alone)["Difficulty: a fixed reference decoder"].rows
    assert [row[1] == "–" for row in scores] == [False, False, True, True]  # nobody else to train on


def test_maintenance_trials_are_used_where_there_are_some(tmp_path):
    root = write_cohort(
        tmp_path / "all", 1, 1, 0, gestures=GESTURES[:2], kind="all", repetitions=1, processes=1, progress=False
    )
    sheet = cohort_sheet(root, processes=1, progress=False)
    rows = [row for row in tables(sheet)["Statistics of the signals"].rows if "4 s trials" in row[0]]
    assert len(rows) == 2
    assert 0.02 < float(rows[1][1]) < 0.3


@pytest.mark.parametrize("name", ["sheet.docx", "sheet", "missing/sheet.html"])
def test_a_senseless_file_is_refused_before_anything_is_read(cohort, tmp_path, name):
    with pytest.raises((ConfigError, RecordingError), match=r"\.html or \.pdf|does not exist"):
        write_cohort_report(cohort, tmp_path / name, progress=False)


def test_folders_without_sessions_or_dynamic_trials_are_refused(copy, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(RecordingError, match="holds no Hyser session"):
        write_cohort_report(tmp_path / "empty", tmp_path / "sheet.html", progress=False)
    for path in copy.rglob("dynamic_raw_sample*"):
        path.unlink()
    with pytest.raises(RecordingError, match="not one of its 4 sessions can be shown"):
        write_cohort_report(copy, tmp_path / "sheet.html", processes=1, progress=False)
    with pytest.raises(ConfigError, match="subjects must be 1 or more"):
        write_cohort_report(copy, tmp_path / "sheet.html", subjects=0, progress=False)
    assert not (tmp_path / "sheet.html").exists()


def test_calibration_prints_ranges_and_difficulty(capsys):
    assert calibrate(["--subjects", "1", "--sessions", "1", "--trials", "1", "--processes", "1"]) == 0
    printed = capsys.readouterr().out
    assert re.search(r"Neighbour \|correlation\|, 10 mm +0\.\d+ +0\.\d+ – 0\.\d+ +0\.73 – 0\.90 +[01] of 1", printed)
    assert re.search(r"Within session +–", printed)  # of a single repetition, none can be left out
    assert "Thumb middle pinch" in printed
    for wrong in (["--seed", "1000"], ["--subjects", "0"]):
        with pytest.raises(SystemExit):
            calibrate(wrong)


def test_help_needs_no_matplotlib():
    code = "import sys, offline.cli; assert not {'matplotlib', 'sklearn', 'torch'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
