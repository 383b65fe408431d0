"""Work in processes, and bars in log files."""

from io import StringIO

import pytest
from rich.console import Console

from offline import util
from offline.util import Bar, share_out


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
