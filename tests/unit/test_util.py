"""Work in processes, and bars in log files."""

import os
from io import StringIO

import pytest
from rich.console import Console

from offline import util
from offline.util import Bar, Beside, gone_on_with, share_out, written
from rt_handdt.errors import HanddtError


def double(value: int) -> int:
    if value < 0:
        raise ValueError("negative")
    return 2 * value


@pytest.mark.parametrize("processes", [1, 2])
def test_results_come_in_the_order_of_the_tasks_and_an_error_passes_through(processes):
    seen = []
    assert share_out(double, [(k,) for k in range(7)], processes, seen.append) == [2 * k for k in range(7)]
    assert sorted(seen) == [2 * k for k in range(7)]
    assert share_out(double, [], processes) == []
    with pytest.raises(ValueError, match="negative"):
        share_out(double, [(1,), (-1,), (2,)], processes)


@pytest.mark.parametrize(("every_s", "lines"), [(0.0, 3), (1e9, 1)])
def test_a_log_file_gets_lines_in_place_of_a_bar(monkeypatch, every_s, lines):
    monkeypatch.setattr(util, "LINE_S", every_s)
    log = StringIO()
    with Bar(Console(file=log, width=80)) as bar:
        row = bar.begin("[sessions]", 3)
        for k in range(3):
            bar.done(row, said=f"loss {k}")
    said = log.getvalue().splitlines()
    assert len(said) == lines
    assert said[-1] == "[sessions]: 3 of 3 loss 2"


@pytest.mark.parametrize("processes", [0, 2])
def test_work_beside_comes_back_in_order_and_an_error_passes_through(processes):
    with Beside(processes) as beside:
        for k in range(3):
            beside.begin(double, k)
        assert beside.done() == [0, 2, 4]
    with Beside(processes) as beside:
        beside.begin(double, -1)
        with pytest.raises(ValueError, match="negative"):
            beside.done()


def test_work_beside_is_done_in_another_process_where_there_is_one():
    with Beside(1) as beside:
        beside.begin(os.getpid)
        assert beside.done() != [os.getpid()]


def end_unless(here: int) -> int:
    if os.getpid() != here:
        os._exit(1)
    return here


def test_work_whose_process_was_ended_is_done_here():
    with Beside(1) as beside:
        beside.begin(end_unless, os.getpid())
        assert beside.done() == [os.getpid()]
        beside.begin(double, 1)  # there is no process any more
        assert beside.done()[1:] == [2]


def test_a_wait_is_told_in_a_log_file_but_not_too_often(monkeypatch):
    log = StringIO()
    monkeypatch.setattr(util, "LINE_S", 0.0)
    with Bar(Console(file=log, width=80)) as bar:
        row = bar.begin("Jobs", 3, 1)
        bar.waiting(row, lambda: "at work: one (epoch 4)")
        monkeypatch.setattr(util, "LINE_S", 1e9)
        bar.waiting(row, lambda: "two")
        bar.waiting(row, lambda: "three")
    assert log.getvalue().splitlines() == ["Jobs: 1 of 3 at work: one (epoch 4)", "Jobs: 1 of 3 two"]


@pytest.mark.parametrize("ending", [KeyboardInterrupt, SystemExit])
def test_who_stops_is_told_how_to_go_on(ending):
    log = StringIO()
    with pytest.raises(ending), gone_on_with(Console(file=log, width=80)):
        raise ending
    assert "The same command goes on" in log.getvalue()


def test_a_file_is_whole_or_not_there(tmp_path):
    def write(path, text, failing=False):
        with written(path) as part:
            part.write_text(text)
            if failing:
                raise KeyError

    write(tmp_path / "new" / "a.txt", "all")
    assert (tmp_path / "new" / "a.txt").read_text() == "all"
    with pytest.raises(HanddtError, match=r"a\.txt: cannot be written .*free some space"):
        write(tmp_path / "new" / "a.txt" / "a.txt", "none")
    with pytest.raises(KeyError):
        write(tmp_path / "b.txt", "half", failing=True)
    assert [path.name for path in tmp_path.iterdir()] == ["new"]
